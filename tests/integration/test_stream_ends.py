"""How a stream ends: an agent that says nothing, one that hangs up, a lease that was lost, a collector in trouble."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from proto.envelope import SealingKey
from proto.problems import Problem
from proto.sync.v1 import sync_pb2
from tests.fix_ca import SCHOOL
from tests.fix_uplink import MemoryBooks, MemoryLibrary, OpenGate, StreamBench, listening, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.integration


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[StreamBench]:
    """A collector that waits a moment for Hello."""
    sealing = SealingKey.generate()
    keys = {sealing.key_id: sealing}
    async with listening(tmp_path / "ca", MemoryLibrary(sealing), OpenGate(), keys.get, hello_s=0.3) as opened:
        yield opened


async def test_a_caller_who_says_nothing_is_let_go(bench: StreamBench) -> None:
    began = time.monotonic()
    async with bench.call(bench.identity()) as raw:
        answer = await raw.receive()
    assert answer is not None
    assert answer.refusal.code == "GOR-1611"
    assert time.monotonic() - began < 4
    assert bench.servicer.connected == frozenset()
    assert bench.library.attacks == [], "a line that broke before Hello is no attack"


async def test_an_agent_that_hangs_up_is_noted_as_gone(
    stream_bench: StreamBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []
    monkeypatch.setattr(MemoryBooks, "left", lambda _books, _now: gone.append(SCHOOL))
    agent = stream_bench.agent()
    async with stream_bench.call(agent.identity) as raw:
        await raw.greet(agent)
        assert stream_bench.servicer.connected == {SCHOOL}
    await until(lambda: gone)
    assert stream_bench.servicer.connected == frozenset()


async def test_a_store_that_is_away_when_an_agent_leaves_spoils_nothing(
    stream_bench: StreamBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_books: MemoryBooks, _now: int) -> None:
        raise Problem("GOR-1801", cause="away")

    monkeypatch.setattr(MemoryBooks, "left", away)
    agent = stream_bench.agent()
    async with stream_bench.call(agent.identity) as raw:
        await raw.greet(agent)
    await until(lambda: not stream_bench.servicer.connected)
    async with stream_bench.call(agent.identity) as raw:
        answer = await raw.greet(agent)
        assert answer is not None
        assert answer.HasField("welcome")


async def test_a_store_that_goes_away_ends_the_stream_with_its_problem_and_no_receipt(
    stream_bench: StreamBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: Any, **_named: Any) -> None:
        raise Problem("GOR-1801", cause="away")

    agent = stream_bench.agent()
    async with stream_bench.call(agent.identity) as raw:
        await raw.greet(agent)
        monkeypatch.setattr(MemoryBooks, "heard", away)
        await raw.send(sync_pb2.ClientFrame(heartbeat=sync_pb2.Heartbeat()))
        answer = await raw.receive()
        assert answer is not None
        assert answer.refusal.code == "GOR-1801"
        assert await raw.receive() is None


async def test_a_mistake_of_ours_ends_one_stream_and_tells_the_log_its_kind_alone(
    stream_bench: StreamBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(*_arguments: Any, **_named: Any) -> None:
        raise KeyError("Иванова Мария")

    first, second = stream_bench.agent(), stream_bench.agent("23-043")
    async with stream_bench.call(first.identity) as raw, stream_bench.call(second.identity) as other:
        await raw.greet(first)
        await other.greet(second)
        with caplog.at_level(logging.DEBUG, "collector"), monkeypatch.context() as patch:
            patch.setattr(MemoryBooks, "heard", wrong)
            await raw.send(sync_pb2.ClientFrame(heartbeat=sync_pb2.Heartbeat()))
            answer = await raw.receive()
        assert answer is not None
        assert (answer.refusal.code, dict(answer.refusal.details)) == ("GOR-1206", {"cause": "error"})
        await other.send(sync_pb2.ClientFrame(heartbeat=sync_pb2.Heartbeat()))
        await until(lambda: stream_bench.library.db("23-043").heard == 1)
    assert "KeyError" in caplog.text
    assert "Иванова" not in caplog.text


async def test_a_stream_whose_lease_was_taken_is_told_so(stream_bench: StreamBench) -> None:
    agent = stream_bench.agent()
    async with stream_bench.call(agent.identity) as raw:
        await raw.greet(agent)
        with stream_bench.library.lock:
            state = stream_bench.library.db().state
            state.lease = type(state.lease)()
        answer = await raw.receive()
        assert answer is not None
        assert answer.refusal.code == "GOR-1605"


async def test_a_newly_welcomed_stream_cuts_the_one_before(stream_bench: StreamBench) -> None:
    agent = stream_bench.agent()
    async with stream_bench.call(agent.identity) as before:
        await before.greet(agent)
        async with stream_bench.call(agent.identity) as after:
            welcome = await after.greet(agent)
            assert welcome is not None
            assert welcome.HasField("welcome")
            answer = await before.receive()
            assert answer is not None
            assert answer.HasField("refusal")
            await asyncio.sleep(0.1)
            assert stream_bench.servicer.connected == {SCHOOL}, "the end of the old one is not taken for the new one's"
