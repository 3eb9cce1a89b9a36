"""What the uplink needs of the agent's state file. ``agent/state/store.py`` is its real form; tests have one in memory.

Methods are plain calls made from worker threads, one at a time. Each that changes anything is one SQLite transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.core.uplink_events import Mark, Positions, StoredEnvelope
    from proto.sync.v1 import sync_pb2


@dataclass(frozen=True, slots=True)
class Facts:
    """What Hello tells beside positions and lease."""

    agent_version: str = ""
    identity: str = ""
    incarnation: str = ""
    profile: str = ""
    profile_hash: str = ""
    schema_fingerprint: str = ""
    health_mode: str = "collapse"


@dataclass(frozen=True, slots=True)
class Totals:
    """Answer to :meth:`UplinkStore.digest`. ``rows`` and ``sums`` by entity number; a claim only if nothing forbids it."""

    at: Mark
    epoch: bytes
    rows: Mapping[int, int] = field(default_factory=dict)
    sums: Mapping[int, int] = field(default_factory=dict)
    complete: sync_pb2.Claim | None = None


@dataclass(frozen=True, slots=True)
class PlaceSums:
    """Rows and sums of 256 places: buckets of an entity (``bucket`` None), or leaves of one of its buckets."""

    entity: int
    bucket: int | None
    rows: Sequence[int]
    sums: Sequence[int]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Answer to the store's sums of buckets or leaves, computed in one read transaction at ``at``."""

    at: Mark
    epoch: bytes
    places: Sequence[PlaceSums]


@dataclass(frozen=True, slots=True)
class LeafContent:
    """Everything that the centre holds in one leaf at the answer's head: keys and their row hashes, side by side."""

    entity: int
    leaf: int
    keys: Sequence[str]
    hashes: Sequence[int]


class UplinkStore(Protocol):
    """The outbox, the position and the fingerprints, seen from the uplink."""

    def position(self) -> Positions:
        """Epoch, newest envelope, newest receipt, lease token, and whether Adopt is under way."""

    def facts(self) -> Facts:
        """What Hello tells about program, source and profile, as known now."""

    def envelopes_after(self, seq: int, limit: int, max_bytes: int) -> Sequence[StoredEnvelope]:
        """The outbox after ``seq``, in order: at most ``limit`` and ``max_bytes``, but at least one if there is one."""

    def reconcile(self, head: Mark) -> Positions:
        """Take a Welcome's head as a receipt if the outbox holds that (seq, hash), else change nothing; the positions now."""

    def receipted(self, upto: Mark) -> None:
        """Remove the outbox up to this envelope and move ``acked`` there."""

    def welcomed(self, welcome: sync_pb2.Welcome) -> None:
        """Keep the lease token, guard counts, closed years, recorded identity, settings and profile of a Welcome."""

    def adopt(self, epoch: bytes) -> Positions:
        """Begin an epoch in one transaction; the positions afterwards.

        The outbox is dropped, the epoch stored (seq 0, genesis), ``adopting`` set, capture paused until the first comparison is applied.
        """

    def digest(self) -> Totals | None:
        """Totals of every entity in open years at the newest envelope, in one read transaction; None: not now, ask later."""

    def bucket_sums(self, entities: Sequence[int]) -> Measurement:
        """Sums of the 256 buckets of each entity at the newest envelope."""

    def leaf_sums(self, buckets: Sequence[tuple[int, int]]) -> Measurement:
        """Sums of the 256 leaves of each (entity, bucket) at the newest envelope."""

    def overwrite(self, head_seq: int, leaves: Sequence[LeafContent], *, last: bool) -> None:
        """Adopt's law: replace each leaf whole, skip keys captured after ``head_seq``, put both sides' keys on the re-read list.

        ``last``: the comparison is applied, capture may go on.
        """

    def compared(self, answer: sync_pb2.Compare) -> None:
        """Keep the result of a Digest and the stamps that it tells.

        Equal: ends Adopt if nothing is left to re-read and ``answer.at`` is still the newest envelope. Different: sets ``adopting``.
        """

    def configure(self, settings: sync_pb2.Settings) -> None:
        """Keep the department's settings."""

    def heartbeat(self) -> sync_pb2.Heartbeat:
        """What the agent says about itself now; ``at`` is the newest envelope; the clock is filled by the client."""
