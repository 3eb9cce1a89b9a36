"""Which sweep is due next, and how long it may rest: pure, with ``now`` passed in (seconds of a monotonic clock).

Hints are probed all the time but, when they find nothing, take at most 1 % of a core; after one that found work, the changes of
``gather`` seconds are taken together: a lone change leaves at once, a stream of them in small batches. A hot
or full sweep rests at least 50 times as long as it took.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

PROBE_SHARE: Final = 100
REST_FACTOR: Final = 50


class Kind(Enum):
    """The sweeps, most urgent first."""

    REREAD = "reread"
    HINT = "hint"
    HOT = "hot"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Periods:
    """Settings, in seconds."""

    hint: float = 0.2
    gather: float = 0.08
    hot: float = 300.0
    full: float = 86_400.0


@dataclass(slots=True)
class Plan:
    """When each kind is due. A running sweep stays due until it reports its end."""

    periods: Periods
    due: dict[Kind, float] = field(default_factory=lambda: {Kind.HINT: 0.0, Kind.HOT: 0.0, Kind.FULL: 0.0})

    def next(self, now: float, *, reread: bool, based: bool) -> Kind | None:
        """What to do now. Without a base (no full sweep finished in this incarnation) hints have no mark and hot sweeps no point."""
        if reread:
            return Kind.REREAD
        kinds = (Kind.HINT, Kind.HOT, Kind.FULL) if based else (Kind.FULL,)
        return next((kind for kind in kinds if self.due[kind] <= now), None)

    def rest(self, now: float, *, based: bool) -> float:
        """Seconds until something is due."""
        kinds = (Kind.HINT, Kind.HOT, Kind.FULL) if based else (Kind.FULL,)
        return max(0.0, min(self.due[kind] for kind in kinds) - now)

    def finished(self, kind: Kind, now: float, *, seconds: float, found: bool) -> None:
        """A sweep ended after ``seconds`` of work; ``found`` changes or not."""
        if kind is Kind.HINT:
            pause = self.periods.gather if found else max(self.periods.hint, seconds * PROBE_SHARE)
        else:
            period = self.periods.hot if kind is Kind.HOT else self.periods.full
            pause = max(period, seconds * REST_FACTOR)
        self.due[kind] = now + pause

    def hurry(self, kind: Kind) -> None:
        """Something smells: the kind is due at once."""
        self.due[kind] = 0.0
