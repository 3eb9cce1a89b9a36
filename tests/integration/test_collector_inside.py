"""The running collector from inside: what open streams hear at its end, who is told of a refused enrolment, and a job that fails."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from agent.transport.enrol import AgentFacts, enrol
from agent.transport.identity import IdentityFolder
from collector.ca.listeners import Listener
from collector.department import ADDRESSES_FILE, utc_now
from collector.ingest.stream import Stream
from collector.jobs import Jobs
from collector.service import Collector
from proto.problems import Problem
from tests.fix_ca import code_of
from tests.fix_department import SCHOOL
from tests.fix_uplink import StreamBench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from collector.department import Department
    from collector.store.engine import Database
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
FREE_PORTS = {f"{name}_listen": "127.0.0.1:0" for name in ("sync", "enrol", "metrics")}
FACTS = AgentFacts("1.0", "sqlite:1001", "no profile fits this", "demo")


@pytest.fixture
def department(founded: Department) -> Department:
    """A department that knows one school, on free ports."""
    founded.values = {**founded.values, **FREE_PORTS}
    return founded


@pytest.fixture(autouse=True)
def _living_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process goes on to other tests: nothing in it is frozen."""
    monkeypatch.setattr("collector.service.settle", lambda: None)


@pytest.fixture
def collector(department: Department, ingest: Database, jobs: Database) -> Callable[[], Collector]:
    """Builds the collector inside the event loop of the test."""
    return lambda: Collector(department, ingest, jobs)


@asynccontextmanager
async def serving(collector: Collector) -> AsyncIterator[dict[str, str]]:
    """Where it listens; afterwards it was told to end, and ended well."""
    work = asyncio.create_task(collector.serve())
    told = collector.department.data / ADDRESSES_FILE
    async with AsyncExitStack() as ends:
        ends.callback(work.cancel)
        for _wait in range(500):
            if told.exists() or work.done():
                break
            await asyncio.sleep(0.01)
        if work.done():
            work.result()
        yield json.loads(told.read_text())
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(work, 10)


def events(store: Store) -> list[tuple[Any, ...]]:
    with store.owner() as owner:
        return owner.execute("SELECT school_id, kind, details FROM gorod.event ORDER BY id").fetchall()


async def test_an_open_stream_hears_that_the_collector_ends(
    collector: Callable[[], Collector], department: Department
) -> None:
    async with serving(collector()) as addresses:
        bench = StreamBench(department.authority, None, None, None, Listener(None, addresses["sync"], 0))  # type: ignore[arg-type]  # its listener is not ours
        agent = bench.agent(SCHOOL)
        async with bench.call(agent.identity) as stream:
            welcome = await stream.greet(agent)
            assert welcome is not None
            assert welcome.HasField("welcome")
            os.kill(os.getpid(), signal.SIGTERM)
            last = await stream.receive()
            assert last is not None
            assert (last.refusal.code, dict(last.refusal.details)) == ("GOR-1206", {"cause": "restart"})
            assert await stream.receive() is None


async def test_the_end_of_a_stream_is_noted_also_when_the_collector_ends_at_the_same_moment(
    collector: Callable[[], Collector], department: Department, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its agent hangs up, and before that is written down a service manager stops the collector."""
    note = Stream.leave

    async def slowly(stream: Stream) -> None:
        await asyncio.sleep(0.3)
        await note(stream)

    monkeypatch.setattr(Stream, "leave", slowly)
    async with serving(collector()) as addresses:
        bench = StreamBench(department.authority, None, None, None, Listener(None, addresses["sync"], 0))  # type: ignore[arg-type]  # its listener is not ours
        agent = bench.agent(SCHOOL)
        async with bench.call(agent.identity) as stream:
            assert await stream.greet(agent) is not None
            assert connected(store)
    assert not connected(store)


def connected(store: Store) -> bool:
    """Whether the department believes that a stream of the school stands."""
    with store.owner() as owner:
        return owner.execute("SELECT connected FROM gorod.school_state").fetchall() == [(True,)]


async def test_an_enrolment_is_told_the_real_address_of_the_stream(
    collector: Callable[[], Collector], department: Department, tmp_path: Path
) -> None:
    async with serving(collector()) as addresses:
        code, _ends = department.office.new_code(SCHOOL, addresses["enrol"], utc_now())
        found = await enrol(IdentityFolder(tmp_path / "identity"), code, FACTS, utc_now)
    assert found.identity.facts.sync_address == addresses["sync"]
    assert found.identity.facts.enrol_address == addresses["enrol"]


async def test_a_used_code_is_an_event_of_its_school(
    collector: Callable[[], Collector], department: Department, store: Store, tmp_path: Path
) -> None:
    async with serving(collector()) as addresses:
        code, _ends = department.office.new_code(SCHOOL, addresses["enrol"], utc_now())
        await enrol(IdentityFolder(tmp_path / "first"), code, FACTS, utc_now)
        assert [kind for _school, kind, _details in events(store)] == []
        with pytest.raises(Problem) as problem:
            await enrol(IdentityFolder(tmp_path / "second"), code, FACTS, utc_now)
    assert code_of(problem) == "GOR-1103"
    assert events(store) == [(SCHOOL, "refused", {"code": "GOR-1103"})]


async def test_a_code_of_nobody_is_logged_without_itself_and_is_nobodys_event(
    collector: Callable[[], Collector],
    department: Department,
    store: Store,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(collector()) as addresses:
        code, _ends = department.office.new_code(SCHOOL, addresses["enrol"], utc_now())
        with store.owner() as owner:
            owner.execute("DELETE FROM gorod.code")
        with pytest.raises(Problem) as problem:
            await enrol(IdentityFolder(tmp_path / "identity"), code, FACTS, utc_now)
    assert code_of(problem) == "GOR-1102"
    assert events(store) == []
    (line,) = [record.getMessage() for record in caplog.records if record.name == "collector.service"]
    assert line.startswith("enrolment refused: GOR-1102")
    assert not any(group in line for group in code.rpartition("/")[2].split("-"))


async def test_a_job_that_fails_ends_the_collector_with_its_error_and_frees_the_ports(
    collector: Callable[[], Collector], department: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service manager starts it anew: better than to serve on without the checks."""

    async def fail(_jobs: Jobs) -> None:
        await asyncio.sleep(0.05)
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(Jobs, "run", fail)
    running = collector()
    with pytest.raises(LookupError, match="a mistake of ours"):
        await asyncio.wait_for(running.serve(), 10)
    assert not (department.data / ADDRESSES_FILE).exists()
    assert running.processors._shutdown
    assert running.database_threads._shutdown
