"""A pupil's week as a diary shows it, and what is still owed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collector.store.lessons import HOMEWORK, OWN_LESSONS, WORK_KIND, Bells, bells, group_words, slots, staff_persons

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, time
    from decimal import Decimal

    from collector.store.lessons import GroupWords
    from collector.store.names import Name, Names
    from collector.store.reader import Reader

_LOOK_BACK: Final = timedelta(days=35)
"""Work that is due in a week was given at most so long before it."""

DEBTS_SHOWN: Final = 200

# Works of the pupil's lessons: those given in the week and those due in it.
_WORKS: Final = f"""
WITH own AS ({OWN_LESSONS})
SELECT a.source_id, a.lesson_id, own.teaching_group_id, own.date, {WORK_KIND}, coalesce(t.name, ''), coalesce(a.title, ''), a.description,
       coalesce(a.weight, 1), a.due_date, a.mandatory IS TRUE, a.has_files IS TRUE
FROM own
JOIN gorod.assignment a ON a.school_id = %(school)s AND a.lesson_id = own.source_id AND a.deleted IS NOT TRUE
LEFT JOIN gorod.assignment_type t ON t.school_id = a.school_id AND t.source_id = a.type_id
WHERE own.date >= %(monday)s OR a.due_date BETWEEN %(monday)s AND %(last)s
ORDER BY a.source_id"""  # noqa: S608  our own constants
_MARKS: Final = """
SELECT k.assignment_id, k.source_id, k.value_kind, k.value, coalesce(k.raw, ''), k.weight, k.comment, k.set_at, k.changed_at
FROM gorod.mark k
WHERE k.school_id = %(school)s AND k.assignment_id = ANY (%(works)s) AND k.pupil_id = %(pupil)s
ORDER BY k.ordinal, k.source_id"""
_ATTENDANCE: Final = """
SELECT e.lesson_id, coalesce(e.corrected_code, e.submitted_code), e.minutes_late
FROM gorod.attendance_event e
WHERE e.school_id = %(school)s AND e.lesson_id = ANY (%(lessons)s) AND e.pupil_id = %(pupil)s"""

# A dot beside which another mark stands has been paid.
_DEBTS: Final = f"""
WITH own AS ({OWN_LESSONS}), found AS (
    SELECT a.source_id, own.teaching_group_id, coalesce(a.title, '') AS title, {WORK_KIND} AS kind, a.due_date, own.date AS given,
           CASE WHEN bool_or(k.value_kind = 'duty') THEN 'duty' ELSE 'overdue' END AS reason
    FROM own
    JOIN gorod.assignment a ON a.school_id = %(school)s AND a.lesson_id = own.source_id AND a.deleted IS NOT TRUE
    LEFT JOIN gorod.assignment_type t ON t.school_id = a.school_id AND t.source_id = a.type_id
    LEFT JOIN gorod.mark k ON k.school_id = %(school)s AND k.assignment_id = a.source_id AND k.pupil_id = %(pupil)s
    WHERE NOT own.exempt
    GROUP BY a.school_id, a.source_id, t.canonical_kind, own.teaching_group_id, own.date
    HAVING (bool_or(k.value_kind = 'duty') AND NOT bool_or(k.value_kind <> 'duty'))
        OR (a.mandatory AND a.due_date < %(last)s AND count(k.source_id) = 0))
SELECT f.source_id, coalesce(u.name, g.name, ''), f.title, f.kind, f.due_date, f.given, f.reason
FROM found f
LEFT JOIN gorod.teaching_group g ON g.school_id = %(school)s AND g.source_id = f.teaching_group_id
LEFT JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id
ORDER BY f.reason, coalesce(f.due_date, f.given) DESC, f.source_id
LIMIT %(limit)s"""  # noqa: S608  our own constants


@dataclass(frozen=True, slots=True)
class DiaryMark:
    """A mark as the journal holds it. Several may stand for one work: «4/5», «5.»."""

    mark: str
    kind: str  # numeric | pass | code | duty
    value: Decimal | None
    text: str  # what the teacher wrote: «5», «н/а», «.»
    weight: Decimal  # its own, else its work's, else 1
    comment: str | None
    set_at: datetime | None  # the school's local time, naive
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Work:
    """Something that was given to do, with the pupil's marks for it."""

    assignment: str
    kind: str  # homework, control, …; `other` where the school's dictionary says nothing
    type_name: str
    title: str
    description: str | None
    weight: Decimal
    due: date | None
    mandatory: bool
    files: bool
    marks: tuple[DiaryMark, ...]


@dataclass(frozen=True, slots=True)
class DiaryLesson:
    """One lesson of the day."""

    lesson: str
    group: str
    number: int | None  # 0 is the zero lesson
    shift: int | None
    start: time | None
    end: time | None
    subject: str
    room: str | None
    teacher: Name | None
    topic: str | None
    state: str | None  # held | cancelled | moved | distance; None: planned
    exempt: bool  # on the group's roll without taking part
    homework: tuple[Work, ...]  # due on this lesson
    works: tuple[Work, ...]  # done at this lesson
    attendance: str | None  # УП | Б | НП | ОТ | ОП | ОСВ | ПР; the corrected code, else the submitted one
    minutes_late: int | None


@dataclass(frozen=True, slots=True)
class DiaryDay:
    """A day with its lessons in order; a day off has none."""

    day: date
    lessons: tuple[DiaryLesson, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday."""

    monday: date
    days: tuple[DiaryDay, ...]


@dataclass(frozen=True, slots=True)
class Debt:
    """Work that is owed: a dot in the journal, or mandatory work past its day without any mark."""

    assignment: str
    subject: str
    title: str
    kind: str
    due: date | None
    given: date | None
    reason: str  # duty | overdue


class _Lesson(NamedTuple):
    lesson: str
    group: str
    day: date
    number: int | None
    shift: int | None
    topic: str | None
    state: str | None
    filled_at: datetime | None
    staff: str | None
    exempt: bool


class _Given(NamedTuple):
    """A work and where it was given."""

    work: Work
    lesson: str
    group: str


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands beside the lessons of a week."""

    words: Mapping[str, GroupWords]
    bells: Bells
    rooms: Mapping[tuple[str, date, int | None], str | None]
    teachers: Mapping[str, Name]
    codes: Mapping[str, tuple[str | None, int | None]]


def week(reader: Reader, names: Names, school: str, pupil: str, day: date) -> Week:
    """The week that holds the day, Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    days = [monday + timedelta(days=number) for number in range(7)]
    span = {"school": school, "pupil": pupil, "last": days[-1]}
    lessons = [_Lesson(*row) for row in reader.rows(OWN_LESSONS, **span, first=monday)]
    given = _works(reader, span, monday)
    homework, works = _placed(lessons, given)
    around = _around(reader, names, school, pupil, lessons)
    by_day = defaultdict(list)
    for one in sorted(lessons, key=lambda one: (one.shift or 0, one.number or 0, one.group)):
        by_day[one.day].append(_shown(one, around, homework[one.lesson], works[one.lesson]))
    return Week(monday, tuple(DiaryDay(one, tuple(by_day[one])) for one in days))


def debts(reader: Reader, school: str, pupil: str, today: date, since: date) -> tuple[Debt, ...]:
    """What the pupil owes of lessons since a day (say, of the year's begin): dots first, then overdue work, newest first; at most 200."""
    parameters = {"school": school, "pupil": pupil, "first": since, "last": today, "limit": DEBTS_SHOWN}
    return tuple(Debt(*row) for row in reader.rows(_DEBTS, **parameters))


def read_marks(rows: Iterable[tuple[Any, ...]], weights: Mapping[str, Decimal]) -> dict[str, tuple[DiaryMark, ...]]:
    """Marks by work, from rows (work, mark, kind, value, text, weight, comment, set, changed); a mark's weight is its work's by default."""
    found: defaultdict[str, list[DiaryMark]] = defaultdict(list)
    for work, mark, kind, value, text, weight, comment, set_at, changed_at in rows:
        weighed = weights[work] if weight is None else weight
        found[work].append(DiaryMark(mark, kind or "code", value, text, weighed, comment, set_at, changed_at))
    return {work: tuple(marks) for work, marks in found.items()}


def _works(reader: Reader, span: dict[str, Any], monday: date) -> list[_Given]:
    rows = reader.rows(_WORKS, **span, first=monday - _LOOK_BACK, monday=monday)
    weights = {row[0]: row[8] for row in rows}
    marked = reader.rows(_MARKS, school=span["school"], pupil=span["pupil"], works=sorted(weights)) if rows else []
    marks = read_marks(marked, weights)
    return [_Given(_work(row, marks.get(row[0], ())), row[1], row[2]) for row in rows]


def _work(row: tuple[Any, ...], marks: tuple[DiaryMark, ...]) -> Work:
    work, _lesson, _group, _day, *values = row
    kind, name, title, description, weight, due, mandatory, files = values
    return Work(work, kind, name, title, description, weight, due, mandatory, files, marks)


def _placed(
    lessons: Iterable[_Lesson], given: Iterable[_Given]
) -> tuple[defaultdict[str, list[Work]], defaultdict[str, list[Work]]]:
    """Homework stands at the group's first lesson of the day on which it is due, everything else where it was given."""
    due_at: dict[tuple[str, date], str] = {}
    for one in sorted(lessons, key=lambda one: one.number or 0):
        due_at.setdefault((one.group, one.day), one.lesson)
    homework: defaultdict[str, list[Work]] = defaultdict(list)
    works: defaultdict[str, list[Work]] = defaultdict(list)
    for work, lesson, group in given:
        if work.kind != HOMEWORK:
            works[lesson].append(work)
        elif work.due is None or (group, work.due) in due_at:
            homework[due_at[group, work.due] if work.due else lesson].append(work)
        else:
            homework[lesson].append(work)  # due beyond this week, or on a day without a lesson: where it was given
    return homework, works


def _around(reader: Reader, names: Names, school: str, pupil: str, lessons: list[_Lesson]) -> _Around:
    groups = {one.group for one in lessons}
    persons = staff_persons(reader, school, (one.staff for one in lessons))
    known = names.of(reader, school, persons.values())
    events = reader.rows(_ATTENDANCE, school=school, pupil=pupil, lessons=[one.lesson for one in lessons])
    planned = slots(reader, school, groups)
    rooms = {
        (slot.group, day, slot.number): slot.room
        for day in {one.day for one in lessons}
        for slot in planned
        if slot.fits(day)
    }
    return _Around(
        group_words(reader, school, groups),
        bells(reader, school),
        rooms,
        {staff: known[person] for staff, person in persons.items() if person in known},
        {lesson: (code, late) for lesson, code, late in events},
    )


def _shown(one: _Lesson, around: _Around, homework: list[Work], works: list[Work]) -> DiaryLesson:
    start, end = around.bells.get((one.day.isoweekday(), one.shift, one.number), (None, None))
    code, late = around.codes.get(one.lesson, (None, None))
    words = around.words.get(one.group)
    return DiaryLesson(
        lesson=one.lesson,
        group=one.group,
        number=one.number,
        shift=one.shift,
        start=start,
        end=end,
        subject=words.subject if words else "",
        room=around.rooms.get((one.group, one.day, one.number)),
        teacher=around.teachers.get(one.staff or ""),
        topic=one.topic,
        state=one.state,
        exempt=one.exempt,
        homework=tuple(homework),
        works=tuple(works),
        attendance=code,
        minutes_late=late,
    )
