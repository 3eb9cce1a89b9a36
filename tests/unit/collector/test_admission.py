"""Which certificates open the stream, and whose signatures count."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from collector.ca.office import Office
from collector.ingest.admission import Admission
from proto.problems import Problem
from tests.fix_ca import SCHOOL, START, MemoryRegistry, make_office, new_key, request_for, secret_of

NOW_MS = int(START.timestamp() * 1000)
DAY_MS = 86_400_000


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def office(tmp_path: Path, registry: MemoryRegistry) -> Office:
    return make_office(tmp_path / "ca", registry)


@pytest.fixture
def gate(office: Office, registry: MemoryRegistry) -> Admission:
    return Admission(office, registry)


def issue(office: Office, at: timedelta = timedelta(0)) -> x509.Certificate:
    now = START + at
    secret = secret_of(office.new_code(SCHOOL, "localhost:1", now)[0])
    return office.redeem(secret, request_for(new_key()), now)


def test_a_good_certificate_is_not_refused(gate: Admission, office: Office):
    assert gate.refusal(issue(office), SCHOOL, NOW_MS) is None


def test_a_certificate_does_not_count_for_another_school(gate: Admission, office: Office):
    refused = gate.refusal(issue(office), "another", NOW_MS)
    assert refused is not None
    assert refused.code == "GOR-1112"


def test_an_expired_certificate_is_refused_with_how_long_it_is_over(gate: Admission, office: Office):
    refused = gate.refusal(issue(office), SCHOOL, NOW_MS + 100 * DAY_MS)
    assert refused is not None
    assert (refused.code, refused.details["days"]) == ("GOR-1116", "10")


def test_a_revoked_certificate_is_refused(gate: Admission, office: Office):
    certificate = issue(office)
    office.revoke(SCHOOL, START)
    refused = gate.refusal(certificate, SCHOOL, NOW_MS)
    assert refused is not None
    assert refused.code == "GOR-1111"


def test_a_database_that_is_away_is_no_word_on_a_certificate(
    gate: Admission, office: Office, monkeypatch: pytest.MonkeyPatch
):
    def away(_self: MemoryRegistry) -> None:
        raise Problem("GOR-1801", cause="away")

    certificate = issue(office)
    assert gate.refusal(certificate, SCHOOL, NOW_MS) is None
    known = gate.signers(SCHOOL)
    monkeypatch.setattr(MemoryRegistry, "transaction", away)
    with pytest.raises(Problem, match="GOR-1801"):
        gate.refusal(certificate, SCHOOL, NOW_MS)
    assert gate.signers(SCHOOL) == known


def test_signatures_of_all_unrevoked_certificates_count_newest_first(gate: Admission, office: Office):
    certificates = [issue(office, timedelta(days=100 * number)) for number in range(3)]
    expected = [certificate.public_key() for certificate in reversed(certificates)]
    assert list(gate.signers(SCHOOL)) == expected


def test_nobodys_signature_counts_once_the_revoked_school_has_called(gate: Admission, office: Office):
    certificate = issue(office)
    assert gate.refusal(certificate, SCHOOL, NOW_MS) is None
    assert len(gate.signers(SCHOOL)) == 1
    office.revoke(SCHOOL, START)
    gate.refusal(certificate, SCHOOL, NOW_MS)
    assert list(gate.signers(SCHOOL)) == []


def test_a_certificate_that_is_newer_than_what_was_read_signs_at_once(gate: Admission, office: Office):
    first = issue(office)
    assert list(gate.signers(SCHOOL)) == [first.public_key()]
    second = issue(office, timedelta(seconds=1))
    assert gate.refusal(second, SCHOOL, NOW_MS + 1000) is None
    assert list(gate.signers(SCHOOL)) == [second.public_key(), first.public_key()]


def test_keys_are_read_once_a_minute(gate: Admission, office: Office):
    certificate = issue(office)
    gate.refusal(certificate, SCHOOL, NOW_MS)
    gate.signers(SCHOOL)
    office.revoke(SCHOOL, START)
    other = issue(office, timedelta(seconds=1))
    assert list(gate.signers(SCHOOL)) == [certificate.public_key()]
    gate.refusal(certificate, "another", NOW_MS + 61_000)  # another caller moves the clock
    assert list(gate.signers(SCHOOL)) == [other.public_key()]
