"""Counting: hints of most tables tell what came and changed, not what went. A count on both sides finds out that something went.

After a hint pass the rows of such an entity are counted at the source, and by the same statement those are named that were stamped since the
stored mark. All others were captured, so what is counted there, less what is named and new here, must be as many as the fingerprints; named ones
that are known here are read by key. Then everything up to the last late read of the hints is captured, and the entity is fresh, however busy the
school is. If it is less, something went: the entity is
read whole. Tiny entities without any hints are read whole at once instead. All this takes at most 1 % of a core, and nothing as long as
nothing is committed at the source.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent.effort import Effort
from agent.ranges import KEYS, Range
from agent.sources.query import Window
from agent.state.fingerprints import Span

if TYPE_CHECKING:
    from agent.capture import Capture
    from agent.hints import HintPass
    from agent.profile import EntityProfile

_SHARE: Final = 100
_SHORTEST_S: Final = 2.0
_TINY_ROWS: Final = 1000
_MOST_NAMED: Final = 2000
"""More rows stamped since the mark are not named: the next count may meet a calmer moment."""


@dataclass(slots=True)
class Counting:
    """Runs beside the hint passes. ``differing`` names the entities in which something went, by the last count."""

    capture: Capture
    due: float = 0.0
    differing: set[int] = field(default_factory=set)
    _whole: dict[int, object] = field(default_factory=dict)
    _before: float = 0.0

    def after_pass(self, hints: HintPass, started_ms: int) -> None:
        """Count when it is time. An entity that was found whole stays so as long as the source's version does."""
        store, now, effort = self.capture.store, time.monotonic(), Effort()
        if not store.get("based") or store.adopting or store.reread_count():
            return  # what is to be read again proves nothing
        ground = None if hints.version is None else (hints.version, self.capture.basis)
        held = {entity for entity, _deletes, _updates in store.held()}
        counted = False
        for profile in hints.profiles:
            number = profile.entity.number
            if profile.hint and profile.hints:
                continue  # a log of deletions: there is nothing to count
            if ground is not None and self._whole.get(number) == ground:
                self._note_whole(profile, hints, started_ms, ground)
            elif now >= self.due and number not in held:
                counted = True
                if self._is_whole(profile, hints):
                    self._note_whole(profile, hints, started_ms, ground)
        if counted:
            before, self._before = self._before, effort.seconds()
            usual = min(self._before, before)  # a single slow count, as the first is, may be an accident
            self.due = time.monotonic() + max(_SHORTEST_S, usual * _SHARE)

    def _note_whole(self, profile: EntityProfile, hints: HintPass, started_ms: int, ground: object) -> None:
        """Nothing went unseen: the entity is as fresh as its hints; without hints it was read whole since the pass began."""
        number = profile.entity.number
        self.capture.note_fresh([profile], hints.upto.get(number, 0) if profile.hint else started_ms)
        self._whole[number] = ground

    def _is_whole(self, profile: EntityProfile, hints: HintPass) -> bool:
        """Whether nothing went unseen: by a count, or because the entity was read just now."""
        number = profile.entity.number
        with self.capture.store.pages:
            if not profile.hint:
                return self._read_whole(profile)
            lost = self._lost(profile, hints)
        self.differing.discard(number)
        if lost:
            self.differing.add(number)
        return lost == 0

    def _lost(self, profile: EntityProfile, hints: HintPass) -> int | None:
        """How many fingerprints have no row any more (negative: rows came that no hint told of); None if that cannot be told now."""
        capture, unread = self.capture, hints.unread(profile)
        if unread is None:
            return None
        mark, late = unread
        window = Window(years=capture.open_years() if profile.entity.year else None)
        counted = capture.source.count(profile, window, mark, _MOST_NAMED, late=late)
        table = capture.table(profile)
        have = table.count(capture.store.closed_years())
        if hints.at_rest and capture.source.version() == hints.version:
            return have - counted.rows  # nothing was committed since everything was read
        if counted.recent is None:
            return None
        recent = list(set(capture.natives(table, counted.recent, profile.name)))
        known = list(table.known(recent))
        lost = have + len(recent) - len(known) - counted.rows
        if lost == 0:
            self._read_again(profile, known)
        return lost

    def _read_again(self, profile: EntityProfile, keys: list[int | str]) -> None:
        """Rows that are here and were stamped since the mark: one that went before the pass and came back after it looks like a changed one.

        Once they are read, each is what the source held at a moment after the pass began; all others were there when they were counted.
        """
        for start in range(0, len(keys), KEYS):
            change, gone = self.capture.read_again(profile, keys[start : start + KEYS])
            self.capture.drop(change, gone)
            self.capture.commit([change])

    def _read_whole(self, profile: EntityProfile) -> bool:
        """A dictionary of the vendor's, a few rows without stamps: read and compared at once; False if they are many."""
        capture = self.capture
        if capture.table(profile).count() > _TINY_ROWS:
            return False
        years = capture.open_years() if profile.entity.year else None
        whole = Range(profile, Window(years=years), Span(), capture.store.tick, ordered=profile.key_type == "int")
        while not whole.paged:
            whole.page(capture, _TINY_ROWS)
        while not whole.sift(capture):
            pass
        return True
