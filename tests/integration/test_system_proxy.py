"""The way to the department leads through the system's proxy, unless the settings name another one or none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from agent import enrolling
from agent import profile as profiles
from agent.doctor import Doctor
from agent.enrolling import Wish
from agent.service import Service
from agent.transport.identity import IdentityFolder
from agent.transport.probe import Answer, ask, choose_proxy, is_this_machine
from collector.ca.ports import Card, CardProfile, CardRequest
from proto.problems import Problem
from proto.sync.v1 import sync_pb2
from tests.fix_ca import Cards, Department, code_of
from tests.fix_network import free_port, proxy, stranger
from tests.fix_reading import enrol_by_hand

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config import Config
    from agent.doctor import Check
    from tests.fix_demo import Demo

pytestmark = pytest.mark.integration
DEMO = profiles.load("demo").source


@pytest.fixture
def afar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The department of the test stands on this machine, and is looked at as if it stood elsewhere."""
    monkeypatch.setattr("agent.transport.probe.is_this_machine", lambda _host: False)


@pytest.fixture
def office(department: Department, monkeypatch: pytest.MonkeyPatch) -> Department:
    """A department that lives today and sends the demo profile."""
    department.clock.at = datetime.now(UTC)
    signature = department.office.authority.sign(DEMO)
    settings = sync_pb2.Settings(sealing_key=b"sealing key").SerializeToString()

    def card(_cards: Cards, _request: CardRequest) -> Card:
        profile = CardProfile("demo", DEMO, signature)
        return Card(b"f" * 32, "Europe/Moscow", "ORG-42", "127.0.0.1:7443", department.address, settings, profile)

    monkeypatch.setattr(Cards, "__call__", card)
    return department


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_nobody_asks_a_proxy_for_this_very_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.school:3128")
    assert is_this_machine(host)
    assert choose_proxy(f"{host}:7443") is None
    assert choose_proxy(f"{host}:7443", "http://other:8080") == "http://other:8080", "what was set is obeyed"


@pytest.mark.parametrize("host", ["sync.example.org", "10.0.0.1", "localhost.example.org", "1270.0.0.1"])
def test_other_machines_are_reached_through_it(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.school:3128")
    assert choose_proxy(f"{host}:7443") == "http://proxy.school:3128"


@pytest.mark.usefixtures("afar")
async def test_enrolment_goes_through_the_systems_proxy(
    office: Department, school: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy(login="school:s%20cret") as (url, seen):
        monkeypatch.setenv("https_proxy", url)
        await enrolling.run(tmp_path / "agent", Wish(office.code(), school.url))
    assert seen == [f"CONNECT {office.address} HTTP/1.1"] * 2


@pytest.mark.usefixtures("afar")
async def test_none_in_the_settings_leads_past_the_systems_proxy(
    office: Department, school: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Problem) as problem:
        await enrolling.run(tmp_path / "agent", Wish(office.code(), school.url))
    assert code_of(problem) == "GOR-1202"
    enrolled = await enrolling.run(tmp_path / "agent", Wish(office.code(), school.url, proxy="none"))
    assert enrolled.identity.facts.school == "23-042"


@pytest.mark.parametrize(
    ("setting", "way"), [("", "http://proxy.school:3128"), ("none", None), ("http://own:1", "http://own:1")]
)
@pytest.mark.usefixtures("afar")
def test_stream_and_renewal_take_the_same_way(
    enrolled: Config, monkeypatch: pytest.MonkeyPatch, setting: str, way: str | None
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.school:3128")
    service = Service(replace(enrolled, values={**enrolled.values, "proxy": setting}))
    try:
        assert (service.client._settings.proxy, service.renewer._way.proxy) == (way, way)
    finally:
        service.parts.close()


# ---- the doctor


async def sync_check(department: Department, school: Demo, folder: Path, address: str = "", **settings: str) -> Check:
    """What the doctor says of the stream's listener at this address; the department's own by default."""
    config = enrol_by_hand(folder, school, department.office.authority)
    doctor = Doctor(replace(config, values={**config.values, **settings}), "en", str)
    identity = IdentityFolder(folder / "identity").load()

    def look() -> tuple[bool, str]:
        return doctor._reach(identity, address or department.address)

    await asyncio.to_thread(doctor._check, "connection.sync", look)
    return doctor.checks[-1]


async def test_the_doctor_names_the_address_and_the_version_of_tls(
    department: Department, school: Demo, tmp_path: Path
) -> None:
    check = await sync_check(department, school, tmp_path / "agent")
    assert (check.ok, check.text) == (True, f"{department.address}, TLSv1.3")


@pytest.mark.usefixtures("afar")
async def test_the_doctor_takes_the_way_of_the_agent(
    department: Department, school: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    assert (await sync_check(department, school, tmp_path / "a")).text.startswith("GOR-1202")
    assert (await sync_check(department, school, tmp_path / "b", proxy="none")).ok
    async with proxy(login="school:secret") as (url, seen):
        assert (await sync_check(department, school, tmp_path / "c", proxy=url)).ok
    assert seen == [f"CONNECT {department.address} HTTP/1.1"]


async def test_the_doctor_names_an_interceptor(department: Department, school: Demo, tmp_path: Path) -> None:
    async with stranger(tmp_path / "stranger") as middle:
        check = await sync_check(department, school, tmp_path / "agent", middle.address)
        assert check.text.startswith("GOR-1203")
        assert "ООО Прозрачность" in check.text
        await middle.visited()
        assert bytes(middle.heard) == b""


async def test_the_doctor_does_not_praise_an_older_tls(
    department: Department, school: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(address: str, *_way: object) -> Answer:
        return replace(ask(address), version="TLSv1.2")

    monkeypatch.setattr("agent.doctor.ask", older)
    assert (await sync_check(department, school, tmp_path / "agent")).text.startswith("GOR-1205")
