"""A running agent whose department does not answer: its threads, its status file, and what it does with a profile that was sent."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from agent import profile as profiles
from agent.config import Config
from agent.reader import Reader
from agent.service import Service
from agent.state.database import FileLock
from agent.state.store import ADOPTED, StateStore
from collector.ca.authority import Authority
from proto.problems import Problem
from proto.sync.v1 import sync_pb2
from tests.fix_reading import STATUS_KEYS
from tests.fix_uplink import until

DEMO = profiles.load("demo").source
NEWER = DEMO.replace(b"\nversion = 1\n", b"\nversion = 2\n", 1)
GONE = Problem("GOR-1305", path="netschool.db", cause="CANTOPEN")


def readers() -> list[threading.Thread]:
    """Reading threads that live now."""
    return [thread for thread in threading.enumerate() if thread.name == "reader"]


@pytest.fixture
def service(enrolled: Config, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr("agent.service._STATUS_S", 0.05)
    return Service(enrolled)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """The service at work; it must end when it is told to."""
    task = asyncio.create_task(service.run())
    try:
        await until((service.config.data / "status.json").exists)
        yield
    finally:
        service.stop()
        await asyncio.wait_for(task, 20)


def send(service: Service, toml: bytes, signature: bytes) -> None:
    """The department sent a profile; it was kept with the Welcome."""
    sent = sync_pb2.Profile(name="demo", toml=toml, signature=signature)
    service.parts.store.put(profile_sent=sent.SerializeToString())


async def test_a_running_agent_writes_its_status_and_ends_without_a_trace(service: Service, enrolled: Config) -> None:
    async with running(service):
        assert len(readers()) == 1
        told = json.loads((enrolled.data / "status.json").read_text("utf-8"))
        assert set(told) == STATUS_KEYS
        assert (told["school"], told["connected"]) == ("23-042", False)
    assert readers() == []
    lock = FileLock(enrolled.data / "state.lock")
    lock.acquire()
    lock.release()


async def test_the_state_is_closed_only_after_the_reading_thread_has_ended(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[int] = []
    real = StateStore.close

    def close(store: StateStore) -> None:
        alive.append(len(readers()))
        real(store)

    monkeypatch.setattr(StateStore, "close", close)
    async with running(service):
        pass
    assert alive == [0]


async def test_a_profile_that_the_department_sent_is_read_with_at_once(
    service: Service, authority: Authority, enrolled: Config
) -> None:
    async with running(service):
        first = service.reader
        send(service, NEWER, authority.sign(NEWER))
        await until(lambda: service.reader is not first and service.parts.store.get("profile_sent") is None)
        await until(lambda: (enrolled.data / "profile.toml").read_bytes() == NEWER)
        assert service.parts.profile.version == 2
        assert service.health.progress is service.reader.progress
        assert service._fresh_ms() == service.parts.capture.fresh_ms()
        assert len(readers()) == 1
    assert readers() == []


async def test_two_threads_never_read_at_the_same_time(
    service: Service, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one may be in the middle of a page when the profile comes."""
    inside: list[Reader] = []
    overlaps: list[int] = []

    def step(reader: Reader) -> float:
        inside.append(reader)
        overlaps.append(len(inside))
        threading.Event().wait(0.3)
        inside.remove(reader)
        return 0.0

    monkeypatch.setattr(Reader, "step", step)
    async with running(service):
        first = service.reader
        send(service, NEWER, authority.sign(NEWER))
        await until(lambda: service.reader is not first)
        await asyncio.sleep(0.4)
    assert set(overlaps) == {1}


@pytest.mark.parametrize("toml", [NEWER, b"name = 'demo'\nversion = 3\n[entity.subject]\nkey = []\n"])
async def test_a_profile_that_is_not_taken_leaves_the_old_one_reading(
    service: Service, authority: Authority, enrolled: Config, toml: bytes
) -> None:
    """Once for its signature, once because it has a mistake."""
    signature = b"forged" if toml == NEWER else authority.sign(toml)
    async with running(service):
        send(service, toml, signature)
        await until(lambda: service.parts.store.get("profile_sent") is None)
        await asyncio.sleep(0.1)
        assert service.parts.profile.version == 1
        await until(lambda: len(readers()) == 1)
        assert (enrolled.data / "profile.toml").read_bytes() == DEMO


async def test_a_profile_of_the_settings_is_not_replaced(authority: Authority, enrolled: Config) -> None:
    service = Service(Config(enrolled.data, {**enrolled.values, "profile": "demo"}))
    async with running(service):
        first = service.reader
        send(service, NEWER, authority.sign(NEWER))
        await until(lambda: service.parts.store.get("profile_sent") is None)
        await asyncio.sleep(0.1)
        assert service.reader is first


async def test_once_gives_up_when_the_source_is_gone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.service.Service._hopeless", _met)
    assert await asyncio.wait_for(service.once(), 20) is False
    assert service.final is not None
    assert json.loads(service.final)["problem"]["code"] == "GOR-1305"
    assert readers() == []


def _met(service: Service) -> bool:
    service.reader.progress.problem = GONE
    return True


async def test_once_asks_for_a_full_sweep_from_its_beginning(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.parts.store.put(sweep_full="half of one")
    seen: list[Any] = []

    def hopeless(one: Service) -> bool:
        seen.append((one.parts.store.get("resync_due"), one.parts.store.get("sweep_full")))
        return True

    monkeypatch.setattr("agent.service.Service._hopeless", hopeless)
    await asyncio.wait_for(service.once(), 20)
    assert seen == [(1, None)]


@pytest.fixture
def idle(service: Service) -> Any:
    """A service that is only asked."""
    service.parts.store.put(based=1)
    yield service
    service.parts.close()


@pytest.mark.parametrize(
    ("arrange", "complete"),
    [
        ({"complete_ms": 999}, False),
        ({"complete_ms": 1000}, True),
        ({"complete_ms": 1000, "adopting": ADOPTED}, False),
        ({}, False),
    ],
)
def test_once_is_complete_by_a_stamp_of_its_own_time(idle: Service, arrange: dict[str, Any], *, complete: bool) -> None:
    idle.parts.store.put(**arrange)
    assert idle._complete_since(1000) is complete


@pytest.mark.parametrize(
    ("arrange", "hopeless"),
    [
        (lambda _one: None, False),
        (lambda one: setattr(one.reader.progress, "problem", GONE), True),
        (lambda one: setattr(one.reader.progress, "problem", Problem("GOR-1304", seconds="1")), False),
        (lambda one: setattr(one.reader.progress, "problem", Problem("GOR-1614", cause="1")), False),
        (lambda one: setattr(one.client.status, "problem", Problem("GOR-1207", cause="refused")), False),
        (lambda one: setattr(one.client.status, "problem", Problem("GOR-1111", school="23-042")), True),
        (lambda one: setattr(one.client.status, "problem", Problem("GOR-1605")), False),
        (lambda one: one.parts.store.pause(5, "GOR-1403", {"entity": "subject", "missing": "Name"}), True),
    ],
)
def test_once_gives_up_only_where_waiting_does_not_help(
    idle: Service, arrange: Callable[[Service], object], *, hopeless: bool
) -> None:
    arrange(idle)
    assert idle._hopeless() is hopeless


def test_a_paused_entity_does_not_end_once_before_its_sweep(idle: Service) -> None:
    idle.parts.store.pause(5, "GOR-1403", {"entity": "subject", "missing": "Name"})
    idle.parts.store.put(resync_due=1)
    assert idle._hopeless() is False


def test_our_clock_is_set_right_by_what_the_department_told(idle: Service) -> None:
    idle.client.status.clock_offset_s = 3600.0
    assert abs((datetime.now(UTC) - idle._department_now()).total_seconds() - 3600) < 5


def test_another_source_is_told_to_the_department_at_once_and_once(
    idle: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(idle.client, "retry_now", lambda: told.append(True))
    idle._tell_identity()
    idle.parts.store.put(found_identity="sqlite:77")
    idle._tell_identity()
    idle._tell_identity()
    assert len(told) == 1
    idle.parts.store.put(found_identity=None)
    idle._tell_identity()
    assert len(told) == 2


@pytest.mark.parametrize(("code", "asked"), [("GOR-1116", 1), ("GOR-1207", 1), ("GOR-1111", 0)])
def test_a_refusal_that_may_be_an_expired_certificate_is_looked_into_once(
    idle: Service, monkeypatch: pytest.MonkeyPatch, code: str, asked: int
) -> None:
    wanted: list[bool] = []
    monkeypatch.setattr(idle.renewer, "want", lambda: wanted.append(True))
    idle.client.status.problem = Problem(code)
    idle._care_for_certificate()
    idle._care_for_certificate()
    assert len(wanted) == asked


async def test_a_renewed_identity_signs_from_now_on(idle: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed: list[bool] = []
    monkeypatch.setattr(idle.client, "renewed", lambda: renewed.append(True))
    fresh = idle.parts.folder.load()
    await idle._swapped(fresh)
    assert idle._identity() is idle.parts.sealer.identity is fresh
    assert renewed == [True]


def test_a_status_file_that_cannot_be_written_is_no_failure(idle: Service, caplog: pytest.LogCaptureFixture) -> None:
    (idle.config.data / "status.json").mkdir()
    idle._save_status()
    assert "status file" in caplog.text
