"""A department's certificate office for tests: a clock to turn, a registry in memory, a listener on a free port."""

import copy
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from agent.transport.enrol import AgentFacts, Enrolled, Way, enrol
from agent.transport.identity import IdentityFolder
from collector.ca.authority import LOG_FILE, Authority
from collector.ca.listeners import Listener, listen_enrolment
from collector.ca.log import IssueLog
from collector.ca.office import Office
from collector.ca.ports import Card, CardRequest, Registry
from collector.ca.servicer import EnrolmentServicer
from collector.core.issuance import Code, Issued, Policy
from proto.problems import Problem

SCHOOL = "23-042"
START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
AGENT = AgentFacts("1.0", "sqlite:42", "fp", "")


@dataclass
class Clock:
    """A clock that stands still until a test turns it."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **by: float) -> None:
        self.at += timedelta(**by)


class MemoryRegistry:
    """The registry as two dictionaries; a transaction that raises leaves them as they were."""

    def __init__(self) -> None:
        self.codes: dict[bytes, Code] = {}
        self.issued: dict[str, Issued] = {}
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator["MemorySession"]:
        with self._lock:
            before = copy.copy(self.codes), copy.copy(self.issued)
            finished = False
            try:
                yield MemorySession(self)
                finished = True
            finally:
                if not finished:
                    self.codes, self.issued = before


class MemorySession:
    def __init__(self, registry: MemoryRegistry) -> None:
        self._registry = registry

    def code(self, digest: bytes) -> Code | None:
        return self._registry.codes.get(digest)

    def add_code(self, code: Code) -> None:
        self._registry.codes[code.digest] = code

    def use_code(self, digest: bytes, at: datetime, csr_key: bytes) -> None:
        code = self.code(digest)
        if code and code.used_at is None:
            self.add_code(replace(code, used_at=at, csr_key=csr_key))

    def count_failure(self, digest: bytes) -> None:
        code = self.code(digest)
        if code:
            self.add_code(replace(code, failures=code.failures + 1))

    def end_codes(self, school: str, at: datetime) -> None:
        for code in list(self._registry.codes.values()):
            if code.school == school and code.used_at is None:
                self.add_code(replace(code, expires_at=min(at, code.expires_at)))

    def certificate(self, serial: str, *, lock: bool = False) -> Issued | None:
        del lock
        return self._registry.issued.get(serial)

    def certificates(self, school: str, *, lock: bool = False) -> list[Issued]:
        del lock
        mine = [issued for issued in self._registry.issued.values() if issued.school == school]
        return sorted(mine, key=lambda issued: (issued.issued_at, issued.serial))

    def add_certificate(self, issued: Issued) -> None:
        self._registry.issued.setdefault(issued.serial, issued)

    def set_successor(self, serial: str, successor: str) -> None:
        held = self.certificate(serial)
        if held and held.successor is None:
            self._registry.issued[serial] = replace(held, successor=successor)

    def revoke(self, serial: str, at: datetime) -> None:
        held = self.certificate(serial)
        if held and held.revoked_at is None:
            self._registry.issued[serial] = replace(held, revoked_at=at)


@dataclass
class Cards:
    """What schools are told; remembers who asked, refuses on demand."""

    address: str = ""
    asked: list[CardRequest] = field(default_factory=list)
    refusal: Problem | None = None

    def __call__(self, request: CardRequest) -> Card:
        self.asked.append(request)
        if self.refusal:
            raise self.refusal
        return Card(b"f" * 32, "Europe/Moscow", "ORG-42", "127.0.0.1:7443", self.address, b"settings")


@dataclass
class Department:
    """An office behind a real listener."""

    office: Office
    clock: Clock
    cards: Cards
    refused: list[str]
    listener: Listener

    @property
    def address(self) -> str:
        return self.listener.address

    def code(self, school: str = SCHOOL) -> str:
        return self.office.new_code(school, self.address, self.clock())[0]

    async def enrol(self, folder: Path, code: str | None = None, way: Way | None = None) -> Enrolled:
        """An agent with the same clock enrols; a school without a code gets one."""
        return await enrol(IdentityFolder(folder), code or self.code(), AGENT, self.clock, way)


def make_office(folder: Path, registry: Registry | None = None, policy: Policy | None = None) -> Office:
    authority = Authority.create(folder)
    return Office(authority, registry or MemoryRegistry(), IssueLog(folder / LOG_FILE), policy)


@asynccontextmanager
async def open_department(
    folder: Path, registry: Registry | None = None, policy: Policy | None = None, listen: str = "127.0.0.1:0"
) -> AsyncIterator[Department]:
    office, clock, cards = make_office(folder, registry, policy), Clock(), Cards()
    refused: list[str] = []
    servicer = EnrolmentServicer(office, cards, clock, lambda problem, _caller: refused.append(problem.code))
    certificate = office.authority.server_certificate("enrol", ["localhost", "127.0.0.1"])
    listener = await listen_enrolment(servicer, certificate, listen)
    cards.address = listener.address
    try:
        yield Department(office, clock, cards, refused, listener)
    finally:
        await listener.server.stop(grace=None)


@pytest.fixture
async def department(tmp_path: Path) -> AsyncIterator[Department]:
    async with open_department(tmp_path / "ca") as opened:
        yield opened


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def request_for(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A signing request, made without the product."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def secret_of(code: str) -> str:
    """The part of a code that goes over the wire, cut out of its text without the product: after 32 letters of the pin."""
    return code.rpartition("/")[2].replace("-", "")[32:56]


def code_of(problem: pytest.ExceptionInfo[Problem]) -> str:
    return problem.value.code
