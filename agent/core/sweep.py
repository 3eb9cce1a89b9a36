"""Which sweep is due next, and how long it may rest: pure, with ``now`` passed in (seconds of a monotonic clock).

Hints are probed all the time but, when they find nothing, take at most 1 % of a core; after one that found work, the changes of
``gather`` seconds are taken together, and of longer while the stream of them goes on: a lone change leaves at once. A hot
or full sweep rests at least 50 times as long as it took; entities in which a count found that something went are read whole when asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

PROBE_SHARE: Final = 100
REST_FACTOR: Final = 50
STREAM_FACTOR: Final = 2.5
"""How much longer the changes of a stream are gathered than those that follow a lone one: an envelope costs the same whatever it holds."""
AHEAD_S: Final = 0.5
"""So much work of looks that find nothing may come before its time: somebody wrote, but not what concerns us."""
CALM_S: Final = 1.0
"""Pause between looks as long as the source itself tells when there is something new."""


class Kind(Enum):
    """The sweeps, most urgent first."""

    REREAD = "reread"
    HINT = "hint"
    WHOLE = "whole"
    HOT = "hot"
    FULL = "full"


_KINDS: Final = (Kind.HINT, Kind.WHOLE, Kind.HOT, Kind.FULL)


@dataclass(frozen=True, slots=True)
class Periods:
    """Settings, in seconds."""

    hint: float = 0.2
    gather: float = 0.08
    hot: float = 300.0
    full: float = 86_400.0


@dataclass(slots=True)
class Plan:
    """When each kind is due. A running sweep stays due until it reports its end.

    ``empty_s`` is the work of looks that found nothing, less a hundredth of the time since then. Before ``awake_from`` no write at the
    source makes us look: changes gather, or too many looks were in vain.
    """

    periods: Periods
    due: dict[Kind, float] = field(
        default_factory=lambda: {Kind.HINT: 0.0, Kind.WHOLE: math.inf, Kind.HOT: 0.0, Kind.FULL: 0.0}
    )
    empty_s: float = 0.0
    _streaming: bool = False
    _empty_at: float = 0.0
    awake_from: float = 0.0

    def next(self, now: float, *, reread: bool, based: bool) -> Kind | None:
        """What to do now. Without a base (no full sweep finished in this incarnation) hints have no mark and hot sweeps no point."""
        if reread:
            return Kind.REREAD
        kinds = _KINDS if based else (Kind.FULL,)
        return next((kind for kind in kinds if self.due[kind] <= now), None)

    def rest(self, now: float, *, based: bool) -> float:
        """Seconds until something is due."""
        kinds = _KINDS if based else (Kind.FULL,)
        return max(0.0, min(self.due[kind] for kind in kinds) - now)

    def finished(self, kind: Kind, now: float, *, seconds: float, found: bool, calm: bool = False) -> None:
        """A sweep ended after ``seconds``, of looks at hints: of work; ``found`` changes or not. ``calm``: the source tells when there is more to see."""
        if kind is Kind.HINT:
            pause = self._looked(now, seconds, found=found, calm=calm)
        elif kind is Kind.WHOLE:
            pause = math.inf  # only when asked for
        else:
            period = self.periods.hot if kind is Kind.HOT else self.periods.full
            pause = max(period, seconds * REST_FACTOR)
        self.due[kind] = now + pause

    def _looked(self, now: float, seconds: float, *, found: bool, calm: bool) -> float:
        """The pause after a look at the hints; when the source wakes us, it may be shorter by the part that is not owed."""
        if found:
            owed = pause = self.periods.gather * (STREAM_FACTOR if self._streaming else 1.0)
        else:
            self.empty_s = max(0.0, self.empty_s - (now - self._empty_at) / PROBE_SHARE) + seconds
            self._empty_at = now
            owed = max(0.0, self.empty_s - AHEAD_S) * PROBE_SHARE
            pause = max(owed, CALM_S if calm else self.periods.hint)
        self._streaming, self.awake_from = found, now + owed
        return pause

    def wake(self) -> None:
        """Something was written at the source: look at the hints as soon as may be."""
        self.due[Kind.HINT] = min(self.due[Kind.HINT], self.awake_from)

    def hurry(self, kind: Kind) -> None:
        """Something smells: the kind is due at once."""
        self.due[kind] = 0.0
