"""The record of what people did: chained in the database, checked by a second implementation, anchored outside."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from collector.store import audit
from collector.store.engine import Database, DatabaseSettings
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def owner(store: Store) -> Iterator[Database]:
    with Database(store.url, DatabaseSettings(connections=2)) as database:
        yield database


@pytest.fixture
def written(owner: Database, reader: Database) -> Database:
    """Five rows, of the portal and of a command."""
    for number in range(4):
        with reader.begin() as connection:
            audit.record(
                connection,
                "signed_in",
                NOW + timedelta(seconds=number, microseconds=number * 333),
                actor=number or None,
                subject=f"account:{number}",
                school="23-001",
                details={"ответ": "да", "n": number},
            )
    with owner.begin() as connection:
        audit.record(connection, "role_changed", NOW, subject="account:1")
    return owner


def verdict(owner: Database, *anchors: audit.Anchor) -> audit.Verdict:
    with owner.begin() as connection:
        return audit.verify(connection, anchors)


def change(store: Store, statement: str) -> None:
    with store.owner() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)


def test_an_untouched_chain_fits(written: Database):
    assert verdict(written) == audit.Verdict(5)


def test_an_empty_record_fits(owner: Database):
    assert verdict(owner) == audit.Verdict(0)


def test_a_row_is_hashed_as_the_documentation_says(written: Database, store: Store):
    """An independent reading of the first row: every field with its length, over the hash before it, which is empty."""
    with store.owner() as connection:
        row = connection.execute("SELECT details, hash FROM gorod.audit WHERE number = 1").fetchone()
    assert row is not None
    details = json.dumps({"n": 0, "ответ": "да"}, ensure_ascii=False, separators=(",", ":"))
    assert row[0] == details
    content = f"1\n1795424400123\n9\nsigned_in\n-\n9\naccount:0\n6\n23-001\n{len(details.encode())}\n{details}"
    assert bytes(row[1]) == hashlib.sha256(content.encode()).digest()
    assert written


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE gorod.audit SET details = '{}' WHERE number = 2", 2),
        ("UPDATE gorod.audit SET actor = 9 WHERE number = 3", 3),
        ("UPDATE gorod.audit SET actor = NULL WHERE number = 4", 4),
        ("UPDATE gorod.audit SET at = at + interval '1 ms' WHERE number = 1", 1),
        ("UPDATE gorod.audit SET kind = 'refused' WHERE number = 5", 5),
        ("UPDATE gorod.audit SET subject = '23-001', school = subject WHERE number = 2", 2),
        ("UPDATE gorod.audit SET hash = sha256('x') WHERE number = 2", 2),
        ("DELETE FROM gorod.audit WHERE number = 3", 3),
        ("DELETE FROM gorod.audit WHERE number = 1", 1),
        ("UPDATE gorod.audit SET number = 7 WHERE number = 5", 5),
    ],
)
def test_the_first_row_that_was_touched_is_named(written: Database, store: Store, statement: str, broken: int):
    change(store, statement)
    found = verdict(written)
    assert (found.rows, found.broken) == (broken - 1, broken)
    assert found.cause


def test_rows_cut_off_at_the_end_are_missed_by_the_anchor(written: Database, store: Store, tmp_path: Path):
    with written.begin() as connection:
        anchor = audit.write_anchor(connection, tmp_path / "audit" / "anchors.jsonl", NOW)
    assert anchor is not None
    change(store, "DELETE FROM gorod.audit WHERE number > 3")
    assert verdict(written) == audit.Verdict(3)
    assert verdict(written, anchor).broken == 4


def test_a_chain_that_was_written_anew_is_told_by_the_anchor(written: Database, store: Store, tmp_path: Path):
    file = tmp_path / "anchors.jsonl"
    with written.begin() as connection:
        audit.write_anchor(connection, file, NOW)
    with store.owner() as connection:
        rows = connection.execute("SELECT at, kind, actor, subject, school, details FROM gorod.audit ORDER BY number")
        kept = [row for number, row in enumerate(rows.fetchall()) if number != 2]
        connection.execute("DELETE FROM gorod.audit")
        for row in [*kept, kept[0]]:
            connection.execute(
                "INSERT INTO gorod.audit (at, kind, actor, subject, school, details) VALUES (%s, %s, %s, %s, %s, %s)",
                row,
            )
    assert verdict(written) == audit.Verdict(5)
    assert verdict(written, *audit.read_anchors(file)).broken == 5


def test_a_day_has_one_anchor(written: Database, reader: Database, tmp_path: Path):
    file = tmp_path / "audit" / "anchors.jsonl"
    moments = (NOW, NOW + timedelta(hours=2), NOW + timedelta(days=1), NOW + timedelta(days=2))
    made = []
    for at in moments:
        with written.begin() as connection:
            made.append(audit.write_anchor(connection, file, at))
        with reader.begin() as connection:
            if at != moments[2]:
                audit.record(connection, "refused", at)
    assert [anchor and (anchor.day, anchor.number) for anchor in made] == [
        ("2026-11-23", 5),
        None,
        ("2026-11-24", 7),
        None,
    ]
    assert [anchor.number for anchor in audit.read_anchors(file)] == [5, 7]
    assert verdict(written, *audit.read_anchors(file)).broken is None


@pytest.mark.parametrize("role", ["portal", "ingest", "jobs"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gorod.audit SET kind = 'x'",
        "DELETE FROM gorod.audit",
        "TRUNCATE gorod.audit",
        "INSERT INTO gorod.audit (number, at, kind, hash) VALUES (1, now(), 'x', '')",
        "ALTER TABLE gorod.audit DISABLE TRIGGER ALL",
        "DROP TRIGGER chain ON gorod.audit",
    ],
)
def test_no_program_may_change_what_happened(store: Store, role: str, statement: str):
    with (
        psycopg.connect(getattr(store.roles, role), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_writers_at_the_same_time_make_one_chain(reader: Database, owner: Database):
    import threading

    def write(number: int) -> None:
        for _ in range(10):
            with reader.begin() as connection:
                audit.record(connection, "card_viewed", NOW, actor=number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdict(owner) == audit.Verdict(30)


def test_an_unknown_kind_is_refused(reader: Database):
    with pytest.raises(ValueError, match="opened"), reader.begin() as connection:
        audit.record(connection, "opened", NOW)


def test_a_transaction_that_fails_leaves_no_row(reader: Database, owner: Database):
    with pytest.raises(Problem), reader.begin() as connection:  # noqa: PT012 - the row must stand before the failure
        audit.record(connection, "refused", NOW)
        connection.exec_driver_sql("SELECT 1 / 0")
    assert verdict(owner) == audit.Verdict(0)


def test_the_newest_entries_come_first_and_page_on(written: Database):
    with written.begin() as connection:
        assert [entry.number for entry in audit.entries(connection, limit=2)] == [5, 4]
        assert [entry.number for entry in audit.entries(connection, before=4, limit=2)] == [3, 2]
        (entry,) = audit.entries(connection, subject="account:3")
    assert (entry.kind, entry.actor, entry.school, entry.details) == ("signed_in", 3, "23-001", {"n": 3, "ответ": "да"})
