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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agent.ranges import KEYS, Range
from agent.sources.query import Window
from agent.state.fingerprints import Span
from proto.values import date_of

if TYPE_CHECKING:
    from agent.capture import Capture
    from agent.profile import EntityProfile

_SAVE_MS: Final = 1000
_MAX_SAVED: Final = 20_000


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
