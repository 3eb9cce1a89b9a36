"""Canonical keys to and from what a source stores, pages, their sizes, and plans."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.origin import Origin
from agent.sources import query
from agent.sources.base import MAX_ROWS, MIN_ROWS, Options, page_limit
from agent.sources.factory import open_source
from agent.sources.page import Page, TupleRows, entity_columns, guid, key_texts, keyed
from agent.sources.pg_plan import plan_faults, plan_steps
from agent.sources.pgcopy import CopyRows, parse_row, unescape
from agent.sources.sqlite import plan_faults as sqlite_faults
from agent.sources.typed_keys import postgres_rows, spellings, sqlite_rows
from proto.problems import Problem
from tests.contract.vendors import profile

HERE = Origin("x", "y", 1)
values = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))


def escaped(value: str | None) -> bytes:
    """One value as PostgreSQL's documentation of COPY says."""
    if value is None:
        return b"\\N"
    for plain, written in (
        ("\\", "\\\\"),
        ("\b", "\\b"),
        ("\f", "\\f"),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
        ("\v", "\\v"),
    ):
        value = value.replace(plain, written)
    return value.encode()


@given(st.lists(values, min_size=1, max_size=5))
def test_copy_text_is_parsed_to_what_was_written(row: list[str | None]) -> None:
    line = b"\t".join(map(escaped, row))
    assert parse_row(line) == tuple(row)
    assert [CopyRows([line]).column(place)[0] for place in range(len(row))] == row


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=6), st.integers(1, 3))
def test_rows_of_copy_can_be_trimmed_without_being_parsed(rows: list[tuple[str | None, ...]], width: int) -> None:
    trimmed = CopyRows([b"\t".join(map(escaped, row)) for row in rows]).trimmed(width)
    assert [parse_row(line) for line in trimmed.raw] == [row[:width] for row in rows]


def test_bytes_that_are_no_text_become_half_characters() -> None:
    assert unescape(b"a\xff") == "a\udcff"
    assert parse_row(b"1\ta\xff") == ("1", "a\udcff")


@given(st.uuids())
def test_a_guid_of_any_spelling_is_one_key(found: UUID) -> None:
    for text in spellings(found):
        assert str(guid(text)) == str(found)
    assert str(guid(found.bytes)) == str(found)
    assert key_texts("guid", [list(spellings(found))]) == ([str(found)] * 6, {})


def test_what_is_no_guid_stays_as_it_is() -> None:
    assert [guid(value) for value in ("x", None, 5, b"x")] == ["x", None, 5, b"x"]


def test_whole_numbers_written_as_texts_are_the_same_keys() -> None:
    assert key_texts("int", [["7", 7, "007"]]) == (["7", "7", "7"], {})


def test_rows_without_a_writable_key_are_counted_by_cause() -> None:
    keys, causes = key_texts("composite", [[1, None, 2, 3], ["a", "b", 1.5, "x" * 300]])
    assert (keys, causes) == (["1/a", None, None, None], {"key_null": 1, "key_type": 1, "key_too_long": 1})
    assert keyed(["r1", "r2", "r3", "r4"], keys) == (["r1"], ["1/a"])


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5))
def test_integers_return_from_keys_as_sqlite_stores_them(numbers: list[int]) -> None:
    keys, _causes = key_texts("int", [numbers])
    assert sqlite_rows("int", ["integer"], [str(key) for key in keys]) == [(number,) for number in numbers]


def test_keys_that_a_column_cannot_hold_are_left_out() -> None:
    assert sqlite_rows("int", ["integer"], ["x", "1.5", "9" * 19, "1/2", "8"]) == [(8,)]
    assert sqlite_rows("composite", ["integer", "blob"], ["1/x", f"1/{UUID(int=5)}"]) == [(1, UUID(int=5).bytes)]
    assert sqlite_rows("int", [], ["1"]) == []
    assert postgres_rows("int", ["int4"], ["2147483648", "-2147483648", "x"]) == [("-2147483648",)]
    assert postgres_rows(
        "composite", ["int2", "date", "text"], ["1/2026-01-02/a~1b", "1/x/a", "70000/2026-01-02/a"]
    ) == [("1", "2026-01-02", "a/b")]
    assert postgres_rows("guid", ["uuid"], ["x"]) == []
    assert postgres_rows("int", ["numeric"], ["5", "x"]) == [("5",)]
    assert postgres_rows("text", ["text"], ["a\0", "\ud800", "b"]) == [("b",)]


def test_guids_kept_as_text_are_looked_up_in_every_usual_spelling() -> None:
    found = uuid4()
    assert {row[0] for row in sqlite_rows("guid", ["text"], [str(found)])} == set(spellings(found))
    assert {row[0] for row in postgres_rows("guid", ["varchar"], [str(found)])} == set(spellings(found))


def test_rows_become_columns_in_the_order_of_the_entity() -> None:
    absence = profile().entity("attendance_event")
    rows = [(5, "ABCDEF00-0000-0000-0000-00000000000A", 7, "НП", "2026-11-20")]
    page = Page(("lesson_id", "pupil_id", "year_id", "submitted_code", "at"), HERE, rows, ["5/x"])
    found = {
        field.name: column
        for field, column in zip(absence.entity.fields, entity_columns(absence, page, [0]), strict=True)
    }
    assert {name: column[0] for name, column in found.items() if column[0] is not None} == {
        "id": "5/x",
        "year_id": 7,
        "lesson_id": 5,
        "pupil_id": "ABCDEF00-0000-0000-0000-00000000000A",
        "submitted_code": "НП",
        "at": "2026-11-20",
    }


def test_references_to_guid_keys_are_spelled_as_these_keys() -> None:
    pupil = profile().entity("pupil")
    page = Page(("id", "person_id"), HERE, [(1, "{ABCDEF00-0000-0000-0000-00000000000A}"), (2, None)], ["1", "2"])
    columns = entity_columns(pupil, page, [0, 1])
    assert list(map(str, columns[1])) == ["abcdef00-0000-0000-0000-00000000000a", "None"]


def test_no_rows_are_columns_without_values() -> None:
    pupil = profile().entity("pupil")
    assert entity_columns(pupil, Page(("id", "person_id"), HERE, [], []), []) == [[]] * len(pupil.entity.fields)


def test_tuples_are_cut_to_what_leaves() -> None:
    rows = TupleRows([(1, "a", "x"), (2, "b", "y")])
    assert (rows.trimmed(2).raw, rows.column(2), rows.cells(1, [2, 0])) == ([(1, "a"), (2, "b")], ["x", "y"], ("y", 2))
    assert rows.trimmed(3) is rows


@given(st.integers(MIN_ROWS, MAX_ROWS), st.integers(0, MAX_ROWS), st.floats(0, 60))
def test_a_page_size_stays_within_bounds_and_never_more_than_doubles(limit: int, rows: int, seconds: float) -> None:
    found = page_limit(limit, rows, seconds)
    assert MIN_ROWS <= found <= max(MIN_ROWS, min(MAX_ROWS, limit * 2))


def test_a_page_size_follows_the_time_that_pages_take() -> None:
    assert page_limit(1000, 1000, 0.01) == 2000
    assert page_limit(1000, 1000, 0.2) == 500
    assert page_limit(1000, 0, 30.0) == 250
    assert page_limit(1000, 3, 0.01) == 1000


def test_a_window_needs_both_ends_in_the_sources_own_form() -> None:
    absence = profile().entity("attendance_event")
    window = query.Window(since=date(2026, 9, 1), until=datetime(2026, 11, 20, 8, 0), years=("7",))  # noqa: DTZ001  local time
    conditions = query.window_conditions(absence, window, repr, [7])
    assert conditions == ["q.\"at\" >= '2026-09-01'", "q.\"at\" < '2026-11-20 08:00:00'", 'q."year_id" IN (7)']
    assert query.order_of(absence, window) == ("at", "lesson_id", "pupil_id")
    assert query.order_of(absence, query.WHOLE) == ("lesson_id", "pupil_id")


def test_scans_and_sorts_of_sqlite_are_faults_and_seeks_are_not() -> None:
    good = [
        "SEARCH m USING INTEGER PRIMARY KEY (rowid>?)",
        "USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
        "SCAN gorod_keys",
        "SCAN 2 CONSTANT ROWS",
    ]
    bad = ["SCAN m", "SCAN m USING INDEX x", "USE TEMP B-TREE FOR ORDER BY", "MATERIALIZE y", "CO-ROUTINE q"]
    assert sqlite_faults(good + bad) == tuple(bad)


def test_scans_and_sorts_of_postgresql_are_faults_and_seeks_are_not() -> None:
    seek = {"Node Type": "Index Scan", "Relation Name": "marks", "Index Name": "marks_pkey", "Index Cond": "(id > 5)"}
    inner = {"Node Type": "Aggregate", "Parent Relationship": "SubPlan", "Plans": [seek]}
    assert list(plan_faults({"Node Type": "Limit", "Plans": [seek, inner]})) == []
    whole = {"Node Type": "Index Scan", "Relation Name": "lessons", "Index Name": "lessons_pkey", "Filter": "x"}
    scan = {"Node Type": "Seq Scan", "Relation Name": "marks"}
    plan = {"Node Type": "Sort", "Plans": [{"Node Type": "Nested Loop", "Plans": [whole, scan, inner]}]}
    assert list(plan_faults(plan)) == ["Sort", "Index Scan lessons lessons_pkey", "Seq Scan marks"]
    assert "Nested Loop" in list(plan_steps(plan))


@pytest.mark.parametrize("url", ["mysql://h/d", "mssql://h/d", "", "c:/a.db"])
def test_an_unknown_engine_is_named(url: str) -> None:
    with pytest.raises(Problem) as caught:
        open_source(Options(url, "1"))
    assert caught.value.code == "GOR-1308"
