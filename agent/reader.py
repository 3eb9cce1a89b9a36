"""The reading half of the agent: one thread that runs whatever sweep is due, a page at a time, and keeps every law of bounds.

When the outbox is full, the disk nearly so, or the department not yet met, it stops *reading*: the source is the buffer.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agent.core.sweep import REST_FACTOR, Kind, Plan
from agent.counting import Counting
from agent.effort import Effort
from agent.hints import HintPass
from agent.sources.base import page_limit
from agent.state.store import ADOPTING
from agent.sweeps import FullSweep, HotSweep, reread
from proto.problems import Problem

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from agent.capture import Capture
    from agent.config import Config
    from agent.profile import EntityProfile

_LOG = logging.getLogger(__name__)
_WAIT_S: Final = 0.05
_LONGEST_REST_S: Final = 1.0
_FIRST_RETRY_S: Final = 0.2
_MOST_RETRY_S: Final = 60.0
_MB: Final = 1 << 20
_ENTITY_PROBLEMS: Final = ("schema", "data")


@dataclass(slots=True)
class Progress:
    """What ``status`` tells of the reading half. Written by the reader alone."""

    problem: Problem | None = None
    problem_at: datetime | None = None
    sweeping: bool = False
    done_entities: int = 0
    entities: int = 0
    rows_read: int = 0
    sweeps: int = 0
    failures: int = 0
    stage_seconds: dict[str, float] = field(default_factory=dict)


class Reader:
    """Runs sweeps. ``step`` does one piece of work and says how long to rest; ``run`` repeats it.

    Args:
        capture: connected to source and state.
        config: settings.
        zone: IANA name of the school's local time.
        captured: called after new envelopes; wakes the uplink.
        compare: called when equality should be checked: a full sweep ended, or the re-read list is empty again.
    """

    def __init__(
        self, capture: Capture, config: Config, zone: str, captured: Callable[[], None], compare: Callable[[], None]
    ) -> None:
        self.capture, self.store, self._config = capture, capture.store, config
        self._zone, self._captured, self._compare = ZoneInfo(zone), captured, compare
        self._profiles: list[EntityProfile] = list(capture.profile.entities)
        self._by_number = {profile.entity.number: profile for profile in self._profiles}
        self.plan = Plan(config.periods)
        self.progress = Progress(entities=len(self._profiles))
        self._limit = int(config.page_rows)
        self._full: FullSweep | None = None
        self._hot: HotSweep | None = None
        self._hints: HintPass | None = None
        self._counting = Counting(capture)
        self._looking = 0.0
        self._whole: HotSweep | None = None
        self._rested: dict[int, float] = {}
        self._began: dict[Kind, float] = {}
        self._epoch = b""
        self._had_reread = False
        if self.store.get("based") and self.store.get("full"):
            self.plan.due[Kind.FULL] = time.monotonic() + self._full_rest()
        else:  # the first full sweep reads the hot rows too; only where it takes long do they come earlier by themselves
            self.plan.due[Kind.HOT] = time.monotonic() + config.sweep_hot_s

    def _full_rest(self) -> float:
        """Seconds until the next full sweep, by the age of the last one."""
        age: float = (self.capture.now_ms() - json.loads(self.store.get("full"))["started_ms"]) / 1000
        period = float(self._config.sweep_full_s)
        return max(0.0, min(period, period - age))

    # ---- the loop

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        while not stop.is_set():
            rest = self.step()
            if rest > 0 and not stop.is_set():
                self._rest(rest if self.progress.problem else min(rest, _LONGEST_REST_S), stop)
        self.capture.source.close()

    def _rest(self, seconds: float, stop: threading.Event) -> None:
        """Sleep, or less when the source shows that something changed; while changes gather, nothing shortens it."""
        asleep = self.plan.awake_from - time.monotonic()
        if self.progress.problem is not None or seconds <= _WAIT_S:
            stop.wait(seconds)
        elif asleep > 0:
            stop.wait(min(seconds, asleep))
        elif self._guarded(lambda: self.capture.source.wait(seconds)):
            self.plan.wake()

    def step(self) -> float:
        """One piece of work; seconds to rest before the next."""
        epoch = self.store.epoch
        if not epoch or self.store.adopting == ADOPTING or not self.store.get("sealing_key"):
            return _WAIT_S
        self._follow(epoch)
        if self.store.get("resync_due") or not self.store.get("based"):  # a base that became void is laid anew at once
            self.plan.hurry(Kind.FULL)
        now = time.monotonic()
        rereading = self.store.reread_batch(1) is not None
        if self._had_reread and not rereading:
            self._compare()
        self._had_reread = rereading
        envelopes, _rows, size = self.store.outbox()
        if size >= self._config.outbox_bytes:
            return _WAIT_S
        bulk = envelopes < self._config.bulk_envelopes
        kind = self.plan.next(
            now, reread=rereading and bulk, based=bool(self.store.get("based")) or self._full is not None
        )
        if kind is None:
            return self.plan.rest(now, based=True)
        if not bulk and kind in (Kind.FULL, Kind.HOT, Kind.WHOLE):
            return _WAIT_S / 5
        return self._work(kind, now)

    def _follow(self, epoch: bytes) -> None:
        """A new epoch voids running sweeps: their cursors went with the old one."""
        if epoch != self._epoch:
            self._epoch, self._full, self._hot, self._hints, self._whole = epoch, None, None, None, None
            self._began.clear()

    def _work(self, kind: Kind, now: float) -> float:
        before = self.store.tick
        done = self._guarded(lambda: self._run(kind))
        if self.store.tick != before:
            self._captured()
        if done is None:
            return self._retry_rest()
        self._recovered()
        if done:
            ended = time.monotonic()
            began = self._began.pop(kind, now)
            spent = self._looking if kind is Kind.HINT else ended - began
            calm = self._hints is not None and self._hints.at_rest
            self.plan.finished(kind, ended, seconds=spent, found=done == "found", calm=calm)
            if kind is Kind.WHOLE:
                self._rest_entities(ended, spent, found=done == "found")
            self.progress.sweeps += 1
        return 0.0

    def _run(self, kind: Kind) -> str:
        """One step of a sweep: "" while it goes on, "found" or "done" at its end."""
        self._check_disk()
        self._began.setdefault(kind, time.monotonic())
        match kind:
            case Kind.REREAD:
                reread(self.capture, self._by_number)
                return ""
            case Kind.HINT:
                return self._pass_hints()
            case Kind.WHOLE:
                return self._step_whole()
            case Kind.HOT:
                return self._step_hot()
            case Kind.FULL:
                return self._step_full()

    def _pass_hints(self) -> str:
        readable = self._readable()
        if self._hints is None or self._hints.profiles != readable:
            self._hints = HintPass(self.capture, readable, round(self._config.hint_overlap_s * 1000))
        started = self.capture.now_ms()
        effort = Effort()
        self._hints.run(self._limit)
        self._looking = effort.seconds()
        self._counting.after_pass(self._hints, started)
        if self._whole is None:
            self._find_gone(readable)
        return "found" if self._hints.found else "done"

    def _find_gone(self, readable: list[EntityProfile]) -> None:
        """Entities in which something went, by the count, are read whole, unless they were just now."""
        now, differing = time.monotonic(), self._counting.differing
        due = [
            one for one in readable if one.entity.number in differing and self._rested.get(one.entity.number, 0) <= now
        ]
        if due:
            self._whole = HotSweep(self.capture, due, days=0, today=0, whole=True)
            self.plan.hurry(Kind.WHOLE)

    def _step_whole(self) -> str:
        sweep = self._whole
        if sweep is None:
            return "done"
        if not self._timed(sweep):
            return ""
        return "found" if sweep.found else "done"

    def _rest_entities(self, ended: float, spent: float, *, found: bool) -> None:
        """The rest after entities were read whole; long, if that explained nothing."""
        rest = max(spent * REST_FACTOR, 0.0 if found else self.plan.periods.hot)
        for profile in self._whole.profiles if self._whole else ():
            self._rested[profile.entity.number] = ended + rest
        self._whole, self._counting.due = None, 0.0

    def _step_full(self) -> str:
        if self._full is None:
            self.capture.forget_years()
            self.capture.check_home()
            self._full = FullSweep.resume(self.capture, self._profiles)
        sweep = self._full
        self.progress.sweeping = True
        done = self._timed(sweep)
        self.progress.done_entities, self.progress.rows_read = sweep.done, sweep.rows
        if not done:
            return ""
        self._full, self.progress.sweeping = None, False
        _LOG.info("full sweep done, %d rows", sweep.rows)
        self._compare()
        return "found" if sweep.found else "done"

    def _step_hot(self) -> str:
        if self._hot is None:
            self.capture.forget_years()
            self.capture.check_home()
            self._look_at_paused()
            today = datetime.now(UTC).astimezone(self._zone).date().toordinal() - 719_163
            self._hot = HotSweep(self.capture, self._readable(), self._config.hot_days, today, self._config.small_rows)
        sweep = self._hot
        if not self._timed(sweep):
            return ""
        self._hot = None
        return "found" if sweep.found else "done"

    def _timed(self, sweep: FullSweep | HotSweep) -> bool:
        """A step of the sweep; the next page's size follows from how long the source worked on this one."""
        current = sweep.range
        done = sweep.step(self._limit)
        if current is not None and sweep.range is current and not current.paged:
            self._limit = page_limit(self._limit, *current.last_read)
        return done

    def _look_at_paused(self) -> None:
        """An entity that was paused for its schema may fit again: then a full sweep takes it up."""
        readable = self._readable()
        for profile in self._profiles:
            if profile not in readable:
                try:
                    self.capture.check_drift(profile)
                except Problem as problem:
                    if problem.kind == "source":
                        raise
                else:
                    self.plan.hurry(Kind.FULL)

    def _readable(self) -> list[EntityProfile]:
        """Entities that are not paused for their schema."""
        paused = {
            number for number, (code, _details) in self.store.paused().items() if code not in ("GOR-1405", "GOR-1406")
        }
        return [profile for profile in self._profiles if profile.entity.number not in paused]

    # ---- problems

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """The result of the work, or None after a problem that was noted."""
        try:
            return work()
        except Problem as problem:
            self._met(problem)
        except sqlite3.Error as error:
            self._met(Problem("GOR-1704", cause=error, path=self._config.data))
        except Exception as error:  # noqa: BLE001  a mistake of ours: reading must come back by itself, and no value may get into the log
            where = traceback.extract_tb(error.__traceback__)[-1]
            _LOG.error("reading failed: %s at %s:%s", type(error).__name__, where.filename, where.lineno)
            self._met(Problem("GOR-1099", cause=type(error).__name__))
        return None

    def _met(self, problem: Problem) -> None:
        """Note the problem and decide what it stops: an entity, the running sweeps, or all reading."""
        _LOG.warning("%s", problem)
        entity = problem.details.get("entity")
        if problem.kind in _ENTITY_PROBLEMS and entity:
            self._pause(entity, problem)
            return
        self.progress.problem, self.progress.problem_at = problem, datetime.now(UTC)
        self.progress.failures += 1
        self._hot = self._hints = self._whole = None
        if problem.code == "GOR-1614":
            self._full = None
            self.plan.hurry(Kind.FULL)
        if problem.kind == "source":
            self.capture.source.close()
            self._limit = page_limit(self._limit, 0, _LONGEST_REST_S)

    def _pause(self, entity: str, problem: Problem) -> None:
        profile = next(one for one in self._profiles if one.name == entity)
        self.store.pause(profile.entity.number, problem.code, problem.details)
        for sweep in (self._full, self._hot, self._whole):
            if sweep is not None and sweep.done < len(sweep.profiles) and sweep.profiles[sweep.done] is profile:
                sweep.skip()

    def _retry_rest(self) -> float:
        if self.progress.problem is None:
            return 0.0
        if self.progress.problem.code == "GOR-1614":
            return 0.0
        cap = min(_MOST_RETRY_S, self._config.retry_cap_s)
        return float(min(cap, _FIRST_RETRY_S * 2 ** min(self.progress.failures, 9)))

    def _recovered(self) -> None:
        if self.progress.problem is not None:
            _LOG.info("reading goes on after %s", self.progress.problem.code)
        self.progress.problem, self.progress.problem_at, self.progress.failures = None, None, 0

    def _check_disk(self) -> None:
        floor = self._config.disk_floor_mb
        free = shutil.disk_usage(self._config.data).free // _MB
        if free < floor:
            raise Problem("GOR-1701", free=free, needed=floor)
