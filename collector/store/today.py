"""«Моя школа сегодня»: what a head asks first, each figure with its list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from collector.core.absence import MISSED
from collector.store import people
from collector.store.lessons import HELD
from collector.store.names import russian
from collector.store.rights import Extent, extent

if TYPE_CHECKING:
    from datetime import datetime

    from collector.store.names import Name, Names
    from collector.store.people import Pupil
    from collector.store.reader import Reader

UNFILLED_DAYS: Final = timedelta(days=14)
CHANGED_DAYS: Final = timedelta(days=30)
LISTED: Final = 500

# Lessons of the school by day: through its groups of open years, since lessons are found by group and day.
_GROUPS: Final = """
open_groups AS (
    SELECT g.source_id, g.name, g.subject_id, g.class_ids FROM gorod.teaching_group g
    LEFT JOIN gorod.academic_year y ON y.school_id = g.school_id AND y.source_id = g.year_id
    WHERE g.school_id = %(school)s AND y.closed IS NOT TRUE)"""
_DAY: Final = f"""
WITH {_GROUPS}, day AS (
    SELECT l.source_id FROM open_groups g
    JOIN gorod.lesson l ON l.school_id = %(school)s AND l.teaching_group_id = g.source_id AND l.date = %(day)s
    WHERE l.state IS DISTINCT FROM 'cancelled' AND l.state IS DISTINCT FROM 'moved'),
missing AS (
    SELECT e.pupil_id, array_agg(coalesce(e.corrected_code, e.submitted_code)) AS codes
    FROM day JOIN gorod.attendance_event e ON e.school_id = %(school)s AND e.lesson_id = day.source_id
    WHERE coalesce(e.corrected_code, e.submitted_code) = ANY (%(missed)s)
    GROUP BY e.pupil_id)
"""  # noqa: S608  our own constant
_COUNT_DAY: Final = (
    _DAY  # noqa: S608  as above
    + "SELECT (SELECT count(*) FROM day), count(*), count(*) FILTER (WHERE 'ОТ' = ANY (codes)) FROM missing"
)
_ABSENT: Final = _DAY + "SELECT pupil_id, codes FROM missing ORDER BY pupil_id LIMIT 1000"  # noqa: S608  as above
_ROLL: Final = """
SELECT count(DISTINCT m.pupil_id) FROM gorod.{roll} m
LEFT JOIN gorod.academic_year y ON y.school_id = %(school)s AND y.source_id = m.year_id
WHERE m.school_id = %(school)s AND y.closed IS NOT TRUE
  AND (m.from_date IS NULL OR m.from_date <= %(day)s) AND (m.to_date IS NULL OR m.to_date > %(day)s)"""
_UNFILLED: Final = f"""
WITH {_GROUPS}, lacking AS (
    SELECT l.source_id, l.date, l.number, g.name, g.subject_id, l.staff_id, coalesce(l.topic, '') ~ '^\\s*$' AS no_topic,
           l.filled_at IS NULL AND NOT EXISTS (
               SELECT FROM gorod.attendance_event e WHERE e.school_id = %(school)s AND e.lesson_id = l.source_id OFFSET 0) AS no_attendance
    FROM open_groups g
    JOIN gorod.lesson l ON l.school_id = %(school)s AND l.teaching_group_id = g.source_id AND l.date >= %(since)s AND l.date < %(day)s
    WHERE ({HELD} OR l.state IS NULL) AND (l.filled_at IS NULL OR coalesce(l.topic, '') ~ '^\\s*$'))
"""  # noqa: S608  our own constants
_COUNT_UNFILLED: Final = _UNFILLED + "SELECT count(*) FROM lacking WHERE no_topic OR no_attendance"  # noqa: S608  as above
_LIST_UNFILLED: Final = (
    _UNFILLED
    + """
SELECT l.source_id, l.date, l.number, coalesce(l.name, ''), coalesce(u.name, l.name, ''), f.person_id,
       CASE WHEN no_topic AND no_attendance THEN 'both' WHEN no_topic THEN 'topic' ELSE 'attendance' END
FROM lacking l
LEFT JOIN gorod.subject u ON u.school_id = %(school)s AND u.source_id = l.subject_id
LEFT JOIN gorod.staff f ON f.school_id = %(school)s AND f.source_id = l.staff_id
WHERE no_topic OR no_attendance ORDER BY l.date, l.number, l.source_id LIMIT %(limit)s"""
)
# A dot that another mark stands beside has been paid.
_DUTY: Final = """
duty AS (
    SELECT DISTINCT k.pupil_id, k.assignment_id FROM gorod.mark k
    LEFT JOIN gorod.academic_year y ON y.school_id = k.school_id AND y.source_id = k.year_id
    WHERE k.school_id = %(school)s AND k.value_kind = 'duty' AND y.closed IS NOT TRUE
      AND NOT EXISTS (SELECT FROM gorod.mark o WHERE o.school_id = k.school_id AND o.assignment_id = k.assignment_id
                      AND o.pupil_id = k.pupil_id AND o.value_kind <> 'duty' OFFSET 0))"""
_COUNT_DEBTS: Final = f"WITH {_DUTY} SELECT count(*) FROM duty"  # noqa: S608  as above
_DEBTS_BY_CLASS: Final = f"""
WITH {_DUTY}, placed AS (
    SELECT d.pupil_id, d.assignment_id, (
        SELECT e.class_id FROM gorod.enrollment e WHERE e.school_id = %(school)s AND e.pupil_id = d.pupil_id
        ORDER BY e.from_date DESC NULLS LAST LIMIT 1) AS class_id
    FROM duty d)
SELECT c.parallel, c.letter, count(*), count(DISTINCT p.pupil_id)
FROM placed p LEFT JOIN gorod.class c ON c.school_id = %(school)s AND c.source_id = p.class_id
GROUP BY c.parallel, c.letter"""  # noqa: S608  as above
# The term of a lesson: of the parallel of the group's classes, the shortest that holds the lesson's day. Few changes are late, so that
# those come first for which any term was over.
_CHANGED: Final = """
terms AS MATERIALIZED (
    SELECT t.name, t.year_id, t.parallel, t.start_date, t.end_date FROM gorod.term t
    WHERE t.school_id = %(school)s AND t.term_type <> 'year'),
late AS MATERIALIZED (
    SELECT j.at, j.action, j.before, j.after, j.actor_id, l.date, l.year_id, l.teaching_group_id
    FROM gorod.journal_change j
    JOIN LATERAL (
        SELECT l.date, l.year_id, l.teaching_group_id FROM gorod.lesson l
        WHERE l.school_id = %(school)s AND l.source_id = j.lesson_id OFFSET 0) l ON true
    WHERE j.school_id = %(school)s AND j.at >= %(since)s::timestamp AND j.at < %(until)s::timestamp
      AND EXISTS (SELECT FROM terms t WHERE l.date BETWEEN t.start_date AND t.end_date AND j.at >= t.end_date + 1)),
changed AS (
    SELECT l.at, l.action, l.before, l.after, l.actor_id, l.date, g.name, g.subject_id, t.name AS term, t.end_date
    FROM late l
    JOIN gorod.teaching_group g ON g.school_id = %(school)s AND g.source_id = l.teaching_group_id
    JOIN LATERAL (
        SELECT t.name, t.end_date FROM terms t
        WHERE t.year_id = l.year_id AND l.date BETWEEN t.start_date AND t.end_date
          AND (t.parallel IS NULL OR t.parallel IN (
              SELECT c.parallel FROM gorod.class c
              WHERE c.school_id = %(school)s AND c.source_id = ANY (string_to_array(g.class_ids, ','))))
        ORDER BY t.end_date - t.start_date LIMIT 1) t ON l.at >= t.end_date + 1)"""
_COUNT_CHANGED: Final = f"WITH {_CHANGED} SELECT count(*) FROM changed"  # noqa: S608  as above
_LIST_CHANGED: Final = f"""
WITH {_CHANGED}
SELECT c.at, c.action, c.before, c.after, coalesce(c.name, ''), coalesce(u.name, c.name, ''), c.date, coalesce(c.term, ''), c.end_date, f.person_id
FROM changed c
LEFT JOIN gorod.subject u ON u.school_id = %(school)s AND u.source_id = c.subject_id
LEFT JOIN gorod.staff f ON f.school_id = %(school)s AND f.source_id = c.actor_id
ORDER BY c.at DESC LIMIT %(limit)s"""  # noqa: S608  as above
_STATE: Final = "SELECT applied_at, complete_at FROM gorod.school_state WHERE school_id = %(school)s"


@dataclass(frozen=True, slots=True)
class Board:
    """The five lines of a school's day."""

    school: str
    day: date
    lessons: int  # planned or held today
    on_roll: int
    absent: int  # pupils with at least one absence code today
    absent_unknown: int  # of them, reason not given yet
    not_filled: int  # lessons of the last 14 days before today, held, without topic or attendance
    debts: int  # dots in the journals of the open years
    changed_after_end: int  # changes in the journal of a term after its end, in the last 30 days
    applied_at: datetime | None  # last change that came from the school, UTC
    complete_at: datetime | None


@dataclass(frozen=True, slots=True)
class AbsentPupil:
    """A pupil who is missing today."""

    pupil: Pupil
    lessons: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnfilledLesson:
    """A lesson that was held and lacks a topic or attendance."""

    lesson: str
    day: date
    number: int | None
    group_name: str
    subject: str
    teacher: Name | None
    lacks: str  # topic | attendance | both


@dataclass(frozen=True, slots=True)
class DebtsOfClass:
    """Dots by class."""

    class_name: str
    debts: int
    pupils: int


@dataclass(frozen=True, slots=True)
class LateChange:
    """A change in the journal that came after the term's end."""

    at: datetime
    action: str | None
    before: str | None
    after: str | None
    group_name: str
    subject: str
    lesson_day: date
    term_name: str
    term_end: date
    actor: Name | None


def board(reader: Reader, school: str, day: date) -> Board | None:
    """The five figures; None if the reader does not see the results of the whole school."""
    state = reader.rows(_STATE, school=school)
    if not state or extent(reader.role, "results") not in (Extent.SCHOOL, Extent.CITY):
        return None
    lessons, absent_today, unknown = reader.rows(_COUNT_DAY, **_of_day(school, day))[0]
    return Board(
        school=school,
        day=day,
        lessons=lessons,
        on_roll=_on_roll(reader, school, day),
        absent=absent_today,
        absent_unknown=unknown,
        not_filled=reader.rows(_COUNT_UNFILLED, **_before(school, day))[0][0],
        debts=reader.rows(_COUNT_DEBTS, school=school)[0][0],
        changed_after_end=reader.rows(_COUNT_CHANGED, **_lately(school, day))[0][0],
        applied_at=state[0][0],
        complete_at=state[0][1],
    )


def absent(reader: Reader, names: Names, school: str, day: date) -> tuple[AbsentPupil, ...]:
    """Who is missing on the day, by class and name; at most 1000."""
    codes = {pupil: found for pupil, found in reader.rows(_ABSENT, **_of_day(school, day))}  # noqa: C416  rows are of any kind
    known = people.pupils(reader, names, school, codes, day)
    found = [AbsentPupil(one, len(codes[one.pupil]), tuple(sorted(set(codes[one.pupil])))) for one in known]
    return tuple(sorted(found, key=lambda one: (one.pupil.parallel or 0, russian(one.pupil.class_name or ""))))


def not_filled(reader: Reader, names: Names, school: str, day: date) -> tuple[UnfilledLesson, ...]:
    """Lessons of the 14 days before the day that lack something, oldest first; at most 500."""
    rows = reader.rows(_LIST_UNFILLED, **_before(school, day), limit=LISTED)
    known = names.of(reader, school, (row[5] for row in rows))
    return tuple(
        UnfilledLesson(lesson, at, number, group, subject, known.get(person or ""), lacks)
        for lesson, at, number, group, subject, person, lacks in rows
    )


def debts_by_class(reader: Reader, school: str) -> tuple[DebtsOfClass, ...]:
    """Dots in the journals of the open years that no mark has paid, by class."""
    rows = reader.rows(_DEBTS_BY_CLASS, school=school)
    rows.sort(key=lambda row: (row[0] or 0, russian(row[1] or "")))
    return tuple(DebtsOfClass(people.class_name(*row[:2]), *row[2:]) for row in rows)


def changed_after_end(reader: Reader, names: Names, school: str, day: date) -> tuple[LateChange, ...]:
    """Changes of the last 30 days to lessons of a term that was over, newest first; at most 500."""
    rows = reader.rows(_LIST_CHANGED, **_lately(school, day), limit=LISTED)
    known = names.of(reader, school, (row[-1] for row in rows))
    return tuple(_late_change(row, known.get(row[-1] or "")) for row in rows)


def _late_change(row: tuple[Any, ...], actor: Name | None) -> LateChange:
    at, action, before, after, group, subject, lesson_day, term, term_end, _actor = row
    return LateChange(at, action, before, after, group, subject, lesson_day, term, term_end, actor)


def _on_roll(reader: Reader, school: str, day: date) -> int:
    """Pupils on the rolls of classes; where there are no classes (further education), on those of groups."""
    for roll in ("enrollment", "group_membership"):
        pupils = reader.rows(_ROLL.format(roll=roll), school=school, day=day)[0][0]
        if pupils:
            break
    return int(pupils)


def _of_day(school: str, day: date) -> dict[str, Any]:
    return {"school": school, "day": day, "missed": list(MISSED)}


def _before(school: str, day: date) -> dict[str, Any]:
    return {"school": school, "day": day, "since": day - UNFILLED_DAYS}


def _lately(school: str, day: date) -> dict[str, Any]:
    return {"school": school, "since": day - CHANGED_DAYS, "until": day + timedelta(days=1)}
