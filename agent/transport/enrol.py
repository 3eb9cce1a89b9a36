"""Becoming known to the department: a one-time code for a certificate.

The order is the law here: read the code → learn who answers at its address → check the pin → only then send the secret, over a
channel that trusts nobody but the authority of the pin.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import grpc
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from agent.transport.identity import Identity, IdentityFolder, SchoolFacts, signing_request
from agent.transport.probe import ask, channel_options, diagnose, pinned_authority
from proto.certificates import issued_by, key_bytes, read_der
from proto.enrolment import PROBLEM_METADATA, encode_base32, parse_code, unpack_problem
from proto.identity import school_of
from proto.problems import Problem
from proto.sync.v1 import enrol_pb2, enrol_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FINGERPRINT_KEY_BYTES: Final = 32
_Reply = TypeVar("_Reply")


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What the agent says of itself and of its source when it enrols. An empty profile lets the department choose."""

    agent_version: str
    identity: str
    schema_fingerprint: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach the department: an HTTP proxy, and how long one attempt may take."""

    proxy: str | None = None
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The outcome. ``settings`` is a serialised ``gorod.sync.v1.Settings``; the clock is the department's minus ours."""

    identity: Identity
    settings: bytes
    profile: enrol_pb2.EnrolProfile | None
    clock_offset: timedelta


class EnrolmentClient:
    """Calls of the enrolment listener over one channel that trusts one authority. Refusals come out as problems."""

    def __init__(self, address: str, ca: x509.Certificate, way: Way) -> None:
        self._address = address
        self._ca = ca
        self._way = way
        pem = ca.public_bytes(Encoding.PEM)
        credentials = grpc.ssl_channel_credentials(root_certificates=pem)
        self._channel = grpc.aio.secure_channel(address, credentials, options=channel_options(way.proxy))
        self._stub = enrol_pb2_grpc.EnrolmentStub(self._channel)  # type: ignore[no-untyped-call]  # generated code

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._channel.close(grace=None)

    async def enrol(self, request: enrol_pb2.EnrolRequest) -> enrol_pb2.EnrolReply:
        """A one-time code for a certificate."""
        return await self._told(self._stub.Enrol(request, timeout=self._way.timeout_s))

    async def challenge(self, request: enrol_pb2.ChallengeRequest) -> enrol_pb2.ChallengeReply:
        """A nonce to sign."""
        return await self._told(self._stub.Challenge(request, timeout=self._way.timeout_s))

    async def renew(self, request: enrol_pb2.RenewRequest) -> enrol_pb2.EnrolReply:
        """An old certificate for a new one."""
        return await self._told(self._stub.Renew(request, timeout=self._way.timeout_s))

    async def _told(self, call: Awaitable[_Reply]) -> _Reply:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise await self._problem(error) from error

    async def _problem(self, error: grpc.aio.AioRpcError) -> Problem:
        """What the department said, else what a fresh look at the connection finds."""
        metadata: Any = error.trailing_metadata() or ()
        for name, value in metadata:
            if name == PROBLEM_METADATA and (problem := unpack_problem(bytes(value))):
                return problem
        match error.code():
            case grpc.StatusCode.UNAVAILABLE:
                return await asyncio.to_thread(diagnose, self._address, self._ca, self._way.proxy, self._way.timeout_s)
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return Problem("GOR-1201", address=self._address, cause="timeout")
            case code:
                return Problem("GOR-1206", cause=code.name)


async def enrol(
    folder: IdentityFolder, code_text: str, facts: AgentFacts, now: Callable[[], datetime], way: Way | None = None
) -> Enrolled:
    """Use the code, and store the identity that it gives. After a failure of any kind it may simply be called again."""
    way = way or Way()
    code = parse_code(code_text)
    answer = await asyncio.to_thread(ask, code.address, way.proxy, way.timeout_s)
    ca = pinned_authority(answer, code.pin)
    key = folder.pending_key()
    request = enrol_pb2.EnrolRequest(
        code=encode_base32(code.secret),
        csr=signing_request(key),
        agent_version=facts.agent_version,
        identity=facts.identity,
        schema_fingerprint=facts.schema_fingerprint,
        profile=facts.profile,
        clock_ms=milliseconds(now()),
    )
    async with EnrolmentClient(code.address, ca, way) as client:
        reply = await client.enrol(request)
    offset = clock_offset(reply.clock_ms, now())
    identity = keep(folder, reply, key, ca)
    return Enrolled(identity, reply.settings, reply.profile if reply.HasField("profile") else None, offset)


def keep(
    folder: IdentityFolder, reply: enrol_pb2.EnrolReply, key: EllipticCurvePrivateKey, ca: x509.Certificate
) -> Identity:
    """Store a reply's certificate: GOR-1119 unless it is over our key, from our department, and for the school that it says."""
    certificate = read_der(reply.certificate)
    if certificate is None or not issued_by(certificate, ca):
        raise Problem("GOR-1119", cause="certificate")
    certified = certificate.public_key()
    ours = isinstance(certified, EllipticCurvePublicKey) and key_bytes(certified) == key_bytes(key.public_key())
    fits = {
        "key": ours,
        "school": reply.school == school_of(certificate),
        "fingerprint_key": len(reply.fingerprint_key) == _FINGERPRINT_KEY_BYTES,
    }
    wrong = next((name for name, good in fits.items() if not good), None)
    if wrong:
        raise Problem("GOR-1119", cause=wrong)
    facts = SchoolFacts(
        reply.school, reply.zone, reply.organisation, reply.sync_address, reply.enrol_address, reply.fingerprint_key
    )
    return folder.store(certificate, ca, facts)


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970 in UTC."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def moment(clock_ms: int) -> datetime:
    """The moment that the department's clock shows."""
    return _EPOCH + timedelta(milliseconds=clock_ms)


def clock_offset(clock_ms: int, now: datetime) -> timedelta:
    """How far the department's clock is ahead of ours."""
    return timedelta(milliseconds=clock_ms - milliseconds(now))
