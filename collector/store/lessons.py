"""What several pages need of lessons: SQL of a pupil's own lessons, bells and rooms of a week, kinds of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, time

    from collector.store.reader import Reader

OWN_LESSONS: Final = """
SELECT l.source_id, l.teaching_group_id, l.date, l.number, l.shift, l.topic, l.state, l.filled_at, l.staff_id, bool_and(m.exempt IS TRUE) AS exempt
FROM gorod.group_membership m
JOIN gorod.lesson l ON l.school_id = m.school_id AND l.teaching_group_id = m.teaching_group_id
    AND l.date BETWEEN %(first)s AND %(last)s
    AND (m.from_date IS NULL OR l.date >= m.from_date) AND (m.to_date IS NULL OR l.date < m.to_date)
WHERE m.school_id = %(school)s AND m.pupil_id = %(pupil)s
GROUP BY l.school_id, l.source_id"""
"""Lessons of a pupil's groups while the pupil was on their rolls; parameters school, pupil, first, last (inclusive)."""

HELD: Final = "(l.state IN ('held', 'distance') OR (l.state IS NULL AND l.filled_at IS NOT NULL))"
"""Whether the lesson ``l`` was held; a source that keeps no state tells it by the journal having been filled."""

WORK_KIND: Final = "coalesce(t.canonical_kind, 'other')"
HOMEWORK: Final = "homework"

_BELLS: Final = """
SELECT weekday, shift, number, start_time, end_time FROM gorod.bell_slot WHERE school_id = %(school)s ORDER BY variant DESC NULLS FIRST"""
_SLOTS: Final = """
SELECT t.teaching_group_id, t.weekday, b.shift, b.number, t.room, t.from_date, t.to_date, t.week_parity, b.start_time, b.end_time
FROM gorod.timetable_slot t
LEFT JOIN gorod.bell_slot b ON b.school_id = t.school_id AND b.source_id = t.bell_slot_id
WHERE t.school_id = %(school)s AND t.teaching_group_id = ANY (%(groups)s)
ORDER BY t.source_id"""
_GROUPS: Final = """
SELECT g.source_id, g.name, coalesce(u.name, g.name), g.subject_id
FROM gorod.teaching_group g LEFT JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id
WHERE g.school_id = %(school)s AND g.source_id = ANY (%(groups)s)"""
_STAFF: Final = (
    "SELECT source_id, person_id FROM gorod.staff WHERE school_id = %(school)s AND source_id = ANY (%(staff)s)"
)


class GroupWords(NamedTuple):
    """How a teaching group is called."""

    name: str
    subject: str
    subject_id: str


class SlotRow(NamedTuple):
    """A slot of the timetable with its bell."""

    group: str
    weekday: int | None
    shift: int | None
    number: int | None
    room: str | None
    first: date | None
    until: date | None  # exclusive
    parity: str | None
    start: time | None
    end: time | None

    def fits(self, day: date) -> bool:
        """Whether the slot is on that day; odd and even weeks are counted as ISO 8601 does."""
        if self.weekday != day.isoweekday() or (self.first and day < self.first) or (self.until and day >= self.until):
            return False
        return self.parity in (None, "every", "odd" if day.isocalendar().week % 2 else "even")


Bells = dict[tuple[int | None, int | None, int | None], tuple["time | None", "time | None"]]


def bells(reader: Reader, school: str) -> Bells:
    """Start and end by (weekday, shift, number); the ordinary variant where there are several."""
    return {
        (weekday, shift, number): (start, end)
        for weekday, shift, number, start, end in reader.rows(_BELLS, school=school)
    }


def slots(reader: Reader, school: str, groups: Iterable[str]) -> list[SlotRow]:
    """Timetable of the groups."""
    return [SlotRow(*row) for row in reader.rows(_SLOTS, school=school, groups=sorted(set(groups)))]


def group_words(reader: Reader, school: str, groups: Iterable[str]) -> dict[str, GroupWords]:
    """Names of groups and their subjects."""
    rows = reader.rows(_GROUPS, school=school, groups=sorted(set(groups)))
    return {group: GroupWords(name or "", subject or "", subject_id or "") for group, name, subject, subject_id in rows}


def staff_persons(reader: Reader, school: str, staff: Iterable[str | None]) -> dict[str, str]:
    """Person of each member of staff that the reader may know."""
    wanted = sorted({one for one in staff if one})
    rows = reader.rows(_STAFF, school=school, staff=wanted) if wanted else []
    return {one: person for one, person in rows if person}
