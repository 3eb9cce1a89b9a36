"""The ledger's law: what a Hello and an envelope are, given the head of the school's chain. Pure.

    head law     epoch, seq = head + 1, previous hash, lease, identity; all hold, or nothing is applied
    duplicate    the same (epoch, seq) AND the same hash; the same place with another hash is a fork
    fork         the agent went back and wrote another history: a new epoch, so that it adopts what the centre holds
    folded       a hash too old to be known proves nothing: a new epoch too

A new epoch is always safe and never loses anything: the agent drops its outbox, compares, and ships what differs from the source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from collector.core.lease import Claim
from proto.envelope import genesis
from proto.limits import PROTOCOL, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proto.sync.v1 import sync_pb2

HashAt: TypeAlias = Callable[[int], bytes | None]
"""Hash of the envelope at a seq of the head's epoch; None if the ledger no longer (or not yet) holds it."""

MAX_TOKEN_BYTES: Final = 64
_EPOCH_BYTES: Final = 16
_HASH_BYTES: Final = 32
_MAX_WORD: Final = 200
_OLDEST_PROTOCOL: Final = max(1, PROTOCOL - 1)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a school's chain ends. Epoch b"" stands for a school whose agent has never been welcomed."""

    epoch: bytes = b""
    seq: int = 0
    hash: bytes = b""

    @classmethod
    def first(cls, epoch: bytes) -> Head:
        """Head of an epoch without envelopes."""
        return cls(epoch, 0, genesis(epoch))

    def is_at(self, position: sync_pb2.Position) -> bool:
        """Does the position name exactly this head?"""
        return (position.epoch, position.seq, position.hash) == (self.epoch, self.seq, self.hash)


@dataclass(frozen=True, slots=True)
class Continue:
    """The agent's outbox goes on from the head."""


@dataclass(frozen=True, slots=True)
class Accept:
    """The envelope follows the head: apply it."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Applied before: the receipt is given again, nothing is touched."""


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """The chain cannot go on: a new epoch begins and the agent adopts. ``code`` says why."""

    code: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing is changed; the peer is told the problem. Details never hold values of rows."""

    code: str
    details: Mapping[str, str] = field(default_factory=dict)


HelloVerdict: TypeAlias = Continue | NewEpoch | Refuse
EnvelopeVerdict: TypeAlias = Accept | Duplicate | NewEpoch | Refuse


@dataclass(frozen=True, slots=True)
class Known:
    """What the collector holds about a school when it judges: its head, its hashes, and the identity of its source ("" = none yet)."""

    school: str
    head: Head
    hash_at: HashAt
    identity: str = ""


def judge_hello(known: Known, hello: sync_pb2.Hello, claim: Claim) -> HelloVerdict:
    """The answer to the first frame of a stream; ``claim`` is the worth of its lease token."""
    if refusal := _foreign(known, hello):
        return refusal
    if claim is Claim.HELD:
        return Refuse("GOR-1605")
    if claim is Claim.STALE:
        return NewEpoch("GOR-1605")
    return Continue() if _continues(known, hello) else NewEpoch("GOR-1601")


def _foreign(known: Known, hello: sync_pb2.Hello) -> Refuse | None:
    """Why this agent may not be welcomed at all, wherever its chain stands."""
    seen = hello.origin.identity
    if not _bounded(hello):
        return Refuse("GOR-1611", {"cause": "hello"})
    if hello.school and hello.school != known.school:
        return Refuse("GOR-1607", {"school": known.school, "claimed": hello.school})
    if not _OLDEST_PROTOCOL <= hello.protocol <= PROTOCOL:
        return Refuse("GOR-1606", {"received": str(hello.protocol), "expected": str(PROTOCOL)})
    if known.identity and seen and seen != known.identity:
        return Refuse("GOR-1604", {"recorded": known.identity, "found": seen})
    return None


def _bounded(hello: sync_pb2.Hello) -> bool:
    words = (hello.agent_version, hello.profile, hello.profile_hash, hello.schema_fingerprint, hello.health_mode)
    origin = (hello.origin.identity, hello.origin.incarnation, hello.school)
    points = (hello.last, hello.acked)
    return (
        max(map(len, words + origin)) <= _MAX_WORD
        and len(hello.lease) <= MAX_TOKEN_BYTES
        and all(len(point.epoch) in (0, _EPOCH_BYTES) and len(point.hash) in (0, _HASH_BYTES) for point in points)
    )


def _continues(known: Known, hello: sync_pb2.Hello) -> bool:
    """Is the head the agent's newest envelope, or a prefix that its outbox can continue?"""
    head, last, acked = known.head, hello.last, hello.acked
    if not head.epoch or not last.epoch == acked.epoch == head.epoch:
        return False
    if not acked.seq <= head.seq <= last.seq:
        return False
    if _hash_at(known, acked.seq) != acked.hash:
        return False
    return head.seq < last.seq or head.hash == last.hash


def _hash_at(known: Known, seq: int) -> bytes | None:
    if seq == known.head.seq:
        return known.head.hash
    return known.hash_at(seq) if seq else genesis(known.head.epoch)


def judge_envelope(known: Known, header: sync_pb2.Header, envelope_hash: bytes, *, leased: bool) -> EnvelopeVerdict:
    """The head law. The header's signature is checked before; ``leased``: the stream still holds the school's lease."""
    head = known.head
    if header.school != known.school:
        return Refuse("GOR-1607", {"school": known.school, "claimed": header.school[:_MAX_WORD]})
    if not leased:
        return Refuse("GOR-1605")
    if header.epoch != head.epoch:
        return Refuse("GOR-1601")
    if header.seq > head.seq + 1:
        return Refuse("GOR-1602", {"expected": str(head.seq + 1), "received": str(header.seq)})
    if header.seq <= head.seq:
        return Duplicate() if _hash_at(known, header.seq) == envelope_hash else NewEpoch("GOR-1603")
    return _judge_next(known, header)


def _judge_next(known: Known, header: sync_pb2.Header) -> EnvelopeVerdict:
    """Of an envelope at head + 1: does it continue this chain, from this source, in words that we know?"""
    if header.previous != known.head.hash:
        return NewEpoch("GOR-1603")
    if known.identity and header.origin.identity != known.identity:
        return NewEpoch("GOR-1604")
    if header.schema > SCHEMA:
        return Refuse("GOR-1613", {"cause": f"schema {header.schema}"})
    return Accept()
