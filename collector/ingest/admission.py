"""The gate over the certificate office: who may speak, and by which keys a school signs."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from collector.core.issuance import serial_text
from collector.core.ledger import Refuse
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.ca.office import Office
    from collector.ca.ports import Registry

_REMEMBERED_S: Final = 60.0
_ON_CERTIFICATES: Final = frozenset({"revoked", "expired"})
"""Classes of the office's own refusals; the database's troubles are no word on a certificate."""


class Admission:
    """See :class:`collector.ingest.gate.Gate`. A school's keys are read at most once a minute; thread-safe."""

    def __init__(self, office: Office, registry: Registry, remembered_s: float = _REMEMBERED_S) -> None:
        self._office = office
        self._registry = registry
        self._remembered_ms = remembered_s * 1000
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[int, dict[str, ec.EllipticCurvePublicKey]]] = {}
        self._now_ms = 0

    def refusal(self, certificate: x509.Certificate, school: str, now_ms: int) -> Refuse | None:
        """Asks the office each time; a certificate that it admits can sign from now on. The store's own Problems are raised."""
        self._now_ms = now_ms
        try:
            admitted = self._office.admit(certificate, datetime.fromtimestamp(now_ms / 1000, UTC))
        except Problem as problem:
            if problem.kind not in _ON_CERTIFICATES:
                raise
            with self._lock:
                self._keys.pop(school, None)
            return Refuse(problem.code, problem.details)
        if admitted != school:
            return Refuse("GOR-1112")
        with self._lock:
            if school in self._keys and serial_text(certificate) not in self._keys[school][1]:
                del self._keys[school]
        return None

    def signers(self, school: str) -> Sequence[ec.EllipticCurvePublicKey]:
        """Keys of unrevoked certificates, newest first."""
        with self._lock:
            held = self._keys.get(school)
        if held is None or self._now_ms - held[0] > self._remembered_ms:
            held = (self._now_ms, self._read(school))
            with self._lock:
                self._keys[school] = held
        return list(held[1].values())

    def _read(self, school: str) -> dict[str, ec.EllipticCurvePublicKey]:
        with self._registry.transaction() as session:
            issued = [one for one in session.certificates(school) if one.revoked_at is None]
        keys = {one.serial: x509.load_der_x509_certificate(one.der).public_key() for one in reversed(issued)}
        return {serial: key for serial, key in keys.items() if isinstance(key, ec.EllipticCurvePublicKey)}
