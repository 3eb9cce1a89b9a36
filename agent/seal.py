"""Making envelopes: everything that a header says, the department's sealing key, and the key of this school's certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proto.batch import encode
from proto.envelope import envelope_hash, seal
from proto.limits import SCHEMA
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.core.uplink_events import Mark
    from agent.state.store import StateStore
    from agent.transport.identity import Identity
    from proto.batch import Changes


class EnvelopeSealer:
    """A :class:`agent.state.store.Sealer`. Sealed at capture, so the outbox on this disk cannot be read here.

    Args:
        store: knows the source's origin, the profile and the sealing key.
        identity: the certificate's key, replaced when the certificate is renewed.
        now_ms: clock.
    """

    def __init__(self, store: StateStore, identity: Identity, now_ms: Callable[[], int]) -> None:
        self._store, self.identity, self._now_ms = store, identity, now_ms

    def __call__(self, changes: Changes, epoch: bytes, previous: Mark) -> tuple[bytes, bytes]:
        """(serialised Envelope, its hash) for the place after ``previous``."""
        store, identity = self._store, self.identity
        header = sync_pb2.Header(
            school=identity.facts.school,
            epoch=epoch,
            seq=previous.seq + 1,
            previous=previous.hash,
            schema=SCHEMA,
            origin=sync_pb2.Origin(identity=store.get("identity", ""), incarnation=store.get("incarnation", "")),
            rows=changes.rows,
            counts=[
                sync_pb2.EntityCount(
                    entity=table.entity.number, rows=len(table), deletes=len(table.deleted), unfit=len(table.unfit)
                )
                for table in changes.tables
            ],
            profile_hash=store.get("profile_hash", ""),
            captured_ms=self._now_ms(),
        )
        envelope = seal(encode(changes), header, store.get("sealing_key"), identity.key, identity.serial)
        return envelope.SerializeToString(), envelope_hash(envelope)
