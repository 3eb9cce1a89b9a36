"""The shipped profile: complete, readable, seekable, and it takes nothing that must stay at the school."""

import re
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from install.demo import counts, schema
from proto.entities import BY_NAME, ENTITIES
from tests.fix_demo import NAMES, PROFILE, SUMMED, Demo, canonical_rows, everything, profile_sql, select

# Columns that stay at the school, by table; a column of this name elsewhere is another matter.
STAYING = {
    "Organisations": ["BankAccount", "ParentCode"],
    "People": ["Snils", "PassportNo", "HomeAddress", "MobilePhone", "PhotoPath"],
    "Students": ["HealthGroup", "SportGroup", "FamilyStatus"],
    "Parents": ["Workplace"],
    "Employees": ["Salary"],
    "ClassMeetings": ["MeetingUrl"],
    "Attendance": ["NoteText"],
    "Decrees": ["NoteText"],
    "JournalLog": ["Workstation"],
    "LoginSessions": ["LoginName", "IpAddress"],
}


def texts() -> list[str]:
    """Every SELECT of the profile, those of hints included."""
    found = []
    for entity in (PROFILE["entity"][name] for name in NAMES):
        found += [profile_sql(entity, "sqlite"), profile_sql(entity, "postgres")]
        found += [hint["sql"] for hint in entity.get("hints", [])]
    return found


def names_of(school: Demo, sql: str) -> list[str]:
    return select(school.url, sql, school.organisation)[0]


def test_every_entity_that_a_source_can_give_is_mapped() -> None:
    assert set(NAMES) == {entity.name for entity in ENTITIES} - {SUMMED}


def test_every_mapped_entity_is_counted_by_the_reference() -> None:
    assert set(counts.TIMELESS) | set(counts.YEARLY) == set(NAMES)
    assert set(counts.YEARLY) == {name for name in NAMES if BY_NAME[name].year}


@pytest.mark.parametrize("name", NAMES)
def test_result_columns_are_fields_key_columns_or_hidden(school: Demo, name: str) -> None:
    entity = PROFILE["entity"][name]
    names = names_of(school, profile_sql(entity, "sqlite"))
    known = {*BY_NAME[name].field_names, *entity["key"]}
    assert not [column for column in names if column not in known and not column.startswith("_")]
    assert len(set(names)) == len(names)
    assert set(entity["key"]) <= set(names)
    assert ("_changed" in names) == ("hint" in entity)


def test_every_field_of_the_canonical_model_is_filled_but_one(school: Demo) -> None:
    missing = set()
    for name, entity in PROFILE["entity"].items():
        selected = names_of(school, profile_sql(entity, "sqlite"))
        missing |= {f"{name}.{field}" for field in BY_NAME[name].field_names[1:] if field not in selected}
    assert missing == {"organization.parent_id"}


@pytest.mark.parametrize("number", [1, 3])
def test_the_profile_reads_as_many_rows_as_the_reference_counts(demo: Callable[[int], Demo], number: int) -> None:
    school = demo(number)
    read = {name: len(rows) for name, rows in everything(school.url, school.organisation).items()}
    assert read == counts.rows_by_entity(school.url, school.organisation, closed_years=True)


def test_another_organisation_sees_nothing(school: Demo) -> None:
    assert all(not rows for rows in everything(school.url, "42002").values())


def test_no_select_names_a_column_that_must_stay_at_the_school() -> None:
    for table, columns in STAYING.items():
        known = [name for name, _ in schema.columns()[table]]
        for column in columns:
            assert column in known
            users = [sql for sql in texts() if re.search(rf"\b{table}\b", sql) and re.search(rf"\.{column}\b", sql)]
            assert users == [], column


def test_values_that_must_stay_are_in_no_canonical_row(school: Demo) -> None:
    leaving = {
        value for rows in everything(school.url, school.organisation).values() for row in rows.values() for value in row
    }
    secrets = school.query("SELECT Snils, PassportNo, HomeAddress, MobilePhone, PhotoPath FROM People")
    assert secrets
    assert not leaving & {value for row in secrets for value in row if value is not None}
    assert not leaving & {row[0] for row in school.query("SELECT IpAddress FROM LoginSessions")}


def test_reasons_of_movement_leave_the_school_coarser_than_they_are(school: Demo) -> None:
    place = BY_NAME["movement_order"].index("reason")
    reasons = {row[place] for row in canonical_rows(school.url, school.organisation, "movement_order").values()}
    assert reasons <= {"residence", "organisation", "completed", "first_class", "other"}


@pytest.mark.parametrize("sql", texts())
def test_a_select_is_plain_and_names_the_organisation(sql: str) -> None:
    assert sql.split(maxsplit=1)[0] == "SELECT"
    assert ":organisation" in sql
    assert not re.search(r"\b(DISTINCT|UNION|GROUP BY|ORDER BY|HAVING|LIMIT)\b|;", sql)


def test_tables_that_a_select_reads_are_named() -> None:
    for name, entity in PROFILE["entity"].items():
        hints = " ".join(hint["sql"] for hint in entity.get("hints", []))
        read = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", f"{profile_sql(entity, 'sqlite')} {hints}"))
        assert read == set(entity["tables"]), name


@pytest.mark.parametrize("name", NAMES)
def test_pages_keys_and_windows_are_index_seeks(school: Demo, name: str) -> None:
    entity, canonical = PROFILE["entity"][name], BY_NAME[name]
    key = ", ".join(f"q.{part}" for part in entity["key"])
    row, marks = (f"({key})", "(:a, :b)") if len(entity["key"]) > 1 else (key, ":a")
    conditions = [
        f"{row} > {marks} ORDER BY {key} LIMIT 100",
        f"{row} IN (VALUES {marks})" if row != key else f"{row} IN (:a, :b)",
    ]
    if canonical.date:
        conditions.append(f"q.{canonical.date} >= :a ORDER BY q.{canonical.date}, {key} LIMIT 100")
    if canonical.year:
        conditions.append(f"q.year_id IN (:a) AND {row} > {marks} ORDER BY {key} LIMIT 100")
    if "hint" in entity:
        conditions.append(f"q._changed >= :a ORDER BY q._changed, {key} LIMIT 100")
    for condition in conditions:
        steps = explain(school, f"SELECT * FROM ({profile_sql(entity, 'sqlite')}) AS q WHERE {condition}")  # noqa: S608  text of the profile
        assert not [
            step for step in steps if step.startswith("SCAN") and "CONSTANT" not in step and "SUBQUERY" not in step
        ], steps
        assert "USE TEMP B-TREE FOR ORDER BY" not in steps


def explain(school: Demo, sql: str) -> list[str]:
    connection = sqlite3.connect(school.url.removeprefix("sqlite:///"))
    values: dict[str, Any] = {"organisation": school.organisation, "a": 1, "b": 1}
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    connection.close()
    return steps


def hint_keys(school: Demo, name: str, since: str) -> set[tuple[object, ...]]:
    """Keys that an entity's hint tables name since a stamp."""
    found: set[tuple[object, ...]] = set()
    for hint in PROFILE["entity"][name]["hints"]:
        names, rows = select(school.url, hint["sql"], school.organisation)
        assert names == [*PROFILE["entity"][name]["key"], "_changed"]
        found |= {row[:-1] for row in rows if row[-1] >= since}
    return found


def test_hints_name_marks_and_attendance_that_are_gone(school: Demo) -> None:
    gone = school.query("SELECT MarkId FROM JournalLog WHERE ActionCode = 2")
    assert set(gone) <= hint_keys(school, "mark", "")
    assert hint_keys(school, "attendance_event", "9999") == set()


def test_a_renamed_area_names_all_its_subjects(school: Demo) -> None:
    subjects = school.query("SELECT SubjectId FROM Subjects WHERE AreaId = 2")
    connection = sqlite3.connect(school.url.removeprefix("sqlite:///"))
    connection.execute(
        "UPDATE SubjectAreas SET Name = 'Математика', ChangedAt = '2027-01-01 08:00:00.000' WHERE AreaId = 2"
    )
    connection.commit()
    connection.close()
    assert hint_keys(school, "subject", "2027-01-01") == set(subjects)


def test_illness_leaves_as_numbers_of_five_or_more(school: Demo) -> None:
    """Counted again from the vendor's tables, pupil by pupil, by nothing of the profile."""
    ill = school.query(
        "SELECT m.MeetingDate, a.StudentId, c.Parallel, s.FromDate, s.ToDate FROM Attendance a"
        " JOIN ClassMeetings m ON m.OrgCode = a.OrgCode AND m.MeetingId = a.MeetingId"
        " JOIN ClassStudents s ON s.OrgCode = a.OrgCode AND s.StudentId = a.StudentId AND s.YearId = a.YearId"
        " JOIN Classes c ON c.OrgCode = s.OrgCode AND c.ClassId = s.ClassId"
        " WHERE a.OrgCode = '42001' AND ifnull(a.CodeCorrected, a.CodeSubmitted) = 'Б'"
    )
    weeks: dict[tuple[int, date], set[int]] = {}
    for day, student, parallel, begin, end in ill:
        held = date.fromisoformat(day)
        if begin <= day and (end is None or end > day):
            weeks.setdefault((parallel, held - timedelta(days=held.weekday())), set()).add(student)
    expected = {
        (parallel, week.isoformat()): len(pupils) for (parallel, week), pupils in weeks.items() if len(pupils) >= 5
    }
    rows = canonical_rows(school.url, school.organisation, SUMMED)
    read = {tuple(key.split("/")): row[BY_NAME[SUMMED].index("pupils")] for key, row in rows.items()}
    assert read == {(str(parallel), week): pupils for (parallel, week), pupils in expected.items()}
