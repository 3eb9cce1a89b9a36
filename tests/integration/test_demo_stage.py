"""Setting the stage of the demo, step by step with real parts; every step may find its work done by an earlier run."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import tomllib
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from collector.core.credentials import factor_key, open_secret, password_fits, secret_from_text
from collector.store import accounts
from install.demo.folder import City, Folder
from install.demo.processes import Children
from install.demo.stage import ROLES, Stage
from proto.problems import Problem
from tests.acceptance.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from collector.department import Department
    from collector.store.embedded import EmbeddedServer
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
CITY = City(7, 0.004, "sqlite", "2026-11-23", 1)
SCHOOL = "42-001"


@pytest.fixture
def folder(tmp_path: Path, postgres: EmbeddedServer, store: Store, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A demo's folder whose collector uses the test's database, on ports of its own."""
    opened = Folder(tmp_path / "demo")
    opened.collector.mkdir()
    # The logins belong to the whole server: every department of the tests uses the same passwords.
    (opened.collector / "roles.json").write_bytes((postgres.data / "roles.json").read_bytes())
    monkeypatch.setenv("GOROD_COLLECTOR_DATABASE_URL", store.url)
    monkeypatch.setenv("GOROD_COLLECTOR_DATABASE_CONNECTIONS", "2")
    return opened


@pytest.fixture
def children(folder: Folder) -> Iterator[Children]:
    with Children(folder.logs) as opened:
        yield opened


@pytest.fixture
def new_stage(folder: Folder, children: Children) -> Iterator[Callable[..., Stage]]:
    """A stage on the folder: the first run, or a later one."""
    made: list[Stage] = []

    def make(**city: Any) -> Stage:
        made.append(Stage(folder, City(**{**_fields(CITY), **city}), children, lambda _words: None))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def prepared(new_stage: Callable[..., Stage]) -> Iterator[tuple[Stage, Department]]:
    """A stage with its schools' databases, and a department that knows them."""
    stage = new_stage()
    stage.build_sources(lambda _school: None)
    with stage.prepare_collector() as department:
        stage.add_schools(department)
        yield stage, department


def _fields(city: City) -> dict[str, Any]:
    return {name: getattr(city, name) for name in City.__dataclass_fields__}


def listens(folder: Folder) -> dict[str, str]:
    """Addresses in the collector's settings file."""
    found: dict[str, str] = tomllib.loads((folder.collector / "collector.toml").read_text())
    return found


# ---- the schools' databases


def test_every_school_gets_its_database_and_is_told(new_stage: Callable[..., Stage], folder: Folder) -> None:
    stage, told = new_stage(schools=2), list[str]()
    stage.build_sources(told.append)
    assert told == [one.spec.id for one in stage.schools] == [SCHOOL, "42-002"]
    for one in stage.schools:
        file = folder.school(one.spec.id) / "netschool.db"
        assert (one.read_url, one.write_url) == (f"sqlite:///{file}", f"sqlite:///{file}")
        with sqlite3.connect(file) as connection:
            assert connection.execute("SELECT OrgCode FROM Organisations").fetchall() == [(one.spec.organisation,)]


def test_a_later_run_leaves_a_database_as_it_is_and_adds_new_schools(new_stage: Callable[..., Stage]) -> None:
    first = new_stage()
    first.build_sources(lambda _school: None)
    with sqlite3.connect(first.schools[0].write_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE People SET FirstName = 'Живой'")
    later = new_stage(schools=2)
    later.build_sources(lambda _school: None)
    assert [one.spec.id for one in later.schools] == [SCHOOL, "42-002"]
    with sqlite3.connect(later.schools[0].write_url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT DISTINCT FirstName FROM People").fetchall() == [("Живой",)]


def test_a_school_on_postgresql_gets_a_login_that_reads_only_and_keeps_its_password(
    new_stage: Callable[..., Stage], folder: Folder
) -> None:
    first = new_stage(source="postgres")
    first.build_sources(lambda _school: None)
    (school,) = first.schools
    with psycopg.connect(school.read_url) as reader:
        assert reader.execute("SELECT count(*) FROM Organisations").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("UPDATE Organisations SET OrgCode = 'x'")
    folder.write_demo({"schools": [{"id": school.spec.id, "source_url": school.read_url}]})
    first.close()
    later = new_stage(source="postgres")
    later.build_sources(lambda _school: None)
    assert make_url(later.schools[0].read_url).password == make_url(school.read_url).password
    psycopg.connect(later.schools[0].read_url).close()
    later.close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(later.schools[0].read_url, connect_timeout=2)


# ---- the department


def test_a_later_run_keeps_its_ports_unless_somebody_has_them(new_stage: Callable[..., Stage], folder: Folder) -> None:
    new_stage().prepare_collector().close()
    first = listens(folder)
    assert first["sync_public"] == first["sync_listen"]
    new_stage().prepare_collector().close()
    assert listens(folder) == first
    host, _, port = first["enrol_listen"].rpartition(":")
    with socket.create_server((host, int(port))):
        new_stage().prepare_collector().close()
    moved = listens(folder)
    assert moved["enrol_listen"] != first["enrol_listen"]
    assert {name: moved[name] for name in ("sync_listen", "metrics_listen")} == {
        name: first[name] for name in ("sync_listen", "metrics_listen")
    }


def test_the_department_knows_each_school_once(prepared: tuple[Stage, Department], store: Store) -> None:
    stage, department = prepared
    key = department.keys.fingerprint_key(SCHOOL)
    stage.add_schools(department)
    with store.owner() as owner:
        rows = owner.execute("SELECT school_id, name, organisation FROM gorod.school").fetchall()
    spec = stage.schools[0].spec
    assert rows == [(SCHOOL, spec.name, spec.organisation)]
    assert department.keys.fingerprint_key(SCHOOL) == key


def test_each_role_can_sign_in_with_what_demo_json_says(
    prepared: tuple[Stage, Department], folder: Folder, store: Store
) -> None:
    stage, department = prepared
    told = stage.add_accounts(department)
    assert [one["role"] for one in told] == list(ROLES)
    with store.owner() as owner:
        stored = owner.execute(
            "SELECT login, role, password_hash, factor_secret FROM gorod.account ORDER BY id"
        ).fetchall()
    with department.database.begin(scope="*") as connection:
        schools = {known.login: known.schools for known in accounts.every(connection)}
    key = factor_key(department.keys.master_key())
    for one, (login, role, password_hash, sealed) in zip(told, stored, strict=True):
        assert (login, role) == (one["login"], one["role"])
        assert password_fits(one["password"], password_hash)
        assert open_secret(key, login, sealed) == secret_from_text(one["totp"])
        assert schools[login] == ((one["school"],) if one["school"] else ())
    folder.write_demo(stage.tell(department, told))
    assert stage.add_accounts(department) == told


def test_what_is_told_stands_in_a_file_for_the_owner_alone(prepared: tuple[Stage, Department], folder: Folder) -> None:
    stage, department = prepared
    stage.portal = "http://127.0.0.1:8080"
    folder.write_demo(stage.tell(department, []))
    file = folder.path / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = json.loads(file.read_text())
    assert told == folder.demo()
    assert told["schools"][0]["agent_data"] == str(folder.path / "schools" / SCHOOL / "agent")
    assert told["database_url"] == os.environ["GOROD_COLLECTOR_DATABASE_URL"]


# ---- the agents and the portal


def certificates(store: Store) -> int:
    with store.owner() as owner:
        return len(owner.execute("SELECT 1 FROM gorod.certificate").fetchall())


def rows(store: Store) -> int:
    with store.owner() as owner:
        found = owner.execute("SELECT sum(rows) FROM gorod.school_state").fetchone()
    return int(found[0] or 0) if found else 0


def test_agents_are_enrolled_once_and_anew_when_the_department_has_moved(
    prepared: tuple[Stage, Department], children: Children, folder: Folder, store: Store
) -> None:
    stage, department = prepared
    children.start_ready("collector", "collector", ["serve", "--data", str(folder.collector)], {})
    stage.enrol(department)
    assert (folder.agent(SCHOOL) / "agent.toml").exists()
    assert not (folder.school(SCHOOL) / "code").exists()
    assert certificates(store) == 1
    stage.enrol(department)
    assert certificates(store) == 1
    department.values = {**department.values, "sync_public": "127.0.0.1:1"}
    stage.enrol(department)
    assert certificates(store) == 2


def test_an_agent_that_cannot_enrol_is_told_with_its_words_and_leaves_no_code_behind(
    prepared: tuple[Stage, Department], folder: Folder
) -> None:
    stage, department = prepared
    with pytest.raises(Problem) as problem:  # nobody listens
        stage.enrol(department)
    assert problem.value.code == "GOR-1099"
    assert "agent enrol: GOR-1" in problem.value.details["cause"]
    assert not (folder.school(SCHOOL) / "code").exists()


def test_agents_and_the_portal_run_until_the_children_are_ended(
    prepared: tuple[Stage, Department],
    children: Children,
    folder: Folder,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, department = prepared
    monkeypatch.setenv("GOROD_PORTAL_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("GOROD_PORTAL_METRICS_LISTEN", "127.0.0.1:0")
    children.start_ready("collector", "collector", ["serve", "--data", str(folder.collector)], {})
    stage.enrol(department)
    stage.start_portal()
    stage.start_agents()
    assert stage.portal.startswith("http://127.0.0.1:")
    assert [child.name for child in children.running] == ["collector", "portal", f"agent-{SCHOOL}"]
    wait_for(lambda: rows(store) > 0, "the school's rows come", logs=[children.running[-1].log])
    children.check()
    processes = [child.process for child in children.running]
    children.stop()
    assert [process.returncode for process in processes] == [0, 0, 0]


def test_a_port_that_another_program_takes_meanwhile_is_exchanged(new_stage: Callable[..., Stage], children: Children):
    stage = new_stage()
    prepared = stage.prepare_collector()
    with socket.socket() as taken:
        host, _, port = prepared.values["sync_listen"].rpartition(":")
        taken.bind((host, int(port)))
        taken.listen()
        department = stage.start_collector(prepared)
        assert department.values["sync_listen"] != prepared.values["sync_listen"]
    children.check()
    department.close()


def test_a_collector_that_cannot_start_for_another_reason_is_not_tried_again(
    new_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
):
    stage = new_stage()
    with stage.prepare_collector() as prepared:
        monkeypatch.setenv("GOROD_COLLECTOR_LEASE_S", "soon")
        with pytest.raises(Problem) as refused:
            stage.start_collector(prepared)
    assert "GOR-1003" in str(refused.value)
