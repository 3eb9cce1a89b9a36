""".ci/run on machines that lack something: it installs just that, then runs `make test` where no skip is allowed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

PROGRAMS = ("python3", "git", "make", "chromium", "dpkg", "apt-get")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout and a search path where every program only writes down how it was called."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "bin").mkdir()
    for program in PROGRAMS:
        path = tmp_path / "bin" / program
        path.write_text(f'#!/bin/sh\necho "{program} $*${{GOROD_TEST_NO_SKIP:+ no skip}}" >> calls\n', "utf-8")
        path.chmod(0o755)
    for tool in ("dirname", "env"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    give(tmp_path, "id", "echo 0")
    return tmp_path


def give(machine: Path, program: str, script: str) -> None:
    """Replace a program."""
    path = machine / "bin" / program
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)


def calls(machine: Path) -> list[str]:
    """What CI called, asides about Python and dpkg left out."""
    environment = {"PATH": str(machine / "bin")}
    subprocess.run(["/bin/sh", ".ci/run"], cwd=machine, env=environment, check=True)
    lines = (machine / "calls").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith(("python3", "dpkg"))]


def test_a_machine_that_lacks_nothing_only_runs_the_tests(machine: Path):
    assert calls(machine) == ["make test no skip"]


def test_a_missing_program_is_installed_before_the_tests(machine: Path):
    (machine / "bin/chromium").unlink()
    assert calls(machine) == [
        "apt-get -qq update",
        "apt-get -qq install -y --no-install-recommends chromium",
        "make test no skip",
    ]


def test_a_bare_machine_gets_everything(machine: Path):
    for program in ("git", "chromium"):
        (machine / "bin" / program).unlink()
    give(machine, "python3", "exit 1")
    give(machine, "dpkg", "exit 1")
    installed = calls(machine)[1].removeprefix("apt-get -qq install -y --no-install-recommends ")
    assert installed.split() == ["python3", "python3-venv", "git", "chromium", "fonts-dejavu-core"]


def test_a_person_without_rights_installs_through_sudo(machine: Path):
    (machine / "bin/git").unlink()
    give(machine, "id", "echo 1000")
    give(machine, "sudo", 'echo "sudo" >> calls; "$@"')
    assert calls(machine)[:2] == ["sudo", "apt-get -qq update"]
