"""The collector's table of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.config import PROGRAM, SETTINGS, master_key_file, read_settings
from proto.problems import Problem

FIXED = [
    "DATABASE_URL",
    "SYNC_LISTEN",
    "SYNC_PUBLIC",
    "ENROL_LISTEN",
    "ENROL_PUBLIC",
    "METRICS_LISTEN",
    "LEASE_S",
    "CODE_TTL_S",
    "CERT_DAYS",
    "LATE_S",
    "SILENT_S",
    "DEEP_S",
    "GUARD_DELETE_ROWS",
    "GUARD_DELETE_PCT",
    "GUARD_UPDATE_ROWS",
    "GUARD_UPDATE_PCT",
    "MASTER_KEY_FILE",
]


def test_the_names_that_others_script_against_exist():
    assert {f"GOROD_COLLECTOR_{name}" for name in FIXED} <= {setting.env(PROGRAM) for setting in SETTINGS}


@pytest.mark.parametrize(
    ("key", "value"), [("late_s", 900), ("silent_s", 3600), ("cert_days", 90), ("guard_delete_rows", 500)]
)
def test_defaults_are_those_of_the_contract(key: str, value: int):
    assert read_settings(None, {})[key] == value


def test_the_environment_goes_over_the_file(tmp_path: Path):
    file = tmp_path / "collector.toml"
    file.write_text('late_s = 5\nsync_listen = "127.0.0.1:0"\n', "utf-8")
    values = read_settings(file, {"GOROD_COLLECTOR_LATE_S": "7"})
    assert (values["late_s"], values["sync_listen"]) == (7.0, "127.0.0.1:0")


def test_a_value_out_of_range_is_refused():
    with pytest.raises(Problem, match="GOR-1003"):
        read_settings(None, {"GOROD_COLLECTOR_SILENT_S": "0"})


def test_every_setting_has_a_help_and_a_default_that_it_would_accept():
    for setting in SETTINGS:
        assert setting.help
        assert setting.kind(setting.default) == setting.default


def test_the_master_key_can_be_moved(tmp_path: Path):
    assert master_key_file(read_settings(None, {}), tmp_path) == tmp_path / "keys" / "master"
    moved = read_settings(None, {"GOROD_COLLECTOR_MASTER_KEY_FILE": "/media/key"})
    assert master_key_file(moved, tmp_path) == Path("/media/key")
