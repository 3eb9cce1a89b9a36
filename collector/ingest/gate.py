"""Who is calling: the school of the client certificate, and whether that certificate still counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from cryptography import x509

from collector.core.ledger import Refuse
from proto.identity import school_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric import ec

TLS: Final = "TLSv1.3"


class Gate(Protocol):
    """What the certificate authority knows; called from worker threads."""

    def refusal(self, certificate: x509.Certificate, school: str, now_ms: int) -> Refuse | None:
        """Why this certificate does not count now: revoked (GOR-1111), not ours or of another school (GOR-1112), expired (GOR-1116), or None.

        A certificate that chains to our authority, is not revoked and is not on record is recorded at sight.
        """

    def signers(self, school: str) -> Sequence[ec.EllipticCurvePublicKey]:
        """Public keys of the school's unrevoked certificates, newest first; dates play no part."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The peer of one stream."""

    school: str
    certificate: x509.Certificate


def caller(auth: Mapping[str, Sequence[Any]]) -> Caller | Refuse:
    """The caller of a connection from gRPC's authentication context. The school stands in the certificate and nowhere else."""
    version = _first(auth, "ssl_tls_version").decode(errors="replace")
    if version != TLS:
        return Refuse("GOR-1205", {"version": version})
    try:
        certificate = x509.load_pem_x509_certificate(_first(auth, "x509_pem_cert"))
    except ValueError:
        return Refuse("GOR-1112")
    school = school_of(certificate)
    return Caller(school, certificate) if school else Refuse("GOR-1112")


def _first(auth: Mapping[str, Sequence[Any]], name: str) -> bytes:
    values = auth.get(name) or [b""]
    return bytes(values[0])
