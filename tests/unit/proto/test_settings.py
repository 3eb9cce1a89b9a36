"""Settings: file, then environment, checked whole at start; a mistake names its key and never shows a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from proto.problems import Problem
from proto.settings import Setting, describe, load

TABLE = (
    Setting("listen", "127.0.0.1:7443", "Address to listen at"),
    Setting("period_s", 10.0, "Pause", "s", float, minimum=0.1),
    Setting("rows", 500, "Rows of a page", "", int, minimum=1),
    Setting("on", default=False, help="Switch", kind=bool),
    Setting("folder", Path("/var/lib/gorod"), "Folder", kind=Path),
    Setting("password", "", "Password", secret=True),
    Setting("mode", "collapse", "Health mode", choices=("collapse", "full")),
)


def read(tmp_path: Path, toml: str = "", **environ: str) -> dict[str, object]:
    file = tmp_path / "agent.toml"
    file.write_text(toml, "utf-8")
    return load("agent", TABLE, file, environ)


def refused(tmp_path: Path, toml: str = "", **environ: str) -> Problem:
    with pytest.raises(Problem) as problem:
        read(tmp_path, toml, **environ)
    return problem.value


def test_without_file_and_environment_defaults_hold():
    assert load("agent", TABLE, None, {}) == {setting.key: setting.default for setting in TABLE}


def test_the_environment_wins_over_the_file(tmp_path: Path):
    found = read(tmp_path, "rows = 7\nperiod_s = 2", GOROD_AGENT_ROWS="9")
    assert (found["rows"], found["period_s"]) == (9, 2.0)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False)])
def test_switches_are_read_as_people_write_them(tmp_path: Path, text: str, value: bool):  # noqa: FBT001  a parameter of the test
    assert read(tmp_path, GOROD_AGENT_ON=text)["on"] is value


def test_an_unknown_key_is_named(tmp_path: Path):
    problem = refused(tmp_path, "rowz = 7")
    assert (problem.code, problem.details["key"]) == ("GOR-1002", "rowz")


def test_variables_of_others_are_left_alone(tmp_path: Path):
    assert read(tmp_path, GOROD_AGENT_OTHER="1", GOROD_PORTAL_ROWS="2")["rows"] == 500


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("ROWS", "many"),
        ("ROWS", "0"),
        ("ROWS", "1.5"),
        ("PERIOD_S", "0"),
        ("ON", "maybe"),
        ("MODE", "half"),
        ("PERIOD_S", "nan"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_key(tmp_path: Path, key: str, text: str):
    problem = refused(tmp_path, **{f"GOROD_AGENT_{key}": text})
    assert (problem.code, problem.details["key"]) == ("GOR-1003", key.lower())


@pytest.mark.parametrize("toml", ["rows = true", "rows = 1.5", "on = 3", "listen = 5", "rows = []"])
def test_a_value_of_another_kind_in_the_file_is_refused(tmp_path: Path, toml: str):
    assert refused(tmp_path, toml).code == "GOR-1003"


@pytest.mark.parametrize("content", [b"rows = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes):
    file = tmp_path / "agent.toml"
    file.write_bytes(content)
    with pytest.raises(Problem) as problem:
        load("agent", TABLE, file, {})
    assert problem.value.code == "GOR-1001"


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(Problem) as problem:
        load("agent", TABLE, tmp_path / "none.toml", {})
    assert (problem.value.code, problem.value.details["file"]) == ("GOR-1001", str(tmp_path / "none.toml"))


def test_described_settings_hide_secrets_and_name_their_variable(tmp_path: Path):
    rows = {row["key"]: row for row in describe("agent", TABLE, read(tmp_path, GOROD_AGENT_PASSWORD="hidden"))}
    assert rows["password"]["value"] == "***"
    assert rows["folder"]["value"] == "/var/lib/gorod"
    assert rows["rows"]["env"] == "GOROD_AGENT_ROWS"
    assert set(rows["rows"]) == {"key", "env", "value", "default", "unit", "help"}


def test_a_wrong_secret_is_not_repeated(tmp_path: Path):
    table = (Setting("pin", "", "Pin", secret=True, choices=("1234",)),)
    with pytest.raises(Problem) as problem:
        load("agent", table, None, {"GOROD_AGENT_PIN": "9999"})
    assert "9999" not in str(problem.value)
    assert read(tmp_path)["password"] == ""
