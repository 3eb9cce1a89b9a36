"""Putting an agent together: what is refused before anything runs, and what is left when something fails."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import profile as profiles
from agent.config import Config
from agent.state.database import FileLock
from agent.wiring import build, check_signature, choose_profile, options, toml_text
from collector.ca.authority import Authority
from proto.problems import Problem
from tests.fix_ca import code_of
from tests.fix_demo import Demo
from tests.fix_reading import agent_config

DEMO = profiles.load("demo").source


def test_an_enrolled_agent_is_built(enrolled: Config, school: Demo) -> None:
    parts = build(enrolled)
    try:
        assert parts.profile.name == "demo"
        assert parts.capture.source is parts.source
        assert parts.identity.facts.organisation == school.organisation
        facts = parts.facts()
        assert (facts.profile, facts.profile_hash, facts.health_mode) == ("demo", parts.profile.hash, "collapse")
    finally:
        parts.close()


def test_an_agent_that_was_never_enrolled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem) as problem:
        build(agent_config(tmp_path, source_url="sqlite:///netschool.db"))
    assert code_of(problem) == "GOR-1107"


def test_a_second_agent_on_the_same_folder_is_refused(enrolled: Config) -> None:
    parts = build(enrolled)
    try:
        with pytest.raises(Problem) as problem:
            build(enrolled)
        assert code_of(problem) == "GOR-1703"
    finally:
        parts.close()
    build(enrolled).close()


def test_a_state_file_that_cannot_be_opened_leaves_no_lock(enrolled: Config) -> None:
    (enrolled.data / "state.sqlite").mkdir()
    with pytest.raises(Problem):
        build(enrolled)
    lock = FileLock(enrolled.data / "state.lock")
    lock.acquire()
    lock.release()


def test_a_damaged_state_file_is_set_aside_and_told(enrolled: Config) -> None:
    (enrolled.data / "state.sqlite").write_bytes(b"rubbish" * 1000)
    parts = build(enrolled)
    try:
        assert [kind for kind, _details, _at in parts.store.events()] == ["state_lost"]
    finally:
        parts.close()


def test_without_a_source_the_setting_is_named(school: Demo, tmp_path: Path) -> None:
    del school
    with pytest.raises(Problem) as problem:
        options(agent_config(tmp_path), "42", "Europe/Moscow", None)
    assert (code_of(problem), problem.value.details["env"]) == ("GOR-1006", "GOROD_AGENT_SOURCE_URL")


def test_the_organisation_comes_with_the_code_unless_a_setting_overrides_it(tmp_path: Path) -> None:
    told = agent_config(tmp_path, source_url="sqlite:///x")
    mine = agent_config(tmp_path, source_url="sqlite:///x", source_organisation="77")
    assert options(told, "42", "Europe/Moscow", None).organisation == "42"
    assert options(mine, "42", "Europe/Moscow", None).organisation == "77"


def test_the_source_watches_every_table_of_the_profile(tmp_path: Path) -> None:
    found = options(agent_config(tmp_path, source_url="sqlite:///x"), "42", "Asia/Omsk", profiles.load("demo"))
    assert {"Subjects", "SubjectAreas", "Marks", "JournalLog"} <= set(found.tables)
    assert found.zone == "Asia/Omsk"


def test_the_password_of_a_file_reaches_the_source_and_no_log(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("пароль\n", "utf-8")
    config = agent_config(tmp_path, source_url="postgresql://reader@db/x", source_password_file=tmp_path / "secret")
    found = options(config, "42", "Europe/Moscow", None)
    assert found.password == "пароль"
    assert "пароль" not in repr(found)


def test_the_profile_of_the_settings_is_taken_before_the_departments(enrolled: Config, tmp_path: Path) -> None:
    other = tmp_path / "mine.toml"
    other.write_bytes(DEMO.replace(b'name = "demo"', b'name = "mine"', 1))
    assert choose_profile(enrolled).name == "demo"
    assert choose_profile(Config(enrolled.data, {**enrolled.values, "profile": str(other)})).name == "mine"


def test_the_authoritys_signature_is_taken(authority: Authority) -> None:
    check_signature(DEMO, authority.sign(DEMO), authority.certificate, "demo")


def test_a_profile_that_was_changed_on_its_way_is_refused(authority: Authority) -> None:
    with pytest.raises(Problem) as problem:
        check_signature(DEMO + b"\n", authority.sign(DEMO), authority.certificate, "demo")
    assert (code_of(problem), problem.value.details) == ("GOR-1409", {"profile": "demo"})


def test_a_profile_that_another_authority_signed_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.create(tmp_path / "stranger")
    with pytest.raises(Problem) as problem:
        check_signature(DEMO, stranger.sign(DEMO), authority.certificate, "demo")
    assert code_of(problem) == "GOR-1409"


def test_another_profile_voids_the_base(enrolled: Config) -> None:
    parts = build(enrolled)
    try:
        parts.store.put(based=1, full="{}")
        parts.use_profile(DEMO.replace(b"AS name, s.Code", b"AS name, NULL", 1).replace(b"version = 1", b"version = 2"))
        assert parts.store.get("based") is None
        assert parts.facts().profile_hash == parts.capture.profile.hash != profiles.load("demo").hash
        assert [kind for kind, _details, _at in parts.store.events()] == ["profile"]
    finally:
        parts.close()


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.text(max_size=60) | st.booleans() | st.integers()
    )
)
def test_settings_survive_their_file(values: dict[str, object]) -> None:
    clean = {name: value for name, value in values.items() if not _lone(value)}
    assert tomllib.loads(toml_text(clean)) == clean


def _lone(value: object) -> bool:
    return isinstance(value, str) and any(0xD800 <= ord(letter) <= 0xDFFF for letter in value)
