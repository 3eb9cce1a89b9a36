"""Commands beside the running agent: what they say of it, and that they do not disturb it."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.offline import opened_source, status_of, surveyed_source
from agent.state.database import FileLock
from proto.problems import Problem
from tests.fix_ca import code_of
from tests.fix_demo import Demo
from tests.fix_reading import STATUS_KEYS, agent_config


def say(data: Path, **told: Any) -> None:
    """A status file as a running agent writes it."""
    whole = {"school": "23-042", "state": "ok", "connected": True, "problem": None} | told
    (data / "status.json").write_text(json.dumps(whole), "utf-8")


@pytest.fixture
def running(enrolled: Config) -> Any:
    """An agent runs on the folder, as far as its lock can tell."""
    lock = FileLock(enrolled.data / "state.lock")
    lock.acquire()
    yield lock
    lock.release()


def test_an_agent_that_never_ran_says_so_with_every_key_of_the_contract(enrolled: Config) -> None:
    told = status_of(enrolled.data, "ru")
    assert set(told) == STATUS_KEYS
    assert (told["school"], told["state"], told["connected"], told["certificate_days"]) == (
        "23-042",
        "offline",
        False,
        89,
    )
    assert told["problem"]["code"] == "GOR-1705"


def test_an_agent_that_was_never_enrolled_has_no_status(tmp_path: Path) -> None:
    with pytest.raises(Problem) as problem:
        status_of(tmp_path, "ru")
    assert code_of(problem) == "GOR-1107"


def test_a_running_agent_is_believed(enrolled: Config, running: FileLock) -> None:
    del running
    say(enrolled.data)
    told = status_of(enrolled.data, "ru")
    assert (told["state"], told["connected"], told["problem"], told["certificate_days"]) == ("ok", True, None, 89)


def test_an_agent_that_has_ended_is_not_connected_any_more(enrolled: Config) -> None:
    say(enrolled.data)
    hour_ago = time.time() - 3600
    os.utime(enrolled.data / "status.json", (hour_ago, hour_ago))
    told = status_of(enrolled.data, "en")
    assert (told["state"], told["connected"], told["problem"]["code"]) == ("offline", False, "GOR-1705")
    assert "60" in told["problem"]["text"]


def test_the_last_problem_of_an_agent_that_has_ended_is_kept(enrolled: Config) -> None:
    say(enrolled.data, state="error", problem={"code": "GOR-1305"})
    told = status_of(enrolled.data, "en")
    assert (told["state"], told["connected"], told["problem"]) == ("error", False, {"code": "GOR-1305"})


@pytest.mark.parametrize("content", ["", "{", "rubbish"])
def test_a_status_file_that_cannot_be_read_is_no_failure(enrolled: Config, content: str) -> None:
    (enrolled.data / "status.json").write_text(content)
    assert status_of(enrolled.data, "ru")["state"] == "offline"


def test_looking_takes_no_lock_away(enrolled: Config) -> None:
    status_of(enrolled.data, "ru")
    lock = FileLock(enrolled.data / "state.lock")
    lock.acquire()
    lock.release()


def test_the_source_is_opened_for_the_enrolled_organisation(enrolled: Config, school: Demo) -> None:
    with opened_source(enrolled) as (source, profile):
        assert source.origin().identity == f"sqlite:{school.organisation}"
        assert profile.name == "demo"


def test_before_enrolment_the_organisation_must_be_named(school: Demo, tmp_path: Path) -> None:
    config = agent_config(tmp_path, source_url=school.url, profile="demo")
    with pytest.raises(Problem) as problem, opened_source(config):
        pass
    assert code_of(problem) == "GOR-1107"
    named = agent_config(tmp_path, source_url=school.url, profile="demo", source_organisation=school.organisation)
    with opened_source(named) as (source, _profile):
        assert source.origin().identity == f"sqlite:{school.organisation}"


def test_a_profile_can_be_tried_instead_of_the_departments(enrolled: Config, tmp_path: Path) -> None:
    text = (enrolled.data / "profile.toml").read_bytes().replace(b'name = "demo"', b'name = "mine"', 1)
    (tmp_path / "mine.toml").write_bytes(text)
    with opened_source(enrolled, str(tmp_path / "mine.toml")) as (_source, profile):
        assert profile.name == "mine"


def test_a_source_that_is_not_there_is_told(enrolled: Config, tmp_path: Path) -> None:
    gone = Config(enrolled.data, {**enrolled.values, "source_url": f"sqlite:///{tmp_path}/gone.db"})
    with pytest.raises(Problem) as problem, opened_source(gone):
        pass
    assert problem.value.kind == "source"


def test_a_survey_needs_neither_enrolment_nor_a_profile(school: Demo, tmp_path: Path) -> None:
    """It is what the department makes the profile from."""
    with surveyed_source(agent_config(tmp_path, source_url=school.url)) as source:
        assert "Subjects" in {table["name"] for table in source.describe().as_json()["tables"]}
