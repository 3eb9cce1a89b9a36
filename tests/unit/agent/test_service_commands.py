"""``gorod-agent service …`` on a computer of the test: what is done there, in which order, and what is said."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent.services import commands
from agent.services.plan import Found, Remove, Run, Write
from agent.services.systemd import Systemd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.services.plan import Ask, Step
    from tests.fix_console import Console
    from tests.fix_enrolled import EnrolledFolder

RUNNING = {"service": "gorod-agent", "installed": True, "running": True}


class Computer:
    """A service manager whose units are files of the test: a service runs while its file says so."""

    def __init__(self, folder: Path) -> None:
        self.unit = folder / "units" / "gorod-agent"
        self.program: tuple[str, ...] = ()

    def needs(self) -> None:
        return None

    def is_administrator(self) -> bool:
        return True

    def install(self, program: Sequence[str], data: Path) -> list[Step]:
        self.program = (*program, str(data))
        return [Write(self.unit, "running")]

    def uninstall(self) -> list[Step]:
        return [Run((sys.executable, "-c", "raise SystemExit(5)"), may_fail=True), Remove(self.unit)]

    def start(self) -> list[Step]:
        return [Write(self.unit, "running")]

    def stop(self) -> list[Step]:
        return [Write(self.unit, "stopped")]

    def look(self, ask: Ask) -> Found:
        assert isinstance(ask(["true"]), subprocess.CompletedProcess)
        text = self.unit.read_text() if self.unit.exists() else ""
        return Found(bool(text), text == "running")


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    """The computer on which the commands work."""
    made = Computer(tmp_path)
    monkeypatch.setattr(commands, "manager", lambda: made)
    return made


def test_a_service_is_installed_stopped_started_and_removed(
    console: Console, computer: Computer, enrolled_folder: EnrolledFolder
) -> None:
    def service(verb: str) -> tuple[int, dict[str, object]]:
        said = console("gorod-agent", "service", verb, "--data", enrolled_folder.data, "--json")
        return said.code, said.json

    assert service("status") == (0, RUNNING | {"installed": False, "running": False})
    assert service("install") == (0, RUNNING)
    assert computer.program[-1] == str(enrolled_folder.data.resolve())
    assert service("install") == (0, RUNNING), "safe to repeat"
    assert service("stop") == (0, RUNNING | {"running": False})
    assert service("start") == (0, RUNNING)
    assert service("uninstall") == (0, RUNNING | {"installed": False, "running": False})
    assert (enrolled_folder.data / "agent.toml").exists(), "the data folder stays"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("running", "Служба установлена и работает."),
        ("stopped", "Служба установлена, но не работает."),
        ("", "Служба не установлена."),
    ],
)
def test_people_are_told_how_the_service_is(console: Console, computer: Computer, state: str, words: str) -> None:
    computer.unit.parent.mkdir()
    computer.unit.write_text(state)
    assert console("gorod-agent", "service", "status", GOROD_LANG="ru").out.strip() == words


@pytest.mark.parametrize("verb", ["start", "uninstall"])
def test_what_is_not_installed_can_neither_be_started_nor_removed(
    console: Console, computer: Computer, verb: str
) -> None:
    said = console("gorod-agent", "service", verb, "--json")
    assert (said.code, said.json["code"]) == (1, "GOR-1020")
    assert not computer.unit.exists()


def test_setup_installs_by_the_same_plan(computer: Computer, tmp_path: Path) -> None:
    commands.install_for(tmp_path / "data")
    assert computer.unit.read_text() == "running"
    assert computer.program[-1] == str(tmp_path / "data")


def test_on_linux_the_manager_is_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Systemd, "needs", lambda _self: None)
    monkeypatch.setattr(sys, "platform", "linux")
    assert isinstance(commands.manager(), Systemd)


def test_an_installation_whose_program_is_nowhere_is_started_as_a_module(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """-P: a folder named agent beside the person who starts it must not be taken for our package."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert commands.own_program() == (str(tmp_path / "python"), "-P", "-m", "agent")
