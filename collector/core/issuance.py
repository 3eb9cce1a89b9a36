"""Who gets a certificate: the policy, as small judgements over what is known. No clock, no database, no network.

    enrol:  attempt allowed? → clock told → request fit? → code: unknown | used | expired | Fresh | Repeat
    renew:  certificate ours? → proof fit? → revoked | too old | succeeded by another | Fresh | Repeat

*Repeat* is what makes a lost reply harmless: the same caller, known by the same new key, gets the certificate that it was already given.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from proto.certificates import UNREADABLE, key_bytes, read_der
from proto.enrolment import renewal_bytes
from proto.problems import Problem

MAX_REQUEST_BYTES: Final = 4096
"""A signing request for a P-256 key takes about 250 bytes."""

MAX_CERTIFICATE_BYTES: Final = 4096
"""A certificate of ours takes about 550 bytes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the department may set; each number has its default here."""

    certificate_life: timedelta = timedelta(days=90)
    code_life: timedelta = timedelta(days=14)
    grace: timedelta = timedelta(days=180)  # after a certificate's end: a summer, and as much again
    repeat_window: timedelta = timedelta(days=1)  # in which a used code answers its own key again
    clock_skew: timedelta = timedelta(
        days=1
    )  # more is refused at enrolment, where a person is there to set the clock; 0 = never
    challenge_life: timedelta = timedelta(minutes=10)
    attempts: int = 60  # wrong codes from one address within the window; behind a proxy all schools share one
    attempts_window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code as it is kept: its hash, never itself. ``csr_key`` is the key that used it."""

    digest: bytes
    school: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    csr_key: bytes | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as it is kept. ``successor`` is the serial of the one that renewed it."""

    serial: str
    school: str
    der: bytes
    not_after: datetime
    issued_at: datetime
    revoked_at: datetime | None = None
    successor: str | None = None

    @property
    def key(self) -> bytes:
        """The certified public key, as :func:`proto.certificates.key_bytes` writes it."""
        return certified_key(x509.load_der_x509_certificate(self.der))


@dataclass(frozen=True, slots=True)
class Fresh:
    """Issue a certificate for this school."""

    school: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """Answer again with the certificate issued to this key before."""

    school: str


Judgement = Fresh | Repeat


def serial_text(certificate: x509.Certificate) -> str:
    """A serial number as it is kept and shown: 40 hex digits."""
    return f"{certificate.serial_number:040x}"


def certified_key(certificate: x509.Certificate) -> bytes:
    """The public key of a certificate that must hold a P-256 key; GOR-1112 if it holds another."""
    return key_bytes(p256_key(certificate))


def p256_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """The certified key itself; GOR-1112 unless it is a P-256 key."""
    try:
        key = certificate.public_key()
    except UNREADABLE as error:
        raise Problem("GOR-1112") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Problem("GOR-1112")
    return key


def read_request(der: bytes) -> ec.EllipticCurvePublicKey:
    """The key that asks to be certified; GOR-1106 unless it is a P-256 key that signed the request itself.

    Nothing else of a request is used: the name in the certificate comes from the code or from the old certificate.
    """
    if len(der) > MAX_REQUEST_BYTES:
        raise Problem("GOR-1106", cause="size")
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        signed = request.is_signature_valid
    except UNREADABLE as error:
        raise Problem("GOR-1106", cause="form") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Problem("GOR-1106", cause="key")
    if not signed:
        raise Problem("GOR-1106", cause="signature")
    return key


def read_certificate(der: bytes) -> x509.Certificate:
    """A certificate that a caller shows; GOR-1112 when it is none."""
    certificate = read_der(der) if len(der) <= MAX_CERTIFICATE_BYTES else None
    if certificate is None:
        raise Problem("GOR-1112")
    return certificate


def check_clock(told: datetime | None, now: datetime, policy: Policy) -> None:
    """GOR-1114, with the difference in hours, when the agent's clock is too far off; None is a clock outside the calendar."""
    if not policy.clock_skew:
        return
    if told is None:
        raise Problem("GOR-1114", difference="?")
    if abs(told - now) > policy.clock_skew:
        raise Problem("GOR-1114", difference=f"{round((told - now) / timedelta(hours=1)):+d} h")


def check_proof(old: x509.Certificate, request: bytes, nonce: bytes, signature: bytes) -> None:
    """GOR-1106 unless the old certificate's key signed this request together with the nonce."""
    try:
        p256_key(old).verify(signature, renewal_bytes(nonce, request), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Problem("GOR-1106", cause="proof") from error


def judge_code(code: Code | None, csr_key: bytes, now: datetime, policy: Policy) -> Judgement:
    """What a code is good for: GOR-1102 unknown, 1103 used, 1104 expired."""
    if code is None:
        raise Problem("GOR-1102")
    if code.used_at is not None:
        if code.csr_key == csr_key and now - code.used_at <= policy.repeat_window:
            return Repeat(code.school)
        raise Problem("GOR-1103", school=code.school, used=code.used_at.date().isoformat())
    if now >= code.expires_at:
        raise Problem("GOR-1104", school=code.school, expired=code.expires_at.date().isoformat())
    return Fresh(code.school)


def judge_certificate(held: Issued, now: datetime) -> None:
    """Whether a certificate may be used now: GOR-1111 revoked, 1116 expired: to be renewed."""
    if held.revoked_at is not None:
        raise Problem("GOR-1111", school=held.school, revoked=held.revoked_at.date().isoformat())
    if now >= held.not_after:
        raise Problem("GOR-1116", school=held.school, days=(now - held.not_after).days)


def judge_renewal(held: Issued, successor: Issued | None, csr_key: bytes, now: datetime, policy: Policy) -> Judgement:
    """Whether a certificate may be renewed: GOR-1111 revoked, 1110 expired too long ago, 1113 renewed by another key."""
    if held.revoked_at is not None:
        raise Problem("GOR-1111", school=held.school, revoked=held.revoked_at.date().isoformat())
    if successor is not None:
        if successor.key == csr_key and successor.revoked_at is None:
            return Repeat(held.school)
        raise Problem("GOR-1113", school=held.school, renewed=successor.issued_at.date().isoformat())
    if now > held.not_after + policy.grace:
        raise Problem("GOR-1110", school=held.school, days=(now - held.not_after).days, limit=policy.grace.days)
    if csr_key == held.key:
        raise Problem("GOR-1106", cause="old_key")
    return Fresh(held.school)


class Attempts:
    """Wrong codes per caller within a sliding window. Bounded: the caller seen longest ago is forgotten first."""

    def __init__(self, policy: Policy, callers: int = 10_000) -> None:
        self._policy = policy
        self._limit = callers
        self._failures: OrderedDict[str, deque[datetime]] = OrderedDict()

    def check(self, caller: str, now: datetime) -> None:
        """GOR-1115, with the seconds to wait, when this caller failed too often."""
        failures = self._failures.get(caller)
        if failures is None:
            return
        while failures and now - failures[0] > self._policy.attempts_window:
            failures.popleft()
        if len(failures) >= self._policy.attempts:
            wait = failures[0] + self._policy.attempts_window - now
            raise Problem("GOR-1115", seconds=max(1, round(wait.total_seconds())))

    def failed(self, caller: str, now: datetime) -> None:
        """Count one wrong code."""
        failures = self._failures.setdefault(caller, deque(maxlen=max(1, self._policy.attempts)))
        failures.append(now)
        self._failures.move_to_end(caller)
        while len(self._failures) > self._limit:
            self._failures.popitem(last=False)
