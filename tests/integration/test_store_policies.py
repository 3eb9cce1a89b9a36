"""Row-level security: who sees and writes which rows, asked of every table with school data."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import psycopg
import pytest

from collector.store.engine import Database, scope_of
from collector.store.tables import ENTITY_TABLES, HISTORY_TABLES, METADATA
from proto.problems import Problem
from tests.fix_applier import Applier, row_of, table

if TYPE_CHECKING:
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
SCHOOL_DATA = sorted(
    set(ENTITY_TABLES)
    | set(HISTORY_TABLES)
    | {
        *(
            "school",
            "school_state",
            "ledger",
            "guard_hour",
            "quarantine",
            "tombstone",
            "closed_year",
            "digest",
            "event",
            "release",
        ),
    }
)


@pytest.fixture
def filled(applier: Applier) -> Applier:
    """Marks of two schools."""
    applier.apply(table("mark", row_of("mark", "1")))
    applier.ring.add_school("23-002")
    Applier(applier.store, applier.ingest, applier.ring, "23-002").apply(table("mark", row_of("mark", "1")))
    return applier


def schools_seen(database: Database, scope: str) -> list[str]:
    with database.scope(scope) as connection:
        rows = connection.execute("SELECT DISTINCT school_id FROM gorod.guard_hour ORDER BY 1")
        return [school for (school,) in rows]


def test_every_table_that_names_a_school_is_protected(store: Store):
    apart = {"account_scope", "feed", "announcement_read"}
    named = {table.name for table in METADATA.tables.values() if "school_id" in table.columns} - apart
    with store.owner() as owner:
        rows = owner.execute("SELECT relname FROM pg_class WHERE relrowsecurity").fetchall()
    assert {name for (name,) in rows} == named
    assert set(SCHOOL_DATA) <= named


def test_a_reader_without_a_scope_sees_nothing(filled: Applier, reader: Database):
    with reader.plain() as connection:
        for name in SCHOOL_DATA:
            assert connection.execute(f"TABLE gorod.{name}").fetchall() == [], name
    assert schools_seen(reader, "") == []
    assert filled.select("SELECT count(*) FROM gorod.mark") == [(2,)]


def test_a_reader_sees_exactly_the_schools_of_the_scope(filled: Applier, reader: Database):
    assert schools_seen(reader, "23-002") == ["23-002"]
    assert schools_seen(reader, scope_of(["23-002", filled.school])) == ["23-001", "23-002"]
    assert schools_seen(reader, "*") == ["23-001", "23-002"]
    assert schools_seen(reader, "23-003") == []


def test_a_scope_ends_with_its_transaction(filled: Applier, reader: Database):
    assert len(schools_seen(reader, "*")) == 2
    with reader.plain() as connection:
        assert connection.execute("SELECT count(*) FROM gorod.guard_hour").fetchone() == (0,)
    assert filled.school


def test_the_scope_is_evaluated_once_per_statement(filled: Applier, reader: Database):
    with reader.scope(filled.school) as connection:
        plan = connection.execute("EXPLAIN SELECT * FROM gorod.guard_hour").fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "InitPlan" in text
    assert "SubPlan" not in text


@pytest.mark.parametrize("scope", ["* ", "a b", "a,", "'; DROP TABLE x; --", "*,a", "a\0"])
def test_what_is_no_scope_never_reaches_the_database(reader: Database, scope: str):
    with pytest.raises(ValueError, match="scope"), reader.scope(scope):
        pass


def test_the_portal_cannot_write_school_data(store: Store):
    statements = (
        "DELETE FROM gorod.{}",
        "TRUNCATE gorod.{}",
        "INSERT INTO gorod.{} DEFAULT VALUES",
        "UPDATE gorod.{} SET school_id = 'x'",
        "ALTER TABLE gorod.{} DISABLE ROW LEVEL SECURITY",
    )
    with psycopg.connect(store.roles.portal, autocommit=True) as connection:
        connection.execute("SET gorod.scope = '*'")
        connection.execute("SET gorod.school = '23-001'")
        for statement, name in itertools.product(statements, SCHOOL_DATA):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.format(name))


def test_the_portal_sees_no_codes(reader: Database):
    with pytest.raises(Problem, match="GOR-1809"), reader.scope("*") as connection:
        connection.execute("SELECT 1 FROM gorod.code")


def test_a_stream_writes_its_own_school_only(filled: Applier, ingest: Database):
    with ingest.school("23-002") as connection:
        assert connection.execute("UPDATE gorod.mark SET raw = 'x' WHERE school_id = '23-001'").rowcount == 0
        assert connection.execute("DELETE FROM gorod.mark WHERE school_id = '23-001'").rowcount == 0
    with pytest.raises(Problem, match="GOR-1809"), ingest.school("23-002") as connection:
        connection.execute("INSERT INTO gorod.closed_year VALUES ('23-001', '2025', 1, now())")
    assert filled.select("SELECT raw FROM gorod.mark") == [("текст",), ("текст",)]


def test_a_stream_cannot_move_a_row_into_another_school(filled: Applier, ingest: Database):
    with pytest.raises(Problem, match="GOR-1809"), ingest.school("23-002") as connection:
        connection.execute("UPDATE gorod.mark SET school_id = '23-009'")
    assert len(filled.select("SELECT 1 FROM gorod.mark")) == 2


@pytest.mark.parametrize("statement", ["DELETE FROM gorod.{}", "UPDATE gorod.{} SET school_id = '23-001'"])
@pytest.mark.parametrize("name", ["event", "tombstone", "ledger", "digest", "mark_history"])
def test_a_stream_cannot_rewrite_what_happened(ingest: Database, name: str, statement: str):
    with pytest.raises(Problem, match="GOR-1809"), ingest.school("23-001") as connection:
        connection.execute(statement.format(name))


def test_a_stream_neither_adds_schools_nor_confirms_its_own_held_rows(ingest: Database):
    for statement in (
        "INSERT INTO gorod.school (school_id, name, zone, organisation, uuid) VALUES ('23-001', '', '', '', '')",
        "INSERT INTO gorod.release (school_id, number, entity, rows) VALUES ('23-001', 1, 1, 1)",
    ):
        with pytest.raises(Problem, match="GOR-1809"), ingest.school("23-001") as connection:
            connection.execute(statement)


def test_jobs_see_every_school_but_add_no_rows(filled: Applier, jobs: Database):
    assert schools_seen(jobs, "*") == ["23-001", "23-002"]
    with pytest.raises(Problem, match="GOR-1809"), jobs.scope("*") as connection:
        connection.execute("INSERT INTO gorod.mark SELECT * FROM gorod.mark")
    assert filled.school
