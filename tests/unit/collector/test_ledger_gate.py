"""Who a connection speaks for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from collector.ca.authority import Authority
from collector.core.ledger import Refuse
from collector.ingest.gate import Caller, caller
from tests.fix_ca import new_key

NOW = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def pem(tmp_path: Path) -> bytes:
    authority = Authority.create(tmp_path)
    certificate = authority.issue_school("23-042", new_key().public_key(), NOW, timedelta(days=90))
    return certificate.public_bytes(Encoding.PEM)


def test_the_school_is_the_one_of_the_certificate(pem: bytes) -> None:
    found = caller({"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [pem]})
    assert isinstance(found, Caller)
    assert found.school == "23-042"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.1", ""])
def test_an_older_tls_is_refused(pem: bytes, version: str) -> None:
    found = caller({"ssl_tls_version": [version.encode()], "x509_pem_cert": [pem]})
    assert found == Refuse("GOR-1205", {"version": version})


def test_a_connection_without_certificate_is_refused() -> None:
    assert caller({"ssl_tls_version": [b"TLSv1.3"]}) == Refuse("GOR-1112")
    assert caller({"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [b"junk"]}) == Refuse("GOR-1112")


def test_a_certificate_that_names_no_school_is_refused() -> None:
    key = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "23-042")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    assert caller({"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [pem]}) == Refuse("GOR-1112")
