"""The enrolment service: bytes in, bytes out. What is decided is decided in :mod:`collector.ca.office`."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import grpc
from cryptography.hazmat.primitives.serialization import Encoding

from collector.ca.ports import Audit, Card, CardRequest, SchoolCard
from collector.core.issuance import Attempts, check_clock
from proto.enrolment import PROBLEM_METADATA, pack_problem
from proto.identity import school_of
from proto.problems import Problem
from proto.sync.v1 import enrol_pb2, enrol_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

    from collector.ca.office import Office

_LOG: Final = logging.getLogger(__name__)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TLS: Final = "TLSv1.3"
_WRONG_CODE: Final = frozenset({"GOR-1101", "GOR-1102"})
_SPENT_CODE: Final = frozenset({"GOR-1103", "GOR-1104"})
_OURS: Final = ("GOR-17", "GOR-18")
_STATUS: Final = {
    "GOR-1115": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "GOR-1106": grpc.StatusCode.INVALID_ARGUMENT,
    "GOR-1117": grpc.StatusCode.ABORTED,
}

_Reply = TypeVar("_Reply")


class EnrolmentServicer(enrol_pb2_grpc.EnrolmentServicer):
    """Enrol, Challenge and Renew for callers without a client certificate: each call carries its own proof."""

    def __init__(
        self, office: Office, card: SchoolCard, clock: Callable[[], datetime], audit: Audit | None = None
    ) -> None:
        self._office = office
        self._card = card
        self._clock = clock
        self._audit = audit or log_refusal
        self._attempts = Attempts(office.policy)

    async def Enrol(self, request: enrol_pb2.EnrolRequest, context: Any) -> enrol_pb2.EnrolReply:  # noqa: N802  gRPC's name
        """A one-time code for a certificate."""
        return await self._answer(context, lambda caller: self._enrol(request, caller))

    async def Challenge(self, request: enrol_pb2.ChallengeRequest, context: Any) -> enrol_pb2.ChallengeReply:  # noqa: N802
        """A nonce to sign."""
        return await self._answer(context, lambda _caller: self._challenge(request))

    async def Renew(self, request: enrol_pb2.RenewRequest, context: Any) -> enrol_pb2.EnrolReply:  # noqa: N802
        """An old certificate for a new one."""
        return await self._answer(context, lambda _caller: self._renew(request))

    async def _answer(self, context: Any, work: Callable[[str], _Reply]) -> _Reply:
        """Do the blocking work in a thread; a problem becomes the status of the call, with its code in the metadata."""
        caller = caller_of(context.peer())
        try:
            check_tls(context.auth_context())
            return await asyncio.to_thread(work, caller)
        except Problem as problem:
            await asyncio.to_thread(self._audit, problem, caller)  # it may write to the database
            await refuse(context, for_outsiders(problem))
        except OSError as error:
            _LOG.exception("the authority's folder cannot be written")
            await refuse(context, Problem("GOR-1206", cause=error.strerror or type(error).__name__))

    def _enrol(self, request: enrol_pb2.EnrolRequest, caller: str) -> enrol_pb2.EnrolReply:
        now = self._clock()
        self._attempts.check(caller, now)
        check_clock(moment(request.clock_ms), now, self._office.policy)
        try:
            school = self._office.school_of_code(request.code, request.csr, now)
        except Problem as problem:
            self._count(problem, request.code, caller, now)
            raise
        card = self._card(
            CardRequest(school, request.agent_version, request.identity, request.schema_fingerprint, request.profile)
        )
        return self._reply(self._office.redeem(request.code, request.csr, now), card, now)

    def _count(self, problem: Problem, secret: str, caller: str, now: datetime) -> None:
        if problem.code in _WRONG_CODE:
            self._attempts.failed(caller, now)
        elif problem.code in _SPENT_CODE:
            self._office.count_failure(secret)

    def _challenge(self, request: enrol_pb2.ChallengeRequest) -> enrol_pb2.ChallengeReply:
        now = self._clock()
        return enrol_pb2.ChallengeReply(
            nonce=self._office.challenge(request.certificate_serial, now), clock_ms=milliseconds(now)
        )

    def _renew(self, request: enrol_pb2.RenewRequest) -> enrol_pb2.EnrolReply:
        now = self._clock()
        certificate = self._office.renew(request.certificate, request.csr, request.nonce, request.signature, now)
        card = self._card(CardRequest(school_of(certificate) or "", request.agent_version, renewal=True))
        return self._reply(certificate, card, now)

    def _reply(self, certificate: x509.Certificate, card: Card, now: datetime) -> enrol_pb2.EnrolReply:
        reply = enrol_pb2.EnrolReply(
            school=school_of(certificate) or "",
            certificate=certificate.public_bytes(Encoding.DER),
            ca=self._office.authority.certificate.public_bytes(Encoding.DER),
            fingerprint_key=card.fingerprint_key,
            zone=card.zone,
            organisation=card.organisation,
            sync_address=card.sync_address,
            enrol_address=card.enrol_address,
            settings=card.settings,
            clock_ms=milliseconds(now),
        )
        if card.profile is not None:
            profile = enrol_pb2.EnrolProfile(
                name=card.profile.name, toml=card.profile.toml, signature=card.profile.signature
            )
            reply.profile.CopyFrom(profile)
        return reply


def log_refusal(problem: Problem, caller: str) -> None:
    """The Null form of an audit: a line in the log."""
    _LOG.warning("refused %s from %s, school %s", problem.code, caller, problem.details.get("school", "unknown"))


async def refuse(context: Any, problem: Problem) -> NoReturn:
    """End a call with the problem as its status."""
    metadata = ((PROBLEM_METADATA, pack_problem(problem)),)
    status = _STATUS.get(problem.code, grpc.StatusCode.FAILED_PRECONDITION)
    await context.abort(status, str(problem), trailing_metadata=metadata)
    raise AssertionError  # abort raises; the type of a mocked context may not say so


def for_outsiders(problem: Problem) -> Problem:
    """What a school is told of our own troubles (GOR-17xx disk, GOR-18xx database): that they are ours, and their number."""
    return Problem("GOR-1206", cause=problem.code) if problem.code.startswith(_OURS) else problem


def check_tls(auth_context: Any) -> None:
    """GOR-1205 unless the call came over TLS 1.3."""
    versions = [version.decode("ascii", "replace") for version in auth_context.get("ssl_tls_version", [])]
    if versions != [_TLS]:
        raise Problem("GOR-1205", version=", ".join(versions) or "plaintext")


def caller_of(peer: str) -> str:
    """The address of a peer without its port: ``ipv4:192.0.2.1:5555`` → ``ipv4:192.0.2.1``."""
    return peer.rpartition(":")[0] or peer


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970 in UTC."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def moment(clock_ms: int) -> datetime | None:
    """The moment that another clock shows; None outside the calendar, whatever that clock was thinking."""
    try:
        return _EPOCH + timedelta(milliseconds=clock_ms)
    except OverflowError:
        return None
