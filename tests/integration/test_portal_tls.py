"""The portal under TLS of its own: what a browser gets, and what an administrator is told of files that do not fit."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from collector.store.keys import KeyRing
from tests.fix_network import made_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Key and certificate of a server for 127.0.0.1."""
    key, chain = made_by("Департамент")
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "chain.pem").write_bytes(chain)
    return {"tls_key": tmp_path / "key.pem", "tls_certificate": tmp_path / "chain.pem"}


@pytest.fixture
def data(store: Store, files: dict[str, Path], tmp_path: Path) -> Path:
    """The collector's data folder as its `init` leaves it for the portal, and TLS beside it."""
    KeyRing.create(tmp_path / "keys")
    lines = {
        "database_url": store.roles.portal,
        "keys": str(tmp_path / "keys"),
        "listen": "127.0.0.1:0",
        "metrics_listen": "127.0.0.1:0",
        **{name: str(path) for name, path in files.items()},
    }
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
    (tmp_path / "portal.toml").write_text(text, "utf-8")
    return tmp_path


@contextmanager
def serving(data: Path) -> Iterator[subprocess.Popen[str]]:
    """The running program."""
    process = subprocess.Popen(
        [sys.executable, "-m", "portal", "serve", "--data", str(data), "--lang", "en"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str]) -> dict[str, str]:
    """What the ready line says."""
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("ready "), process.stderr.read() if process.stderr else ""
    found: dict[str, str] = json.loads(line.removeprefix("ready "))
    return found


def trusting(files: dict[str, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(files["tls_certificate"]))


def connect(listen: str, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    host, _, port = listen.rpartition(":")
    return http.client.HTTPSConnection(host, int(port), timeout=10, context=context)


def test_pages_come_under_tls_and_say_that_they_always_will(data: Path, files: dict[str, Path]) -> None:
    with serving(data) as process:
        told = ready(process)
        assert told["portal"] == f"https://{told['listen']}"
        connection = connect(told["listen"], trusting(files))
        connection.request("GET", "/login")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Strict-Transport-Security", "")[:8]) == (200, "max-age=")
        assert connection.sock.version() in {"TLSv1.2", "TLSv1.3"}
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_monitoring_stays_plain_on_its_own_listener(data: Path) -> None:
    with serving(data) as process:
        host, _, port = ready(process)["metrics_listen"].rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_an_older_tls_is_refused(data: Path, files: dict[str, Path]) -> None:
    context = trusting(files)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(data) as process:
        connection = connect(ready(process)["listen"], context)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connection.request("GET", "/login")
        connection.close()


def test_the_cookie_of_a_form_is_for_tls_alone(data: Path, files: dict[str, Path]) -> None:
    with serving(data) as process:
        told = ready(process)
        connection = connect(told["listen"], trusting(files))
        body = urllib.parse.urlencode({"login": "nobody", "password": "x" * 12, "code": ""})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": told["portal"]}
        connection.request("POST", "/login", body, headers)
        answer = connection.getresponse()
        cookies = answer.headers.get_all("Set-Cookie") or []
        assert answer.status in {401, 403, 200}
        assert all("Secure" in cookie for cookie in cookies), cookies
        connection.close()


@pytest.mark.parametrize("name", ["tls_certificate", "tls_key"])
@pytest.mark.parametrize("content", [None, b"", b"no PEM at all"])
def test_a_file_that_does_not_fit_is_named_with_its_setting(
    data: Path, files: dict[str, Path], name: str, content: bytes | None
) -> None:
    files[name].unlink()
    if content is not None:
        files[name].write_bytes(content)
    with serving(data) as process:
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert errors.startswith("GOR-1003" if content is None else "GOR-1921"), errors
    assert name in errors
    assert "Traceback" not in errors


def test_a_key_of_another_certificate_is_told(data: Path, files: dict[str, Path]) -> None:
    files["tls_key"].write_bytes(made_by("Другой")[0])
    with serving(data) as process:
        _out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("GOR-1921"), errors


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_is_asked_for_it(data: Path, files: dict[str, Path]) -> None:
    key = load_pem_private_key(files["tls_key"].read_bytes(), None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass phrase"))
    files["tls_key"].write_bytes(sealed)
    with serving(data) as process:
        _out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("GOR-1921"), errors
