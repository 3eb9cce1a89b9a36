"""Is the department's copy the same as the school's database? Judged by plain SQL on both sides, with nothing of the product between.

Per entity the sets of (key, some plain columns) are compared; rows of closed school-years are left out on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from install.demo import database

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

Rows = set[tuple[str | None, ...]]


@dataclass(frozen=True)
class Pair:
    """An entity on both sides: the vendor's table, key columns, and vendor column → the centre's column."""

    table: str
    key: tuple[str, ...]
    columns: dict[str, str]
    yearly: bool = False


PAIRS = {
    "organization": Pair("Organisations", ("OrgCode",), {"Inn": "inn"}),
    "academic_year": Pair(
        "SchoolYears", ("YearId",), {"Name": "name", "StartDate": "start_date", "EndDate": "end_date"}
    ),
    "subject": Pair("Subjects", ("SubjectId",), {"Name": "name"}),
    "person": Pair("People", ("PersonId",), {}),
    "pupil": Pair("Students", ("StudentId",), {"PersonId": "person_id"}),
    "legal_representative": Pair("Parents", ("ParentId",), {"PersonId": "person_id"}),
    "representation": Pair("Kinship", ("KinshipId",), {"ParentId": "representative_id", "StudentId": "pupil_id"}),
    "staff": Pair("Employees", ("EmployeeId",), {"Position": "position"}),
    "bell_slot": Pair("BellTimes", ("BellCode",), {"Weekday": "weekday", "Number": "number"}),
    "assignment_type": Pair("AssignmentTypes", ("TypeId",), {"Name": "name"}),
    "announcement": Pair("Announcements", ("AnnouncementId",), {"Title": "title"}),
    "source_visit": Pair("LoginSessions", ("SessionId",), {"PersonId": "person_id"}),
    "term": Pair("Terms", ("TermId",), {"Name": "name", "StartDate": "start_date"}, yearly=True),
    "class": Pair("Classes", ("ClassId",), {"Parallel": "parallel", "Letter": "letter"}, yearly=True),
    "teaching_group": Pair("SubjectGroups", ("GroupId",), {"SubjectId": "subject_id", "Name": "name"}, yearly=True),
    "teaching_assignment": Pair("GroupTeachers", ("GroupTeacherId",), {"EmployeeId": "staff_id"}, yearly=True),
    "enrollment": Pair("ClassStudents", ("ClassStudentId",), {"ClassId": "class_id", "ToDate": "to_date"}, yearly=True),
    "group_membership": Pair("GroupStudents", ("GroupId", "StudentId"), {"FromDate": "from_date"}, yearly=True),
    "timetable_slot": Pair("Timetable", ("TimetableId",), {"BellCode": "bell_slot_id", "Room": "room"}, yearly=True),
    "lesson": Pair("ClassMeetings", ("MeetingId",), {"MeetingDate": "date", "Topic": "topic"}, yearly=True),
    "assignment": Pair("Assignments", ("AssignmentId",), {"Title": "title", "Weight": "weight"}, yearly=True),
    "mark": Pair(
        "Marks",
        ("MarkId",),
        {"AssignmentId": "assignment_id", "StudentId": "pupil_id", "MarkValue": "value"},
        yearly=True,
    ),
    "attendance_event": Pair("Attendance", ("MeetingId", "StudentId"), {"MinutesLate": "minutes_late"}, yearly=True),
    "period_result": Pair("PeriodResults", ("ResultId",), {"TermId": "term_id", "MarkValue": "value"}, yearly=True),
    "movement_order": Pair(
        "Decrees", ("DecreeId",), {"Number": "number", "EffectiveDate": "effective_date"}, yearly=True
    ),
    "movement_line": Pair("DecreeLines", ("DecreeLineId",), {"StudentId": "pupil_id"}, yearly=True),
    "journal_change": Pair("JournalLog", ("LogId",), {"EmployeeId": "actor_id"}, yearly=True),
}

_OPEN = "AND YearId IN (SELECT y.YearId FROM SchoolYears y WHERE y.OrgCode = ? AND NOT y.ClosedFlag)"
_NOT_CLOSED = (
    "AND NOT EXISTS (SELECT FROM gorod.closed_year y WHERE y.school_id = t.school_id AND y.year_id = t.year_id)"
)


def at_source(url: str, organisation: str, without: str = "") -> dict[str, Rows]:
    """What the school's database holds, in one transaction; ``without`` an entity whose table is not as it was."""
    found = {}
    with database.connect(url) as source, source.transaction():
        for entity, pair in PAIRS.items():
            if entity == without:
                continue
            names = ", ".join([*pair.key, *pair.columns])
            sql = f"SELECT {names} FROM {pair.table} WHERE OrgCode = ? {_OPEN if pair.yearly else ''}"  # noqa: S608  names above
            values = (organisation, organisation) if pair.yearly else (organisation,)
            width = len(pair.key)
            found[entity] = {
                ("/".join(_shown(part) or "" for part in row[:width]), *map(_shown, row[width:]))
                for row in source.query(sql, *values)
            }
    return found


def at_centre(connection: psycopg.Connection[Any], school: str) -> dict[str, Rows]:
    """What the department holds of the school."""
    found = {}
    for entity, pair in PAIRS.items():
        names = ", ".join(["source_id", *pair.columns.values()])
        sql = f'SELECT {names} FROM gorod."{entity}" t WHERE school_id = %s {_NOT_CLOSED if pair.yearly else ""}'  # noqa: S608  names above
        found[entity] = {tuple(map(_shown, row)) for row in connection.execute(sql.encode(), (school,))}
    return found


def _shown(value: object) -> str | None:
    """One spelling for what the engines and their drivers spell in several ways."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool | int | float | Decimal):
        return f"{float(value):.6g}" if not float(value).is_integer() else str(int(value))
    return str(value)


def differences(
    source: dict[str, Rows], centre: dict[str, Rows], besides: Iterable[tuple[str, str]] = ()
) -> dict[str, str]:
    """What is not the same, by entity, in words for whoever reads the failed test. ``besides``: (entity, key) in quarantine."""
    left_out = set(besides)
    told = {}
    for entity, rows in source.items():
        here = {row for row in rows if (entity, row[0]) not in left_out}
        there = {row for row in centre[entity] if (entity, row[0]) not in left_out}
        if here != there:
            told[entity] = (
                f"{len(here - there)} only at the school, {len(there - here)} only at the centre, e.g. {sorted(map(str, here ^ there))[:4]}"
            )
    return told


_TWICE = """
WITH versions AS (
    SELECT source_id, row_hash, gone, id AS n FROM gorod.{entity}_history WHERE school_id = %(school)s
    UNION ALL SELECT source_id, row_hash, false, 9223372036854775807 FROM gorod.{entity} WHERE school_id = %(school)s)
SELECT count(*) FROM (
    SELECT row_hash, gone, lead(row_hash) OVER (PARTITION BY source_id ORDER BY n) AS next FROM versions) v
WHERE next = row_hash AND NOT gone"""
_HOLES = """
SELECT count(*) FROM (SELECT seq, lag(seq, 1, 0::bigint) OVER (PARTITION BY epoch ORDER BY seq) AS before
FROM gorod.ledger WHERE school_id = %(school)s) l WHERE seq <> before + 1"""


def audit(connection: psycopg.Connection[Any], school: str) -> None:
    """No row was applied twice: no version repeats the one before it, and every epoch's ledger counts one by one."""
    for entity in ("mark", "attendance_event", "period_result"):
        row = connection.execute(_TWICE.format(entity=entity).encode(), {"school": school}).fetchone()
        assert row == (0,), f"{entity}: versions applied twice"
    assert connection.execute(_HOLES.encode(), {"school": school}).fetchone() == (0,), "the ledger has holes"
