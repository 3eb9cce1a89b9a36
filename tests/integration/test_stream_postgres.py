"""The same stream over the real store: ledger, rows and head in one PostgreSQL transaction, certificates from the real office."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from collector.ca.authority import LOG_FILE, Authority
from collector.ca.log import IssueLog
from collector.ca.office import Office
from collector.ca.registry import PostgresRegistry
from collector.ingest.admission import Admission
from collector.ingest.books_postgres import PostgresLibrary
from collector.ingest.notify import HealthNotifier
from collector.ingest.settings import DepartmentSettings, Guard
from collector.store import schools
from collector.store.engine import Database
from collector.store.keys import KeyRing
from proto.sync.v1 import sync_pb2
from tests.fix_applier import Applier
from tests.fix_uplink import StreamBench, listening, until
from tests.uplink_fakes import MemoryUplinkStore, room

pytestmark = pytest.mark.integration


@pytest.fixture
async def centre(applier: Applier, ingest: Database, ring: KeyRing, tmp_path: Path) -> AsyncIterator[StreamBench]:
    """A collector over PostgreSQL that knows one school."""
    folder = tmp_path / "ca"
    registry = PostgresRegistry(ingest.plain)
    office = Office(Authority.create(folder), registry, IssueLog(folder / LOG_FILE))
    library = PostgresLibrary(ingest, ring.school, DepartmentSettings(Guard(), ring.sealing_key))
    gate = Admission(office, registry)
    async with listening(folder, library, gate, ring.opening_key) as bench:
        bench.fingerprint_key = ring.fingerprint_key(applier.school)
        yield bench


@pytest.fixture
def agent(centre: StreamBench, applier: Applier) -> MemoryUplinkStore:
    """An agent of that school, with two rows."""
    store = centre.agent(applier.school)
    store.source |= dict([room("1", "физика"), room("2", "химия")])
    return store


def is_equal(applier: Applier, store: MemoryUplinkStore) -> bool:
    rows = applier.select("SELECT source_id, row_hash FROM gorod.subject")
    held = {(5, key): value for key, value in rows}
    return not store.box and held == store.fingerprints and held.keys() == store.source.keys()


async def sync(centre: StreamBench, applier: Applier, store: MemoryUplinkStore) -> None:
    async with centre.running(store) as client:

        def settled() -> bool:
            if store.positions.adopting:
                client.compare()
            elif not store.box:
                store.capture(1000)
            client.captured()
            return not store.positions.adopting and is_equal(applier, store)

        await until(lambda: store.welcomes)
        await until(settled)


def state(applier: Applier, *columns: str) -> tuple[Any, ...]:
    """Columns of the school's head row."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    (row,) = applier.select(sql.SQL("SELECT {} FROM gorod.school_state").format(names).as_string())
    return row


async def test_a_change_is_stored_with_its_line_in_the_ledger(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    await sync(centre, applier, agent)
    (line,) = applier.select("SELECT seq, rows, applied, unchanged, quarantined, hash FROM gorod.ledger")
    assert line[:5] == (1, 2, 2, 0, 0)
    assert state(applier, "seq", "hash", "rows") == (1, line[5], 2)


async def test_updates_and_deletions_reach_the_tables(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    await sync(centre, applier, agent)
    agent.source = dict([room("2", "органическая химия")])
    await sync(centre, applier, agent)
    assert applier.select("SELECT source_id, name FROM gorod.subject") == [("2", "органическая химия")]
    assert state(applier, "seq", "rows") == (2, 1)


async def test_an_equal_digest_sets_the_complete_stamp(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    await sync(centre, applier, agent)
    agent.capture(1_790_000_000_000)
    async with centre.running(agent) as client:
        await until(lambda: client.status.connected)
        client.compare()
        await until(lambda: agent.compares[-1].complete_ms)
    complete, differences = state(applier, "complete_at", "differences")
    assert (complete, differences) == (datetime.fromtimestamp(1_790_000_000, UTC), 0)
    assert applier.select("SELECT equal FROM gorod.digest ORDER BY id DESC LIMIT 1") == [(True,)]


async def test_rows_that_the_centre_lost_are_found_and_sent_again(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    await sync(centre, applier, agent)
    with applier.store.owner() as owner:
        owner.execute("DELETE FROM gorod.subject WHERE source_id = '1'")
    async with centre.running(agent) as client:
        await until(lambda: client.status.connected)
        client.compare()
        await until(lambda: any(not one.equal for one in agent.compares))
        await until(lambda: len(agent.fingerprints) == 1)
    await sync(centre, applier, agent)
    assert agent.adopted == 1


async def test_a_centre_that_was_restored_takes_a_new_epoch(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    await sync(centre, applier, agent)
    backup = state(applier, "epoch", "seq", "hash", "lease", "lease_next")
    agent.source |= dict([room("3", "музыка")])
    await sync(centre, applier, agent)
    with applier.store.owner() as owner:
        owner.execute("DELETE FROM gorod.subject WHERE source_id = '3'")
        owner.execute("DELETE FROM gorod.ledger WHERE seq > 1")
        owner.execute(
            "UPDATE gorod.school_state SET epoch = %s, seq = %s, hash = %s, lease = %s, lease_next = %s, lease_until = NULL",
            backup,
        )
    await sync(centre, applier, agent)
    assert agent.adopted == 2
    assert state(applier, "epoch") != (backup[0],)


async def test_an_envelope_that_fails_in_the_database_leaves_nothing_behind(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    """Ledger and rows are one transaction: the ledger refuses, so no row may stay."""
    async with centre.running(agent) as client:
        await until(lambda: client.status.connected and agent.compares)
        with applier.store.owner() as owner:
            owner.execute("ALTER TABLE gorod.ledger ADD CONSTRAINT closed CHECK (seq < 1)")
        agent.capture(1000)
        client.captured()
        await until(lambda: client.status.problem is not None)
        assert applier.select("SELECT count(*) FROM gorod.subject") == [(0,)]
        assert state(applier, "seq", "rows") == (0, 0)
        assert agent.box
        with applier.store.owner() as owner:
            owner.execute("ALTER TABLE gorod.ledger DROP CONSTRAINT closed")
        await until(lambda: is_equal(applier, agent))


async def test_a_heartbeat_is_seen_and_the_end_of_the_stream_too(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    async with centre.running(agent):
        await until(lambda: state(applier, "state", "connected", "agent_version") == ("ok", True, "test"))
        assert state(applier, "clock_offset_ms")[0] < 5000
    await until(lambda: state(applier, "connected") == (False,))


async def test_another_source_waits_for_the_departments_word(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    await sync(centre, applier, agent)
    agent.origin = "B"
    async with centre.running(agent) as client:
        await until(lambda: client.status.problem is not None)
    assert applier.select("SELECT identity, offered_identity FROM gorod.school") == [("A", "B")]
    assert state(applier, "problem")[0]["code"] == "GOR-1604"
    with applier.ingest.begin(scope="*", school=applier.school) as connection:
        schools.confirm_identity(connection, applier.school, datetime.now(UTC))
    await sync(centre, applier, agent)


async def test_a_revoked_certificate_is_cut_and_cannot_come_back(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    async with centre.running(agent) as client:
        await until(lambda: client.status.connected)
        with applier.store.owner() as owner:
            owner.execute("UPDATE gorod.certificate SET revoked_at = now()")
        await until(lambda: client.status.problem is not None)
        assert client.status.problem is not None
        assert client.status.problem.code == "GOR-1111"
        await asyncio.sleep(0.1)
        assert not centre.servicer.connected


async def test_a_school_whose_access_has_ended_is_refused(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    with applier.store.owner() as owner:
        owner.execute("UPDATE gorod.school SET revoked_at = now()")
    async with centre.running(agent) as client:
        await until(lambda: client.status.problem is not None)
        assert client.status.problem is not None
        assert client.status.problem.code == "GOR-1111"


async def test_a_school_that_is_not_known_is_refused(centre: StreamBench, applier: Applier) -> None:
    store = centre.agent("77-777")
    async with centre.running(store) as client:
        await until(lambda: client.status.problem is not None)
    assert applier.select("SELECT count(*) FROM gorod.school_state WHERE school_id = '77-777'") == [(0,)]


async def test_an_attack_leaves_a_line_and_nothing_else(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    async with centre.call(agent.identity) as raw:
        answer = await raw.greet(agent, school="23-999")
    assert answer is not None
    assert answer.refusal.code == "GOR-1607"
    (line,) = applier.select("SELECT school_id, kind, details FROM gorod.event WHERE kind = 'attack'")
    assert line == (applier.school, "attack", {"code": "GOR-1607", "school": applier.school, "claimed": "23-999"})


async def test_the_word_of_the_department_reaches_an_open_stream(
    centre: StreamBench, applier: Applier, agent: MemoryUplinkStore
) -> None:
    await sync(centre, applier, agent)
    async with centre.running(agent) as client:
        await until(lambda: client.status.connected)
        with applier.store.owner() as owner:
            owner.execute("UPDATE gorod.school SET resync = resync + 1")
            owner.execute(
                "INSERT INTO gorod.release (school_id, number, entity, rows) VALUES (%s, 1, 20, 700)", [applier.school]
            )
        await until(lambda: agent.settings.resync == 1)
    assert list(agent.settings.releases) == [sync_pb2.Release(number=1, entity=20, rows=700)]
    assert agent.settings.guard.delete_rows == 500


async def test_listeners_are_told_once_of_many_changes(store: Any, ingest: Database) -> None:
    notifier = HealthNotifier(ingest.plain, every_s=0.01)
    with psycopg.connect(store.url, autocommit=True) as listener:
        listener.execute("LISTEN gorod_health")
        task = asyncio.create_task(notifier.run())
        for _ in range(50):
            notifier.mark("23-001")
        notifier.mark("23-002")
        told = await asyncio.to_thread(lambda: [one.payload for one in listener.notifies(timeout=5, stop_after=2)])
        task.cancel()
    assert told == ["23-001", "23-002"]
