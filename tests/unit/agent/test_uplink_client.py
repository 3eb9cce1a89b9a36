"""The client's life around its connections: it comes back for ever, waits by class, and ends when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from agent.transport.channel import problem_of
from agent.transport.client import ClientSettings, Surroundings, UplinkClient
from agent.transport.identity import Identity
from proto.problems import Problem
from tests.fix_uplink import until

NOW = datetime(2026, 10, 1, tzinfo=UTC)


class Nobody:
    """A store that is never reached."""


def client(call: Any, identity: Any = lambda: None, **settings: Any) -> UplinkClient:
    store: Any = Nobody()
    around = Surroundings(identity, lambda: 0.999, now=lambda: NOW, call=call)
    return UplinkClient(store, around, ClientSettings(**settings))


class Refusing:
    """A network in which every connection fails with the next of these problems."""

    def __init__(self, *codes: str) -> None:
        self.codes, self.tried = list(codes), 0

    @asynccontextmanager
    async def __call__(self, *_: Any) -> AsyncIterator[None]:
        self.tried += 1
        raise Problem(self.codes[min(self.tried, len(self.codes)) - 1])
        yield


async def end(client: UplinkClient, task: asyncio.Task[None]) -> None:
    client.stop()
    await asyncio.wait_for(task, 2)


async def test_it_comes_back_for_ever_and_tells_the_last_problem() -> None:
    network = Refusing("GOR-1201", "GOR-1203")
    uplink = client(network, retry_cap_s=0.001)
    task = asyncio.create_task(uplink.run())
    await until(lambda: network.tried > 20)
    assert uplink.status.problem is not None
    assert (uplink.status.problem.code, uplink.status.problem_at) == ("GOR-1203", NOW)
    assert not uplink.status.connected
    await end(uplink, task)


async def test_a_pause_ends_when_somebody_asks_for_it() -> None:
    network = Refusing("GOR-1111")
    uplink = client(network)
    task = asyncio.create_task(uplink.run())
    for tries in range(1, 4):
        await until(lambda tries=tries: network.tried == tries)
        await asyncio.sleep(0.01)
        assert network.tried == tries
        uplink.retry_now()
    await end(uplink, task)


async def test_an_agent_that_was_never_enrolled_says_so_and_waits() -> None:
    def nobody() -> Identity:
        raise Problem("GOR-1107", path="data")

    uplink = client(Refusing(), nobody)
    task = asyncio.create_task(uplink.run())
    await until(lambda: uplink.status.problem is not None)
    assert uplink.status.problem is not None
    assert uplink.status.problem.code == "GOR-1107"
    await end(uplink, task)


async def test_pokes_before_the_start_and_after_the_end_are_harmless() -> None:
    uplink = client(Refusing("GOR-1201"))
    uplink.captured()
    uplink.compare()
    uplink.retry_now()
    task = asyncio.create_task(uplink.run())
    await asyncio.sleep(0)
    await end(uplink, task)
    uplink.captured()
    uplink.renewed()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "GOR-1610"),
        (grpc.StatusCode.UNIMPLEMENTED, "GOR-1204"),
        (grpc.StatusCode.UNAVAILABLE, "GOR-1207"),
        (grpc.StatusCode.INTERNAL, "GOR-1207"),
    ],
)
def test_the_status_of_a_call_has_a_name_for_people(status: grpc.StatusCode, code: str) -> None:
    error = grpc.aio.AioRpcError(status, grpc.aio.Metadata(), grpc.aio.Metadata())
    assert problem_of(error).code == code
