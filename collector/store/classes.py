"""What a class teacher must see in time: pupils at risk, each with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from collector.core.averages import Ratio
    from collector.store.names import Names
    from collector.store.people import Pupil
    from collector.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a pupil is on the list.

    `kind`: two (expected or given 2) | one_three (exactly one 3) | one_four (exactly one 4, rest 5) | falling (mean of the last third of
    the term lower by 0.5 or more) | absent_10 | absent_20 (unexcused share) | absent_days (three days running) | debts.
    """

    kind: str
    subject: str | None
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A pupil with reasons."""

    pupil: Pupil
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ClassSubject:
    """A subject of one pupil in the class's summary."""

    subject: str
    marks: int
    weighted: Ratio
    expected: int | None  # what the mean stands for
    result: str | None  # what was given


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A pupil in the class's summary of a term."""

    pupil: Pupil
    subjects: tuple[ClassSubject, ...]
    missed_lessons: int
    missed_unexcused: int


def summary(reader: Reader, names: Names, school: str, class_id: str, term: str) -> tuple[ClassRow, ...]:
    """Every pupil of the class with means, results and absences of the term, by name. One query each, whatever the class's size."""
    raise RuntimeError


def risk(reader: Reader, names: Names, school: str, class_id: str, term: str) -> tuple[AtRisk, ...]:
    """Pupils of the class with a reason to look at, most reasons first."""
    raise RuntimeError
