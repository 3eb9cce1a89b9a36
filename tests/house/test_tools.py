"""`make lint` as tests, so that CI's one command checks the code too."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

BIN = Path(sys.executable).parent


def check(*command: str | Path) -> None:
    """Run a tool at the root; its complaint is the failure's text."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{done.stdout}\n{done.stderr}"[-8000:], pytrace=False)


def test_ruff_finds_nothing_to_say():
    check(sys.executable, "-m", "ruff", "check", "--quiet", "--output-format=concise")


def test_every_file_is_formatted_by_ruff():
    check(sys.executable, "-m", "ruff", "format", "--check", "--quiet")


@pytest.mark.timeout(300)  # a cold cache reads every library
def test_mypy_strict_finds_nothing_to_say():
    check(sys.executable, "-m", "mypy", "--no-error-summary")


def test_imports_point_one_way_and_cores_are_pure():
    check(BIN / "lint-imports", "--no-logo", "--no-cache")
