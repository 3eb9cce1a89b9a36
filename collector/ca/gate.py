"""The office's word at the door of the stream; implements :class:`collector.ingest.gate.Gate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.ca.servicer import moment
from collector.core.ledger import Refuse
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    from collector.ca.office import Office


class OfficeGate:
    """Asked at each call, and every minute of an open stream. Its calls block: run them in a thread."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def refusal(self, certificate: x509.Certificate, school: str, now_ms: int) -> Refuse | None:
        """Why this certificate does not count for the school now: GOR-1111 revoked, 1112 not ours, 1116 expired, or None."""
        now = moment(now_ms)
        if now is None:
            raise ValueError("our own clock is outside the calendar")
        try:
            admitted = self._office.admit(certificate, now)
        except Problem as problem:
            if problem.kind not in {"revoked", "expired"}:  # the database's troubles are no word on a certificate
                raise
            return Refuse(problem.code, problem.details)
        return None if admitted == school else Refuse("GOR-1112")

    def signers(self, school: str) -> Sequence[ec.EllipticCurvePublicKey]:
        """Public keys of the school's unrevoked certificates, newest first; dates play no part."""
        return self._office.signers(school)
