"""What every source must do, whatever its engine: changes of the schema, waiting, locks, surveys, checks of a profile."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.core.drift import Column, compare
from agent.profile import parse
from agent.profile_check import check, check_entity, preview
from proto.problems import Problem
from tests.contract.source_rows import (
    ABSENCE,
    INSERT_ABSENCE,
    INSERT_KIND,
    INSERT_LOG,
    INSERT_PERSON,
    INSERT_SUBJECT,
    KIND,
    PERSON,
    PROFILE,
    SUBJECT,
    WHOLE,
    absence,
    guid,
    stamp,
    subject,
)
from tests.contract.vendors import ORGANISATION, PROFILE_TEXT, Vendor

if TYPE_CHECKING:
    from agent.sources.base import Source


class Drifting:
    def test_a_new_column_is_reported_and_reading_goes_on(self, vendor: Vendor, source: Source) -> None:
        before = source.columns(SUBJECT)
        vendor.execute("ALTER TABLE Subjects ADD COLUMN Grading TEXT")
        drift = compare(before, source.columns(SUBJECT))
        assert [name.lower() for name in drift.added] == ["subjects.grading"]
        assert not drift.pauses
        assert len(source.page(SUBJECT, None, 10, WHOLE)) == 0

    def test_a_lost_column_pauses_this_entity_only(self, vendor: Vendor, source: Source) -> None:
        source.page(SUBJECT, None, 10, WHOLE)
        vendor.execute("ALTER TABLE Subjects RENAME COLUMN Area TO Domain")
        for read in (lambda: source.page(SUBJECT, None, 10, WHOLE), lambda: source.columns(SUBJECT)):
            with pytest.raises(Problem) as caught:
                read()
            assert caught.value.code == "GOR-1403"
            assert caught.value.details["entity"] == "subject"
            assert "area" in caught.value.details["missing"].lower()
        assert len(source.page(PERSON, None, 10, WHOLE)) == 0

    def test_a_lost_table_is_named(self, vendor: Vendor, source: Source) -> None:
        vendor.execute("DROP TABLE WorkKinds")
        with pytest.raises(Problem) as caught:
            source.page(KIND, None, 10, WHOLE)
        assert caught.value.code == "GOR-1403"
        assert "workkinds" in caught.value.details["missing"].lower()

    def test_failing_hints_name_their_entity(self, vendor: Vendor, source: Source) -> None:
        source.hint_states(PROFILE.entities)
        vendor.execute("DROP TABLE JournalLog")
        with pytest.raises(Problem) as caught:
            source.hint_states(PROFILE.entities)
        assert (caught.value.code, caught.value.details["entity"]) == ("GOR-1403", "attendance_event")

    def test_the_same_columns_are_no_drift(self, source: Source) -> None:
        columns = source.columns(ABSENCE)
        assert Column("submitted_code", columns[3].type) in columns
        assert not compare(columns, source.columns(ABSENCE))


class Waiting:
    def test_a_wait_ends_early_when_something_is_committed(self, vendor: Vendor, source: Source) -> None:
        source.wait(0)
        writer = threading.Timer(0.2, vendor.execute, (INSERT_SUBJECT, subject(1)))
        writer.start()
        began = time.monotonic()
        assert source.wait(20)
        assert time.monotonic() - began < 10
        writer.join()

    def test_a_wait_without_changes_takes_its_time(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, subject(1))
        source.wait(0)
        began = time.monotonic()
        assert not source.wait(0.15)
        assert time.monotonic() - began >= 0.15

    def test_what_is_committed_between_two_waits_is_not_lost(self, vendor: Vendor, source: Source) -> None:
        source.wait(0)
        vendor.execute(INSERT_SUBJECT, subject(1))
        assert source.wait(20)


class Locks:
    def test_a_locked_database_is_a_problem_that_passes(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, subject(1))
        source.page(SUBJECT, None, 10, WHOLE)
        with vendor.locked("Subjects"):
            began = time.monotonic()
            with pytest.raises(Problem) as caught:
                source.page(SUBJECT, None, 10, WHOLE)
            assert (caught.value.code, caught.value.kind) == ("GOR-1304", "source")
            assert time.monotonic() - began < 5
        assert source.page(SUBJECT, None, 10, WHOLE).keys == ["1"]

    def test_a_page_leaves_no_lock_behind(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, subject(1))
        source.page(SUBJECT, None, 10, WHOLE)
        with vendor.locked("Subjects"):
            pass


class Surveys:
    def test_a_survey_names_tables_columns_types_and_counts_but_no_values(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_PERSON, (guid(1), ORGANISATION, "Ёлкина", None, "8-900", None))
        survey = source.describe()
        tables = {table.name.lower(): table for table in survey.tables}
        assert tables["people"].rows == 1
        assert [name.lower() for name in tables["absences"].key] == ["lessonid", "pupilid"]
        assert "Ёлкина" not in json.dumps(survey.as_json(), ensure_ascii=False)

    def test_the_schema_fingerprint_is_of_the_schema_alone(self, vendor: Vendor, source: Source) -> None:
        empty = source.describe(counts=False).fingerprint
        vendor.execute(INSERT_SUBJECT, subject(1))
        assert source.describe().fingerprint == empty
        vendor.execute("ALTER TABLE Subjects ADD COLUMN Grading TEXT")
        assert source.describe().fingerprint != empty


class Checking:
    @pytest.fixture(autouse=True)
    def _rows(self, vendor: Vendor) -> None:
        vendor.execute("INSERT INTO SchoolYears VALUES (?, ?, ?, ?)", (7, ORGANISATION, "2026/2027", False))
        vendor.execute(INSERT_SUBJECT, *map(subject, range(1, 40)))
        vendor.execute(
            INSERT_PERSON,
            *((guid(number), ORGANISATION, "Иванова", "2012-03-04", None, None) for number in range(1, 40)),
        )
        vendor.execute(
            "INSERT INTO Students VALUES (?, ?, ?, ?)",
            *((number, ORGANISATION, guid(number), None) for number in range(1, 40)),
        )
        vendor.execute(INSERT_KIND, *((f"k{number}", ORGANISATION, "x") for number in range(40)))
        vendor.execute(INSERT_ABSENCE, *(absence(number, 1) for number in range(40)))
        vendor.execute(INSERT_LOG, *((number, ORGANISATION, number, guid(1), stamp()) for number in range(40)))

    def test_a_fitting_profile_passes_whole(self, source: Source) -> None:
        found = check(PROFILE, source)
        assert [
            (part.entity, [str(problem) for problem in part.problems]) for part in found.entities if not part.ok
        ] == []
        assert (found.passed, found.ok) == (6, True)

    def test_keyless_and_repeated_rows_are_found(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_KIND, (None, ORGANISATION, "x"), ("k1", ORGANISATION, "y"))
        assert _codes(source, "assignment_type") == [("GOR-1405", "1"), ("GOR-1406", "2")]

    def test_a_page_that_needs_a_sort_or_scan_is_refused(self, vendor: Vendor, source: Source) -> None:
        vendor.execute("DROP INDEX WorkKindsByCode")
        assert {code for code, _count in _codes(source, "assignment_type")} == {"GOR-1408"}

    def test_a_hint_without_an_index_is_refused(self, vendor: Vendor, source: Source) -> None:
        vendor.execute("DROP INDEX JournalLogByTime")
        assert {code for code, _count in _codes(source, "attendance_event")} == {"GOR-1408"}

    def test_a_mapping_that_spoils_most_rows_is_refused_with_the_field(self, vendor: Vendor, source: Source) -> None:
        vendor.execute("UPDATE Absences SET Code = 'болезнь', HappenedAt = NULL")
        assert _codes(source, "attendance_event") == []
        spoilt = parse(PROFILE_TEXT.replace(b"a.Code AS submitted_code", b"a.Code AS minutes_late"))
        found = check_entity(spoilt.entity("attendance_event"), source)
        assert found.unfit == {"minutes_late: number_format": 40}
        assert [problem.details["cause"] for problem in found.problems] == [
            "attendance_event: minutes_late: number_format 40"
        ]

    def test_unknown_result_columns_are_refused(self, source: Source) -> None:
        spoilt = parse(PROFILE_TEXT.replace(b"p.Phone AS _phone", b"p.Phone AS phone"))
        found = check_entity(spoilt.entity("person"), source)
        assert [(problem.code, problem.details["cause"]) for problem in found.problems] == [
            ("GOR-1402", "person: unknown: phone")
        ]

    def test_a_preview_shows_masked_what_leaves_and_names_what_stays(self, source: Source) -> None:
        found = preview(PROFILE.entity("person"), source, 2)
        assert [name for name, _privacy in found.leaving] == ["id", "last_name", "birth_date"]
        assert [row[1:] for row in found.rows] == [("И…", "0000-00-00")] * 2
        assert "People.photo" in [name.replace("Photo", "photo") for name in found.staying]
        assert not any("lastname" in name.lower() or "phone" in name.lower() for name in found.staying)

    def test_a_check_is_written_as_json_in_both_languages(self, vendor: Vendor, source: Source) -> None:
        vendor.execute("DROP TABLE Subjects")
        for lang in ("ru", "en"):
            found = json.loads(json.dumps(check(PROFILE, source).as_json(lang)))
            assert (found["ok"], found["passed"], found["total"]) == (False, 5, 6)
            assert found["entities"][1]["problems"][0]["code"] == "GOR-1403"

    def test_a_missing_table_fails_its_entity_only(self, vendor: Vendor, source: Source) -> None:
        vendor.execute("DROP TABLE Subjects")
        found = check(PROFILE, source)
        assert [part.entity for part in found.entities if not part.ok] == ["subject"]
        assert found.passed == 5


def _codes(source: Source, entity: str) -> list[tuple[str, str]]:
    found = next(part for part in check(PROFILE, source).entities if part.entity == entity)
    return [(problem.code, problem.details.get("count", "")) for problem in found.problems]
