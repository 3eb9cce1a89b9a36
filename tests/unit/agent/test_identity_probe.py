"""What is said of who answers, without a network."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.transport.probe import Answer, channel_options, choose_proxy, pinned_authority
from proto.problems import Problem
from tests.fix_ca import START, code_of
from tests.fix_network import certificate

ADDRESS = "enrol.example.org:7444"


def shown(organisation: str) -> Answer:
    """The answer of a server whose certificate an authority of this name issued."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)])
    constraints = x509.BasicConstraints(ca=False, path_length=None)
    leaf = certificate(x509.Name([]), issuer, key.public_key(), key, constraints)
    return Answer(ADDRESS, [leaf], "TLSv1.3")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("https_proxy", "http://proxy.school:3128")
    monkeypatch.setenv("no_proxy", "localhost,.inside.example.org")
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_the_environments_proxy_is_used_unless_something_else_is_set():
    assert choose_proxy(ADDRESS) == "http://proxy.school:3128"
    assert choose_proxy(ADDRESS, "http://other:8080") == "http://other:8080"
    assert choose_proxy(ADDRESS, "none") is None


@pytest.mark.usefixtures("environment")
def test_what_lies_inside_needs_no_proxy():
    assert choose_proxy("sync.inside.example.org:7443") is None


def test_without_any_word_of_a_proxy_there_is_none():
    assert choose_proxy(ADDRESS) is None


def test_a_channel_takes_no_other_way_than_the_look():
    assert channel_options(None) == [("grpc.enable_http_proxy", 0)]
    assert channel_options("http://proxy:1") == [("grpc.http_proxy", "http://proxy:1")]


def test_a_strangers_name_cannot_write_on_the_console():
    assert shown("Evil\x1b[31m\nCorp").issuer == "Evil[31mCorp"
    assert shown("ж" * 64).issuer == "ж" * 64


def test_a_server_that_shows_nothing_readable_is_a_stranger():
    with pytest.raises(Problem) as problem:
        pinned_authority(Answer(ADDRESS, [], "TLSv1.3"), b"p" * 20)
    assert (code_of(problem), problem.value.details["issuer"]) == ("GOR-1203", "?")


@pytest.mark.parametrize(("organisation", "code"), [("Gorod", "GOR-1105"), ("Kaspersky Web Anti-Virus", "GOR-1203")])
def test_another_department_is_told_from_an_interceptor(organisation: str, code: str):
    with pytest.raises(Problem) as problem:
        pinned_authority(shown(organisation), b"p" * 20)
    assert code_of(problem) == code


def test_the_test_certificates_hold_for_the_time_of_the_tests():
    leaf = shown("x").chain[0]
    assert leaf.not_valid_before_utc < START < START + timedelta(days=300) < leaf.not_valid_after_utc
