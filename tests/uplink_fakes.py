"""An agent's state in memory behind the uplink's port, with real canonical rows, real seals and real signatures.

What `agent/state/` does with SQLite is done here with dictionaries: enough to drive a real client against a real collector.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agent.core.uplink_events import START, Mark, Positions, StoredEnvelope
from agent.transport.ports import Facts, LeafContent, Measurement, PlaceSums, Totals
from proto.batch import Changes, TableRows, encode
from proto.canonical import leaf, row_hash
from proto.entities import BY_NAME, BY_NUMBER
from proto.envelope import envelope_hash, genesis, seal
from proto.limits import SCHEMA
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.transport.identity import Identity
    from proto.canonical import Row

FINGERPRINT_KEY = b"f" * 32
FAN = range(256)


@dataclass
class MemoryUplinkStore:
    """One school's agent. `source` holds what the school holds now: (entity number, key) → canonical row."""

    identity: Identity
    source: dict[tuple[int, str], Row] = field(default_factory=dict)
    origin: str = "A"
    fingerprints: dict[tuple[int, str], int] = field(default_factory=dict)
    box: list[StoredEnvelope] = field(default_factory=list)
    keys_of: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    positions: Positions = field(default_factory=Positions)
    settings: sync_pb2.Settings = field(default_factory=sync_pb2.Settings)
    welcomes: list[sync_pb2.Welcome] = field(default_factory=list)
    compares: list[sync_pb2.Compare] = field(default_factory=list)
    adopted: int = 0
    paused: bool = False
    full_ms: int = 0
    fingerprint_key: bytes = FINGERPRINT_KEY
    batch_rows: int = 1000
    lock: Any = field(default_factory=threading.RLock)

    # ---- capture

    def capture(self, now_ms: int = 0) -> int:
        """A full sweep: everything that differs from the fingerprints goes into the outbox. The number of envelopes."""
        with self.lock:
            if self.paused or not self.positions.epoch:
                return 0
            hashes = {
                place: row_hash(BY_NUMBER[place[0]], row, self.fingerprint_key) for place, row in self.source.items()
            }
            changed = sorted(
                place
                for place in hashes.keys() | self.fingerprints.keys()
                if hashes.get(place) != self.fingerprints.get(place)
            )
            for start in range(0, len(changed), self.batch_rows):
                self._enclose(changed[start : start + self.batch_rows])
            self.fingerprints = hashes
            self.full_ms = now_ms
            return len(self.box)

    def _enclose(self, places: list[tuple[int, str]]) -> None:
        tables = []
        for number in sorted({entity for entity, _ in places}):
            entity = BY_NUMBER[number]
            rows = [self.source[place] for place in places if place[0] == number and place in self.source]
            gone = [key for of, key in places if of == number and (of, key) not in self.source]
            columns: list[Any] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in entity.fields]
            tables.append(TableRows(entity, columns, gone))
        envelope = self.sealed(encode(Changes(tables)), len(places))
        mark = Mark(self.positions.last.seq + 1, envelope_hash(envelope))
        self.box.append(StoredEnvelope(mark.seq, mark.hash, envelope.SerializeToString(), len(places)))
        self.keys_of[mark.seq] = places
        self._place(last=mark)

    def sealed(self, batch: bytes, count: int, **header: Any) -> sync_pb2.Envelope:
        """An envelope for the next place; keywords change its header."""
        last = self.positions.last
        fields: dict[str, Any] = {
            "school": self.identity.facts.school,
            "epoch": self.positions.epoch,
            "seq": last.seq + 1,
            "previous": last.hash,
            "schema": SCHEMA,
            "origin": sync_pb2.Origin(identity=self.origin),
            "rows": count,
            "captured_ms": 1_790_000_000_000,
        }
        message = sync_pb2.Header(**(fields | header))
        return seal(batch, message, self.settings.sealing_key, self.identity.key, self.identity.serial)

    def _place(self, **changes: Any) -> None:
        self.positions = replace(self.positions, **changes)

    # ---- the port

    def position(self) -> Positions:
        return self.positions

    def facts(self) -> Facts:
        return Facts(agent_version="test", identity=self.origin, profile="demo", profile_hash="p1")

    def envelopes_after(self, seq: int, limit: int, max_bytes: int) -> Sequence[StoredEnvelope]:
        del max_bytes
        with self.lock:
            return [one for one in self.box if one.seq > seq][:limit]

    def reconcile(self, head: Mark) -> Positions:
        with self.lock:
            if any((one.seq, one.hash) == head for one in self.box):
                self.receipted(head)
            return self.positions

    def receipted(self, upto: Mark) -> None:
        with self.lock:
            self.box = [one for one in self.box if one.seq > upto.seq]
            self._place(acked=upto)

    def welcomed(self, welcome: sync_pb2.Welcome) -> None:
        with self.lock:
            self.welcomes.append(welcome)
            self.settings = welcome.settings
            self._place(lease=welcome.lease)

    def adopt(self, epoch: bytes) -> Positions:
        with self.lock:
            start = Mark(0, genesis(epoch))
            self.box, self.paused, self.adopted = [], True, self.adopted + 1
            self.keys_of.clear()
            self._place(epoch=epoch, last=start, acked=start, adopting=True)
            return self.positions

    def digest(self) -> Totals | None:
        with self.lock:
            rows: dict[int, int] = {}
            sums: dict[int, int] = {}
            for (entity, _), value in self.fingerprints.items():
                rows[entity] = rows.get(entity, 0) + 1
                sums[entity] = sums.get(entity, 0) + value
            claim = None
            if self.full_ms and not self.positions.adopting:
                claim = sync_pb2.Claim(
                    started_ms=self.full_ms, finished_ms=self.full_ms, identity=self.origin, profile_hash="p1"
                )
            return Totals(self.positions.last, self.positions.epoch, rows, sums, claim)

    def bucket_sums(self, entities: Sequence[int]) -> Measurement:
        return self._measure([(entity, None) for entity in entities], lambda number: number >> 8)

    def leaf_sums(self, buckets: Sequence[tuple[int, int]]) -> Measurement:
        return self._measure(buckets, lambda number: number & 255)

    def _measure(self, asked: Sequence[tuple[int, int | None]], place: Callable[[int], int]) -> Measurement:
        with self.lock:
            measured = []
            for entity, bucket in asked:
                rows, sums = [0] * 256, [0] * 256
                for (of, key), value in self.fingerprints.items():
                    number = leaf(of, key, self.fingerprint_key)
                    if of == entity and bucket in (None, number >> 8):
                        rows[place(number)] += 1
                        sums[place(number)] += value
                measured.append(PlaceSums(entity, bucket, rows, sums))
            return Measurement(self.positions.last, self.positions.epoch, measured)

    def overwrite(self, head_seq: int, leaves: Sequence[LeafContent], *, last: bool) -> None:
        with self.lock:
            later = {place for seq, places in self.keys_of.items() if seq > head_seq for place in places}
            for one in leaves:
                held = {(one.entity, key): value for key, value in zip(one.keys, one.hashes, strict=True)}
                ours = {
                    place
                    for place in self.fingerprints
                    if place[0] == one.entity and leaf(*place, self.fingerprint_key) == one.leaf
                }
                for place in (ours | held.keys()) - later:
                    self.fingerprints.pop(place, None)
                    if place in held:
                        self.fingerprints[place] = held[place]
            self.paused = self.paused and not last

    def compared(self, answer: sync_pb2.Compare) -> None:
        with self.lock:
            self.compares.append(answer)
            if not answer.equal:
                self._place(adopting=True)
            elif (answer.at.seq, answer.at.hash) == self.positions.last:
                self._place(adopting=False)
                self.paused = False

    def configure(self, settings: sync_pb2.Settings) -> None:
        self.settings = settings

    def heartbeat(self) -> sync_pb2.Heartbeat:
        held = self.positions
        at = sync_pb2.Position(epoch=held.epoch, seq=held.last.seq, hash=held.last.hash)
        return sync_pb2.Heartbeat(at=at, state="ok", outbox_rows=len(self.box))

    # ---- faults

    def copy(self) -> MemoryUplinkStore:
        """The same agent's state on another machine, or in a backup."""
        return MemoryUplinkStore(
            identity=self.identity,
            source=dict(self.source),
            origin=self.origin,
            fingerprints=dict(self.fingerprints),
            box=list(self.box),
            keys_of=dict(self.keys_of),
            positions=self.positions,
            settings=self.settings,
            full_ms=self.full_ms,
            fingerprint_key=self.fingerprint_key,
        )


def blank(identity: Identity) -> MemoryUplinkStore:
    """An agent that was just enrolled."""
    return MemoryUplinkStore(identity, positions=Positions(b"", START, START, b""))


def room(key: str, name: str) -> tuple[tuple[int, str], Row]:
    """A canonical row of an entity without scope, and its place."""
    entity = BY_NAME["subject"]
    values = {described.name: None for described in entity.fields} | {"id": key, "name": name}
    return (entity.number, key), tuple(values.values())
