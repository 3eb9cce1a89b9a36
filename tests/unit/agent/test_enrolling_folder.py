"""What ``enrol`` does around the code: the source first, then the department, and a folder that the other commands can live from."""

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import enrolling
from agent import profile as profiles
from agent.config import read_config
from agent.enrolling import Wish
from agent.offline import surveyed_source
from agent.sources.base import Options
from agent.sources.factory import open_source
from agent.state.store import StateStore
from agent.wiring import build
from collector.ca.ports import Card, CardProfile, CardRequest
from proto.problems import Problem
from proto.sync.v1 import sync_pb2
from tests.fix_ca import Cards, Department, code_of
from tests.fix_demo import Demo

pytestmark = pytest.mark.integration
DEMO = profiles.load("demo").source
HERE = {"GOROD_AGENT_DISK_FLOOR_MB": "0"}


@pytest.fixture
def office(department: Department, monkeypatch: pytest.MonkeyPatch) -> Department:
    """A department that lives today and has a profile for every schema; ``sends`` says which."""
    department.clock.at = datetime.now(UTC)
    answer = Cards.__call__
    sends(department, monkeypatch, DEMO, department.office.authority.sign(DEMO))
    assert Cards.__call__ is not answer
    return department


def sends(department: Department, monkeypatch: pytest.MonkeyPatch, toml: bytes, signature: bytes) -> None:
    """From now on the department answers with this profile, unless the agent brings its own."""
    settings = sync_pb2.Settings(sealing_key=b"sealing key").SerializeToString()

    def card(cards: Cards, request: CardRequest) -> Card:
        cards.asked.append(request)
        profile = CardProfile("demo", toml, signature) if toml and not request.profile else None
        return Card(b"f" * 32, "Europe/Moscow", "ORG-42", "127.0.0.1:7443", department.address, settings, profile)

    monkeypatch.setattr(Cards, "__call__", card)


def wish(office: Department, school: Demo, **more: str) -> Wish:
    return replace(Wish(office.code(), school.url), **more)


async def test_after_enrolment_the_data_folder_is_all_that_an_agent_needs(
    office: Department, school: Demo, tmp_path: Path
) -> None:
    data = tmp_path / "agent"
    await enrolling.run(data, wish(office, school))
    config = read_config(data, data / "agent.toml", HERE)
    assert config.source_url == school.url
    parts = build(config)
    try:
        assert parts.profile.name == "demo"
        assert parts.store.get("sealing_key") == b"sealing key"
        assert parts.facts().schema_fingerprint == office.cards.asked[0].schema_fingerprint
    finally:
        parts.close()


async def test_files_are_for_the_owner_alone(office: Department, school: Demo, tmp_path: Path) -> None:
    data = tmp_path / "agent"
    await enrolling.run(data, wish(office, school, password="тайна"))
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE((data / name).stat().st_mode) for name in ("agent.toml", "profile.toml")} == {0o600}
    assert "тайна" in (data / "agent.toml").read_text("utf-8")


async def test_a_password_that_has_a_file_is_not_written_anywhere_else(
    office: Department, school: Demo, tmp_path: Path
) -> None:
    data = tmp_path / "agent"
    await enrolling.run(data, wish(office, school, password="тайна", password_file="/etc/gorod/secret"))
    written = (data / "agent.toml").read_text("utf-8")
    assert "тайна" not in written
    assert 'source_password_file = "/etc/gorod/secret"' in written


async def test_the_department_finds_the_profile_by_the_schema_of_the_source(
    office: Department, school: Demo, tmp_path: Path
) -> None:
    await enrolling.run(tmp_path / "agent", wish(office, school, organisation=school.organisation))
    (asked,) = office.cards.asked
    source = open_source(Options(school.url, school.organisation))
    assert asked.schema_fingerprint == source.describe(counts=False).fingerprint
    assert asked.identity == f"sqlite:{school.organisation}"
    source.close()


async def test_a_profile_of_the_sysadmin_is_used_and_named(office: Department, school: Demo, tmp_path: Path) -> None:
    data = tmp_path / "agent"
    await enrolling.run(data, wish(office, school, profile="demo"))
    assert office.cards.asked[0].profile == "demo"
    assert 'profile = "demo"' in (data / "agent.toml").read_text("utf-8")
    assert not (data / "profile.toml").exists()


async def test_a_schema_that_nobody_knows_is_told_with_its_fingerprint(
    office: Department, school: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends(office, monkeypatch, b"", b"")
    with pytest.raises(Problem) as problem:
        await enrolling.run(tmp_path / "agent", wish(office, school))
    assert code_of(problem) == "GOR-1410"
    assert problem.value.details["fingerprint"] == office.cards.asked[0].schema_fingerprint


async def test_a_profile_without_the_authoritys_signature_is_not_kept(
    office: Department, school: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends(office, monkeypatch, DEMO, b"forged")
    with pytest.raises(Problem) as problem:
        await enrolling.run(tmp_path / "agent", wish(office, school))
    assert code_of(problem) == "GOR-1409"
    assert not (tmp_path / "agent" / "profile.toml").exists()


async def test_a_source_that_cannot_be_read_spends_no_code(office: Department, school: Demo, tmp_path: Path) -> None:
    code = office.code()
    with pytest.raises(Problem) as problem:
        await enrolling.run(tmp_path / "agent", Wish(code, f"sqlite:///{tmp_path}/gone.db"))
    assert problem.value.kind == "source"
    assert office.cards.asked == []
    await enrolling.run(tmp_path / "agent", Wish(code, school.url))


async def test_when_nobody_knows_the_schema_the_survey_can_follow_at_once(
    office: Department, school: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "agent"
    sends(office, monkeypatch, b"", b"")
    with pytest.raises(Problem):
        await enrolling.run(data, wish(office, school))
    with surveyed_source(read_config(data, data / "agent.toml", HERE)) as source:
        assert source.describe(counts=False).fingerprint == office.cards.asked[0].schema_fingerprint


async def test_enrolling_again_keeps_what_the_agent_remembers(office: Department, school: Demo, tmp_path: Path) -> None:
    data = tmp_path / "agent"
    await enrolling.run(data, wish(office, school))
    store = StateStore(data / "state.sqlite")
    store.put(epoch=b"e" * 16)
    store.close()
    await enrolling.run(data, wish(office, school))
    store = StateStore(data / "state.sqlite")
    assert store.position().epoch == b"e" * 16
    store.close()


def test_a_password_in_the_address_is_refused() -> None:
    enrolling.refuse_password("postgresql://reader@db/netschool")
    with pytest.raises(Problem) as problem:
        enrolling.refuse_password("postgresql://reader:secret@db/netschool")
    assert code_of(problem) == "GOR-1004"
    assert "secret" not in str(problem.value)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(Problem) as problem:
        enrolling.refuse_password("postgresql://[::1/netschool")
    assert code_of(problem) == "GOR-1010"
