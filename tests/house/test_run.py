"""The run's own rules: a skip fails where it must, the seed is told and repeats a run, the environment is clean."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a folder of small files with our conftest, as a fresh process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOROD_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    command += [f"--rootdir={ROOT}", f"--confcutdir={folder}", "-p", "tests.conftest", *arguments, str(folder)]
    return subprocess.run(command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, check=False)


@pytest.fixture
def skips(tmp_path: Path) -> Path:
    """A test that skips itself, a file that skips itself whole, and an expected failure."""
    (tmp_path / "test_a.py").write_text("import pytest\n\ndef test_a():\n    pytest.skip('no such machine')\n")
    (tmp_path / "test_b.py").write_text("import pytest\n\npytest.skip('no such library', allow_module_level=True)\n")
    expected = "import pytest\n\n@pytest.mark.xfail(reason='known')\ndef test_c():\n    raise AssertionError\n"
    (tmp_path / "test_c.py").write_text(expected)
    return tmp_path


def test_a_skip_is_said_loudly(skips: Path):
    done = run(skips)
    assert done.returncode == pytest.ExitCode.OK
    assert "2 NOT TESTED" in done.stdout
    assert "Skipped: no such machine" in done.stdout.split("NOT TESTED")[1]
    assert "Skipped: no such library" in done.stdout.split("NOT TESTED")[1]


def test_a_skipped_test_is_a_failure_where_none_is_allowed(skips: Path):
    (skips / "test_b.py").unlink()
    done = run(skips, "-n1", GOROD_TEST_NO_SKIP="1")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 xfailed" in done.stdout
    assert "makes a skip a failure" in done.stdout
    assert "no such machine" in done.stdout


def test_a_skipped_file_is_a_failure_where_none_is_allowed(skips: Path):
    done = run(skips, GOROD_TEST_NO_SKIP="1")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "makes a skip a failure" in done.stdout
    assert "no such library" in done.stdout


DRAWS = """\
from hypothesis import given, settings, strategies

@settings(database=None, max_examples=5)
@given(strategies.integers())
def test_draw(number):
    print("drawn", number)

def test_rng(rng):
    print("drawn", rng.random())
"""


def test_the_same_seed_repeats_a_run_and_another_does_not(tmp_path: Path):
    (tmp_path / "test_draws.py").write_text(DRAWS)
    runs = [run(tmp_path, "-s", "-q", GOROD_TEST_SEED=seed).stdout for seed in ("271828", "271828", "314159")]
    first, again, other = ([line.lstrip(".") for line in said.splitlines() if "drawn" in line] for said in runs)
    assert len(first) > 5
    assert again == first
    assert other != first
    assert "GOROD_TEST_SEED=271828" in runs[0]


def test_settings_and_proxies_of_the_shell_do_not_reach_tests(tmp_path: Path):
    body = "import os\n\ndef test_a():\n    assert not {'GOROD_LANG', 'PGHOST', 'https_proxy'} & set(os.environ)\n"
    (tmp_path / "test_clean.py").write_text(body)
    assert run(tmp_path, GOROD_LANG="en", PGHOST="x", https_proxy="http://x").returncode == pytest.ExitCode.OK


def test_two_tests_draw_numbers_of_their_own(rng: random.Random, request: pytest.FixtureRequest):
    assert rng.random() == random.Random(f"{os.environ['GOROD_TEST_SEED']} {request.node.nodeid}").random()
    assert rng.random() != random.Random(f"{os.environ['GOROD_TEST_SEED']} another test").random()
