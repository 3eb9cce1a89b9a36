"""Hints: what the source itself marks as changed says where to look first. They are never more than that (diff is the root).

All marks of all entities come in one short read, before any row. An entity whose newest stamp moved is read from the newest stamp of the look
before: that is quick, but does not see a transaction that stamped earlier and committed later. So it is also read *late*, from its stored mark
less the overlap: first of all, then once a second as long as such a commit may turn up, and once the source is at rest. Only a late read
moves the stored mark, with the last page that it stands for, and only up to a late read is anything claimed.

    stamps ──────── mark ─ overlap ──────── mark ──────────── newest before ── newest now ─▶
                      └───────────── late ────────────────────────┴── between ────┘
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from proto.problems import Problem

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from agent.capture import Capture
    from agent.profile import EntityProfile, Hint
    from agent.sources.base import HintState
    from agent.sources.marks import Mark
    from agent.state.store import EntityChange

KEYS: Final = 500
"""Keys read again by one statement."""

_EXPIRED: Final = "GOR-1316"


@dataclass(slots=True)
class _Look:
    """What was seen of an entity: its state, when that came up (ms), the last late read (ms) and the source's version before it."""

    state: HintState
    moved_ms: int
    read_ms: int = 0
    version: str | None = None

    def is_quiet(self, overlap_ms: int) -> bool:
        """Whether the last late read came so long after the last move that no commit can be late any more."""
        return self.read_ms - self.moved_ms > overlap_ms

    def is_settled(self, overlap_ms: int, version: str | None) -> bool:
        """Whether nothing can have slipped behind what was read: all is quiet, or nothing was committed since the last late read."""
        return self.is_quiet(overlap_ms) or (version is not None and version == self.version)


@dataclass(frozen=True, slots=True)
class _Reading:
    """From where an entity is read. Not ``late``: only what moved is named."""

    since: Mark
    late: bool = True

    def covers(self, name: str) -> bool:
        """Whether these stamps (empty: the entity's own) are to be read."""
        return self.late or name in self.since


@dataclass(slots=True)
class HintPass:
    """Looks at every entity's hints, again and again. An interrupted pass starts again from the stored marks.

    Attributes:
        overlap_ms: how long after a stamp its transaction may commit.
        again_ms: pause between two late reads of an entity while others write.
        found: whether the last pass shipped anything.
        version: of the source before the last pass; None where the engine does not tell.
        upto: entity number -> up to when (ms) every insert and update, and every deletion that the hints name, is captured.
    """

    capture: Capture
    profiles: list[EntityProfile]
    overlap_ms: int = 10_000
    again_ms: int = 1000
    found: bool = False
    version: str | None = None
    upto: dict[int, int] = field(default_factory=dict)
    _looks: dict[int, _Look] = field(default_factory=dict)
    _settled: str | None = None
    _basis: tuple[bytes, int] | None = None

    @property
    def at_rest(self) -> bool:
        """Whether everything is captured, and the source will tell when there is more."""
        return self.version is not None and self.version == self._settled

    def unread(self, profile: EntityProfile) -> tuple[Mark, bool] | None:
        """From where on rows of the entity may be unread: a mark, and whether also within the overlap before it. None: not looked at."""
        look, mark = self._looks.get(profile.entity.number), self.capture.store.mark(profile.entity.number)
        if look is None or mark is None:
            return None
        return (look.state.newest, False) if look.is_quiet(self.overlap_ms) else (json.loads(mark), True)

    def run(self, limit: int) -> int:
        """Look once; rows put into the outbox."""
        capture, shipped = self.capture, 0
        with capture.store.pages:
            self.upto = {}
            if capture.waits:
                return 0
            if self._basis != capture.basis:
                self._forget()
            started, before = capture.now_ms(), self.version
            self.version = capture.source.version()
            if not self.at_rest:
                with ExitStack() as failing:
                    failing.callback(self._forget)  # what was looked at was not captured
                    shipped = self._look(started, limit, still=self.version is not None and self.version == before)
                    failing.pop_all()
            if self._basis == capture.basis:  # else the pass itself found out that everything is to be read anew
                self._note_fresh(started)
        self.found = shipped > 0
        return shipped

    def _forget(self) -> None:
        """Nothing counts as seen: the next pass reads everything from the stored marks."""
        self._looks.clear()
        self._settled, self._basis = None, self.capture.basis

    def _look(self, started: int, limit: int, *, still: bool) -> int:
        """Read the stamps of all entities, and the rows of those that are due. ``still``: nothing was committed since the pass before."""
        capture, shipped = self.capture, 0
        stored = capture.store.marks()
        states = capture.source.hint_states([one for one in self.profiles if one.entity.number in stored])
        pending: list[EntityChange] = []
        marks: dict[int, str] = {}
        for profile in self.profiles:
            state, number = states.get(profile.name), profile.entity.number
            reading = self._due(number, state, stored[number], started, still=still) if state else None
            if state is None or reading is None:
                continue
            pending += self._changes(profile, reading, limit)
            if reading.late and (text := json.dumps(state.mark)) != stored[number]:
                marks[number] = text
            if sum(len(change.rows) for change in pending) >= limit:
                shipped += self._commit(pending, marks)
                pending, marks = [], {}
        if states:
            capture.watch(capture.source.origin())  # the database may have gone back where no page of rows was read
        shipped += self._commit(pending, marks)
        self._settled = self.version if self._is_settled() else None
        return shipped

    def _is_settled(self) -> bool:
        """Whether every entity with hints was looked at, and nothing can have slipped through."""
        hinted = {profile.entity.number for profile in self.profiles if profile.hint or profile.hints}
        return hinted <= self._looks.keys() and all(
            look.is_settled(self.overlap_ms, self.version) for look in self._looks.values()
        )

    def _due(self, number: int, state: HintState, stored: str, started: int, *, still: bool) -> _Reading | None:
        """How the entity is to be read, if it is: its stamps moved, or a commit may have slipped behind them."""
        look = self._looks.setdefault(number, _Look(state, started))
        before, look.state = look.state, state
        again = not 0 <= started - look.read_ms < self.again_ms  # also when the clock was set back
        if before != state:
            look.moved_ms = started
            if before.newest != state.newest and not again:
                moved = [name for name, stamp in state.newest.items() if stamp != before.newest.get(name)]
                return _Reading({name: before.newest.get(name) for name in moved}, late=False)
        elif look.is_settled(self.overlap_ms, self.version) or not (again or still):
            return None
        look.read_ms, look.version = started, self.version
        return _Reading(json.loads(stored))

    def _commit(self, pending: list[EntityChange], marks: dict[int, str]) -> int:
        return self.capture.commit(pending, _keep(marks) if marks else None) if pending or marks else 0

    def _note_fresh(self, started: int) -> None:
        """Where nothing can have slipped through, everything up to this pass is captured; else up to the last late read."""
        self.upto = {
            number: started if look.is_settled(self.overlap_ms, self.version) else look.read_ms
            for number, look in self._looks.items()
        }
        for profile in self.profiles:
            if profile.hint and profile.hints and profile.entity.number in self.upto:  # their hints name deletions too
                self.capture.note_fresh([profile], self.upto[profile.entity.number])

    def _changes(self, profile: EntityProfile, reading: _Reading, limit: int) -> list[EntityChange]:
        """What the entity's own stamps and other tables' hints lead to. Pages before the last are committed at once, without the mark."""
        capture = self.capture
        changes: list[EntityChange] = []
        after = None
        while profile.hint and reading.covers(""):
            page = capture.source.hint_page(profile, reading.since, after, limit, late=reading.late)
            capture.watch(page.origin)
            if len(page):
                table = capture.table(profile)
                natives = capture.natives(table, page.keys, profile.name)
                changes.append(capture.examine(profile, page, table.known(list(set(natives))), natives))
            if not page.full:
                break
            self._commit(changes, {})
            changes, after = [], page.last
        hints = [hint for hint in profile.hints if reading.covers(hint.table)]
        named = [key for hint in hints for key in self._named(profile, hint, reading, limit)]
        for change in self._looked_up(profile, list(dict.fromkeys(named)), changes):
            if changes:
                changes[0].absorb(change)
            else:
                changes.append(change)
        return changes

    def _named(self, profile: EntityProfile, hint: Hint, reading: _Reading, limit: int) -> list[str]:
        """Every key that another table names since then."""
        keys: list[str] = []
        after = None
        while True:
            try:
                page = self.capture.source.hint_keys(profile, hint, reading.since, after, limit, late=reading.late)
            except Problem as problem:
                if problem.code == _EXPIRED:
                    self.capture.void("hints", {"entity": profile.name})
                raise
            keys += page.keys
            after = page.last
            if after is None:
                return keys

    def _looked_up(self, profile: EntityProfile, keys: list[str], before: list[EntityChange]) -> list[EntityChange]:
        """Keys that another table names and whose rows were not just read, by key: mostly the deleted ones."""
        capture, changes = self.capture, []
        if not keys:
            return []
        table = capture.table(profile)
        taken = {key for change in before for key in change.seen}
        natives = [key for key in capture.natives(table, keys, profile.name) if key not in taken]
        for start in range(0, len(natives), KEYS):
            change, gone = capture.read_again(profile, natives[start : start + KEYS], taken)
            capture.drop(change, gone)
            taken.update(change.seen)
            changes.append(change)
        return changes


def _keep(marks: dict[int, str]) -> Callable[[sqlite3.Connection], None]:
    """Store the marks in the transaction of the last page that they stand for."""
    rows = list(marks.items())

    def write(connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT OR REPLACE INTO hint_mark VALUES (?, ?)", rows)

    return write
