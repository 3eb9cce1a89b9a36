"""Sealed, signed, chained: every byte counts, and every refusal is typed. The golden envelope keeps all of it readable by later versions."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.compression import CompressionError, compress, decompress
from proto.envelope import (
    BadSignature,
    EnvelopeError,
    KeyRetired,
    Malformed,
    Oversized,
    SealingKey,
    envelope_hash,
    genesis,
    open_sealed,
    read_header,
    seal,
    sealing_key_id,
    verify,
)
from proto.limits import MAX_BATCH_BYTES, MAX_ENVELOPE_BYTES, MAX_HEADER_BYTES, MAX_ROWS
from proto.problems import CATALOGUE
from proto.sync.v1 import sync_pb2

GOLDEN = Path(__file__).parents[2] / "golden" / "envelope-1.json"
EPOCH = bytes(range(16))


@cache
def sealing_key() -> SealingKey:
    return SealingKey.generate()


@cache
def signer() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def header(**changed: Any) -> sync_pb2.Header:
    values = {
        "school": "23-001",
        "epoch": EPOCH,
        "seq": 1,
        "previous": genesis(EPOCH),
        "schema": 1,
        "rows": 2,
    } | changed
    return sync_pb2.Header(**values)


def sealed(batch: bytes = b"batch", **changed: Any) -> sync_pb2.Envelope:
    return seal(batch, header(**changed), sealing_key().public_bytes(), signer(), b"serial")


def opened(envelope: sync_pb2.Envelope, key: SealingKey | None = None) -> bytes:
    """Everything that the collector does, in its order."""
    head = read_header(envelope)
    verify(envelope, [signer().public_key()])
    return open_sealed(envelope, head, key or sealing_key())


@given(st.binary(max_size=2000))
@settings(max_examples=25)
def test_a_batch_comes_out_as_it_went_in(batch: bytes):
    assert opened(sealed(batch)) == batch


def test_the_golden_envelope_is_opened_by_the_golden_key():
    golden = {name: bytes.fromhex(value) for name, value in json.loads(GOLDEN.read_text("utf-8")).items()}
    envelope = sync_pb2.Envelope.FromString(golden["envelope"])
    head = read_header(envelope)
    verify(envelope, [ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), golden["signer"])])
    assert open_sealed(envelope, head, SealingKey.load_private(golden["sealing_key"])) == golden["batch"]
    assert envelope_hash(envelope) == golden["envelope_hash"]
    assert (genesis(head.epoch), head.previous) == (golden["genesis"], golden["genesis"])
    assert (head.school, head.seq, head.origin.identity, head.batch_bytes) == (
        "23-001",
        1,
        "sqlite:23-001",
        len(golden["batch"]),
    )


def test_nothing_of_the_batch_can_be_read_from_the_envelope():
    batch = "Иванова Мария".encode() * 20
    assert batch[:16] not in sealed(batch).SerializeToString()


def test_the_same_batch_is_never_sealed_to_the_same_bytes():
    assert sealed().ciphertext != sealed().ciphertext


def test_the_hash_covers_header_and_ciphertext_but_no_signature():
    first = sealed()
    again = sync_pb2.Envelope(header=first.header, ciphertext=first.ciphertext, signature=b"other")
    assert envelope_hash(again) == envelope_hash(first)
    assert envelope_hash(sync_pb2.Envelope(header=first.header + b"x", ciphertext=first.ciphertext)) != envelope_hash(
        first
    )
    assert envelope_hash(sync_pb2.Envelope(header=first.header, ciphertext=first.ciphertext + b"x")) != envelope_hash(
        first
    )


# ---- tampering

FIELDS = {
    "school": "23-002",
    "epoch": bytes(16),
    "seq": 2,
    "previous": bytes(32),
    "schema": 2,
    "sealing_key_id": "0" * 16,
    "rows": 3,
    "profile_hash": "x",
    "captured_ms": 1,
    "batch_bytes": 6,
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_changed_header_is_not_signed(name: str):
    envelope = sealed()
    head = sync_pb2.Header.FromString(envelope.header)
    setattr(head, name, FIELDS[name])
    envelope.header = head.SerializeToString()
    with pytest.raises(BadSignature):
        verify(envelope, [signer().public_key()])


@pytest.mark.parametrize("name", ["school", "epoch", "seq"])
def test_a_ciphertext_opens_at_its_own_place_only_even_if_signed_again(name: str):
    envelope = sealed()
    head = sync_pb2.Header.FromString(envelope.header)
    setattr(head, name, FIELDS[name])
    with pytest.raises(Malformed, match="ciphertext"):
        open_sealed(envelope, head, sealing_key())


@given(st.integers(0, 10**6), st.integers(1, 255))
@settings(max_examples=60)
def test_a_flipped_bit_anywhere_is_refused(place: int, flip: int):
    data = bytearray(sealed(b"batch" * 50).SerializeToString())
    data[place % len(data)] ^= flip
    try:
        envelope = sync_pb2.Envelope.FromString(bytes(data))
    except DecodeError:
        return
    if envelope.certificate_serial != b"serial":
        return  # only a hint which certificate it was; what was signed is untouched
    with pytest.raises(EnvelopeError):
        opened(envelope)


@given(st.integers(0, 10**6))
@settings(max_examples=40)
def test_a_ciphertext_cut_short_is_malformed(length: int):
    envelope = sealed(b"batch" * 50)
    head = read_header(envelope)
    envelope.ciphertext = envelope.ciphertext[: length % len(envelope.ciphertext)]
    with pytest.raises(Malformed):
        open_sealed(envelope, head, sealing_key())


def test_another_schools_signature_is_refused():
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(BadSignature):
        verify(sealed(), [other.public_key()])
    with pytest.raises(BadSignature):
        verify(sealed(), [])


def test_any_of_the_schools_keys_will_do():
    other = ec.generate_private_key(ec.SECP256R1())
    verify(sealed(), [other.public_key(), signer().public_key()])


@pytest.mark.parametrize("signature", [b"", b"\x30", b"\x30\x06\x02\x01\x00\x02\x01\x00", bytes(72)])
def test_what_is_no_signature_is_refused(signature: bytes):
    envelope = sealed()
    envelope.signature = signature
    with pytest.raises(BadSignature):
        verify(envelope, [signer().public_key()])


# ---- keys


def test_another_sealing_key_is_told_as_retired():
    with pytest.raises(KeyRetired) as refused:
        opened(sealed(), SealingKey.generate())
    assert str(refused.value) == sealing_key().key_id


def test_a_key_that_only_claims_the_name_cannot_open():
    envelope, other = sealed(), SealingKey.generate()
    head = read_header(envelope)
    head.sealing_key_id = other.key_id
    with pytest.raises(Malformed):
        open_sealed(envelope, head, other)


def test_a_sealing_key_is_loaded_again():
    key = sealing_key()
    loaded = SealingKey.load_private(key.private_bytes())
    assert (loaded.public_bytes(), loaded.key_id) == (key.public_bytes(), sealing_key_id(key.public_bytes()))
    assert opened(sealed(), loaded) == b"batch"


@pytest.mark.parametrize("length", [0, 95, 97])
def test_a_private_key_of_another_length_is_refused(length: int):
    with pytest.raises(ValueError, match="96"):
        SealingKey.load_private(bytes(length))


# ---- bounds


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"epoch": b"x" * 15}, Malformed),
        ({"previous": b""}, Malformed),
        ({"seq": 0}, Malformed),
        ({"rows": MAX_ROWS + 1}, Oversized),
    ],
    ids=str,
)
def test_a_header_out_of_bounds_is_refused(changed: dict[str, Any], kind: type[EnvelopeError]):
    with pytest.raises(kind):
        read_header(sealed(**changed))


@pytest.mark.parametrize(
    ("envelope", "kind"),
    [
        (sync_pb2.Envelope(), Malformed),
        (sync_pb2.Envelope(header=b"\xff\xff"), Malformed),
        (sync_pb2.Envelope(header=bytes(MAX_HEADER_BYTES + 1)), Oversized),
        (sync_pb2.Envelope(ciphertext=bytes(MAX_ENVELOPE_BYTES + 1)), Oversized),
        (sync_pb2.Envelope(header=header(batch_bytes=MAX_BATCH_BYTES + 1).SerializeToString()), Oversized),
    ],
    ids=["empty", "no header", "long header", "long ciphertext", "large batch"],
)
def test_an_envelope_out_of_bounds_is_refused_before_anything_is_opened(
    envelope: sync_pb2.Envelope, kind: type[EnvelopeError]
):
    with pytest.raises(kind):
        read_header(envelope)


def test_a_bomb_is_not_unpacked_beyond_its_own_word():
    envelope = sealed(bytes(10 << 20))
    head = read_header(envelope)
    head.batch_bytes = 1000
    with pytest.raises(Malformed, match="compression"):
        open_sealed(envelope, head, sealing_key())


@given(st.binary(max_size=200), st.integers(0, 300))
def test_compression_gives_exactly_the_promised_bytes_or_is_refused(data: bytes, size: int):
    try:
        assert decompress(compress(data), size) == data
    except CompressionError:
        assert size != len(data)
        return
    assert size == len(data)


@given(st.binary(max_size=100))
def test_what_is_not_compressed_is_refused(data: bytes):
    try:
        decompress(data, 10)
    except CompressionError:
        return
    assert compress(decompress(data, 10))


def test_bytes_behind_the_frame_are_refused():
    with pytest.raises(CompressionError):
        decompress(compress(b"abc") + b"x", 3)


@pytest.mark.parametrize("kind", [EnvelopeError, Malformed, Oversized, BadSignature, KeyRetired])
def test_every_refusal_has_its_problem(kind: type[EnvelopeError]):
    assert kind.code in CATALOGUE
