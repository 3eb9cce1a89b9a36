"""The doors to the database, and how its errors are told."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import psycopg
import pytest
from psycopg_pool import ConnectionPool
from sqlalchemy import text

from collector.store.engine import Database, DatabaseSettings, check_version, scope_of
from collector.store.problems import as_problem
from collector.store.roles import load_roles, prepare_roles
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collector.store.embedded import EmbeddedServer
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
IMPATIENT = DatabaseSettings(connections=1, wait_s=0.3, statement_timeout_s=0.2, lock_timeout_s=0.1)


def test_a_server_that_is_away_is_a_problem_that_passes():
    with pytest.raises(Problem, match="GOR-1801") as raised:
        Database("postgresql://u:p@127.0.0.1:1/x", IMPATIENT).open()
    assert raised.value.kind == "transient"


def test_a_missing_database_is_named_as_unavailable(store: Store):
    with pytest.raises(Problem, match="GOR-1801"):
        Database(store.roles.ingest.rsplit("/", 1)[0] + "/nowhere", IMPATIENT).open()


@pytest.fixture
def impatient(store: Store) -> Iterator[Database]:
    """A database with one connection and no patience."""
    with Database(store.roles.ingest, IMPATIENT) as database:
        yield database


def test_a_long_statement_is_cancelled(impatient: Database):
    with pytest.raises(Problem, match="GOR-1808"), impatient.plain() as connection:
        connection.execute("SELECT pg_sleep(5)")


def test_a_lock_is_not_waited_for_without_end(store: Store, impatient: Database):
    with store.owner() as owner, owner.transaction():
        owner.execute("LOCK TABLE gorod.mark")
        with pytest.raises(Problem, match="GOR-1808"), impatient.school("23-001") as connection:
            connection.execute("SELECT 1 FROM gorod.mark")


def test_no_free_connection_is_a_problem_of_both_doors(impatient: Database):
    with impatient.plain(), pytest.raises(Problem, match="GOR-1801"), impatient.plain():
        pass
    with impatient.begin(), pytest.raises(Problem, match="GOR-1801"), impatient.begin():
        pass


def test_a_transaction_of_the_other_door_states_its_school_too(store: Store, ingest: Database):
    with ingest.begin(school="23-001", scope="23-002") as connection:
        row = connection.execute(text("SELECT current_setting('gorod.school'), current_setting('gorod.scope')")).one()
    assert tuple(row) == ("23-001", "23-002")
    with ingest.begin() as connection:
        assert connection.scalar(text("SELECT current_setting('gorod.school', true)")) in ("", None)
    assert store.url


def test_errors_of_the_other_door_are_told_alike(ingest: Database):
    with pytest.raises(Problem, match="GOR-1809"), ingest.begin() as connection:
        connection.execute(text("CREATE TABLE gorod.x ()"))


def test_a_connection_that_the_server_cut_is_replaced(store: Store, ingest: Database):
    with ingest.plain() as connection:
        pid = connection.info.backend_pid
    with store.owner() as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))  # waits until it is gone
    with ingest.plain() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_answered_a_moment_ago_is_not_asked_again(
    ingest: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ConnectionPool, "check_connection", asked.append)
    for _again in range(3):
        with ingest.plain() as connection:
            connection.execute("SELECT 1")
    assert len(asked) <= 1
    monkeypatch.setattr("collector.store.engine._TRUSTED_S", -1.0)
    with ingest.plain() as connection:
        assert asked[-1] is connection


def test_a_school_and_its_first_row_come_together(store: Store, ingest: Database):
    statement = "SELECT %(school)s, current_setting('gorod.school') WHERE %(school)s = '23-001'"
    with ingest.school_row("23-001", statement) as (connection, row):
        assert row == ("23-001", "23-001")
        assert connection.execute("SELECT current_setting('gorod.school')").fetchone() == ("23-001",)
    with ingest.school_row("23-002", statement) as (_connection, row):
        assert row is None
    assert store.url


def test_what_is_told_of_an_error_holds_no_values(store: Store):
    with store.owner() as owner, pytest.raises(psycopg.Error) as raised:
        owner.execute("INSERT INTO gorod.school (school_id, name) VALUES ('Секрет', 'Иванова')")
    assert "Секрет" in str(raised.value)
    told = as_problem(raised.value)
    assert told.details["cause"] == "23502 NotNullViolation school.zone"
    assert "Секрет" not in str(told.details)


def test_a_server_older_than_fifteen_is_refused():
    with pytest.raises(Problem, match="GOR-1803") as raised:
        check_version(Mock(info=Mock(server_version=140_011)))
    assert raised.value.details["version"] == "14"


def test_a_scope_of_no_school_shows_nothing():
    assert scope_of([]) == ""
    assert scope_of({"b", "a"}) == "a,b"


def test_a_door_is_opened_before_use(store: Store):
    database = Database(store.url)
    with pytest.raises(RuntimeError), database.plain():
        pass
    with pytest.raises(RuntimeError), database.begin():
        pass


def test_passwords_of_roles_are_kept_and_set_again(postgres: EmbeddedServer, store: Store, tmp_path: Path):
    first = prepare_roles(store.url, postgres.data)
    assert first == load_roles(store.url, postgres.data)
    assert (postgres.data / "roles.json").stat().st_mode & 0o777 == 0o600
    assert "@" in first.portal
    assert repr(first) == "RoleUrls()"
    assert tmp_path
