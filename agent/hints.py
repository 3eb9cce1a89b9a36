"""Hints: what the source itself marks as changed says where to look first. They are never more than that (diff is the root).

All marks of all entities come in one short read, before any row; an entity is looked at when its newest stamp moved, and once a second as long
as a transaction that stamped earlier may still commit (the overlap). Marks are stored with the last page that they stand for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from proto.problems import Problem

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from agent.capture import Capture
    from agent.profile import EntityProfile, Hint
    from agent.sources.base import HintState
    from agent.state.store import EntityChange

KEYS: Final = 500
"""Keys read again by one statement."""

_AGAIN_MS: Final = 1000
_EXPIRED: Final = "GOR-1316"


@dataclass(slots=True)
class _Look:
    """An entity's last look: the state that was seen, when that state came up, and when it was last read (ms)."""

    state: HintState
    moved_ms: int
    read_ms: int


@dataclass(slots=True)
class HintPass:
    """Looks at every entity's hints, again and again. An interrupted pass starts again from the stored marks."""

    capture: Capture
    profiles: list[EntityProfile]
    overlap_ms: int = 10_000
    found: bool = False
    inserted: dict[int, int] = field(default_factory=dict)
    read: set[int] = field(default_factory=set)
    _looks: dict[int, _Look] = field(default_factory=dict)

    def run(self, limit: int) -> int:
        """Look once; rows put into the outbox. ``inserted`` counts new rows by entity, ``read`` names the entities looked at."""
        capture, shipped = self.capture, 0
        self.inserted, self.read = {}, set()
        with capture.store.pages:
            if capture.waits:
                return 0
            started = capture.now_ms()
            stored = capture.store.marks()
            states = capture.source.hint_states(
                [profile for profile in self.profiles if profile.entity.number in stored]
            )
            pending: list[EntityChange] = []
            marks: dict[int, str] = {}
            for profile in self.profiles:
                state, number = states.get(profile.name), profile.entity.number
                if state is None or not self._is_due(number, state, started):
                    continue
                pending += self._changes(profile, json.loads(stored[number]), limit)
                if (text := json.dumps(state.mark)) != stored[number]:
                    marks[number] = text
                self.read.add(number)
                if sum(len(change.rows) for change in pending) >= limit:
                    shipped += self._commit(pending, marks)
                    pending, marks = [], {}
            if states:
                capture.watch(capture.source.origin())  # the database may have gone back where no page of rows was read
            shipped += self._commit(pending, marks)
            self._note_fresh(states, started)
        self.found = shipped > 0
        return shipped

    def _is_due(self, number: int, state: HintState, now: int) -> bool:
        """Whether the entity must be read: something moved, or a late commit may still turn up behind the newest stamp."""
        look = self._looks.get(number)
        if look is None or look.state != state:
            self._looks[number] = _Look(state, now, now)
            return True
        if now - look.moved_ms <= self.overlap_ms and now - look.read_ms >= _AGAIN_MS:
            look.read_ms = now
            return True
        return False

    def _commit(self, pending: list[EntityChange], marks: dict[int, str]) -> int:
        for change in pending:
            self.inserted[change.entity.number] = self.inserted.get(change.entity.number, 0) + change.inserted
        return self.capture.commit(pending, _keep(marks) if marks else None) if pending or marks else 0

    def _note_fresh(self, states: dict[str, HintState], started: int) -> None:
        """Entities whose hints name deletions too are captured up to this pass, or up to their last reading while a commit may be late."""
        for profile in self.profiles:
            look = self._looks.get(profile.entity.number)
            if profile.hint and profile.hints and profile.name in states and look is not None:
                quiet = started - look.moved_ms > self.overlap_ms
                self.capture.note_fresh([profile], started if quiet else look.read_ms)

    def _changes(self, profile: EntityProfile, mark: Any, limit: int) -> list[EntityChange]:
        """What the entity's own stamps and other tables' hints lead to. Pages before the last are committed at once, without the mark."""
        capture = self.capture
        changes: list[EntityChange] = []
        after = None
        while profile.hint:
            page = capture.source.hint_page(profile, mark, after, limit)
            capture.watch(page.origin)
            if len(page):
                table = capture.table(profile)
                natives = capture.natives(table, page.keys, profile.name)
                changes.append(capture.examine(profile, page, table.known(list(set(natives))), natives))
            if not page.full:
                break
            self._commit(changes, {})
            changes, after = [], page.last
        named = [key for hint in profile.hints for key in self._named(profile, hint, mark, limit)]
        for change in self._looked_up(profile, list(dict.fromkeys(named)), changes):
            if changes:
                changes[0].absorb(change)
            else:
                changes.append(change)
        return changes

    def _named(self, profile: EntityProfile, hint: Hint, mark: Any, limit: int) -> list[str]:
        """Every key that another table names since the mark."""
        keys: list[str] = []
        after = None
        while True:
            try:
                page = self.capture.source.hint_keys(profile, hint, mark, after, limit)
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
