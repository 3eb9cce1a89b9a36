"""A teacher's own journals: groups, a journal's page, and the gaps in it with the exact day."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from collector.store import people
from collector.store.diary import read_marks
from collector.store.lessons import HELD
from collector.store.names import russian
from collector.store.rights import Extent, extent

if TYPE_CHECKING:
    from datetime import datetime

    from collector.store.diary import DiaryMark
    from collector.store.names import Names
    from collector.store.people import Pupil
    from collector.store.reader import Reader

MOST_DAYS: Final = timedelta(days=99)
GAPS_SHOWN: Final = 500
_NORM: Final = (3, 5, 7, 9, 11)
"""Marks per pupil and term that 1, 2, … 5 and more weekly hours call for."""

_OWN: Final = "(g.school_id, g.source_id) IN (SELECT r.school_id, r.key FROM gorod.reached('taught') r)"
_GROUP_COLUMNS: Final = """
SELECT g.school_id, g.source_id, coalesce(g.name, ''), coalesce(u.name, g.name, ''), g.kind,
       (SELECT count(DISTINCT m.pupil_id) FROM gorod.group_membership m
        WHERE m.school_id = g.school_id AND m.teaching_group_id = g.source_id
          AND (m.from_date IS NULL OR m.from_date <= (SELECT gorod.local_time(%(school)s)::date))
          AND (m.to_date IS NULL OR m.to_date > (SELECT gorod.local_time(%(school)s)::date))), g.year_id
FROM gorod.teaching_group g
LEFT JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id"""
_GROUPS: Final = """{columns}
LEFT JOIN gorod.academic_year y ON y.school_id = g.school_id AND y.source_id = g.year_id
WHERE g.school_id = %(school)s AND y.closed IS NOT TRUE AND {which}"""
_GROUP: Final = f"{_GROUP_COLUMNS} WHERE g.school_id = %(school)s AND g.source_id = %(group)s"

_LESSONS: Final = """
SELECT l.source_id, l.date, l.number, l.state, l.topic, l.filled_at FROM gorod.lesson l
WHERE l.school_id = %(school)s AND l.teaching_group_id = %(group)s AND l.date BETWEEN %(first)s AND %(last)s
ORDER BY l.date, l.number, l.source_id"""
_WORKS: Final = """
SELECT a.source_id, a.lesson_id, coalesce(a.weight, 1), coalesce(a.title, ''), t.canonical_kind = 'homework'
FROM gorod.assignment a LEFT JOIN gorod.assignment_type t ON t.school_id = a.school_id AND t.source_id = a.type_id
WHERE a.school_id = %(school)s AND a.lesson_id = ANY (%(lessons)s) AND a.deleted IS NOT TRUE ORDER BY a.source_id"""
_MARKS: Final = """
SELECT k.pupil_id, k.assignment_id, k.source_id, k.value_kind, k.value, coalesce(k.raw, ''), k.weight, k.comment, k.set_at, k.changed_at
FROM gorod.mark k WHERE k.school_id = %(school)s AND k.assignment_id = ANY (%(works)s)
ORDER BY k.assignment_id, k.ordinal, k.source_id"""
_EVENTS: Final = """
SELECT e.pupil_id, e.lesson_id, coalesce(e.corrected_code, e.submitted_code), e.minutes_late
FROM gorod.attendance_event e WHERE e.school_id = %(school)s AND e.lesson_id = ANY (%(lessons)s)"""
_MEMBERS: Final = """
SELECT m.pupil_id, bool_and(m.exempt IS TRUE) FROM gorod.group_membership m
WHERE m.school_id = %(school)s AND m.teaching_group_id = %(group)s
  AND (m.from_date IS NULL OR m.from_date <= %(last)s) AND (m.to_date IS NULL OR m.to_date > %(first)s)
GROUP BY m.pupil_id"""

_UNFILLED: Final = f"""
SELECT l.teaching_group_id, l.source_id, l.date, l.number, coalesce(l.topic, '') ~ '^\\s*$',
       l.filled_at IS NULL AND NOT EXISTS (
           SELECT FROM gorod.attendance_event e WHERE e.school_id = l.school_id AND e.lesson_id = l.source_id OFFSET 0)
FROM gorod.lesson l
WHERE l.school_id = %(school)s AND l.teaching_group_id = ANY (%(groups)s) AND l.date >= %(since)s AND l.date < %(today)s
  AND ({HELD} OR l.state IS NULL)
  AND (l.filled_at IS NULL OR coalesce(l.topic, '') ~ '^\\s*$')
ORDER BY l.date, l.number, l.source_id LIMIT %(limit)s"""  # noqa: S608  our own constants
# The term of today, by group: of the parallel of its classes.
_TERM: Final = """
SELECT DISTINCT ON (g.source_id) g.source_id, g.hours, t.start_date, t.end_date
FROM gorod.teaching_group g
JOIN gorod.class c ON c.school_id = g.school_id AND c.source_id = ANY (string_to_array(g.class_ids, ','))
JOIN gorod.term t ON t.school_id = g.school_id AND t.year_id = g.year_id AND t.term_type <> 'year'
    AND (t.parallel IS NULL OR t.parallel = c.parallel) AND %(today)s BETWEEN t.start_date AND t.end_date
WHERE g.school_id = %(school)s AND g.source_id = ANY (%(groups)s) AND g.kind IN ('class', 'subgroup', 'iup')
ORDER BY g.source_id, t.start_date DESC"""
_COUNTS: Final = "SELECT * FROM gorod.mark_counts(%(school)s, %(groups)s, %(first)s, %(last)s)"


@dataclass(frozen=True, slots=True)
class Group:
    """A teaching group that the reader teaches (or, for a head or deputy, any of the school)."""

    school: str
    group: str
    name: str
    subject: str
    kind: str | None  # class | subgroup | iup | extra | addl
    pupils: int
    year: str | None


@dataclass(frozen=True, slots=True)
class JournalLesson:
    """A column of the journal."""

    lesson: str
    day: date
    number: int | None
    state: str | None
    topic: str | None
    filled_at: datetime | None
    homework: str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a row and a column."""

    lesson: str
    marks: tuple[DiaryMark, ...]
    attendance: str | None
    minutes_late: int | None


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A pupil of the group with the cells that hold something."""

    pupil: Pupil
    exempt: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class JournalPage:
    """A group's journal over some days, both inclusive."""

    group: Group
    first: date
    last: date
    lessons: tuple[JournalLesson, ...]
    rows: tuple[JournalRow, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A held lesson that lacks something, or a group with few marks (`lesson` is None then)."""

    group: str
    group_name: str
    subject: str
    kind: str  # topic | attendance | few_marks
    lesson: str | None
    day: date | None
    number: int | None
    marks: int | None  # of few_marks: how many there are …
    pupils: int | None  # … among so many pupils


def groups(reader: Reader, school: str) -> tuple[Group, ...]:
    """Groups of the open years: a teacher's own, or all where the reader sees all results; by subject and name."""
    all_of_them = extent(reader.role, "results") in (Extent.SCHOOL, Extent.CITY)
    which = "true" if all_of_them else _OWN
    rows = reader.rows(_GROUPS.format(columns=_GROUP_COLUMNS, which=which), school=school)
    return tuple(sorted((Group(*row) for row in rows), key=lambda one: (russian(one.subject), russian(one.name))))


def page(reader: Reader, names: Names, school: str, group: str, first: date, last: date) -> JournalPage | None:
    """The journal of a group from first to last (at most 100 days); None if the reader sees no journal of it.

    A family's account gets no page: it would hold one row.
    """
    last = min(last, first + MOST_DAYS)
    if extent(reader.role, "results") in (Extent.OWN, Extent.NOTHING):
        return None
    span: dict[str, Any] = {"school": school, "group": group, "first": first, "last": last}
    found = reader.rows(_GROUP, school=school, group=group)
    lessons = reader.rows(_LESSONS, **span)
    members = dict(_pairs(reader.rows(_MEMBERS, **span)))
    if not found or not (lessons or members):
        return None
    keys = [row[0] for row in lessons]
    works = reader.rows(_WORKS, school=school, lessons=keys)
    cells = _cells(reader, school, keys, works)
    homework = {lesson: title for _, lesson, _, title, is_homework in works if is_homework}
    rolls = people.pupils(reader, names, school, {*members, *cells}, last)
    return JournalPage(
        Group(*found[0]),
        first,
        last,
        tuple(_column(row, homework.get(row[0])) for row in lessons),
        tuple(JournalRow(one, members.get(one.pupil, False), tuple(cells.get(one.pupil, ()))) for one in rolls),
    )


def gaps(reader: Reader, school: str, today: date, since: date) -> tuple[Gap, ...]:
    """Lessons since the day that were held before today and lack a topic or attendance, and groups with few marks; at most 500 lessons.

    Few marks: fewer per pupil than the norm of the group's weekly hours, scaled by the part of the term that is over.
    """
    own = {one.group: one for one in groups(reader, school)}
    rows = reader.rows(_UNFILLED, school=school, groups=sorted(own), since=since, today=today, limit=GAPS_SHOWN)
    found = []
    for group, lesson, day, number, no_topic, no_attendance in rows:
        words = (group, own[group].name, own[group].subject)
        found += [
            Gap(*words, kind, lesson, day, number, None, None)
            for kind, lacks in (("topic", no_topic), ("attendance", no_attendance))
            if lacks
        ]
    return tuple(found) + _few_marks(reader, school, today, own)


def _few_marks(reader: Reader, school: str, today: date, own: dict[str, Group]) -> tuple[Gap, ...]:
    by_term: defaultdict[tuple[date, date], dict[str, int]] = defaultdict(dict)
    for group, hours, first, last in reader.rows(_TERM, school=school, groups=sorted(own), today=today):
        norm = _NORM[max(0, min(len(_NORM), round(hours or 1)) - 1)]
        by_term[first, last][group] = norm * ((today - first).days + 1) // ((last - first).days + 1)
    found = []
    for (first, last), due in by_term.items():
        rows = reader.rows(_COUNTS, school=school, groups=sorted(due), first=first, last=last)
        marks = dict(_pairs(rows))
        found += [
            Gap(
                group,
                own[group].name,
                own[group].subject,
                "few_marks",
                None,
                None,
                None,
                marks.get(group, 0),
                own[group].pupils,
            )
            for group, least in due.items()
            if marks.get(group, 0) < least * own[group].pupils
        ]
    return tuple(sorted(found, key=lambda one: (russian(one.subject), russian(one.group_name))))


def _cells(reader: Reader, school: str, lessons: list[str], works: list[tuple[Any, ...]]) -> dict[str, list[Cell]]:
    """Cells by pupil, in order of lessons."""
    lesson_of = {work: lesson for work, lesson, *_ in works}
    weights = {work: weight for work, _, weight, *_ in works}
    by_pupil: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for pupil, *mark in reader.rows(_MARKS, school=school, works=sorted(weights)):
        by_pupil[pupil].append(tuple(mark))
    codes = {
        (pupil, lesson): (code, late)
        for pupil, lesson, code, late in reader.rows(_EVENTS, school=school, lessons=lessons)
    }
    marks: defaultdict[tuple[str, str], tuple[DiaryMark, ...]] = defaultdict(tuple)
    for pupil, rows in by_pupil.items():
        for work, found in read_marks(rows, weights).items():
            marks[pupil, lesson_of[work]] += found
    places = {lesson: place for place, lesson in enumerate(lessons)}
    cells: defaultdict[str, list[Cell]] = defaultdict(list)
    for pupil, lesson in sorted({*marks, *codes}, key=lambda key: places[key[1]]):
        cells[pupil].append(Cell(lesson, marks[pupil, lesson], *codes.get((pupil, lesson), (None, None))))
    return cells


def _column(row: tuple[Any, ...], homework: str | None) -> JournalLesson:
    lesson, day, number, state, topic, filled_at = row
    return JournalLesson(lesson, day, number, state, topic, filled_at, homework)


def _pairs(rows: list[tuple[Any, ...]]) -> list[tuple[str, Any]]:
    return [(row[0], row[1]) for row in rows]
