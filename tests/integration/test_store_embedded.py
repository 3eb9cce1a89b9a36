"""Our launcher of PostgreSQL: adopt, recover, stop with the last user, leave folders alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from collector.store.embedded import EmbeddedServer, EmbeddedSettings
from collector.store.unprivileged import Runner
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration
THROW_AWAY = EmbeddedSettings(durable=False, start_timeout_s=30)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose cluster all tests of this file use one after another."""
    folder = tmp_path_factory.mktemp("embedded") / "папка с пробелом"
    yield folder
    if (folder / "postgres.json").exists():
        EmbeddedServer(folder).remove()


@pytest.fixture
def server(data: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(data, THROW_AWAY)
    server.start()
    yield server
    server.stop()


def pid_of(server: EmbeddedServer) -> int:
    return int((server.cluster / "postmaster.pid").read_text("utf-8").split()[0])


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def modes(folder: Path) -> dict[Path, int]:
    return {part: part.stat().st_mode for part in (folder, *folder.parents)}


def test_it_starts_accepts_its_password_only_and_stops(data: Path):
    with EmbeddedServer(data, THROW_AWAY) as server:
        url = server.url
        assert answers(url)
        assert not answers(url.replace("gorod:", "gorod:x"))
    assert not answers(url)
    assert not (server.cluster / "postmaster.pid").exists()


def test_no_folder_above_the_data_changes_its_mode(tmp_path: Path):
    before = modes(tmp_path)
    server = EmbeddedServer(tmp_path / "data", THROW_AWAY)
    server.start()
    assert modes(tmp_path) == before
    server.remove()
    assert not (server.data / "postgres.json").exists()


def test_secrets_stand_in_a_file_closed_to_others(server: EmbeddedServer):
    note = server.data / "postgres.json"
    assert note.stat().st_mode & 0o777 == 0o600
    assert json.loads(note.read_text("utf-8"))["password"] in server.url


def test_it_listens_on_loopback_alone_and_logs_no_values(server: EmbeddedServer):
    with psycopg.connect(server.url) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in (
                "listen_addresses",
                "unix_socket_directories",
                "log_min_error_statement",
                "log_error_verbosity",
                "password_encryption",
            )
        }
    assert [row[0] for row in shown.values() if row] == ["127.0.0.1", "", "panic", "terse", "scram-sha-256"]


def test_cyrillic_compares_without_regard_to_case(server: EmbeddedServer):
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT lower('ЁЛКИН'), 'Ёлкин' ILIKE 'ёл%'").fetchone() == ("ёлкин", True)


def test_a_live_server_is_adopted_and_the_last_user_stops_it(data: Path, server: EmbeddedServer):
    second = EmbeddedServer(data, THROW_AWAY)
    pid = pid_of(server)
    assert second.start() == server.url
    server.stop()
    assert answers(second.url)
    assert pid_of(second) == pid
    second.stop()
    assert not answers(second.url)


def test_a_server_whose_program_was_killed_is_adopted_and_stopped(data: Path):
    code = "import sys, os, pathlib, collector.store.embedded as e; e.EmbeddedServer(pathlib.Path(sys.argv[1])).start(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(data)], check=False).returncode == 9
    server = EmbeddedServer(data, THROW_AWAY)
    pid = pid_of(server)
    server.start()
    assert pid_of(server) == pid
    server.stop()
    assert not answers(server.url)


def test_committed_rows_outlive_a_killed_postmaster(server: EmbeddedServer):
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 500) AS n")
    os.kill(pid_of(server), signal.SIGKILL)
    again = EmbeddedServer(server.data, THROW_AWAY)
    with again, psycopg.connect(again.start()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (500,)


def test_a_stale_lock_file_with_the_pid_of_another_program_is_no_obstacle(data: Path):
    with EmbeddedServer(data, THROW_AWAY) as server:
        lock = (server.cluster / "postmaster.pid").read_text("utf-8").splitlines()
    stale = server.cluster / "postmaster.pid"
    stale.write_text("\n".join([str(os.getppid()), *lock[1:]]) + "\n", "utf-8")
    with EmbeddedServer(data, THROW_AWAY) as again:
        assert answers(again.url)


def test_a_port_that_was_taken_meanwhile_is_replaced(data: Path):
    with EmbeddedServer(data, THROW_AWAY) as server:
        port = psycopg.conninfo.conninfo_to_dict(server.url)["port"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(str(port))))
        taken.listen()
        with EmbeddedServer(data, THROW_AWAY) as again:
            assert f":{port}/" not in again.url
            assert answers(again.url)


def test_it_does_not_run_as_root(server: EmbeddedServer):
    owner = Path(f"/proc/{pid_of(server)}").stat().st_uid
    assert owner != 0
    assert owner == server.cluster.stat().st_uid


def test_another_version_of_the_cluster_is_told(data: Path):
    with EmbeddedServer(data, THROW_AWAY) as server:
        version = server.cluster / "PG_VERSION"
    version.write_text("12\n", "ascii")
    with pytest.raises(Problem, match="GOR-1804") as raised:
        EmbeddedServer(data, THROW_AWAY).start()
    version.write_text("18\n", "ascii")
    assert "12" in raised.value.details["cause"]


def test_a_server_that_cannot_start_is_a_problem_and_leaves_no_lock(data: Path):
    broken = EmbeddedSettings(durable=False, start_timeout_s=0.5, options={"shared_buffers": "nonsense"})
    started = time.monotonic()
    with pytest.raises(Problem, match="GOR-1804"):
        EmbeddedServer(data, broken).start()
    assert time.monotonic() - started < 20
    with EmbeddedServer(data, THROW_AWAY) as server:
        assert answers(server.url)


def test_a_cluster_left_by_a_deleted_data_folder_is_kept_aside(tmp_path: Path):
    first = EmbeddedServer(tmp_path / "data", THROW_AWAY)
    with first:
        home = first.cluster.parent
    (tmp_path / "data" / "postgres.json").unlink()
    again = EmbeddedServer(tmp_path / "data", THROW_AWAY)
    with again:
        assert answers(again.url)
    aside = list(home.parent.glob(f"{home.name}.of-deleted-data.*"))
    assert [(folder / "cluster" / "PG_VERSION").exists() for folder in aside] == [True]
    again.remove()
    subprocess.run(["rm", "-rf", *map(str, aside)], check=True)  # noqa: S607  owned by the server's user


def test_a_database_is_made_once_and_copied_from_a_template(server: EmbeddedServer):
    url = server.create_database("origin")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS one AS SELECT 1 AS n")
    assert server.create_database("origin") == url
    with psycopg.connect(server.create_database("copy", template="origin")) as connection:
        assert connection.execute("SELECT n FROM one").fetchone() == (1,)
    server.drop_database("copy")
    assert not answers(server.url_of("copy"))


STOPPED_BY_ANOTHER = """
import pathlib, sys
from collector.store.embedded import EmbeddedServer
first, second = (EmbeddedServer(pathlib.Path(sys.argv[1])) for _ in range(2))
first.start(), second.start(), first.stop(), second.stop()
"""


def test_a_program_that_stopped_its_server_leaves_no_child_behind(data: Path):
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", STOPPED_BY_ANOTHER, str(data)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_who_may_enter_is_read_from_the_modes(tmp_path: Path):
    stranger = Runner(uid=54_321, gid=54_321)
    assert stranger.can_enter(Path("/"))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not stranger.can_enter(closed)
    assert Runner(uid=os.geteuid(), gid=os.getegid())._may_enter(closed)
    assert Runner().can_enter(closed)
