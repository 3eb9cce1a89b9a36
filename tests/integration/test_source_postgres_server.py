"""NetSchool in PostgreSQL: refusals told apart, a session that cannot write, one spelling of values whatever the server's settings."""

from __future__ import annotations

import itertools
import select
import socket
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.origin import Verdict, compare
from agent.sources import pg_connect
from agent.sources.base import Options, Source, Window
from agent.sources.pgcopy import copy_rows, parse_row
from agent.sources.postgres import PostgresSource
from proto.problems import Problem
from tests.contract.source_rows import (
    ABSENCE,
    INSERT_ABSENCE,
    INSERT_PERSON,
    INSERT_SUBJECT,
    PERSON,
    SUBJECT,
    absence,
    guid,
    subject,
)
from tests.contract.vendors import ORGANISATION, READER, PostgresVendor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.store.embedded import EmbeddedServer

pytestmark = pytest.mark.integration
WHOLE = Window()
_NUMBERS = itertools.count(1)


@pytest.fixture
def vendor(postgres: EmbeddedServer) -> Iterator[PostgresVendor]:
    found = PostgresVendor(postgres, f"server_{next(_NUMBERS)}")
    found.execute(INSERT_SUBJECT, subject(1), subject(2))
    yield found
    postgres.drop_database(found.name)


@pytest.fixture
def source(vendor: PostgresVendor) -> Iterator[PostgresSource]:
    found = vendor.open()
    assert isinstance(found, PostgresSource)
    yield found
    found.close()


def refusal(source: Source) -> Problem:
    with pytest.raises(Problem) as caught:
        source.page(SUBJECT, None, 10, WHOLE)
    source.close()
    assert all(caught.value.text(lang) and caught.value.next_step(lang) for lang in ("ru", "en"))
    assert "…" not in caught.value.text("ru")
    return caught.value


def test_a_wrong_password_is_told_without_showing_it(vendor: PostgresVendor) -> None:
    problem = refusal(vendor.open(password="wrong secret"))
    assert (problem.code, problem.details) == ("GOR-1311", {"user": READER})
    assert "wrong secret" not in f"{problem} {problem.as_json('ru')} {vendor.open(password='wrong secret')._options!r}"


def test_an_unknown_login_is_told_as_a_wrong_one(vendor: PostgresVendor) -> None:
    url = vendor.url.replace(READER, "nobody_here")
    assert refusal(PostgresSource(Options(url, ORGANISATION))).code == "GOR-1311"


def test_a_password_from_a_file_wins_over_the_address(vendor: PostgresVendor) -> None:
    source = PostgresSource(Options(vendor.url.replace("reads%20only", "old"), ORGANISATION, password="reads only"))
    assert len(source.page(SUBJECT, None, 10, WHOLE)) == 2
    source.close()


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    problem = refusal(PostgresSource(Options(f"postgresql://u:p@127.0.0.1:{port}/d", ORGANISATION)))
    assert (problem.code, problem.details["address"]) == ("GOR-1312", f"127.0.0.1:{port}")


def test_a_host_that_is_unknown_is_named() -> None:
    problem = refusal(PostgresSource(Options("postgresql+psycopg://u:p@school.invalid/d", ORGANISATION)))
    assert (problem.code, problem.details["address"]) == ("GOR-1312", "school.invalid:5432")


def test_a_missing_database_is_told_from_a_wrong_password(vendor: PostgresVendor) -> None:
    problem = refusal(PostgresSource(Options(vendor.url.replace(vendor.name, "no_such"), ORGANISATION)))
    assert (problem.code, problem.details["database"]) == ("GOR-1313", "no_such")


def test_a_login_that_may_not_connect_lacks_a_right(vendor: PostgresVendor) -> None:
    vendor.execute(f"REVOKE CONNECT ON DATABASE {vendor.name} FROM PUBLIC")
    assert refusal(vendor.open()).code == "GOR-1314"


def test_a_table_without_select_right_is_named_by_its_entity(vendor: PostgresVendor, source: PostgresSource) -> None:
    vendor.execute(f"REVOKE SELECT ON Subjects FROM {READER}")  # noqa: S608  names of the test itself
    with pytest.raises(Problem) as caught:
        source.page(SUBJECT, None, 10, WHOLE)
    assert (caught.value.code, caught.value.details) == ("GOR-1314", {"user": READER, "object": "subject"})
    assert len(source.page(PERSON, None, 10, WHOLE)) == 0


def test_a_server_that_is_too_old_is_refused(vendor: PostgresVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg_connect, "MINIMUM_VERSION", 990_000)
    problem = refusal(vendor.open())
    assert (problem.code, problem.details["required"]) == ("GOR-1315", "99")


def test_an_unreadable_address_is_refused_without_showing_it() -> None:
    with pytest.raises(Problem) as caught:
        PostgresSource(Options("postgresql://u:secret@[::1/d?x", ORGANISATION))
    assert caught.value.code == "GOR-1003"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM Subjects",
        "CREATE TEMP TABLE t (a int)",
        "CREATE TABLE t (a int)",
        "SELECT nextval('subjects_seq')",
        "COPY Subjects FROM STDIN",
        "SELECT * FROM Subjects FOR UPDATE",
        "SELECT lo_create(0)",
        "CREATE INDEX ON Subjects (Name)",
    ],
)
def test_the_session_and_the_login_refuse_to_write(
    vendor: PostgresVendor, source: PostgresSource, statement: str
) -> None:
    vendor.execute("CREATE SEQUENCE subjects_seq")
    vendor.execute(f"GRANT USAGE ON SEQUENCE subjects_seq TO {READER}")
    source.connect()
    # Before 16 a read-only transaction may make a large object; no profile's SELECT does.
    let_pass = "lo_create" in statement and source._connected().info.server_version < 160_000
    with nullcontext() if let_pass else pytest.raises(psycopg.Error):
        source._connected().execute(statement.encode())
    source._connected().execute(b"SET default_transaction_read_only = off")
    if (
        "nextval" not in statement and "lo_create" not in statement
    ):  # without the session's setting the login itself must stop it
        with pytest.raises(psycopg.Error):
            source._connected().execute(statement.encode())


def test_a_slow_statement_is_cut_and_reading_goes_on(vendor: PostgresVendor) -> None:
    source = vendor.open(statement_timeout_s=0.1)
    assert isinstance(source, PostgresSource)
    with pytest.raises(Problem) as caught:
        source._rows("subject", "SELECT pg_sleep(5)", source._bound())
    assert (caught.value.code, caught.value.details) == ("GOR-1309", {"cause": "> 0.1 s"})
    assert len(source.page(SUBJECT, None, 10, WHOLE)) == 2
    source.close()


def test_an_error_in_the_middle_of_a_page_leaves_the_connection_usable(source: PostgresSource) -> None:
    with pytest.raises(Problem) as caught:
        source._rows("subject", "SELECT 1000 / (900 - g) FROM generate_series(1, 1000) AS g", source._bound())
    assert caught.value.details == {"cause": "22012"}
    assert len(source.page(SUBJECT, None, 10, WHOLE)) == 2


def test_a_lost_connection_is_a_problem_that_passes(vendor: PostgresVendor, source: PostgresSource) -> None:
    source.page(SUBJECT, None, 10, WHOLE)
    vendor.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{READER}' AND datname = '{vendor.name}'"  # noqa: S608  names of the test itself
    )
    with pytest.raises(Problem) as caught:
        source.page(SUBJECT, None, 10, WHOLE)
    assert caught.value.code == "GOR-1312"
    assert len(source.page(SUBJECT, None, 10, WHOLE)) == 2


def test_reading_rows_leaves_other_threads_free(source: PostgresSource) -> None:
    """The interpreter's lock is not held while the server works: the agent's stream lives in another thread."""
    source.connect()
    steps = 0
    done = threading.Event()

    def count() -> None:
        nonlocal steps
        while not done.wait(0.005):
            steps += 1

    counter = threading.Thread(target=count)
    counter.start()
    copy_rows(source._connected(), "SELECT pg_sleep(0.02) FROM generate_series(1, 20)")
    done.set()
    counter.join()
    assert steps > 15


def test_values_have_one_spelling_whatever_the_login_is_set_to(vendor: PostgresVendor, source: PostgresSource) -> None:
    vendor.execute(INSERT_ABSENCE, absence(1, 1))
    vendor.execute(INSERT_PERSON, (guid(1), ORGANISATION, "Ёлкина", "2012-03-04", None, None))
    before = source.page(ABSENCE, None, 10, WHOLE).rows, source.page(PERSON, None, 10, WHOLE).rows
    for setting in (
        "DateStyle = 'German'",
        "TimeZone = 'Asia/Tokyo'",
        "extra_float_digits = -10",
        "standard_conforming_strings = off",
    ):
        vendor.execute(f"ALTER ROLE {READER} IN DATABASE {vendor.name} SET {setting}")
    again = vendor.open()
    assert (again.page(ABSENCE, None, 10, WHOLE).rows, again.page(PERSON, None, 10, WHOLE).rows) == before
    assert before[0][0][4] == "2026-11-20 08:00:00"
    again.close()


def test_times_with_a_zone_are_read_in_the_schools_zone(vendor: PostgresVendor) -> None:
    for zone, hour in (("Europe/Kaliningrad", "07"), ("Asia/Vladivostok", "15")):
        source = vendor.open(zone=zone)
        assert isinstance(source, PostgresSource)
        rows = source._values("x", "SELECT '2026-11-20T05:00:00Z'::timestamptz::timestamp::text", source._bound())
        assert rows == [(f"2026-11-20 {hour}:00:00",)]
        source.close()


def test_tables_made_anew_in_the_same_database_are_another_life(vendor: PostgresVendor) -> None:
    """What pg_restore --clean does: neither the database's oid nor the timeline tells."""
    source = vendor.open(tables=("Subjects", "People"))
    before = source.origin()
    vendor.execute("CREATE TABLE s2 AS SELECT * FROM Subjects")
    assert compare(before, source.origin()) is Verdict.SAME
    vendor.execute("DROP TABLE Subjects")
    vendor.execute("ALTER TABLE s2 RENAME TO Subjects")
    assert compare(before, source.origin()) is Verdict.RESTORED
    source.close()


def test_a_retyped_column_is_seen_in_the_result(vendor: PostgresVendor, source: PostgresSource) -> None:
    before = {column.name: column.type for column in source.columns(SUBJECT)}
    vendor.execute("ALTER TABLE Subjects ALTER COLUMN Name TYPE varchar(40)")
    after = {column.name: column.type for column in source.columns(SUBJECT)}
    assert (before["name"], after["name"]) == ("text", "varchar(40)")


def test_keys_beyond_a_columns_range_are_no_error(source: PostgresSource) -> None:
    assert source.by_keys(SUBJECT, ["3000000000", "-3000000000", "1"]).keys == ["1"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
        min_size=1,
        max_size=6,
    )
)
def test_what_copy_writes_is_parsed_to_what_was_stored(postgres: EmbeddedServer, values: list[str | None]) -> None:
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        columns = ", ".join(f"{psycopg.sql.Literal(value).as_string(connection)}::text" for value in values)
        rows = copy_rows(connection, f"SELECT {columns}")
    assert [parse_row(row) for row in rows] == [tuple(values)]


def test_a_page_larger_than_the_sockets_buffers_arrives_whole(source: PostgresSource) -> None:
    rows = source._rows("x", "SELECT g, repeat('я', 500) FROM generate_series(1, 20000) AS g", source._bound())
    assert rows.column(0)[-1] == "20000"
    assert len(rows) == 20000
    assert select.select([source._connected().pgconn.socket], [], [], 0)[0] == []


def test_transactions_beyond_the_snapshot_hold_the_mark_too(vendor: PostgresVendor) -> None:
    """Two writers run and neither has ended: the snapshot's bounds name neither of them; then the younger one ends first."""
    source = vendor.open()
    vendor.execute(INSERT_SUBJECT, subject(5, minutes=5))
    base = source.hint_mark(SUBJECT)
    with vendor.transaction() as older:
        older.execute(INSERT_SUBJECT, subject(6, minutes=6))
        with vendor.transaction() as younger:
            younger.execute(INSERT_SUBJECT, subject(7, minutes=7))
            source.hint_mark(SUBJECT)
        held = source.hint_mark(SUBJECT)
    assert held == base
    assert source.hint_mark(SUBJECT) == {"": "2026-11-20 08:07:00"}
    source.close()


def test_the_mark_moves_on_when_the_long_transaction_ends(vendor: PostgresVendor, source: PostgresSource) -> None:
    vendor.execute(INSERT_SUBJECT, subject(5, minutes=5))
    first = source.hint_states([SUBJECT])["subject"]
    with vendor.transaction() as slow:
        slow.execute(INSERT_SUBJECT, subject(6, minutes=6))
        vendor.execute(INSERT_SUBJECT, subject(7, minutes=7))
        during = source.hint_states([SUBJECT])["subject"]
    after = source.hint_states([SUBJECT])["subject"]
    assert first.mark == first.newest == during.mark
    assert during.newest == after.newest == after.mark != first.mark


def test_a_first_mark_under_a_running_transaction_reaches_far_back(vendor: PostgresVendor) -> None:
    vendor.execute(INSERT_SUBJECT, subject(5, minutes=5))
    source = vendor.open(long_transaction_s=600)
    with vendor.transaction() as slow:
        slow.execute(INSERT_SUBJECT, subject(6, minutes=6))
        mark: Any = source.hint_mark(SUBJECT)
    assert mark == {"": "2026-11-20 07:55:00"}
    source.close()
