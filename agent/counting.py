"""Counting: hints of most tables tell what came and changed, not what went. A count on both sides finds out that something went.

After a hint pass the rows of such an entity are counted at the source. If they are as many as the fingerprints, *and* the next pass finds
nothing new in the entity (so no insert can have hidden a deletion in between), everything up to the first pass is captured: the entity is fresh.
If they differ, a full sweep is due. Tiny entities without any hints are read whole instead. All this takes at most 1 % of a core.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent.sources.query import Window
from agent.state.fingerprints import Span
from agent.sweeps import Range

if TYPE_CHECKING:
    from agent.capture import Capture
    from agent.hints import HintPass
    from agent.profile import EntityProfile

_SHARE: Final = 100
_SHORTEST_S: Final = 2.0
_TINY_ROWS: Final = 1000


@dataclass(slots=True)
class Counting:
    """Runs beside the hint passes; see the module."""

    capture: Capture
    due: float = 0.0
    differing: bool = False
    _counted: dict[int, tuple[int, bool]] = field(default_factory=dict)

    def after_pass(self, hints: HintPass, started_ms: int) -> None:
        """Judge the last counts by what this pass found, and count again when it is time."""
        self._judge(hints)
        now = time.monotonic()
        if now >= self.due:
            self._count(hints, started_ms)
            self.due = time.monotonic() + max(_SHORTEST_S, (time.monotonic() - now) * _SHARE)

    def _judge(self, hints: HintPass) -> None:
        by_number = {profile.entity.number: profile for profile in hints.profiles}
        self.differing = False
        for number, (at_ms, equal) in self._counted.items():
            if hints.inserted.get(number) or number not in by_number:
                continue
            if equal:
                self.capture.note_fresh([by_number[number]], at_ms)
            else:
                self.differing = True
        self._counted.clear()

    def _count(self, hints: HintPass, started_ms: int) -> None:
        capture = self.capture
        closed = capture.store.closed_years()
        for profile in hints.profiles:
            if profile.hint and profile.hints:
                continue  # a log of deletions: there is nothing to count
            if not profile.hint:
                self._read_whole(profile, started_ms)
                continue
            window = Window(years=capture.open_years() if profile.entity.year else None)
            rows = capture.source.count(profile, window)
            self._counted[profile.entity.number] = (started_ms, rows == capture.table(profile).count(closed))

    def _read_whole(self, profile: EntityProfile, started_ms: int) -> None:
        """A dictionary of the vendor's, a few rows without stamps: read and compared at once."""
        capture = self.capture
        if capture.table(profile).count() > _TINY_ROWS:
            return
        years = capture.open_years() if profile.entity.year else None
        whole = Range(profile, Window(years=years), Span(), capture.store.tick, ordered=profile.key_type == "int")
        with capture.store.pages:
            while not whole.paged:
                whole.page(capture, _TINY_ROWS)
            while not whole.sift(capture):
                pass
        capture.note_fresh([profile], started_ms)
