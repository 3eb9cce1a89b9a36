"""Codes and certificates, from the first code to revocation: policy, authority, log and registry put together.

Every change is written to the authority's log first, then committed to the registry; only then is anybody told.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from collector.ca.log import Event, IssuedEvent, IssueLog, RevokedEvent, UsedEvent
from collector.core.issuance import (
    Code,
    Issued,
    Policy,
    Repeat,
    check_proof,
    judge_certificate,
    judge_code,
    judge_renewal,
    p256_key,
    read_certificate,
    read_request,
    serial_text,
)
from proto.certificates import key_bytes
from proto.enrolment import (
    PIN_BYTES,
    SECRET_BYTES,
    SECRET_CHARS,
    OneTimeCode,
    decode_base32,
    format_code,
    plain_letters,
)
from proto.identity import school_of
from proto.problems import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from collector.ca.authority import Authority
    from collector.ca.ports import Registry, Session

_LOG: Final = logging.getLogger(__name__)
_NONCE_RANDOM: Final = 16
_NONCE_MAC: Final = 16
_NONCE_BYTES: Final = 8 + _NONCE_RANDOM + _NONCE_MAC
_SERIAL_BYTES: Final = 20


class Office:
    """The certificate office of a department. Its calls block: run them in a thread from a coroutine."""

    def __init__(self, authority: Authority, registry: Registry, log: IssueLog, policy: Policy | None = None) -> None:
        self.authority = authority
        self.policy = policy or Policy()
        self._registry = registry
        self._log = log
        self._challenge_key = authority.derive(b"gorod renewal challenge 1")

    def new_code(self, school: str, address: str, now: datetime) -> tuple[str, datetime]:
        """A one-time code for the school, and when it ends. Only its hash is kept: this is the one moment to show it."""
        secret = secrets.token_bytes(SECRET_BYTES)
        text = format_code(OneTimeCode(address, bytes.fromhex(self.authority.pin)[:PIN_BYTES], secret))
        code = Code(_code_digest(secret), school, now, now + self.policy.code_life)
        with self._registry.transaction() as session:
            session.add_code(code)
        return text, code.expires_at

    def school_of_code(self, secret: str, request: bytes, now: datetime) -> str:
        """The school that this code would enrol; raises the problem that redeeming it would."""
        key, digest = read_request(request), _digest_of(secret)
        with self._registry.transaction() as session:
            return judge_code(session.code(digest), key_bytes(key), now, self.policy).school

    def redeem(self, secret: str, request: bytes, now: datetime) -> x509.Certificate:
        """Use the code up for a certificate; the same code with the same key gets the same certificate again for a while."""
        key, digest = read_request(request), _digest_of(secret)
        with self._registry.transaction() as session:
            judgement = judge_code(session.code(digest), key_bytes(key), now, self.policy)
            if isinstance(judgement, Repeat):
                return _issued_to(session, judgement.school, key)
            certificate = self._issue(session, judgement.school, key, now)
            self._log.append(UsedEvent(now, digest, judgement.school, key_bytes(key)))
            session.use_code(digest, now, key_bytes(key))
        return certificate

    def count_failure(self, secret: str) -> None:
        """Remember that a known code was tried in vain."""
        with self._registry.transaction() as session:
            session.count_failure(_digest_of(secret))

    def challenge(self, serial: bytes, now: datetime) -> bytes:
        """A nonce for one renewal. Nothing is stored: it carries its own end and is sealed to the serial."""
        end = int((now + self.policy.challenge_life).timestamp() * 1000).to_bytes(8, "big")
        head = end + secrets.token_bytes(_NONCE_RANDOM)
        return head + self._nonce_mac(head, int.from_bytes(serial, "big"))

    def renew(self, old_der: bytes, request: bytes, nonce: bytes, signature: bytes, now: datetime) -> x509.Certificate:
        """The successor of a certificate, for who holds its key; a repeated call with the same new key gets the same one."""
        old = read_certificate(old_der)
        school = self._school(old)
        self._check_nonce(nonce, old.serial_number, now)
        check_proof(old, request, nonce, signature)
        key = read_request(request)
        with self._registry.transaction() as session:
            held = self._held(session, old, school, now, lock=True)
            successor = session.certificate(held.successor) if held.successor else None
            judgement = judge_renewal(held, successor, key_bytes(key), now, self.policy)
            if isinstance(judgement, Repeat) and successor is not None:
                return x509.load_der_x509_certificate(successor.der)
            certificate = self._issue(session, school, key, now, predecessor=held.serial)
            session.set_successor(held.serial, serial_text(certificate))
        return certificate

    def admit(self, certificate: x509.Certificate, now: datetime) -> str:
        """The school that may speak with this certificate now: GOR-1116 expired, 1111 revoked, 1112 not ours.

        One that our authority signed and nobody revoked is recorded at sight: the database may be older than it.
        """
        school = self._school(certificate)
        with self._registry.transaction() as session:
            held = self._held(session, certificate, school, now)
        judge_certificate(held, now)
        return school

    def signers(self, school: str) -> list[EllipticCurvePublicKey]:
        """Keys whose signatures count for the school: of all its certificates that nobody revoked, newest first, dates ignored."""
        with self._registry.transaction() as session:
            held = session.certificates(school)
        good = [issued.der for issued in reversed(held) if issued.revoked_at is None]
        return [p256_key(x509.load_der_x509_certificate(der)) for der in good]

    def revoke(self, school: str, now: datetime) -> list[str]:
        """Revoke every certificate of the school and end its unused codes; serials of those that were still good."""
        revoked: list[str] = []
        with self._registry.transaction() as session:
            session.end_codes(school, now)
            # Once more after each round: an enrolment or renewal that we waited for has just added a certificate.
            while serials := [
                held.serial for held in session.certificates(school, lock=True) if held.revoked_at is None
            ]:
                for serial in serials:
                    self._log.append(RevokedEvent(now, serial, school))
                    session.revoke(serial, now)
                revoked += serials
        _LOG.info("revoked %d certificates of school %s", len(revoked), school)
        return revoked

    def merge(self) -> int:
        """Tell the registry what only the log remembers, after a restore; number of events read."""
        count = 0
        with self._registry.transaction() as session:
            for event in self._log.events():
                _retell(session, event)
                count += 1
        return count

    def _issue(
        self,
        session: Session,
        school: str,
        key: EllipticCurvePublicKey,
        now: datetime,
        predecessor: str | None = None,
    ) -> x509.Certificate:
        certificate = self.authority.issue_school(school, key, now, self.policy.certificate_life)
        issued = _record(certificate, school, now)
        self._log.append(IssuedEvent(now, issued.serial, school, issued.der, predecessor))
        session.add_certificate(issued)
        _LOG.info("issued certificate %s for school %s", issued.serial, school)
        return certificate

    def _school(self, certificate: x509.Certificate) -> str:
        """The school named in a certificate of ours; GOR-1112 for any other."""
        if not self.authority.vouches_for(certificate):  # first: nothing else of a stranger's certificate is looked at
            raise Problem("GOR-1112")
        school = school_of(certificate)
        if school is None:
            raise Problem("GOR-1112")
        return school

    def _held(
        self, session: Session, certificate: x509.Certificate, school: str, now: datetime, *, lock: bool = False
    ) -> Issued:
        """What the registry knows of a certificate of ours, recorded at sight."""
        serial = serial_text(certificate)
        held = session.certificate(serial, lock=lock)
        if held is None:
            seen = _record(certificate, school, now)
            session.add_certificate(seen)
            held = session.certificate(serial, lock=lock) or seen  # another caller may have been quicker
        return held

    def _check_nonce(self, nonce: bytes, serial: int, now: datetime) -> None:
        """GOR-1117 unless the nonce is ours, for this certificate, and not too old."""
        head, mac = nonce[:-_NONCE_MAC], nonce[-_NONCE_MAC:]
        if len(nonce) != _NONCE_BYTES or not hmac.compare_digest(mac, self._nonce_mac(head, serial)):
            raise Problem("GOR-1117")
        if int.from_bytes(head[:8], "big") < now.timestamp() * 1000:
            raise Problem("GOR-1117")

    def _nonce_mac(self, head: bytes, serial: int) -> bytes:
        """The seal of a nonce. A serial longer than any of ours is cut: such a certificate fails later anyway."""
        text = (serial % (1 << (8 * _SERIAL_BYTES))).to_bytes(_SERIAL_BYTES, "big")
        return hmac.digest(self._challenge_key, text + head, "sha256")[:_NONCE_MAC]


def _code_digest(secret: bytes) -> bytes:
    """What is kept of a code. One round is enough: 120 random bits cannot be tried out."""
    return hashlib.sha256(b"gorod code 1\n" + secret).digest()


def _digest_of(secret: str) -> bytes:
    """Hash of a code's secret as it comes over the wire; GOR-1101 when it cannot be one."""
    if len(secret) > 2 * SECRET_CHARS:
        raise Problem("GOR-1101", cause="length")
    letters = plain_letters(secret)
    if len(letters) != SECRET_CHARS:
        raise Problem("GOR-1101", cause="length")
    return _code_digest(decode_base32(letters))


def _record(certificate: x509.Certificate, school: str, now: datetime) -> Issued:
    der = certificate.public_bytes(Encoding.DER)
    return Issued(serial_text(certificate), school, der, certificate.not_valid_after_utc, now)


def _issued_to(session: Session, school: str, key: EllipticCurvePublicKey) -> x509.Certificate:
    """The certificate that this key was given; GOR-1103 when it was revoked meanwhile."""
    for issued in session.certificates(school):
        if issued.revoked_at is None and issued.key == key_bytes(key):
            return x509.load_der_x509_certificate(issued.der)
    raise Problem("GOR-1103", school=school, used="?")


def _retell(session: Session, event: Event) -> None:
    match event:
        case IssuedEvent():
            not_after = x509.load_der_x509_certificate(event.der).not_valid_after_utc
            session.add_certificate(Issued(event.serial, event.school, event.der, not_after, event.at))
            if event.predecessor is not None:
                session.set_successor(event.predecessor, event.serial)
        case UsedEvent():
            session.use_code(event.code, event.at, event.key)
        case RevokedEvent():
            session.revoke(event.serial, event.at)
