"""Setting up: what is missing is named in a sentence with the command that installs it, in both languages."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

TOOLS = ("cat", "dirname", "tr", "sha256sum")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that set-up reads, beside a folder `bin` that is the whole search path."""
    (tmp_path / "install/linux").mkdir(parents=True)
    for file in ("install/linux/setup.sh", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    for package in ("agent", "collector", "portal", "proto", "install"):
        (tmp_path / package).mkdir(exist_ok=True)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def give(checkout: Path, *programs: str, script: str = "exit 0") -> None:
    """Put stand-ins of programs on the search path."""
    for program in programs:
        path = checkout / "bin" / program
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)


def set_up(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run set-up with nothing but the given programs."""
    environment = {"PATH": str(checkout / "bin"), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["/bin/sh", "install/linux/setup.sh"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def names_both(said: str, command: str) -> bool:
    """One Russian and one English sentence, each with the command."""
    russian, english = said.splitlines()
    return command in russian and command in english and not russian.isascii() and english.isascii()


@pytest.mark.parametrize(("present", "absent"), [((), "git"), (("git",), "make")])
def test_a_missing_program_is_named_with_its_command(checkout: Path, present: tuple[str, ...], absent: str):
    give(checkout, *present)
    done = set_up(checkout)
    assert done.returncode == 1
    assert names_both(done.stderr, f"apt-get install {absent}")


def test_a_missing_python_is_named_with_its_command(checkout: Path):
    give(checkout, "git", "make")
    done = set_up(checkout)
    assert done.returncode == 1
    assert names_both(done.stderr, "apt-get install python3 python3-venv")


def test_an_old_python_counts_as_missing(checkout: Path):
    give(checkout, "git", "make")
    give(checkout, "python3", script="exit 1")
    assert names_both(set_up(checkout).stderr, "apt-get install python3 python3-venv")


def test_a_python_without_venv_is_named_with_its_command(checkout: Path):
    give(checkout, "git", "make")
    give(checkout, "python3", script='case "$2" in *ensurepip*) exit 1;; esac')
    done = set_up(checkout)
    assert done.returncode == 1
    assert names_both(done.stderr, "apt-get install python3-venv")


FAKE_PYTHON = """\
echo "$*" >> calls
[ "$2" != venv ] || { rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python"; }
[ "$2" != pip ] || [ ! -e offline ] || exit 1"""


@pytest.fixture
def prepared(checkout: Path) -> Path:
    """A checkout whose Python only writes down what it was asked to do."""
    give(checkout, "git", "make")
    give(checkout, "python3", script=FAKE_PYTHON)
    for tool in ("mkdir", "cp", "rm"):
        (checkout / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    return checkout


def calls(checkout: Path) -> list[str]:
    """What Python was asked to do since the last look, its version asides left out."""
    log = checkout / "calls"
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return [line for line in lines if line.startswith("-m") and "compileall" not in line]


def test_libraries_come_by_hash_and_our_own_package_without_an_index(prepared: Path):
    assert set_up(prepared).returncode == 0
    venv, libraries, ours = calls(prepared)
    assert venv == "-m venv --clear .venv"
    assert "--require-hashes -r requirements.lock" in libraries
    assert "--no-build-isolation -e ." in ours


def test_nothing_is_done_when_nothing_has_changed(prepared: Path):
    set_up(prepared)
    calls(prepared)
    assert set_up(prepared).returncode == 0
    assert calls(prepared) == []


def test_a_changed_lock_makes_the_environment_anew(prepared: Path):
    set_up(prepared)
    calls(prepared)
    with (prepared / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    set_up(prepared)
    assert len(calls(prepared)) == 3


def test_a_moved_folder_makes_the_environment_anew(prepared: Path):
    set_up(prepared)
    moved = prepared.with_name(prepared.name + " перенесена")
    prepared.rename(moved)
    calls(moved)
    assert set_up(moved).returncode == 0
    assert len(calls(moved)) == 3


def test_a_changed_pyproject_installs_only_our_own_package_again(prepared: Path):
    set_up(prepared)
    calls(prepared)
    with (prepared / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    set_up(prepared)
    assert ["-e ." in call for call in calls(prepared)] == [True]


def test_an_interrupted_set_up_is_begun_anew(prepared: Path):
    (prepared / "offline").touch()
    failed = set_up(prepared)
    assert failed.returncode == 1
    assert "каталогу пакетов" in failed.stderr
    calls(prepared)
    (prepared / "offline").unlink()
    assert set_up(prepared).returncode == 0
    assert len(calls(prepared)) == 3
