"""A batch sealed for the department, signed by the school, chained to the one before it.

Layers from the inside: zstd, HPKE to the department's sealing key (``MLKEM768_X25519``, HKDF-SHA256, AES-256-GCM; ``info`` binds school,
epoch, seq and key), ECDSA P-256 over header and SHA-256 of the ciphertext. Sealed at capture: the school's own disk cannot be read back.
Refusals are typed, and each names the problem that people are told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar, Final, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite
from google.protobuf.message import DecodeError

from proto.compression import CompressionError, compress, decompress
from proto.limits import MAX_BATCH_BYTES, MAX_ENVELOPE_BYTES, MAX_HEADER_BYTES, MAX_ROWS
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_PUBLIC: Final = 1184
_MLKEM_SEED: Final = 64
_X25519: Final = 32
_EPOCH: Final = 16
_HASH: Final = 32


class EnvelopeError(Exception):
    """The envelope is refused; nothing of it was used. ``code`` is the problem that is answered."""

    code: ClassVar[str] = "GOR-1611"


class Malformed(EnvelopeError):
    """The bytes are not what they claim to be."""


class Oversized(EnvelopeError):
    """Larger than :mod:`proto.limits` allows."""

    code = "GOR-1610"


class BadSignature(EnvelopeError):
    """No certificate of the school signed this."""

    code = "GOR-1608"


class KeyRetired(EnvelopeError):
    """Sealed for a key that the department no longer holds; the agent starts a new epoch."""

    code = "GOR-1609"


class UnknownSchema(EnvelopeError):
    """An entity or a field that this version does not know: the collector is older than the agent."""

    code = "GOR-1613"


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The department's key pair for envelopes: post-quantum and classical together. ``key_id`` is its name in headers."""

    mlkem: MLKEM768PrivateKey
    x25519: X25519PrivateKey
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_id", sealing_key_id(self.public_bytes()))

    @classmethod
    def generate(cls) -> Self:
        """A new random key pair."""
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def load_private(cls, data: bytes) -> Self:
        """The key pair of :meth:`private_bytes`; ValueError on another length."""
        if len(data) != _MLKEM_SEED + _X25519:
            raise ValueError("a sealing key has 96 bytes")
        return cls(
            MLKEM768PrivateKey.from_seed_bytes(data[:_MLKEM_SEED]),
            X25519PrivateKey.from_private_bytes(data[_MLKEM_SEED:]),
        )

    def private_bytes(self) -> bytes:
        """Seed of ML-KEM-768 (64 bytes), then the X25519 key (32 bytes)."""
        return self.mlkem.private_bytes_raw() + self.x25519.private_bytes_raw()

    def public_bytes(self) -> bytes:
        """Public key of ML-KEM-768 (1184 bytes), then of X25519 (32 bytes)."""
        return self.mlkem.public_key().public_bytes_raw() + self.x25519.public_key().public_bytes_raw()


def sealing_key_id(public: bytes) -> str:
    """Name of a public sealing key: first 16 hex digits of its SHA-256."""
    return sha256(public).hexdigest()[:16]


def genesis(epoch: bytes) -> bytes:
    """What stands for the previous hash at seq 1."""
    return sha256(b"gorod genesis" + epoch).digest()


def _info(header: sync_pb2.Header) -> bytes:
    return b"gorod/1\0" + b"\0".join(
        (header.school.encode(), header.epoch.hex().encode(), b"%d" % header.seq, header.sealing_key_id.encode())
    )


def seal(
    batch: bytes, header: sync_pb2.Header, sealing_public: bytes, signer: ec.EllipticCurvePrivateKey, serial: bytes
) -> sync_pb2.Envelope:
    """The envelope of a batch. Fills the header's ``sealing_key_id`` and ``batch_bytes``.

    Args:
        batch: serialised ``Batch``.
        header: everything else of the header, filled.
        sealing_public: the department's public sealing key, 1216 bytes.
        signer: key of the school's certificate.
        serial: serial number of that certificate.
    """
    header.sealing_key_id = sealing_key_id(sealing_public)
    header.batch_bytes = len(batch)
    ciphertext = _SUITE.encrypt(compress(batch), _recipient(sealing_public), info=_info(header))
    head = header.SerializeToString(deterministic=True)
    signature = signer.sign(head + sha256(ciphertext).digest(), ec.ECDSA(hashes.SHA256()))
    return sync_pb2.Envelope(header=head, ciphertext=ciphertext, signature=signature, certificate_serial=serial)


@lru_cache(maxsize=2)
def _recipient(public: bytes) -> MLKEM768X25519PublicKey:
    """The key of its bytes; the same for every envelope until the department replaces it."""
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
        X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
    )


def envelope_hash(envelope: sync_pb2.Envelope) -> bytes:
    """SHA-256 over header and SHA-256 of the ciphertext: what the next envelope names as its predecessor."""
    return sha256(envelope.header + sha256(envelope.ciphertext).digest()).digest()


def read_header(envelope: sync_pb2.Envelope) -> sync_pb2.Header:
    """The header, bounds checked; it is not to be believed before :func:`verify`.

    Raises:
        Malformed, Oversized: as named.
    """
    if len(envelope.header) > MAX_HEADER_BYTES or len(envelope.ciphertext) > MAX_ENVELOPE_BYTES:
        raise Oversized("envelope")
    try:
        header = sync_pb2.Header.FromString(envelope.header)
    except DecodeError as error:
        raise Malformed("header") from error
    if len(header.epoch) != _EPOCH or len(header.previous) != _HASH or not header.seq:
        raise Malformed("position")
    if header.rows > MAX_ROWS or header.batch_bytes > MAX_BATCH_BYTES:
        raise Oversized("batch")
    return header


def verify(envelope: sync_pb2.Envelope, public_keys: Iterable[ec.EllipticCurvePublicKey]) -> None:
    """Accept a signature by any of the school's keys; certificate dates play no part.

    Raises:
        BadSignature: none of them signed it.
    """
    signed = envelope.header + sha256(envelope.ciphertext).digest()
    for key in public_keys:
        try:
            key.verify(envelope.signature, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        return
    raise BadSignature("signature")


def open_sealed(envelope: sync_pb2.Envelope, header: sync_pb2.Header, key: SealingKey) -> bytes:
    """The serialised ``Batch``.

    Raises:
        KeyRetired: sealed for another key.
        Malformed: changed on the way, bound to another place in the chain, or larger than it says.
    """
    if header.sealing_key_id != key.key_id:
        raise KeyRetired(header.sealing_key_id)
    try:
        packed = _SUITE.decrypt(
            envelope.ciphertext, MLKEM768X25519PrivateKey(key.mlkem, key.x25519), info=_info(header)
        )
    except (InvalidTag, ValueError) as error:
        raise Malformed("ciphertext") from error
    try:
        return decompress(packed, header.batch_bytes)
    except CompressionError as error:
        raise Malformed("compression") from error
