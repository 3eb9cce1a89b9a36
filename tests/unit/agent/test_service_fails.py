"""A running agent in trouble: a mistake in one of its parts ends it whole and cleanly, a renewal that fails does not."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from agent.service import Service
from agent.state.database import FileLock
from agent.wiring import LOCK_FILE
from proto.problems import Problem
from tests.fix_uplink import until

if TYPE_CHECKING:
    from agent.config import Config


@pytest.fixture
def service(enrolled: Config, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr("agent.service._STATUS_S", 0.05)
    monkeypatch.setattr("agent.service.settle", lambda: None)
    return Service(enrolled)


def reading() -> bool:
    return any(thread.name == "reader" for thread in threading.enumerate())


@pytest.mark.parametrize("part", ["client", "renewer"])
async def test_a_mistake_in_one_part_ends_the_agent_and_leaves_nothing_behind(
    service: Service, enrolled: Config, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The service manager starts it anew; going on with half of the parts would look like health."""

    async def fail() -> None:
        await until(reading)
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(getattr(service, part), "run", fail)
    with pytest.raises(LookupError, match="a mistake of ours"):
        await asyncio.wait_for(service.run(), 20)
    assert not reading()
    assert (enrolled.data / "status.json").exists()
    lock = FileLock(enrolled.data / LOCK_FILE)
    lock.acquire()
    lock.release()


async def test_a_renewal_that_fails_is_told_and_the_agent_goes_on(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    task = asyncio.create_task(service.run())
    await until(reading)
    with caplog.at_level(logging.WARNING, "agent.service"):
        service._renewal_failed(Problem("GOR-1201", address="127.0.0.1:1", cause="refused"))
    assert [record.getMessage()[:18] for record in caplog.records] == ["renewal: GOR-1201:"]
    assert not task.done()
    service.stop()
    await asyncio.wait_for(task, 20)
