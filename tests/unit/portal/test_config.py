"""Settings of the portal: checked whole, each refusal with its problem."""

from pathlib import Path
from typing import Any

import pytest

from portal.config import SETTINGS, Address, make_config
from proto.problems import Problem
from proto.settings import load

URL = "postgresql://gorod_portal:secret@127.0.0.1/gorod"


def config_of(**environ: str) -> Any:
    names = {f"GOROD_PORTAL_{key.upper()}": value for key, value in environ.items()}
    return make_config(load("portal", SETTINGS, None, {"GOROD_PORTAL_DATABASE_URL": URL, **names}))


def test_the_defaults_are_those_of_the_contract():
    config = config_of()
    assert (str(config.listen), str(config.metrics_listen)) == ("127.0.0.1:8080", "127.0.0.1:9465")
    assert config.trusted_proxies == ()
    assert (config.late_s, config.silent_s) == (900, 3600)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:8080", Address("::1", 8080)),
        ("localhost:80", Address("localhost", 80)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: Address):
    assert config_of(listen=text).listen == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["8080", "127.0.0.1:", ":8080", "127.0.0.1:70000", "127.0.0.1:-1", "127.0.0.1:１"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(Problem, match="GOR-1003"):
        config_of(listen=text)


def test_a_database_must_be_named():
    with pytest.raises(Problem, match="GOR-1006"):
        make_config(load("portal", SETTINGS, None, {}))


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "portal.example:80", "10.0.0.5:80"])
def test_plain_http_is_spoken_on_loopback_only(listen: str):
    with pytest.raises(Problem, match="GOR-1909"):
        config_of(listen=listen)


def test_behind_a_trusted_proxy_any_address_may_be_listened_on():
    config = config_of(listen="0.0.0.0:8080", trusted_proxies="10.0.0.5, 192.168.0.0/24")
    assert config.trusted_proxies == ("10.0.0.5", "192.168.0.0/24")


def test_with_its_own_certificate_any_address_may_be_listened_on(tmp_path: Path):
    for name in ("chain.pem", "key.pem"):
        (tmp_path / name).touch()
    files = {"tls_certificate": str(tmp_path / "chain.pem"), "tls_key": str(tmp_path / "key.pem")}
    assert config_of(listen="0.0.0.0:443", **files).tls == (tmp_path / "chain.pem", tmp_path / "key.pem")


def test_a_certificate_without_its_key_is_refused(tmp_path: Path):
    (tmp_path / "chain.pem").touch()
    with pytest.raises(Problem, match="GOR-1003"):
        config_of(tls_certificate=str(tmp_path / "chain.pem"))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", ""])
def test_an_unknown_time_zone_is_refused(zone: str):
    with pytest.raises(Problem, match="GOR-1003"):
        config_of(timezone=zone)


def test_the_database_address_is_never_shown(capsys: pytest.CaptureFixture[str]):
    from portal.cli import main

    assert main(["config", "--json"]) == 0
    shown = capsys.readouterr().out
    assert '"env": "GOROD_PORTAL_DATABASE_URL"' in shown
    assert "secret@" not in shown
