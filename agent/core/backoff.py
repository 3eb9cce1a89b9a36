"""How long to wait before the next attempt: the class of the problem decides. Pure: the random number is passed in.

Attempts are unlimited. Full jitter: a uniform number below a ceiling that doubles from the class's first value up to the cap, so that a
city of agents does not come back in one moment. Classes that waiting does not cure are asked again at the cap, because their
cause may be removed by a person far away.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from proto.problems import PERMANENT

if TYPE_CHECKING:
    from collections.abc import Iterator

CAP_S: Final = 900.0
"""Default cap, 15 minutes; setting ``retry_cap_s`` of the agent."""

_FIRST_S: Final = {
    "transient": 1.0,
    "lease": 5.0,
    "source": 5.0,
    "disk": 10.0,
    "data": 30.0,
    "schema": 60.0,
    "clock": 60.0,
    "expired": 60.0,
}
_HIGHEST_S: Final = {"lease": 60.0}  # the other holder is given up after 30 s: do not let a school wait for longer
_DOUBLINGS: Final = 20
_testing = False


@contextmanager
def without_pauses() -> Iterator[None]:
    """Within the block nothing waits: for tests of what happens after the wait."""
    global _testing  # noqa: PLW0603  the one switch, as stamina has it
    before, _testing = _testing, True
    try:
        yield
    finally:
        _testing = before


def ceiling(kind: str, failures: int, cap_s: float = CAP_S) -> float:
    """Longest pause (seconds) after so many failures in a row, at least one, of a problem of this class."""
    if kind in PERMANENT:
        return cap_s
    first = _FIRST_S.get(kind, _FIRST_S["transient"])
    return float(min(cap_s, _HIGHEST_S.get(kind, cap_s), first * 2 ** min(failures - 1, _DOUBLINGS)))


@dataclass(slots=True)
class Backoff:
    """Counts failures since the last progress.

    Args:
        cap_s: longest pause, seconds.
    """

    cap_s: float = CAP_S
    failures: int = 0

    def progressed(self) -> None:
        """The peer took something: the next failure is a first one."""
        self.failures = 0

    def pause(self, kind: str, fraction: float, *, soon: bool = False) -> float:
        """Seconds to wait now. ``fraction`` is random in [0, 1); ``soon``: the peer expects us back, so the first wait is nothing."""
        self.failures += 1
        if _testing or (soon and self.failures == 1):
            return 0.0
        return fraction * ceiling(kind, self.failures, self.cap_s)
