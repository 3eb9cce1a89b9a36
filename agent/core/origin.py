"""What the source is and which life of it: has the agent been pointed at another database, or has this one gone back in time?

The identity is recorded at the department; another one holds everything. A restore from a backup keeps the identity and begins a
new life: hints and the last full sweep are void, nothing is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Origin:
    """What a source says of itself with every page.

    ``identity`` survives restores; ``incarnation`` changes with them; ``position`` does not go backwards within one incarnation
    (PostgreSQL: position in the write-ahead log; SQLite: the file's change counter).
    """

    identity: str
    incarnation: str
    position: int


@dataclass(frozen=True, slots=True)
class Life:
    """What the agent remembers of its source. ``number`` counts the returns to an earlier position of one incarnation."""

    identity: str
    incarnation: str
    position: int
    number: int = 0

    @property
    def name(self) -> str:
        """The incarnation as headers name it: different after every restore, also where the source's own marks are the same."""
        return f"{self.incarnation}#{self.number}" if self.number else self.incarnation


class Verdict(Enum):
    """What a page's origin says about what is remembered."""

    SAME = "same"
    RESTORED = "restored"
    OTHER = "other"


def compare(old: Origin | Life | None, new: Origin) -> Verdict:
    """SAME, RESTORED (the same database, from a backup) or OTHER (another database). Nothing remembered: SAME."""
    if old is None:
        return Verdict.SAME
    if old.identity != new.identity:
        return Verdict.OTHER
    if old.incarnation != new.incarnation or new.position < old.position:
        return Verdict.RESTORED
    return Verdict.SAME


def follow(life: Life | None, seen: Origin) -> tuple[Verdict, Life]:
    """The verdict on a page's origin, and what to remember from now on."""
    verdict = compare(life, seen)
    number = life.number if life is not None and life.incarnation == seen.incarnation else 0
    if life is not None and verdict is Verdict.RESTORED and life.incarnation == seen.incarnation:
        number += 1
    return verdict, Life(seen.identity, seen.incarnation, seen.position, number)
