"""A whole agent against a real stream and store, in one process: ``once`` ends with the proof, and says why when it cannot."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.service import Service
from collector.ca.authority import LOG_FILE, Authority
from collector.ca.log import IssueLog
from collector.ca.office import Office
from collector.ca.registry import PostgresRegistry
from collector.ingest.admission import Admission
from collector.ingest.books_postgres import PostgresLibrary
from collector.ingest.settings import DepartmentSettings, Guard
from collector.store.engine import Database
from collector.store.keys import KeyRing
from install.demo import database
from install.demo.counts import rows_by_entity
from tests.fix_applier import Applier
from tests.fix_demo import Demo
from tests.fix_reading import enrol_by_hand
from tests.fix_uplink import StreamBench, listening, until

pytestmark = pytest.mark.integration


@pytest.fixture
async def centre(applier: Applier, ingest: Database, ring: KeyRing, tmp_path: Path) -> AsyncIterator[StreamBench]:
    """A collector over PostgreSQL that knows the applier's school."""
    folder = tmp_path / "ca"
    registry = PostgresRegistry(ingest.plain)
    office = Office(Authority.create(folder), registry, IssueLog(folder / LOG_FILE))
    library = PostgresLibrary(ingest, ring.school, DepartmentSettings(Guard(), ring.sealing_key))
    async with listening(folder, library, Admission(office, registry), ring.opening_key, lease_s=1.5) as bench:
        bench.fingerprint_key = ring.fingerprint_key(applier.school)
        yield bench


@pytest.fixture
def config(centre: StreamBench, applier: Applier, school: Demo, tmp_path: Path) -> Config:
    """An agent enrolled there."""
    address, key = centre.listener.address, centre.fingerprint_key
    return enrol_by_hand(tmp_path / "agent", school, centre.authority, address, applier.school, key)


async def once(config: Config) -> tuple[bool, dict[str, Any]]:
    """``gorod-agent once``: whether it is complete, and the last status."""
    service = Service(config)
    complete = await asyncio.wait_for(service.once(), 60)
    return complete, json.loads(service.final or "{}")


def counted(applier: Applier, names: Any) -> dict[str, int]:
    return {name: applier.select(f'SELECT count(*) FROM gorod."{name}"')[0][0] for name in names}  # noqa: S608  our own tables


async def test_once_ends_when_the_school_is_proven_equal(config: Config, applier: Applier, school: Demo) -> None:
    complete, told = await once(config)
    assert complete
    assert (told["state"], told["problem"], told["outbox_rows"], told["differences"]) == ("ok", None, 0, 0)
    assert told["complete_at"] is not None
    here = rows_by_entity(school.url, school.organisation)
    assert counted(applier, here) == here


async def test_a_second_once_sends_only_what_changed(config: Config, applier: Applier, school: Demo) -> None:
    await once(config)
    before = applier.select("SELECT max(seq), sum(rows) FROM gorod.ledger")[0]
    complete, _told = await once(config)
    assert complete
    assert applier.select("SELECT max(seq), sum(rows) FROM gorod.ledger")[0] == before
    del school


async def test_once_with_a_lost_state_adopts_and_sends_nothing_twice(config: Config, applier: Applier) -> None:
    await once(config)
    for suffix in ("", "-wal", "-shm"):
        (config.data / f"state.sqlite{suffix}").unlink(missing_ok=True)
    complete, told = await once(config)
    assert complete, told
    assert told["state"] == "ok"
    assert applier.select("SELECT count(DISTINCT epoch) FROM gorod.ledger")[0][0] <= 2


async def test_once_waits_for_the_end_of_a_lease_but_not_for_ever(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine runs a copy of this agent: the place stays taken."""
    monkeypatch.setattr("agent.service._LEASE_PATIENCE_S", 0.5)
    await once(config)
    holder = Service(config)
    task = asyncio.create_task(holder.run())
    await until(lambda: holder.client.status.connected)
    clone = config.data.with_name("clone")
    shutil.copytree(config.data / "identity", clone / "identity")
    shutil.copy(config.data / "profile.toml", clone)
    complete, told = await once(Config(clone, config.values))
    assert not complete
    assert told["problem"]["code"] == "GOR-1605"
    holder.stop()
    await asyncio.wait_for(task, 20)


async def test_once_gives_up_when_the_source_is_gone(config: Config, tmp_path: Path) -> None:
    gone = Config(config.data, {**config.values, "source_url": f"sqlite:///{tmp_path}/gone.db"})
    complete, told = await once(gone)
    assert not complete
    assert (told["state"], told["problem"]["class"]) == ("error", "source")


async def test_a_running_agent_sends_changes_by_itself(config: Config, applier: Applier, school: Demo) -> None:
    service = Service(config)
    task = asyncio.create_task(service.run())
    try:
        await until(lambda: service.health.state() == "ok", 40)
        with database.connect(school.url) as vendor:
            vendor.execute("UPDATE Subjects SET Name = 'Логика', ChangedAt = ?", "2026-11-23 23:59:00.000")
        await until(lambda: applier.select("SELECT 1 FROM gorod.subject WHERE name = 'Логика'"), 20)
    finally:
        service.stop()
        await asyncio.wait_for(task, 20)
