"""From a frame's envelope to changes: bounds, school, signature, opening, decoding. Touches no store, so that it can run one envelope ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from collector.core.ledger import Refuse
from collector.ingest.books import Prepared
from proto.batch import decode
from proto.envelope import EnvelopeError, KeyRetired, SealingKey, envelope_hash, open_sealed, read_header, verify

if TYPE_CHECKING:
    from proto.batch import Changes
    from proto.sync.v1 import sync_pb2

SealingKeys: TypeAlias = Callable[[str], SealingKey | None]
"""The department's sealing key of an id; None: retired, or never ours."""

Refine: TypeAlias = Callable[[str, "Changes"], Any]
"""What the store can do with a school's changes before its transaction: validation, hashes, sealing of columns. May raise EnvelopeError."""

ATTACKS: Final = frozenset({"GOR-1607", "GOR-1608", "GOR-1610", "GOR-1611"})
"""Refusals of what no honest agent sends: each leaves an audit line."""


def unseal(
    envelope: sync_pb2.Envelope,
    school: str,
    signers: Iterable[ec.EllipticCurvePublicKey],
    keys: SealingKeys,
    refine: Refine,
) -> Prepared | Refuse:
    """The envelope with its changes, or why nothing in it may be believed.

    Failures behind the signature (retired key, unreadable batch) stand in the result: the ledger first says whether that
    envelope is due at all.
    """
    try:
        header = read_header(envelope)
        if header.school != school:
            return Refuse("GOR-1607", {"school": school, "claimed": header.school[:64]})
        verify(envelope, signers)
    except EnvelopeError as error:
        return Refuse(error.code, {"cause": str(error)})
    bare = Prepared(
        header, envelope_hash(envelope), raw_header=envelope.header, serial=envelope.certificate_serial[:20]
    )
    try:
        return replace(bare, changes=refine(school, _open(envelope, header, keys)))
    except EnvelopeError as error:
        return replace(bare, failure=Refuse(error.code, {"cause": str(error)}))


def _open(envelope: sync_pb2.Envelope, header: sync_pb2.Header, keys: SealingKeys) -> Changes:
    key = keys(header.sealing_key_id)
    if key is None:
        raise KeyRetired(header.sealing_key_id[:64])
    return decode(open_sealed(envelope, header, key))


def digest_is_signed(digest: sync_pb2.Digest, signers: Iterable[ec.EllipticCurvePublicKey]) -> bool:
    """Did the school sign this Digest? Signed is the message without its signature, serialised deterministically."""
    bare = type(digest)()
    bare.CopyFrom(digest)
    bare.ClearField("signature")
    data = bare.SerializeToString(deterministic=True)
    return any(_verifies(key, digest.signature, data) for key in signers)


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
