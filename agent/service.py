"""A running agent: a reading thread, the uplink and the certificate's renewal in one task group, and a status file beside them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from agent.health import STATUS_FILE, Health, saved
from agent.reader import Reader
from agent.state.repair import UplinkState
from agent.transport.client import ClientSettings, Surroundings, UplinkClient
from agent.transport.enrol import Way
from agent.transport.probe import choose_proxy
from agent.transport.renew import Renewer
from agent.wiring import PROFILE_FILE, build, check_signature, now_ms
from proto import __version__
from proto.files import write_atomic
from proto.memory import settle
from proto.problems import Problem
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from agent.config import Config
    from agent.transport.identity import Identity

_LOG = logging.getLogger(__name__)
_STATUS_S: Final = 1.0
_POLL_S: Final = 0.05
_JOIN_S: Final = 30.0
_LEASE_PATIENCE_S: Final = 90.0
_MAY_BE_EXPIRED: Final = ("GOR-1116", "GOR-1207")


class Service:
    """One enrolled agent. Construct, then :meth:`run` in an event loop; or :meth:`once` for one proven full sweep."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.parts = build(config)
        parts = self.parts
        self._stop_reading, self._reading = threading.Event(), threading.Thread()
        self._ending = asyncio.Event()
        self.final: str | None = None
        self._asked_about: Problem | None = None
        self._told_identity: str | None = None
        self._lease_met: float | None = None
        state = UplinkState(parts.store, parts.facts, self._heartbeat, now_ms)
        around = Surroundings(identity=self._identity, random=random.random)
        settings = ClientSettings(
            proxy=choose_proxy(parts.identity.facts.sync_address, config.proxy),
            heartbeat_s=config.heartbeat_s,
            digest_s=config.digest_s,
            retry_cap_s=config.retry_cap_s,
        )
        self.client = UplinkClient(state, around, settings)
        self.reader = self._new_reader()
        self.health = Health(
            parts.identity.facts.school,
            parts.store,
            self.client.status,
            self._fresh_ms,
            self._certificate_end,
            self.reader.progress,
        )
        self.renewer = Renewer(
            parts.folder,
            __version__,
            self._department_now,
            self._swapped,
            self._renewal_failed,
            Way(choose_proxy(parts.identity.facts.enrol_address, config.proxy)),
        )

    def _new_reader(self) -> Reader:
        zone = self.parts.identity.facts.zone
        return Reader(self.parts.capture, self.config, zone, self.client.captured, self.client.compare)

    # What parts are asked through the service is what they are *now*: identity and capture are exchanged while it runs.

    def _identity(self) -> Identity:
        return self.parts.identity

    def _certificate_end(self) -> datetime:
        return self.parts.identity.not_after

    def _fresh_ms(self) -> int:
        return self.parts.capture.fresh_ms()

    def _heartbeat(self) -> sync_pb2.Heartbeat:
        return self.health.heartbeat()

    def _department_now(self) -> datetime:
        """Our clock, set right by what the department told."""
        return datetime.now(UTC) - timedelta(seconds=self.client.status.clock_offset_s or 0.0)

    async def _swapped(self, identity: Identity) -> None:
        self.parts.identity = self.parts.sealer.identity = identity
        self.client.renewed()

    def _renewal_failed(self, problem: Problem) -> None:
        _LOG.warning("renewal: %s", problem)

    # ---- life

    async def run(self) -> None:
        """Until :meth:`stop` or a signal."""
        self._handle_signals()
        settle()
        self._start_reading()
        tasks = [
            asyncio.create_task(self.client.run(), name="uplink"),
            asyncio.create_task(self.renewer.run(), name="renewal"),
            asyncio.create_task(self._watch(), name="watch"),
        ]
        ending = asyncio.create_task(self._ending.wait(), name="ending")
        try:
            done, _pending = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ending}:
                task.result()
        finally:
            await self._end(tasks)

    def stop(self) -> None:
        """End :meth:`run`; from the event loop's thread."""
        self._ending.set()

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """Stop reading, let the uplink go, close the state cleanly."""
        self._stop_reading.set()
        self.client.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.gather(tasks[0], return_exceptions=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._stop_reading.set()  # once more: a profile may have been exchanged meanwhile
        await asyncio.to_thread(self._reading.join, _JOIN_S)
        self._save_status()
        self.parts.close()

    def _start_reading(self) -> None:
        self._stop_reading = threading.Event()
        self._reading = threading.Thread(target=self.reader.run, args=(self._stop_reading,), name="reader", daemon=True)
        self._reading.start()

    def _handle_signals(self) -> None:
        if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    # ---- what is looked after beside

    async def _watch(self) -> None:
        """Write the status file, follow a profile that the department sent, hurry when the source is another."""
        while True:
            if self.parts.store.get("profile_sent"):
                await self._follow_profile()
            self._tell_identity()
            self._care_for_certificate()
            await asyncio.to_thread(self._save_status)
            await asyncio.sleep(_STATUS_S)

    def _tell_identity(self) -> None:
        """Another source was found, or the right one again: the department hears of it at once, by a new Hello."""
        found = self.parts.store.get("found_identity")
        if found != self._told_identity:
            self._told_identity = found
            self.client.renewed()  # a connection that stands is closed, so that there is a new Hello
            self.client.retry_now()

    def _care_for_certificate(self) -> None:
        """A refused certificate, or a hang-up without a word, may mean that it has expired: the department's clock decides."""
        problem = self.client.status.problem
        if problem is not None and problem is not self._asked_about and problem.code in _MAY_BE_EXPIRED:
            self._asked_about = problem
            self.renewer.want()

    def _save_status(self) -> None:
        text = saved(self.health)
        path = self.config.data / STATUS_FILE
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            temporary.write_text(text, "utf-8")
            temporary.replace(path)
        except OSError as error:
            _LOG.warning("the status file cannot be written: %s", error.strerror)

    async def _follow_profile(self) -> None:
        """Use a profile that the department sent, if its authority signed it; the sweep starts anew under it."""
        store = self.parts.store
        sent = sync_pb2.Profile.FromString(store.get("profile_sent"))
        store.put(profile_sent=None)
        path = self.config.data / PROFILE_FILE
        if self.config.profile or (path.exists() and path.read_bytes() == sent.toml):
            return
        try:
            check_signature(sent.toml, sent.signature, self.parts.identity.ca, sent.name)
            await self._read_with(sent.toml)
        except Problem as problem:
            _LOG.warning("profile not taken: %s", problem)
            return
        write_atomic(path, sent.toml)

    async def _read_with(self, toml: bytes) -> None:
        """Stop the reading thread, exchange the profile, start again; with the old one if the new one has a mistake."""
        self._stop_reading.set()
        await asyncio.to_thread(self._reading.join)
        try:
            self.parts.use_profile(toml)
        finally:
            self.reader = self._new_reader()
            self.health.progress = self.reader.progress
            self._start_reading()

    # ---- once

    async def once(self) -> bool:
        """One full sweep from now, receipts for all of it, and the equal digest that proves it; whether that was reached.

        Ends early on a problem that a person must solve, and when something is held or paused. What ``status`` said at the end of the
        work, still connected, is in :attr:`final`.
        """
        started = now_ms()
        self.parts.store.put(resync_due=1, sweep_full=None)
        running = asyncio.create_task(self.run())
        try:
            while not running.done():
                if self._complete_since(started):
                    return True
                if self._hopeless():
                    return False
                await asyncio.sleep(_POLL_S)
            running.result()
            return False
        finally:
            if not running.done():
                self.final = saved(self.health)
            self.stop()
            await asyncio.gather(running, return_exceptions=True)

    def _lease_may_end(self, line: Problem) -> bool:
        """Whether the place at the department is taken, perhaps by this agent's former life, whose lease ends by itself; not for ever."""
        if line.kind != "lease":
            self._lease_met = None
            return False
        now = time.monotonic()
        self._lease_met = self._lease_met or now
        return now - self._lease_met < _LEASE_PATIENCE_S

    def _complete_since(self, started: int) -> bool:
        store = self.parts.store
        return int(store.get("complete_ms", 0)) >= started and not store.adopting and store.outbox()[0] == 0

    def _hopeless(self) -> bool:
        """A problem that time does not cure, or a sweep that ended with something held or paused."""
        store, line, reading = self.parts.store, self.client.status.problem, self.reader.progress.problem
        if reading is not None and reading.code not in ("GOR-1304", "GOR-1614"):
            return True
        if line is not None and line.kind != "transient" and not self._lease_may_end(line):
            return True
        swept = store.get("resync_due") is None and store.get("based")
        return bool(swept and store.outbox()[0] == 0 and not store.adopting and (store.held() or store.paused()))
