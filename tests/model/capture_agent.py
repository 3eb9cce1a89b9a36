"""One agent of the model: the real state file, capture, sweeps and uplink state, driven the way the agent's reader and uplink drive them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from agent.capture import Capture, Terms
from agent.core.uplink_events import Mark
from agent.counting import Counting
from agent.hints import HintPass
from agent.state.repair import UplinkState
from agent.state.store import ADOPTING, StateStore
from agent.sweeps import FullSweep, HotSweep, reread
from agent.transport.ports import Facts
from proto.problems import Problem
from proto.sync.v1 import sync_pb2
from tests.model.capture_centre import KEY, sealer
from tests.model.capture_source import TODAY, make_profile

if TYPE_CHECKING:
    from pathlib import Path

    from proto.batch import Changes
    from tests.model.capture_world import World

BOX = 6
"""Envelopes in the outbox before reading stops."""


def copy_state(source: Path, target: Path) -> None:
    """The file and its WAL as they lie on the disk."""
    for suffix in ("", "-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    for suffix in ("", "-wal"):
        part = source.with_name(source.name + suffix)
        if part.exists():
            shutil.copyfile(part, target.with_name(target.name + suffix))


class Agent:
    """Sweeps and uplink over one state file; :meth:`start` after every crash."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.mode, self.version = world, folder, world.mode, 1
        self.number, self.store = 0, None
        folder.mkdir()
        self.start()

    @property
    def path(self) -> Path:
        """The state file in use."""
        return self.folder / f"state-{self.number}"

    def start(self, copied: Path | None = None, *, empty: bool = False) -> None:
        """Go on from the file as it lies there, from a copy of it, or from nothing. What was only in memory is lost."""
        old, path = self.store, self.path
        if old is not None:
            self.number += 1
            if not empty:
                copy_state(copied or path, self.path)
            old.database.connection.close()
        self.store = StateStore(self.path)
        self.store.database.connection.execute("PRAGMA synchronous = OFF")
        self.connected, self.sent = False, 0
        self.inbox: list[Any] = []
        self.answer: Any = None
        self.inquiry: Any = None
        self.begin()

    def begin(self) -> None:
        """Reading begins: profile and health mode as they are now."""
        world = self.world
        self.profile = make_profile(world.names, world.stamped, world.logged, self.version)
        self.profiles = {one.entity.number: one for one in self.profile.entities}
        seal = sealer(self.store, self._watch)
        self.capture = Capture(world.source, self.profile, self.store, seal, Terms(KEY, self.mode), world.clock)
        self.state = UplinkState(self.store, Facts, self._beat, world.clock)
        self.full: FullSweep | None = None
        self.hot: HotSweep | None = None
        self.hints: HintPass | None = None
        self.counting = Counting(self.capture)
        self.epoch = b""

    def _beat(self) -> sync_pb2.Heartbeat:
        return sync_pb2.Heartbeat(fresh_ms=self.capture.fresh_ms())

    def _watch(self, changes: Changes) -> None:
        self.world.check_captured(changes)

    # ---- reading, as the reader does it

    def may_read(self, *, bulk: bool) -> bool:
        """Capture waits for an epoch, for the first comparison, and for room in the outbox."""
        store = self.store
        if not store.position().epoch or store.adopting == ADOPTING:
            return False
        if store.position().epoch != self.epoch:
            self.epoch, self.full, self.hot, self.hints = store.position().epoch, None, None, None
        return not bulk or store.outbox()[0] < BOX

    def read(self, kind: str, limit: int) -> bool:
        """One step of a sweep; False if nothing was done. Problems do what they do in the reader."""
        if not self.may_read(bulk=kind != "hint"):
            return False
        if kind in ("hint", "hot") and not self.store.get("based"):
            return False
        self.world.step_begins()
        try:
            return getattr(self, f"_{kind}")(limit)
        except Problem as problem:
            self._met(problem)
            return True

    def _hint(self, limit: int) -> bool:
        paused = self.store.paused()
        readable = [one for number, one in self.profiles.items() if paused.get(number, ("GOR-1405",))[0] == "GOR-1405"]
        if self.hints is None or self.hints.profiles != readable:
            self.hints = HintPass(self.capture, readable, 0, self.world.again_ms)
        started = self.capture.now_ms()
        self.hints.run(limit)
        self.counting.due = 0.0
        self.counting.after_pass(self.hints, started)
        gone = [one for one in readable if one.entity.number in self.counting.differing]
        if gone:
            self.hot = HotSweep(self.capture, gone, 0, 0, whole=True)
        return True

    def _hot(self, limit: int) -> bool:
        if self.hot is None:
            self.capture.forget_years()
            self.capture.check_home()
            readable = [one for number, one in self.profiles.items() if number not in self.store.paused()]
            self.hot = HotSweep(self.capture, readable, 14, TODAY, self.world.small)
        if self.hot.step(limit):
            self.hot = None
        return True

    def _full(self, limit: int) -> bool:
        if self.full is None:
            self.capture.forget_years()
            self.capture.check_home()
            self.full = FullSweep.resume(self.capture, list(self.profile.entities))
        if self.full.step(limit):
            self.full = None
        return True

    def _todo(self, limit: int) -> bool:
        del limit
        return reread(self.capture, self.profiles)

    def _met(self, problem: Problem) -> None:
        entity = problem.details.get("entity")
        if problem.kind in ("schema", "data") and entity:
            profile = next(one for one in self.profile.entities if one.name == entity)
            self.store.pause(profile.entity.number, problem.code, problem.details)
            for sweep in (self.full, self.hot):
                if sweep is not None and sweep.done < len(sweep.profiles) and sweep.profiles[sweep.done] is profile:
                    sweep.skip()
            return
        self.hot = self.hints = None
        if problem.code == "GOR-1614":
            self.full = None

    # ---- the uplink

    def receipted(self, mark: Mark) -> None:
        """A receipt arrives: it must speak of something that was applied."""
        self.world.check_receipt(mark)
        self.state.receipted(mark)

    def welcomed(self, welcome: sync_pb2.Welcome, *, crash: bool) -> None:
        """As the uplink carries out Remember, then Adopt or Reconcile; a crash may come between the two."""
        self.state.welcomed(welcome)
        self.connected = True
        if crash:
            self.start()
            return
        head = Mark(welcome.head.seq, welcome.head.hash)
        if welcome.head.epoch != self.store.position().epoch:
            self.state.adopt(welcome.head.epoch)
        else:
            self.world.check_receipt(head, only=self.store)
            self.state.reconcile(head)
        self.sent = self.store.position().acked.seq
        if self.version != self.world.books.profile:
            self.version = self.world.books.profile
            self.begin()
