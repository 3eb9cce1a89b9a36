"""The certificate office: restores, revocations, certificates seen for the first time."""

import copy
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from collector.ca.log import IssueLog, UsedEvent
from collector.core.issuance import serial_text
from proto.enrolment import parse_code, renewal_bytes
from proto.problems import Problem
from tests.fix_ca import SCHOOL, START, MemoryRegistry, code_of, make_office, new_key, request_for, secret_of

if TYPE_CHECKING:
    from collector.ca.office import Office

ADDRESS = "enrol.example.org:7444"
DAY = timedelta(days=1)


class Bench:
    """An office whose database can be set back to an earlier state while its log goes on."""

    def __init__(self, folder: Path) -> None:
        self.registry = MemoryRegistry()
        self.folder = folder
        self.office: Office = make_office(folder, self.registry)

    def restore(self, backup: MemoryRegistry) -> int:
        self.registry = backup
        self.office = make_office(self.folder, backup)
        return self.office.merge()

    def backup(self) -> MemoryRegistry:
        older = MemoryRegistry()
        older.codes, older.issued = copy.copy(self.registry.codes), copy.copy(self.registry.issued)
        return older

    def secret(self, school: str = SCHOOL) -> str:
        return secret_of(self.office.new_code(school, ADDRESS, START)[0])

    def enrol(self, key: ec.EllipticCurvePrivateKey, school: str = SCHOOL) -> x509.Certificate:
        return self.office.redeem(self.secret(school), request_for(key), START)

    def renew(
        self, old: x509.Certificate, old_key: ec.EllipticCurvePrivateKey, new: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        nonce = self.office.challenge(old.serial_number.to_bytes(20, "big"), START)
        request = request_for(new)
        signature = old_key.sign(renewal_bytes(nonce, request), ec.ECDSA(hashes.SHA256()))
        return self.office.renew(old.public_bytes(Encoding.DER), request, nonce, signature, START)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "ca")


def test_a_code_says_where_to_dial_and_whom_to_trust_and_ends_in_two_weeks(bench: Bench):
    text, ends = bench.office.new_code(SCHOOL, ADDRESS, START)
    code = parse_code(text)
    assert (code.address, code.pin.hex()) == (ADDRESS, bench.office.authority.pin[:40])
    assert ends == START + 14 * DAY
    assert len(text) <= 150


def test_the_secret_of_a_code_is_kept_nowhere(bench: Bench):
    secret = parse_code(bench.office.new_code(SCHOOL, ADDRESS, START)[0]).secret
    kept = [value for code in bench.registry.codes.values() for value in (code.digest, code.csr_key or b"")]
    assert len(kept) == 2
    assert not any(secret in value or value in secret for value in kept if value)


def test_after_a_restore_a_used_code_stays_used(bench: Bench):
    secret, key = bench.secret(), new_key()
    backup = bench.backup()
    bench.office.redeem(secret, request_for(key), START)
    bench.restore(backup)
    with pytest.raises(Problem) as problem:
        bench.office.redeem(secret, request_for(new_key()), START)
    assert code_of(problem) == "GOR-1103"


def test_after_a_restore_a_repeated_enrolment_finds_its_certificate(bench: Bench):
    secret, key = bench.secret(), new_key()
    backup = bench.backup()
    issued = bench.office.redeem(secret, request_for(key), START)
    bench.restore(backup)
    assert bench.office.redeem(secret, request_for(key), START) == issued


def test_after_a_restore_the_one_successor_is_still_the_one(bench: Bench):
    old_key, new = new_key(), new_key()
    old = bench.enrol(old_key)
    backup = bench.backup()
    successor = bench.renew(old, old_key, new)
    bench.restore(backup)
    assert bench.renew(old, old_key, new) == successor
    with pytest.raises(Problem) as problem:
        bench.renew(old, old_key, new_key())
    assert code_of(problem) == "GOR-1113"


def test_after_a_restore_what_was_revoked_stays_revoked(bench: Bench):
    certificate = bench.enrol(new_key())
    backup = bench.backup()
    bench.office.revoke(SCHOOL, START)
    bench.restore(backup)
    with pytest.raises(Problem) as problem:
        bench.office.admit(certificate, START)
    assert code_of(problem) == "GOR-1111"


def test_telling_twice_changes_nothing(bench: Bench):
    bench.enrol(new_key())
    bench.office.revoke(SCHOOL, START)
    once = bench.backup()
    assert bench.office.merge() == bench.office.merge() == 3
    assert (bench.registry.codes, bench.registry.issued) == (once.codes, once.issued)


def test_the_log_knows_before_the_database_does(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    secret = bench.secret()
    monkeypatch.setattr(IssueLog, "append", fail)
    with pytest.raises(OSError, match="No space"):
        bench.office.redeem(secret, request_for(new_key()), START)
    monkeypatch.undo()
    assert bench.registry.issued == {}
    assert bench.office.school_of_code(secret, request_for(new_key()), START) == SCHOOL


def test_a_crash_between_log_and_commit_loses_nobodys_certificate(bench: Bench):
    secret, key = bench.secret(), new_key()
    before_commit = bench.backup()
    lost = bench.office.redeem(secret, request_for(key), START)
    bench.restore(before_commit)
    assert bench.office.redeem(secret, request_for(key), START) == lost
    events = list(IssueLog(bench.folder / "issued.log").events())
    assert len([event for event in events if isinstance(event, UsedEvent)]) == 1


def test_a_certificate_of_ours_is_recorded_at_sight(bench: Bench):
    certificate = bench.enrol(new_key())
    bench.registry.issued.clear()
    assert bench.office.admit(certificate, START) == SCHOOL
    assert bench.registry.issued[serial_text(certificate)].school == SCHOOL


def test_a_certificate_of_others_is_not_recorded(bench: Bench, tmp_path: Path):
    foreign = Bench(tmp_path / "other").enrol(new_key())
    with pytest.raises(Problem) as problem:
        bench.office.admit(foreign, START)
    assert code_of(problem) == "GOR-1112"
    assert bench.registry.issued == {}


def test_a_servers_certificate_speaks_for_no_school(bench: Bench):
    shown = bench.office.authority.server_certificate("sync", ["localhost"], START)
    with pytest.raises(Problem) as problem:
        bench.office.admit(x509.load_pem_x509_certificates(shown.chain_pem)[0], START)
    assert code_of(problem) == "GOR-1112"


def test_an_expired_certificate_is_told_to_renew(bench: Bench):
    certificate = bench.enrol(new_key())
    assert bench.office.admit(certificate, START + 89 * DAY) == SCHOOL
    with pytest.raises(Problem) as problem:
        bench.office.admit(certificate, START + 93 * DAY)
    assert (code_of(problem), problem.value.details["days"]) == ("GOR-1116", "3")


def test_revoking_ends_certificates_and_codes_of_that_school_only(bench: Bench):
    mine, other = bench.enrol(new_key()), bench.enrol(new_key(), "other")
    unused = bench.secret()
    assert bench.office.revoke(SCHOOL, START) == [serial_text(mine)]
    assert bench.office.admit(other, START) == "other"
    with pytest.raises(Problem) as problem:
        bench.office.redeem(unused, request_for(new_key()), START)
    assert code_of(problem) == "GOR-1104"


def test_a_revoked_school_may_enrol_again_with_a_new_code(bench: Bench):
    bench.enrol(new_key())
    bench.office.revoke(SCHOOL, START)
    assert bench.office.admit(bench.enrol(new_key()), START) == SCHOOL


def test_a_revoked_certificate_is_not_handed_out_again(bench: Bench):
    secret, key = bench.secret(), new_key()
    bench.office.redeem(secret, request_for(key), START)
    bench.office.revoke(SCHOOL, START)
    with pytest.raises(Problem) as problem:
        bench.office.redeem(secret, request_for(key), START)
    assert code_of(problem) == "GOR-1103"


@pytest.mark.parametrize("serial", [b"", b"\x01", b"\xff" * 64])
def test_a_challenge_tells_nothing_about_a_serial(bench: Bench, serial: bytes):
    assert len(bench.office.challenge(serial, START)) == 40


@pytest.mark.parametrize("place", range(40))
def test_a_nonce_with_any_byte_changed_is_refused(bench: Bench, place: int):
    key = new_key()
    old = bench.enrol(key)
    nonce = bytearray(bench.office.challenge(old.serial_number.to_bytes(20, "big"), START))
    nonce[place] ^= 1
    with pytest.raises(Problem) as problem:
        bench.office.renew(old.public_bytes(Encoding.DER), request_for(new_key()), bytes(nonce), b"", START)
    assert code_of(problem) == "GOR-1117"


@pytest.mark.parametrize("secret", ["", "0", "0" * 23, "0" * 25, "U" * 24, "Ж" * 24, "0" * 100_000])
def test_what_cannot_be_a_code_is_refused_before_it_is_looked_up(bench: Bench, secret: str):
    with pytest.raises(Problem) as problem:
        bench.office.redeem(secret, request_for(new_key()), START)
    assert code_of(problem) == "GOR-1101"
