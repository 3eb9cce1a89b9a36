"""A class's attendance over some days, lesson by lesson: what stands in the journals, and for how many lessons anything was submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store.lessons import HELD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from collector.store.reader import Reader

_PLACES: Final = f"""
SELECT m.pupil_id, l.date, l.number, coalesce(u.name, g.name, ''), coalesce(e.corrected_code, e.submitted_code), e.minutes_late,
       l.filled_at IS NOT NULL OR e.source_id IS NOT NULL
FROM gorod.group_membership m
JOIN gorod.lesson l ON l.school_id = m.school_id AND l.teaching_group_id = m.teaching_group_id
    AND l.date BETWEEN %(first)s AND %(last)s
    AND (m.from_date IS NULL OR l.date >= m.from_date) AND (m.to_date IS NULL OR l.date < m.to_date)
LEFT JOIN gorod.attendance_event e ON e.school_id = l.school_id AND e.lesson_id = l.source_id AND e.pupil_id = m.pupil_id
LEFT JOIN gorod.teaching_group g ON g.school_id = l.school_id AND g.source_id = l.teaching_group_id
LEFT JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id
WHERE m.school_id = %(school)s AND m.pupil_id = ANY (%(pupils)s) AND m.exempt IS NOT TRUE AND ({HELD} OR e.source_id IS NOT NULL)
ORDER BY l.date, l.number, l.source_id"""  # noqa: S608  our own constant


@dataclass(frozen=True, slots=True)
class Place:
    """A pupil's place in a lesson that was held; `code` is the corrected one, else the submitted one."""

    pupil: str
    day: date
    number: int | None
    subject: str
    code: str | None
    minutes_late: int | None
    submitted: bool


def places(reader: Reader, school: str, pupils: Iterable[str], first: date, last: date) -> tuple[Place, ...]:
    """Lesson-places of the pupils from first to last, both inclusive, by day and number."""
    rows = reader.rows(_PLACES, school=school, pupils=sorted(set(pupils)), first=first, last=last)
    return tuple(Place(*row) for row in rows)
