"""The three sweeps and the re-read list: what to read next. Each ``step`` is one page, read and committed under ``store.pages``.

    full   every row of the open years, resumable; what it did not see is a candidate, read again by key, then deleted
    hot    the same over rows dated in the last days
    hint   rows and keys that the source's own stamps name: :mod:`agent.hints`
    reread keys on the durable list

Whatever the sweep, a page's effect is :mod:`agent.capture`'s alone.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from operator import le
from typing import TYPE_CHECKING, Any, Final

from agent.core.diff import duplicates
from agent.sources.query import Window
from agent.state.fingerprints import IntegerTable, Span, TextTable, mark_seen
from proto.values import date_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.capture import Capture
    from agent.profile import EntityProfile
    from agent.sources.page import Page
    from agent.state.fingerprints import Table
    from agent.state.store import EntityChange

KEYS: Final = 500
"""Keys read again by one step."""

_SAVE_MS: Final = 1000
_MAX_SAVED: Final = 20_000


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


@dataclass(slots=True)
class FullSweep:
    """Every entity, resumable. What it began under stands in ``started``; anything else voids it (:meth:`Capture.void`, Adopt).

    ``pages`` of an entity are one step: so long hints may have to wait for it.
    """

    capture: Capture
    profiles: list[EntityProfile]
    started: dict[str, Any]
    range: Range | None = None
    done: int = 0
    rows: int = 0
    saved_ms: int = 0
    found: bool = False
    pages: int = 4
    basis: tuple[bytes, int] = field(init=False)

    def __post_init__(self) -> None:
        self.basis = self.capture.basis

    @classmethod
    def resume(cls, capture: Capture, profiles: list[EntityProfile]) -> FullSweep:
        """The sweep that the state file remembers, or a new one. Its hint marks are read here, before any row."""
        store = capture.store
        saved = store.get("sweep_full")
        if saved:
            state = json.loads(saved)
            sweep = cls(capture, profiles, state["started"], done=state["done"], rows=state["rows"])
            sweep.range = _restore(sweep, state["range"])
            return sweep
        sweep = cls(capture, profiles, _beginning(capture))
        sweep.lay_marks()
        return sweep

    def lay_marks(self) -> None:
        """Where an entity has hints but no mark yet, take it now: what changes from here on is in the hints."""
        store = self.capture.store
        marks = {}
        with store.database.lock:
            have = {entity for (entity,) in store.database.connection.execute("SELECT entity FROM hint_mark")}
        for profile in self.profiles:
            if profile.entity.number not in have and (mark := self.capture.source.hint_mark(profile)) is not None:
                marks[profile.entity.number] = mark
        with store.database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO hint_mark VALUES (?, ?)",
                [(number, json.dumps(mark)) for number, mark in marks.items()],
            )

    def step(self, limit: int) -> bool:
        """A few pages, or one step of candidates; True when the sweep is done. It starts anew when its ground has changed."""
        capture = self.capture
        with capture.store.pages:
            if capture.waits:
                return False
            if self.basis != capture.basis:
                self._restart()
            if self.range is None:
                if self.done == len(self.profiles):
                    self._finish()
                    return True
                self.range = self._open(self.profiles[self.done])
            current = self.range
            if not current.paged:
                self._read_pages(current, limit)
            elif current.sift(capture):
                self.found |= current.found
                self.range, self.done = None, self.done + 1
                self._read_whole(current)
            self._save()
        return False

    def _read_pages(self, current: Range, limit: int) -> None:
        """A few pages in one critical section, so that the source may work on the next while this one is compared (page law)."""
        for left in reversed(range(self.pages)):
            self.rows += current.page(self.capture, limit, more=left > 0)
            if current.paged:
                return

    def _restart(self) -> None:
        """Identity, incarnation, profile or epoch is another: what was read before counts for nothing."""
        self.started, self.range, self.done = _beginning(self.capture), None, 0
        self.basis = self.capture.basis
        self.lay_marks()

    def skip(self) -> None:
        """Leave the present entity: it was paused."""
        self.range, self.done = None, self.done + 1

    def _open(self, profile: EntityProfile) -> Range:
        capture = self.capture
        years = capture.open_years() if profile.entity.year else None
        capture.check_drift(profile)
        ordered = profile.key_type == "int"
        capture.table(profile)
        return Range(profile, Window(years=years), Span(), capture.store.tick, ordered=ordered)

    def _read_whole(self, done: Range) -> None:
        """The entity was read whole since the sweep began: that is as fresh as it is, and whatever paused it is over."""
        self.capture.note_fresh([done.profile], int(self.started["ms"]))
        if not done.faulty:
            self.capture.store.resume(done.profile.entity.number)

    def _save(self) -> None:
        """Keep the cursor with the seen set, at most once a second: a crash reads a second's pages again, which changes nothing."""
        now = self.capture.now_ms()
        if now - self.saved_ms < _SAVE_MS:
            return
        self.saved_ms = now
        state = {"started": self.started, "done": self.done, "rows": self.rows, "range": _frozen(self.range)}
        self.capture.store.put(sweep_full=json.dumps(state))

    def _finish(self) -> None:
        store, started = self.capture.store, self.started
        full = {
            "started_ms": started["ms"],
            "finished_ms": self.capture.now_ms(),
            "identity": started["identity"],
            "profile": started["profile"],
        }
        store.put(full=json.dumps(full), based=1, sweep_full=None)
        if store.get("resync", 0) == started.get("resync", 0):  # one that was asked for meanwhile is still due
            store.put(resync_due=None)


def _beginning(capture: Capture) -> dict[str, Any]:
    """What a full sweep is begun under, now."""
    capture.forget_years()
    origin = capture.source.origin()
    capture.watch(origin)
    asked = capture.store.get("resync", 0)
    return {"ms": capture.now_ms(), "identity": origin.identity, "profile": capture.profile.hash, "resync": asked}


def _frozen(current: Range | None) -> dict[str, Any] | None:
    """The range as JSON, if it can be taken up again: a key of a strange type or very many candidates start the entity anew."""
    if current is None or current.paged or len(current.missing) > _MAX_SAVED or current.seen_keys:
        return None
    if current.after is not None and not all(isinstance(part, int | str) for part in current.after):
        return None
    return {
        "entity": current.profile.name,
        "after": current.after,
        "tick": current.tick,
        "last": current.last_native,
        "missing": current.missing,
        "ordered": current.ordered,
        "faulty": current.faulty,
        "seen": base64.b64encode(current.seen).decode(),
    }


def _restore(sweep: FullSweep, frozen: dict[str, Any] | None) -> Range | None:
    """The range that was frozen; None starts the entity anew."""
    if frozen is None or sweep.done >= len(sweep.profiles) or sweep.profiles[sweep.done].name != frozen["entity"]:
        return None
    profile = sweep.profiles[sweep.done]
    years = sweep.capture.open_years() if profile.entity.year else None
    return Range(
        profile,
        Window(years=years),
        Span(),
        frozen["tick"],
        ordered=frozen["ordered"],
        faulty=frozen["faulty"],
        after=None if frozen["after"] is None else tuple(frozen["after"]),
        last_native=frozen["last"],
        missing=list(frozen["missing"]),
        seen=bytearray(base64.b64decode(frozen["seen"])),
    )


@dataclass(slots=True)
class HotSweep:
    """Rows dated in the last ``days``, and whole entities without dates as long as they are small; with ``whole``, all of each entity."""

    capture: Capture
    profiles: list[EntityProfile]
    days: int
    today: int
    small: int = 5000
    whole: bool = False
    range: Range | None = None
    done: int = 0
    started_ms: int = 0
    found: bool = False
    basis: tuple[bytes, int] = field(init=False)

    def __post_init__(self) -> None:
        self.basis = self.capture.basis

    def step(self, limit: int) -> bool:
        """One page or one step of candidates; True when the sweep is done, also when its ground has changed: the next one reads anew."""
        with self.capture.store.pages:
            if self.capture.waits or self.basis != self.capture.basis:
                return True
            self.started_ms = self.started_ms or self.capture.now_ms()
            if self.range is None:
                if self.done == len(self.profiles):
                    return True
                self.range = self._open(self.profiles[self.done])
                if self.range is None:
                    self.done += 1
                    return False
            current = self.range
            if not current.paged:
                current.page(self.capture, limit)
            elif current.sift(self.capture):
                self.found |= current.found
                if current.span == Span():
                    self.capture.note_fresh([current.profile], self.started_ms)
                self.range, self.done = None, self.done + 1
        return False

    def skip(self) -> None:
        """Leave the present entity: it was paused."""
        self.range, self.done = None, self.done + 1

    def _open(self, profile: EntityProfile) -> Range | None:
        """The window of the entity; None: neither dated nor small."""
        capture = self.capture
        years = capture.open_years() if profile.entity.year else None
        tick = capture.store.tick
        if profile.entity.date and not self.whole:
            first, until = self.today - self.days + 1, self.today + 2
            window = Window(since=date_of(first), until=date_of(until), years=years)
            return Range(profile, window, Span(first, until), tick)
        if not self.whole and capture.table(profile).count() > self.small:
            return None
        return Range(profile, Window(years=years), Span(), tick, ordered=profile.key_type == "int")


def reread(capture: Capture, profiles: dict[int, EntityProfile]) -> bool:
    """Read the next keys of the durable list; False if it is empty."""
    with capture.store.pages:
        batch = None if capture.waits else capture.store.reread_batch(KEYS)
        if batch is None:
            return False
        number, keys = batch
        profile = profiles.get(number)
        if profile is None:
            capture.store.forget_reread(number)
            return True
        table = capture.table(profile)
        natives = capture.natives(table, [str(key) for key in keys], profile.name)
        change, gone = capture.read_again(profile, natives)
        capture.drop(change, gone)
        change.reread = keys
        capture.commit([change])
    return True
