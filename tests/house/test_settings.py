"""Settings: every one is explained, stands in the example file with its default, and can be set by its contract's name."""

import re
import tomllib
from pathlib import Path

import pytest

from install import examples
from proto.settings import load

programs = pytest.mark.parametrize("program", examples.PROGRAMS)
COMMENTED = re.compile(r"^# (?=[a-z][a-z0-9_]* = )", re.MULTILINE)
DIMENSIONS = ("_s", "_ms", "_bytes", "_pct", "_days")

# Names that others script against (design, chapter 4).
FIXED = {
    "agent": "source_url source_password source_organisation sweep_full_s sweep_hot_s sweep_hint_ms hot_days digest_s heartbeat_s "
    "retry_cap_s outbox_bytes",
    "collector": "database_url sync_listen sync_public enrol_listen enrol_public metrics_listen lease_s code_ttl_s cert_days late_s "
    "silent_s deep_s guard_delete_rows guard_delete_pct guard_update_rows guard_update_pct master_key_file",
    "portal": "listen database_url metrics_listen trusted_proxies",
}


@programs
def test_the_example_file_is_what_the_table_says(program: str):
    written = examples.path(program).read_text("utf-8")
    assert written == examples.render(program, examples.table(program)), "run `python -m install.examples`"


@programs
def test_the_example_as_it_is_changes_nothing(program: str):
    assert tomllib.loads(examples.path(program).read_text("utf-8")) == {}


@programs
def test_the_example_uncommented_holds_every_default(program: str, tmp_path: Path):
    file = tmp_path / "all.toml"
    file.write_text(COMMENTED.sub("", examples.path(program).read_text("utf-8")), "utf-8")
    table = [setting for setting in examples.table(program) if setting.default is not None]
    shown = {
        key: value for key, value in tomllib.loads(file.read_text("utf-8")).items() if key in {one.key for one in table}
    }
    file.write_text("\n".join(f"{key} = {examples._literal(value)}" for key, value in shown.items()), "utf-8")
    assert load(program, table, file, {}) == load(program, table, None, {})
    assert len(shown) == len(table)


@programs
def test_every_setting_says_what_it_is_for(program: str):
    table = examples.table(program)
    assert [one.key for one in table if len(one.help) < len("A sentence.")] == []
    assert len({one.key for one in table}) == len(table)
    assert [one.key for one in table if not re.fullmatch(r"[a-z][a-z0-9_]*", one.key)] == []


@programs
def test_a_number_with_a_dimension_names_its_unit(program: str):
    numbers = [one for one in examples.table(program) if one.kind in {int, float}]
    assert [one.key for one in numbers if one.key.endswith(DIMENSIONS) and not one.unit] == []


@programs
def test_settings_that_hold_secrets_are_masked(program: str):
    secret = re.compile(r"password$|token$|secret$|database_url$")
    assert [one.key for one in examples.table(program) if secret.search(one.key) and not one.secret] == []


@programs
def test_the_names_that_others_script_against_are_there(program: str):
    assert set(FIXED[program].split()) - {one.key for one in examples.table(program)} == set()
