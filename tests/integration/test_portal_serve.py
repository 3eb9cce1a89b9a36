"""`gorod-portal serve` as a process: its ready line, its two listeners, its end."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector.store.keys import KeyRing
from tests.fix_postgres import Store

pytestmark = pytest.mark.integration


@pytest.fixture
def data(store: Store, tmp_path: Path) -> Path:
    """The collector's data folder as its `init` leaves it for the portal."""
    KeyRing.create(tmp_path / "keys")
    lines = {
        "database_url": store.roles.portal,
        "keys": str(tmp_path / "keys"),
        "listen": "127.0.0.1:0",
        "metrics_listen": "127.0.0.1:0",
    }
    (tmp_path / "portal.toml").write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()), "utf-8"
    )
    return tmp_path


@contextmanager
def serving(data: Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """The running program."""
    process = subprocess.Popen(
        [sys.executable, "-m", "portal", "serve", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str]) -> dict[str, str]:
    """What the ready line says."""
    assert process.stdout
    word, _, rest = process.stdout.readline().partition(" ")
    assert word == "ready"
    found: dict[str, str] = json.loads(rest)
    return found


def get(address: str, path: str) -> tuple[int, str]:
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_serve_says_where_it_is_and_answers_on_both_listeners(data: Path):
    with serving(data) as process:
        addresses = ready(process)
        assert addresses["portal"] == f"http://{addresses['listen']}"
        assert get(addresses["listen"], "/readyz") == (200, "ok\n")
        assert get(addresses["metrics_listen"], "/readyz") == (200, "ok\n")
        assert "gorod_portal_request_seconds" in get(addresses["metrics_listen"], "/metrics")[1]
        assert get(addresses["listen"], "/metrics")[0] == 404
        assert "<h1>Вход</h1>" in get(addresses["listen"], "/login")[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(data: Path, number: signal.Signals):
    with serving(data) as process:
        ready(process)
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stderr
        assert "Traceback" not in process.stderr.read()


def test_a_port_that_is_taken_is_told_by_its_problem(data: Path):
    with serving(data) as first:
        taken = ready(first)["listen"]
        with serving(data, GOROD_PORTAL_LISTEN=taken, GOROD_LANG="ru") as second:
            _, errors = second.communicate(timeout=20)
            assert second.returncode == 1
            assert f"GOR-1007: Порт {taken} уже занят" in errors


def test_a_database_that_is_away_is_told_by_its_problem(data: Path):
    away = "postgresql://gorod_portal:secret@127.0.0.1:1/gorod"
    with serving(data, GOROD_PORTAL_DATABASE_URL=away, GOROD_LANG="en") as process:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "GOR-1801" in errors
        assert "secret" not in errors
