"""Are both sides equal, and if not, where? Compared are (rows, sum of row hashes modulo 2^64) of entities, buckets and leaves. Pure.

An entity has 65 536 leaves, 256 in each of 256 buckets. The answer narrows: entities that differ, then buckets, then leaves; for a
differing leaf the centre tells everything that it holds there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from proto.entities import BY_NUMBER

if TYPE_CHECKING:
    from proto.sync.v1 import sync_pb2

FAN: Final = 256
"""Buckets of an entity, and leaves of a bucket."""

Sums: TypeAlias = Mapping[int, tuple[int, int]]
"""Place (bucket or leaf within its bucket, 0..255) → (rows, sum modulo 2^64); places without rows may be left out."""

_MASK: Final = (1 << 64) - 1
_MAX_LEAF_SUMS: Final = 1024
_EMPTY: Final = (0, 0)


@dataclass(frozen=True, slots=True)
class EntityTotal:
    """What the centre holds of one entity in open years. Quarantined rows count by their received hash."""

    rows: int = 0
    sum: int = 0
    quarantined: int = 0


def differing_entities(ours: Mapping[int, EntityTotal], theirs: Iterable[sync_pb2.EntitySum]) -> list[int]:
    """Numbers of the entities whose rows or sum differ; what one side does not name it does not hold."""
    told = {total.entity: (total.rows, total.sum) for total in theirs}
    held = {entity: (total.rows, total.sum & _MASK) for entity, total in ours.items()}
    return sorted(
        entity for entity in told.keys() | held.keys() if told.get(entity, _EMPTY) != held.get(entity, _EMPTY)
    )


def differing_places(ours: Sums, rows: Sequence[int], sums: Sequence[int]) -> list[int]:
    """Buckets of an entity, or leaves of a bucket, that differ."""
    held = [ours.get(place, _EMPTY) for place in range(FAN)]
    return [place for place in range(FAN) if (rows[place], sums[place]) != (held[place][0], held[place][1] & _MASK)]


def is_well_formed(request: sync_pb2.LeafRequest) -> bool:
    """Known entities, 256 places each, one level at a time, and no more than one answer can carry."""
    if bool(request.buckets) == bool(request.leaves):
        return False
    if len(request.buckets) > len(BY_NUMBER) or len(request.leaves) > _MAX_LEAF_SUMS:
        return False
    return all(_is_whole(one) for one in request.buckets) and all(
        _is_whole(one) and one.bucket < FAN for one in request.leaves
    )


def _is_whole(sums: sync_pb2.BucketSums | sync_pb2.LeafSums) -> bool:
    return len(sums.rows) == FAN and len(sums.sums) == FAN and sums.entity in BY_NUMBER


def complete_since(claim: sync_pb2.Claim, identity: str, profile_hash: str) -> int | None:
    """Start (ms) of the full sweep that an equal digest proves complete; None if the sweep read another source or profile."""
    if not claim.started_ms or claim.finished_ms < claim.started_ms:
        return None
    if claim.identity != identity or claim.profile_hash != profile_hash:
        return None
    return claim.started_ms
