"""What a newcomer types, and what CI runs: the names are promises."""

import os
import re
import tomllib
from importlib import metadata

import pytest

import proto
from tests.house.tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = ("setup", "demo", "test", "test-full", "test-faults", "lint", "proto", "bench", "package")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("target", TARGETS)
def test_make_has_the_target_and_says_what_it_is(target: str):
    assert re.search(rf"^{target}:.* ## \S", MAKEFILE, re.MULTILINE)
    assert target in re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()


@pytest.mark.parametrize("target", TARGETS[1:])
def test_a_target_sets_up_what_it_needs(target: str):
    assert re.search(rf"^{target}: setup\b", MAKEFILE, re.MULTILINE)


def test_ci_runs_exactly_make_test_and_allows_no_skip():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    lines = script.read_text("utf-8").strip().splitlines()
    assert lines[-1] == "GOROD_TEST_NO_SKIP=1 exec make test"
    assert sum("make " in line and "exec" in line for line in lines) == 1


def test_ci_asks_the_package_lists_only_when_something_is_missing():
    script = (ROOT / ".ci/run").read_text("utf-8")
    assert script.index('if [ -n "$missing" ]') < script.index("apt-get -qq update") < script.index("\nfi")


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_readme_gives_the_commands(command: str):
    assert command in (ROOT / "README.md").read_text("utf-8")


def test_the_version_is_the_same_everywhere():
    assert metadata.version("gorod") == PROJECT["version"] == proto.__version__
    assert re.search(
        rf"^## \[(Unreleased|{re.escape(PROJECT['version'])})\]",
        (ROOT / "CHANGELOG.md").read_text("utf-8"),
        re.MULTILINE,
    )


@pytest.mark.parametrize("script", PROJECT["scripts"])
def test_a_promised_command_is_there(script: str):
    point = next(entry for entry in metadata.entry_points(group="console_scripts") if entry.name == script)
    assert callable(point.load())
