"""A pupil's attendance for a period: by day and reason, lessons and days missed, what it is counted from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from collector.core.absence import EXEMPT, MISSED, LessonPlace, count, day_reason
from collector.store.lessons import HELD, OWN_LESSONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from collector.core.averages import Ratio
    from collector.store.reader import Reader

_MOST_DAYS: Final = timedelta(days=400)

# A lesson counts as submitted when the journal was filled, or when something stands for the pupil.
_PLACES: Final = f"""
WITH l AS ({OWN_LESSONS})
SELECT l.date, l.number, l.source_id, coalesce(u.name, g.name, ''), coalesce(e.corrected_code, e.submitted_code), e.minutes_late,
       l.filled_at IS NOT NULL OR e.source_id IS NOT NULL
FROM l
LEFT JOIN gorod.attendance_event e ON e.school_id = %(school)s AND e.lesson_id = l.source_id AND e.pupil_id = %(pupil)s
LEFT JOIN gorod.teaching_group g ON g.school_id = %(school)s AND g.source_id = l.teaching_group_id
LEFT JOIN gorod.subject u ON u.school_id = %(school)s AND u.source_id = g.subject_id
WHERE {HELD} AND NOT l.exempt
ORDER BY l.date, l.number, l.source_id"""  # noqa: S608  our own constants


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
    """Attendance from first to last, both inclusive; at most the first 400 days."""
    last = min(last, first + _MOST_DAYS)
    rows = reader.rows(_PLACES, school=school, pupil=pupil, first=first, last=last)
    counted = count(_place(row) for row in rows)
    return Attendance(
        first=first,
        last=last,
        days=tuple(_day(day, list(lessons)) for day, lessons in groupby(rows, key=lambda row: row[0])),
        lessons_by_reason=counted.lessons,
        days_by_reason=Counter(counted.days.values()),
        missed_lessons=counted.missed,
        missed_days=len(counted.days),
        rate=counted.rate,
        coverage=counted.coverage,
    )


def _place(row: tuple[Any, ...]) -> LessonPlace:
    return LessonPlace(row[0], row[4], row[6])


def _day(day: date, rows: Sequence[tuple[Any, ...]]) -> AttendanceDay:
    held = [row for row in rows if row[4] != EXEMPT]
    reason = day_reason([_place(row) for row in held])
    lessons = tuple(AbsentLesson(row[2], row[1], row[3], row[4], row[5]) for row in rows if row[4])
    missed = sum(row[4] in MISSED for row in held)
    return AttendanceDay(day, len(held), missed, reason is not None, reason, lessons)
