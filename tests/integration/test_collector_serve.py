"""``gorod-collector serve`` as a process: its ready line, its three listeners, what it says of a taken port, its end."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from collector.department import ADDRESSES_FILE
from proto import __version__
from tests.acceptance.processes import Program, refused, refused_in_both_languages, run, wait_for
from tests.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from collector.department import Department
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
LISTENERS = ("sync", "enrol", "metrics")


@pytest.fixture
def data(new_department: Callable[..., Department]) -> Path:
    """The folder of an initialised department."""
    return new_department().data


@pytest.fixture
def environ(store: Store) -> dict[str, str]:
    """Free ports, the test's own database, short waits."""
    listen = {f"GOROD_COLLECTOR_{name.upper()}_LISTEN": "127.0.0.1:0" for name in LISTENERS}
    return listen | {
        "GOROD_COLLECTOR_DATABASE_URL": store.url,
        "GOROD_COLLECTOR_DATABASE_CONNECTIONS": "3",
        "GOROD_COLLECTOR_DATABASE_WAIT_S": "1",
    }


@contextmanager
def serving(data: Path, environ: dict[str, str]) -> Iterator[Program]:
    """The running program."""
    program = Program.start("collector", "serve", "--data", str(data), environ=environ, log=data / "collector.log")
    try:
        yield program
    finally:
        program.kill()


def get(address: str, path: str) -> tuple[int, str]:
    """Status and body."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def is_open(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
    except OSError:
        return False
    return True


def wants_our_certificate(address: str, authority: Path) -> bool:
    """Whether a caller without a certificate of ours is turned away after the handshake; its server must be ours in any case."""
    context = ssl.create_default_context(cafile=str(authority))
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sealed,
    ):
        assert sealed.version() == "TLSv1.3"
        try:
            return not sealed.recv(1)
        except ssl.SSLError:
            return True


def test_the_ready_line_tells_where_it_really_listens(data: Path, environ: dict[str, str]) -> None:
    with serving(data, environ) as program:
        ready = program.ready()
        assert set(ready) == {*LISTENERS, "ca_pin", "version"}
        assert ready["version"] == __version__
        assert len(ready["ca_pin"]) == 64
        assert not any(ready[name].endswith(":0") for name in LISTENERS)
        assert get(ready["metrics"], "/healthz") == (200, "ok\n")
        assert get(ready["metrics"], "/readyz") == (200, "ready\n")
        assert wants_our_certificate(ready["sync"], data / "ca/ca.pem")
        assert not wants_our_certificate(ready["enrol"], data / "ca/ca.pem")
        assert json.loads((data / ADDRESSES_FILE).read_text()) == {name: ready[name] for name in LISTENERS}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(data: Path, environ: dict[str, str], number: signal.Signals) -> None:
    with serving(data, environ) as program:
        ready = program.ready()
        program.process.send_signal(number)
        assert program.process.wait(15) == 0
        assert "Traceback" not in program.said()
        assert "Warning" not in program.said()
        assert not any(is_open(ready[name]) for name in LISTENERS)
        assert not (data / ADDRESSES_FILE).exists()


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_port_that_is_taken_is_told_with_its_setting(data: Path, environ: dict[str, str], listener: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        asked = environ | {f"GOROD_COLLECTOR_{listener.upper()}_LISTEN": taken}
        done = run("collector", "serve", "--data", str(data), "--lang", "en", environ=asked, timeout_s=30)
    assert done.code == 1
    refused(done.told, "GOR-1007")
    assert taken in done.told["text"]
    assert f"{listener}_listen" in done.told["next"]
    assert "ready" not in done.out
    assert "Traceback" not in done.err
    assert not (data / ADDRESSES_FILE).exists()


def test_a_second_collector_on_the_same_ports_leaves_the_first_alone(data: Path, environ: dict[str, str]) -> None:
    with serving(data, environ) as first:
        ready = first.ready()
        taken = {f"GOROD_COLLECTOR_{name.upper()}_LISTEN": ready[name] for name in LISTENERS}
        done = run("collector", "serve", "--data", str(data), environ=environ | taken, timeout_s=30)
        assert done.code == 1
        refused(done.told, "GOR-1007")
        assert get(ready["metrics"], "/readyz")[0] == 200
        assert (data / ADDRESSES_FILE).exists()


def test_it_is_not_ready_while_postgresql_is_away_and_ready_again_when_it_is_back(
    data: Path, environ: dict[str, str], store: Store
) -> None:
    with ExitStack() as stack:
        direct = make_url(store.url)
        relay = stack.enter_context(Relay(f"{direct.host}:{direct.port}"))
        through = direct.set(port=int(relay.address.rpartition(":")[2])).render_as_string(hide_password=False)
        program = stack.enter_context(serving(data, environ | {"GOROD_COLLECTOR_DATABASE_URL": through}))
        metrics = program.ready()["metrics"]
        with relay.shut():
            wait_for(lambda: get(metrics, "/readyz")[0] == 503, "not ready", logs=[program.log])
            status, words = get(metrics, "/readyz")
            assert (status, words[:9]) == (503, "GOR-1801:")
            assert get(metrics, "/healthz") == (200, "ok\n")
            assert get(metrics, "/metrics")[0] == 503
        wait_for(lambda: get(metrics, "/readyz") == (200, "ready\n"), "ready again", logs=[program.log])
        assert program.alive
        program.stop()
        assert program.process.returncode == 0
        assert str(direct.password) not in program.said()


def test_a_folder_that_was_never_initialised_is_told(tmp_path: Path, environ: dict[str, str]) -> None:
    def serve(lang: str) -> Any:
        return run("collector", "serve", "--data", str(tmp_path), "--lang", lang, environ=environ)

    refused_in_both_languages(serve, "GOR-1009")


def test_a_database_that_is_away_at_the_start_is_told_without_its_password(data: Path, environ: dict[str, str]) -> None:
    away = {"GOROD_COLLECTOR_DATABASE_URL": "postgresql://gorod:secret-of-ours@127.0.0.1:1/gorod"}
    done = run("collector", "serve", "--data", str(data), environ=environ | away)
    assert done.code == 1
    refused(done.told, "GOR-1801")
    assert "secret-of-ours" not in done.out + done.err


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE gorod.alembic_version SET version_num = 'of the future'", "GOR-1810"),
        ("DELETE FROM gorod.alembic_version", "GOR-1806"),
    ],
)
def test_a_store_of_another_release_is_not_served(
    data: Path, environ: dict[str, str], store_copy: Store, change: str, code: str
) -> None:
    with store_copy.owner() as owner:
        owner.execute(change.encode())
    of_copy = {"GOROD_COLLECTOR_DATABASE_URL": store_copy.url}
    done = run("collector", "serve", "--data", str(data), environ=environ | of_copy)
    assert done.code == 1
    refused(done.told, code)
