"""Small questions about certificates that both ends ask alike. A stranger's certificate may be anything, so no answer raises."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

AUTHORITY_ORGANISATION: Final = "Gorod"
"""Organisation in the name of every authority of ours."""

UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion)
"""Whatever the library raises over bytes that are no certificate or request, or hold a key or signature that is no good."""


def key_bytes(key: EllipticCurvePublicKey) -> bytes:
    """A public key as it is compared and stored: SubjectPublicKeyInfo, DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def ca_pin(certificate: x509.Certificate) -> str:
    """The pin of an authority: SHA-256 of its public key (SubjectPublicKeyInfo), in hex; empty when the key cannot be read."""
    try:
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UNREADABLE:
        return ""
    return hashlib.sha256(key).hexdigest()


def issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority signed the certificate, whatever the dates say."""
    try:
        certificate.verify_directly_issued_by(authority)
    except UNREADABLE:
        return False
    return True


def read_der(der: bytes) -> x509.Certificate | None:
    """A certificate, or None when the bytes are none."""
    try:
        return x509.load_der_x509_certificate(der)
    except UNREADABLE:
        return None
