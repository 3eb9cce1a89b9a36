"""A pupil's attendance for a period: by day and reason, lessons and days missed, what it is counted from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from collector.core.averages import Ratio
    from collector.store.reader import Reader


@dataclass(frozen=True, slots=True)
class AbsentLesson:
    """A lesson with a code."""

    lesson: str
    number: int | None
    subject: str
    code: str  # УП | Б | НП | ОТ | ОП | ОСВ | ПР
    minutes_late: int | None


@dataclass(frozen=True, slots=True)
class AttendanceDay:
    """A day on which the pupil had lessons."""

    day: date
    held: int  # lessons that were held for the pupil, without those that the pupil is exempt from
    missed: int
    absent: bool  # the whole day by the rule
    reason: str | None  # of the majority; on a tie НП before ОТ before УП before Б
    lessons: tuple[AbsentLesson, ...]


@dataclass(frozen=True, slots=True)
class Attendance:
    """A pupil's period, [first, last] both inclusive."""

    first: date
    last: date
    days: tuple[AttendanceDay, ...]
    lessons_by_reason: Mapping[str, int]  # Б, УП, НП, ОТ; ОП beside them
    days_by_reason: Mapping[str, int]
    missed_lessons: int
    missed_days: int
    rate: Ratio  # attended lesson-places over planned ones, as a share of 1
    coverage: Ratio  # lessons whose attendance was submitted over lessons held


def of_pupil(reader: Reader, school: str, pupil: str, first: date, last: date) -> Attendance:
    """Attendance from first to last, both inclusive; at most 400 days."""
    raise RuntimeError
