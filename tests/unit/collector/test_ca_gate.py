"""Which certificates open the stream, and whose signatures count."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from collector.ca.gate import OfficeGate
from collector.ca.office import Office
from proto.problems import Problem
from tests.fix_ca import SCHOOL, START, MemoryRegistry, make_office, new_key, request_for, secret_of

NOW_MS = int(START.timestamp() * 1000)
DAY_MS = 86_400_000


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return make_office(tmp_path / "ca")


@pytest.fixture
def gate(office: Office) -> OfficeGate:
    return OfficeGate(office)


def issue(office: Office, at: timedelta = timedelta(0)) -> x509.Certificate:
    now = START + at
    secret = secret_of(office.new_code(SCHOOL, "localhost:1", now)[0])
    return office.redeem(secret, request_for(new_key()), now)


def test_a_good_certificate_is_not_refused(gate: OfficeGate, office: Office):
    assert gate.refusal(issue(office), SCHOOL, NOW_MS) is None


def test_a_certificate_does_not_count_for_another_school(gate: OfficeGate, office: Office):
    refused = gate.refusal(issue(office), "another", NOW_MS)
    assert refused is not None
    assert refused.code == "GOR-1112"


def test_an_expired_certificate_is_refused_with_how_long_it_is_over(gate: OfficeGate, office: Office):
    refused = gate.refusal(issue(office), SCHOOL, NOW_MS + 100 * DAY_MS)
    assert refused is not None
    assert (refused.code, refused.details["days"]) == ("GOR-1116", "10")


def test_a_revoked_certificate_is_refused(gate: OfficeGate, office: Office):
    certificate = issue(office)
    office.revoke(SCHOOL, START)
    refused = gate.refusal(certificate, SCHOOL, NOW_MS)
    assert refused is not None
    assert refused.code == "GOR-1111"


def test_a_database_that_is_away_is_no_word_on_a_certificate(
    gate: OfficeGate, office: Office, monkeypatch: pytest.MonkeyPatch
):
    def away(_self: MemoryRegistry) -> None:
        raise Problem("GOR-1801", cause="away")

    certificate = issue(office)
    monkeypatch.setattr(MemoryRegistry, "transaction", away)
    with pytest.raises(Problem, match="GOR-1801"):
        gate.refusal(certificate, SCHOOL, NOW_MS)


def test_signatures_of_all_unrevoked_certificates_count_newest_first(gate: OfficeGate, office: Office):
    certificates = [issue(office, timedelta(days=100 * number)) for number in range(3)]
    expected = [certificate.public_key() for certificate in reversed(certificates)]
    assert list(gate.signers(SCHOOL)) == expected


def test_nobodys_signature_counts_after_a_revocation(gate: OfficeGate, office: Office):
    issue(office)
    office.revoke(SCHOOL, START)
    assert list(gate.signers(SCHOOL)) == []
