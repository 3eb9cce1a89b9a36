"""The programs of the demo, started from wherever a person happens to stand."""

from pathlib import Path

import pytest

from install.demo.processes import run_once
from proto.problems import Problem


def test_a_folder_named_like_a_package_of_ours_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent/cli.py").write_text("raise SystemExit('not ours')", "utf-8")
    monkeypatch.chdir(tmp_path)
    run_once("agent", ["explain", "GOR-1207"], {})


def test_a_command_that_fails_is_told_with_its_own_problem():
    with pytest.raises(Problem) as problem:
        run_once("agent", ["explain", "GOR-9999"], {"GOROD_LANG": "en"})
    assert "GOR-1010" in problem.value.details["cause"]
