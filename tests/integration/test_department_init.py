"""What ``init`` leaves behind, and that doing it again changes nothing."""

import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.profile import load
from collector.department import ADDRESSES_FILE, Department
from collector.store import profiles
from proto.problems import Problem
from tests.fix_ca import code_of

pytestmark = pytest.mark.integration
Make = Callable[..., Department]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_that_the_collector_needs_is_there(new_department: Make) -> None:
    made = new_department()
    assert mode(made.data) == 0o700
    assert {path.name for path in (made.data / "keys").iterdir() if path.is_dir()} == {"seal", "data"}
    assert (made.data / "keys" / "master").exists()
    assert len(list((made.data / "keys" / "seal").iterdir())) == 1
    secret = [path for path in made.data.rglob("*") if (path.is_file() and "key" in path.name) or path.name == "master"]
    assert {mode(path) for path in [*secret, made.data / "roles.json"]} == {0o600}


def test_doing_it_again_changes_nothing(new_department: Make) -> None:
    first = new_department()
    before = {path: path.read_bytes() for path in first.data.rglob("*") if path.is_file()}
    second = new_department()
    assert second.authority.pin == first.authority.pin
    assert {path: path.read_bytes() for path in second.data.rglob("*") if path.is_file()} == before


def test_the_portal_is_told_its_login_and_the_keys_and_nothing_else(new_department: Make) -> None:
    made = new_department(late_s=60, silent_s=120)
    file = made.data / "portal.toml"
    assert mode(file) == 0o600
    assert tomllib.loads(file.read_text("utf-8")) == {
        "database_url": made.role_urls.portal,
        "keys": str(made.data / "keys"),
        "master_key_file": str(made.data / "keys" / "master"),
        "late_s": 60,
        "silent_s": 120,
    }


def test_each_login_opens_the_database_and_owns_no_table(new_department: Make) -> None:
    urls = new_department().role_urls
    for role, url in {"gorod_ingest": urls.ingest, "gorod_portal": urls.portal, "gorod_jobs": urls.jobs}.items():
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role,)
            owned = connection.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user").fetchone()
            assert owned == (0,)


def test_a_master_key_may_lie_elsewhere(new_department: Make, tmp_path: Path) -> None:
    made = new_department(master_key_file=tmp_path / "master of the department")
    assert (tmp_path / "master of the department").exists()
    assert not (made.data / "keys" / "master").exists()
    told = tomllib.loads((made.data / "portal.toml").read_text("utf-8"))
    assert told["master_key_file"] == str(tmp_path / "master of the department")


def test_the_shipped_profile_is_registered_and_signed(new_department: Make) -> None:
    made = new_department()
    with made.database.begin() as connection:
        (shipped,) = profiles.every(connection)
    assert (shipped.name, shipped.toml) == ("demo", load("demo").source)
    assert shipped.signature


def test_a_newer_profile_of_the_department_is_kept(new_department: Make) -> None:
    made = new_department()
    newer = load("demo").source.replace(b"\nversion = 1\n", b"\nversion = 100\n", 1)
    made.add_profile(newer)
    new_department()
    with made.database.begin() as connection:
        (kept,) = profiles.every(connection)
    assert kept.toml == newer


def test_a_folder_that_was_never_initialised_is_refused(
    department_values: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(Problem) as problem:
        Department.open(tmp_path / "nothing here", department_values())
    assert code_of(problem) == "GOR-1009"
    assert not (tmp_path / "nothing here").exists()


def test_a_folder_that_cannot_be_made_is_told(department_values: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem) as problem:
        Department.initialise(tmp_path / "file" / "collector", department_values())
    assert code_of(problem) == "GOR-1005"


def test_a_database_that_does_not_answer_is_told(
    department_values: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(Problem) as problem:
        Department.initialise(tmp_path / "collector", department_values(database_url="postgresql://a:b@127.0.0.1:1/c"))
    assert problem.value.code.startswith("GOR-18")
    assert ":b@" not in str(problem.value)


def test_an_initialised_folder_opens(new_department: Make, department_values: Callable[..., dict[str, Any]]) -> None:
    made = new_department()
    with Department.open(made.data, department_values()) as opened:
        assert opened.authority.pin == made.authority.pin
        assert opened.role_urls == made.role_urls


def test_a_running_collector_tells_the_commands_where_it_listens(new_department: Make) -> None:
    made = new_department(sync_listen="127.0.0.1:0", enrol_listen="127.0.0.1:0")
    assert made.enrol_address == "127.0.0.1:0"
    told = {"sync": "127.0.0.1:17443", "enrol": "127.0.0.1:17444", "metrics": "127.0.0.1:19464"}
    (made.data / ADDRESSES_FILE).write_text(json.dumps(told))
    assert (made.sync_address, made.enrol_address) == ("127.0.0.1:17443", "127.0.0.1:17444")


def test_what_the_settings_say_of_public_addresses_counts_first(new_department: Make) -> None:
    made = new_department(sync_public="sync.example.org:443", enrol_public="enrol.example.org:443")
    (made.data / ADDRESSES_FILE).write_text(json.dumps({"sync": "127.0.0.1:1", "enrol": "127.0.0.1:2"}))
    assert (made.sync_address, made.enrol_address) == ("sync.example.org:443", "enrol.example.org:443")
    assert made.certificate_hosts("sync")[0] == "sync.example.org"
    assert {"localhost", "127.0.0.1"} <= set(made.certificate_hosts("enrol"))
