"""What ``gorod-collector status`` and the portal read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, update

from collector.store import health, schools
from collector.store.engine import sqlalchemy_engine
from collector.store.tables import certificate, event, ledger, quarantine, school_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from collector.store.engine import Database
    from collector.store.health import SchoolHealth
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
AGENT_KEYS = {
    *(
        "school",
        "state",
        "connected",
        "epoch",
        "acked_seq",
        "outbox_rows",
        "outbox_bytes",
        "last_change_seen",
        "fresh_at",
    ),
    *("complete_at", "stored_at", "differences", "held", "quarantined", "paused_entities", "certificate_days"),
    *("clock_offset_s", "problem"),
}
LIVING = {
    "connected": True,
    "state": "ok",
    "last_seen": NOW - timedelta(seconds=3),
    "fresh_at": NOW - timedelta(seconds=4),
    "complete_at": NOW - timedelta(hours=2),
    "agent_version": "0.1.0",
    "rows": 430_000,
    "epoch": b"\x01" * 16,
    "seq": 812,
    "clock_offset_ms": 100,
}


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    engine = sqlalchemy_engine(store.url)
    with engine.begin() as opened:
        for number in ("1", "2"):
            schools.add(opened, schools.NewSchool(f"23-00{number}", f"Школа № {number}"), NOW)
        yield opened
    engine.dispose()


def read(connection: Connection, **state: Any) -> SchoolHealth:
    """Health of the first school after its state was set."""
    if state:
        connection.execute(update(school_state).where(school_state.c.school_id == "23-001").values(state))
    found = health.read_school(connection, "23-001", NOW, 900, 3600)
    assert found is not None
    return found


def test_a_school_that_never_came_is_silent_and_empty(connection: Connection):
    found = read(connection)
    assert (found.level, found.state, found.connected, found.rows) == ("silent", None, False, 0)
    assert (found.certificate_days, found.delay_ms, found.problem) == (None, None, None)


def test_a_living_school_is_ok(connection: Connection):
    found = read(connection, **LIVING)
    assert (found.level, found.connected, found.rows, found.acked_seq) == ("ok", True, 430_000, 812)
    assert (found.epoch, found.clock_offset_s) == ("01" * 16, 0.1)


def test_a_connection_that_nobody_hears_of_is_none(connection: Connection):
    assert not read(connection, **LIVING | {"last_seen": NOW - timedelta(hours=2)}).connected


def test_totals_count_every_school_once(connection: Connection):
    read(connection, **LIVING)
    found = health.read_health(connection, NOW, 900, 3600)
    assert [one.school for one in found.schools] == ["23-001", "23-002"]
    assert found.totals == {"ok": 1, "late": 0, "silent": 1, "error": 0}


def test_a_revoked_school_is_not_listed(connection: Connection):
    schools.revoke(connection, "23-002", NOW)
    assert [one.school for one in health.read_health(connection, NOW, 900, 3600).schools] == ["23-001"]


def test_the_newest_good_certificate_counts(connection: Connection):
    for serial, days, revoked in (("a", 10, None), ("b", 83.5, None), ("c", 300, NOW)):
        connection.execute(
            insert(certificate).values(
                serial=serial,
                school_id="23-001",
                der=b"",
                issued_at=NOW,
                not_after=NOW + timedelta(days=days),
                revoked_at=revoked,
            )
        )
    assert read(connection).certificate_days == 83


def test_quarantined_rows_are_counted(connection: Connection):
    row = {"school_id": "23-001", "entity": 20, "cause": "oversize", "row_hash": 1, "leaf": 1, "seq": 1, "since": NOW}
    for key in ("1", "2"):
        connection.execute(insert(quarantine).values(row | {"key_hash": key.encode(), "source_id": key}))
    assert read(connection, **LIVING).quarantined == 2


def test_delay_is_told_without_the_difference_of_clocks(connection: Connection):
    found = read(
        connection,
        **LIVING
        | {
            "applied_at": NOW,
            "captured_at": NOW + timedelta(seconds=9.75),
            "clock_offset_ms": 10_000,
        },
    )
    assert found.delay_ms == 250


def test_held_and_paused_entities_are_named_and_need_a_person(connection: Connection):
    found = read(
        connection,
        **LIVING
        | {
            "held": [{"entity": 20, "deletes": 600, "updates": 3}],
            "paused": [{"entity": 17, "code": "GOR-1401", "detail": "Lessons.Topic"}],
        },
    )
    assert (found.level, found.held[0].entity, found.paused[0].entity) == ("error", "mark", "lesson")
    told = health.school_json(found, "ru")
    assert (told["held"], told["paused_entities"]) == (603, ["lesson"])


def test_a_problem_is_told_in_both_languages_with_the_next_step(connection: Connection):
    problem = {"code": "GOR-1801", "details": {"cause": "x"}, "at": NOW.isoformat()}
    found = read(connection, **LIVING | {"problem": problem})
    russian, english = (health.school_json(found, lang)["problem"] for lang in ("ru", "en"))
    assert russian["code"] == english["code"] == "GOR-1801"
    assert russian["text"] != english["text"]
    assert (russian["class"], russian["at"]) == ("transient", "2026-10-01T12:00:00.000Z")
    assert found.level == "ok"


def test_status_has_exactly_the_keys_of_the_contract(connection: Connection):
    read(connection, **LIVING)
    told = json.loads(json.dumps(health.status_json(health.read_health(connection, NOW, 900, 3600), "ru")))
    assert set(told) == {"schools", "totals", "last_good_restore"}
    assert set(told["schools"][0]) == AGENT_KEYS | {"name", "level", "rows", "agent_version", "last_seen"}
    assert told["schools"][0]["fresh_at"] == "2026-10-01T11:59:56.000Z"
    assert told["schools"][1]["state"] == "offline"


def test_an_offered_source_waits_for_a_person(connection: Connection):
    schools.offer_identity(connection, "23-001", "guid-2")
    found = read(connection, **LIVING)
    assert (found.level, found.offered_identity) == ("error", "guid-2")


def test_events_and_batches_are_read_newest_first(connection: Connection):
    for number in (1, 2):
        connection.execute(insert(event).values(school_id="23-001", at=NOW, kind=f"k{number}", details={"n": "1"}))
        for epoch in (b"\x01" * 16, b"\x02" * 16):
            connection.execute(
                insert(ledger).values(
                    school_id="23-001",
                    epoch=epoch,
                    seq=number,
                    hash=b"",
                    received_at=NOW,
                    header=b"",
                    rows=5,
                    applied=4,
                    unchanged=1,
                    quarantined=0,
                )
            )
    read(connection, **LIVING)
    assert [one.kind for one in health.read_events(connection, "23-001")] == ["k2", "k1"]
    assert [(one.seq, one.applied) for one in health.read_batches(connection, "23-001")] == [(2, 4), (1, 4)]


def test_the_portal_reads_the_schools_of_its_scope(connection: Connection, reader: Database):
    connection.commit()
    with reader.begin(scope="23-002") as scoped:
        assert [one.school for one in health.read_health(scoped, NOW, 900, 3600).schools] == ["23-002"]
        assert health.read_school(scoped, "23-001", NOW, 900, 3600) is None
    with reader.begin() as unscoped:
        assert health.read_health(unscoped, NOW, 900, 3600).schools == ()
