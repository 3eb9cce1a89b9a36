"""Staying known: the certificate is renewed at two thirds of its life, and also when the summer was longer than the certificate.

There is one path, before and after the end: ask for a nonce, sign it together with the request by the old key, get the successor.
The old certificate keeps working until the new one is stored, and a lost reply is repeated with the same key.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from agent.transport.enrol import EnrolmentClient, Way, keep, milliseconds, moment
from agent.transport.identity import Identity, IdentityFolder, signing_request
from proto.enrolment import renewal_bytes
from proto.problems import Problem
from proto.sync.v1 import enrol_pb2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from cryptography import x509

_LOG: Final = logging.getLogger(__name__)
_SHARE: Final = 2 / 3
_JITTER: Final = 0.05


def due_at(certificate: x509.Certificate) -> datetime:
    """When to renew: at two thirds of life and up to a twentieth later, each certificate at its own moment.

    The jitter comes from the serial number, so a restart does not roll it anew, and a city that enrolled in one day spreads out.
    """
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    roll = int.from_bytes(hashlib.sha256(certificate.serial_number.to_bytes(20, "big")).digest()[:4], "big") / 2**32
    return start + (end - start) * (_SHARE + _JITTER * roll)


async def renew(
    identity: Identity, folder: IdentityFolder, version: str, now: Callable[[], datetime], way: Way
) -> Identity | None:
    """Get and store the successor of this identity; None when the department's clock says that it is too early.

    After a failure of any kind it may simply be called again. Our own clock is only told: it may be years off.
    """
    async with EnrolmentClient(identity.facts.enrol_address, identity.ca, way) as client:
        challenge = await client.challenge(enrol_pb2.ChallengeRequest(certificate_serial=identity.serial))
        if moment(challenge.clock_ms) < due_at(identity.certificate):
            return None
        key = folder.pending_key()
        request = signing_request(key)
        reply = await client.renew(
            enrol_pb2.RenewRequest(
                certificate=identity.certificate.public_bytes(Encoding.DER),
                csr=request,
                nonce=challenge.nonce,
                signature=identity.key.sign(renewal_bytes(challenge.nonce, request), ec.ECDSA(hashes.SHA256())),
                agent_version=version,
                clock_ms=milliseconds(now()),
            )
        )
    return keep(folder, reply, key, identity.ca)


@dataclass(frozen=True, slots=True)
class RenewalTimes:
    """How often to look whether renewal is due, and how long to wait after a failure."""

    check: timedelta = timedelta(hours=1)
    retry: timedelta = timedelta(minutes=5)


class Renewer:
    """Keeps the certificate of a running service fresh.

    Args:
        folder: where the identity lies.
        version: of this program, told to the department.
        now: the department's clock as far as we know it: ours plus the offset of its last Welcome.
        swapped: called with the new identity; opens a new channel and lets the old one drain.
        failed: called with the problem of an attempt, for ``status``; the next attempt follows by itself.
    """

    def __init__(
        self,
        folder: IdentityFolder,
        version: str,
        now: Callable[[], datetime],
        swapped: Callable[[Identity], Awaitable[None]],
        failed: Callable[[Problem], None],
        way: Way | None = None,
        times: RenewalTimes | None = None,
    ) -> None:
        self._folder = folder
        self._version = version
        self._now = now
        self._swapped = swapped
        self._failed = failed
        self._way = way or Way()
        self._times = times or RenewalTimes()
        self._wanted = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def want(self) -> None:
        """Look now, by the department's clock: it refused the certificate (GOR-1116), or hung up without a word."""
        self._wanted.set()

    async def renew_if_due(self, *, ask: bool = False) -> bool:
        """Renew when our clock says that it is time, or on ``ask``; whether it was done. Raises the problem that prevented it."""
        async with self._one_at_a_time:
            identity = self._folder.load()
            if not ask and self._now() < due_at(identity.certificate):
                return False
            fresh = await renew(identity, self._folder, self._version, self._now, self._way)
        if fresh is None:
            return False
        _LOG.info("renewed the certificate, now until %s", fresh.not_after.isoformat())
        await self._swapped(fresh)
        return True

    async def run(self) -> None:
        """Until cancelled: look, renew, wait."""
        ask = False
        while True:
            try:
                await self.renew_if_due(ask=ask)
            except Problem as problem:
                _LOG.warning("renewal failed: %s", problem)
                self._failed(problem)
                ask = await self._wait(self._times.retry) or ask
            else:
                ask = await self._wait(self._times.check)

    async def _wait(self, pause: timedelta) -> bool:
        """Pause; whether it was cut short by :meth:`want`."""
        try:
            await asyncio.wait_for(self._wanted.wait(), pause.total_seconds())
        except TimeoutError:
            return False
        self._wanted.clear()
        return True
