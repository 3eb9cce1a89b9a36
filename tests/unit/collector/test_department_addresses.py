"""Small decisions of a department's composition."""

import socket
from datetime import timedelta

import pytest

from collector.config import SETTINGS
from collector.department import database_settings, policy, public_address
from proto.settings import load

VALUES = load("collector", SETTINGS, None, {})


@pytest.mark.parametrize(
    ("listen", "public"),
    [
        ("10.0.0.5:7443", "10.0.0.5:7443"),
        ("0.0.0.0:7443", f"{socket.gethostname()}:7443"),
        ("[::]:7443", f"{socket.gethostname()}:7443"),
        (":7443", f"{socket.gethostname()}:7443"),
        ("[2001:db8::1]:7443", "[2001:db8::1]:7443"),
    ],
)
def test_a_listener_everywhere_is_dialled_by_the_machines_name(listen: str, public: str) -> None:
    assert public_address(listen) == public


def test_the_policy_of_certificates_follows_the_settings() -> None:
    found = policy(VALUES | {"cert_days": 30.0, "code_ttl_s": 60, "renew_grace_days": 7})
    assert (found.certificate_life, found.code_life, found.grace) == (
        timedelta(days=30),
        timedelta(seconds=60),
        timedelta(days=7),
    )


def test_the_doors_of_the_database_follow_the_settings() -> None:
    found = database_settings(VALUES | {"database_connections": 5, "lock_timeout_s": 1.5}, "gorod-jobs")
    assert (found.connections, found.lock_timeout_s, found.application) == (5, 1.5, "gorod-jobs")
