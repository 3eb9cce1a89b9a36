"""One entity's part of a sweep: pages first, then the candidates that they left, looked at by key (page and absence law)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from operator import le
from typing import TYPE_CHECKING, Any, Final

from agent.core.diff import duplicates
from agent.state.fingerprints import IntegerTable, Span, TextTable, mark_seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.capture import Capture
    from agent.profile import EntityProfile
    from agent.sources.page import Page
    from agent.sources.query import Window
    from agent.state.fingerprints import Table
    from agent.state.store import EntityChange

KEYS: Final = 500
"""Keys read again by one step."""


@dataclass(slots=True)
class Range:
    """One entity's part of a full or hot sweep: pages first, then the candidates that they left.

    ``tick`` is the capture count at the start: whatever was captured later was seen by its own capture and is no candidate. ``last_read``:
    rows of the last page and the seconds that the source took for it.
    """

    profile: EntityProfile
    window: Window
    span: Span
    tick: int
    ordered: bool = False
    after: Any = None
    paged: bool = False
    last_native: int | None = None
    seen: bytearray = field(default_factory=bytearray)
    seen_keys: set[Any] = field(default_factory=set)
    candidates: list[Any] | None = None
    missing: list[Any] = field(default_factory=list)
    confirmed: list[Any] | None = None
    faulty: bool = False
    rows: int = 0
    last_read: tuple[int, float] = (0, 0.0)
    found: bool = False

    def page(self, capture: Capture, limit: int, *, more: bool = False) -> int:
        """Read and commit one page; the number of its rows. ``more``: the next one is read before anything else may happen."""
        started = time.perf_counter()
        page = capture.source.page(self.profile, self.after, limit, self.window)
        self.last_read = len(page), time.perf_counter() - started
        capture.watch(page.origin)
        table = capture.table(self.profile)
        natives = capture.natives(table, page.keys, self.profile.name)
        if self.ordered and not _ascending(self.last_native, natives):
            self.ordered, self.after, self.last_native, self.missing = False, None, None, []
            return 0
        if more and page.full:
            capture.source.expect(self.profile, page.last, limit, self.window)
        known = self._look_up(table, page, natives, capture.store.closed_years())
        change = capture.examine(self.profile, page, known, natives)
        self._note_problems(capture, page, natives)
        self._commit(capture, change)
        self.after, self.paged = page.last, not page.full
        self.rows += len(page)
        return len(page)

    def _look_up(
        self, table: Table, page: Page, natives: Sequence[Any], closed: Sequence[str]
    ) -> dict[Any, tuple[Any, ...]]:
        """Fingerprints of the page's keys; notes what was seen, or, in key order, what the page's range holds beyond it."""
        if not (self.ordered and isinstance(table, IntegerTable)):
            known = table.known(list(natives))
            if isinstance(table, TextTable) and self.span == Span():
                mark_seen(self.seen, (found[2] for found in known.values()))
            else:
                self.seen_keys.update(natives)
            return known
        last = natives[-1] if page.full else None
        span = table.between(self.last_native, last, closed)
        present = set(natives)
        self.missing += [key for key, found in span.items() if found[2] and key not in present]
        self.last_native = last
        return span

    def _note_problems(self, capture: Capture, page: Page, natives: Sequence[Any]) -> None:
        """Rows without a key and repeated keys are told, and the entity is not complete; its other rows go on."""
        unkeyed, repeated = sum(page.unkeyed.values()), duplicates(natives)
        self.faulty |= bool(unkeyed or repeated)
        if unkeyed:
            capture.store.pause(
                self.profile.entity.number, "GOR-1405", {"entity": self.profile.name, "count": str(unkeyed)}
            )
        elif repeated:
            capture.store.pause(
                self.profile.entity.number, "GOR-1406", {"entity": self.profile.name, "count": str(repeated)}
            )

    def sift(self, capture: Capture) -> bool:
        """Read candidates again, one step; True when the range is done.

        First all of them are looked at without deleting, so that the guard is asked about the whole number; then the absent ones are read
        once more, and those absent again are deleted in the same critical section.
        """
        if self.candidates is None:
            self.candidates = self._candidates(capture)
            self.confirmed = []
        if self.confirmed is not None:
            return self._confirm(capture, self.candidates, self.confirmed)
        chunk, self.candidates = self.candidates[:KEYS], self.candidates[KEYS:]
        if chunk:
            change, gone = capture.read_again(self.profile, chunk)
            capture.drop(change, gone)
            self._commit(capture, change)
        return not self.candidates

    def _commit(self, capture: Capture, change: EntityChange) -> None:
        self.found |= capture.commit([change]) > 0

    def _candidates(self, capture: Capture) -> list[Any]:
        table, closed = capture.table(self.profile), capture.store.closed_years()
        if self.ordered:
            return self.missing
        if isinstance(table, TextTable) and self.span == Span():
            return table.unseen(self.seen, self.tick, closed)
        return sorted(table.within(self.tick, self.span, closed) - self.seen_keys)

    def _confirm(self, capture: Capture, candidates: list[Any], confirmed: list[Any]) -> bool:
        """Look at the next candidates; when all were looked at, ask the guard about those that are absent."""
        chunk, self.candidates = candidates[:KEYS], candidates[KEYS:]
        if chunk:
            change, gone = capture.read_again(self.profile, chunk)
            confirmed += gone
            self._commit(capture, change)
        if self.candidates:
            return False
        self.candidates, self.confirmed = confirmed, None
        if len(confirmed) > KEYS and capture.hold_if_many(self.profile, confirmed):
            self.candidates = []
        return not self.candidates


def _ascending(after: int | None, numbers: Sequence[Any]) -> bool:
    """Whether the source pages in the order of numbers: only then is a page a range. Repeated ones stand in one page."""
    return all(map(le, numbers, numbers[1:])) and (after is None or not numbers or after < numbers[0])
