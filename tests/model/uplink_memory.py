"""Storage and wire of the uplink's model in memory: what the real desk and the real machine act upon (see `uplink_world.py`)."""

from __future__ import annotations

import copy
import json
from binascii import crc_hqx
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any

from agent.core import uplink_events as ev
from agent.core.uplink import Uplink
from agent.core.uplink_events import Mark, Positions, StoredEnvelope
from collector.core.digest import EntityTotal
from collector.ingest.books import Applied, Briefing, Prepared, SchoolState, Stamps
from proto.envelope import genesis
from proto.limits import PROTOCOL
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from collector.core.ledger import Refuse

if TYPE_CHECKING:
    from tests.model.uplink_world import World

KEYS = "abcdef"
ENTITY = 20
BOX = 3  # envelopes in an outbox: more than that pauses capture
LEASE_MS = 30_000
SCHOOL = "23-042"


class Violation(AssertionError):
    """A promise of the protocol is broken."""


def row_hash(key: str, value: int):
    return int.from_bytes(blake2b(f"{key}={value}".encode(), digest_size=8).digest(), "little", signed=True)


def leaf_of(key: str):
    return crc_hqx(key.encode() * 5, 0)


def within(bucket: int, key: str) -> int | None:
    """The place of the key's leaf in this bucket, None if it is in another."""
    return leaf_of(key) & 255 if leaf_of(key) >> 8 == bucket else None


def sums_of(hashes: dict[str, int], place: Callable[[str], int | None]):
    """{place: (rows, sum)} of {key: hash}; place(key) says where a key counts, None: nowhere."""
    out = {}
    for key, value in hashes.items():
        if (where := place(key)) is not None:
            rows, total = out.get(where, (0, 0))
            out[where] = (rows + 1, (total + value) % 2**64)
    return out


# ---- the centre's storage


@dataclass
class CentreDb:
    state: SchoolState = field(default_factory=SchoolState)
    ledger: dict = field(default_factory=dict)
    rows: dict = field(default_factory=dict)
    applied: frozenset = frozenset()
    complete_ms: int = 0


class MemoryBooks:
    """The books' port on a copy of the database; the copy becomes the database at commit."""

    def __init__(self, db: CentreDb, world: World) -> None:
        self.db, self.world, self.state = db, world, db.state

    def hashes(self):
        return {key: row_hash(key, value) for key, value in self.db.rows.items()}

    def hash_at(self, seq: int):
        return self.db.ledger.get((self.state.head.epoch, seq))

    def save(self):
        self.db.state = self.state

    def apply(self, prepared: Prepared, now_ms: int):
        del now_ms
        if prepared.hash in self.db.applied:
            raise Violation("an envelope is applied twice")
        self.db.applied |= {prepared.hash}
        self.db.ledger[(prepared.header.epoch, prepared.header.seq)] = prepared.hash
        for key, value in prepared.changes.items():
            self.db.rows.pop(key, None)
            if value is not None:
                self.db.rows[key] = value
        return Applied(len(prepared.changes))

    def briefing(self, now_ms: int):
        del now_ms
        return Briefing()

    def settings(self, now_ms: int) -> sync_pb2.Settings:
        del now_ms
        return sync_pb2.Settings(sealing_key_id="k")

    def greeted(self, hello: sync_pb2.Hello, now_ms: int): ...

    def refused(self, refusal: Refuse, now_ms: int): ...

    def event(self, kind: str, details: dict[str, str], now_ms: int): ...

    def heard(self, beat: sync_pb2.Heartbeat, *, at_head: bool, now_ms: int):
        del now_ms
        if at_head and beat.fresh_ms:
            self.world.check_as_of(self.db, beat.fresh_ms)

    def totals(self):
        totals = sums_of(self.hashes(), lambda _: ENTITY)
        return {entity: EntityTotal(*total) for entity, total in totals.items()}

    def buckets(self, entity: int):
        assert entity == ENTITY
        return sums_of(self.hashes(), lambda key: leaf_of(key) >> 8)

    def leaves(self, entity: int, buckets: Iterable[int]) -> dict[int, Any]:
        assert entity == ENTITY
        return {bucket: sums_of(self.hashes(), partial(within, bucket)) for bucket in buckets}

    def contents(self, entity: int, leaves: Iterable[int]) -> dict[int, list[tuple[str, int]]]:
        assert entity == ENTITY
        return {leaf: [(key, value) for key, value in self.hashes().items() if leaf_of(key) == leaf] for leaf in leaves}

    def left(self, now_ms: int) -> None: ...

    def compared(self, digest: sync_pb2.Digest, differing: list[int], complete_ms: int | None, now_ms: int):
        del digest, differing, now_ms
        if complete_ms is not None:
            self.world.check_as_of(self.db, complete_ms)
            self.db.complete_ms = max(self.db.complete_ms, complete_ms)
        return Stamps(complete_ms=self.db.complete_ms)


class MemoryLibrary:
    def __init__(self, world: World) -> None:
        self.world = world

    @contextmanager
    def open(self, school: str):
        assert school == SCHOOL
        books = MemoryBooks(copy.deepcopy(self.world.db), self.world)
        yield books
        self.world.db = books.db

    def attacked(self, school: str, refusal: Refuse, now_ms: int): ...


# ---- the agent's storage


@dataclass
class AgentDb:
    epoch: bytes = b""
    last: Mark = ev.START
    acked: Mark = ev.START
    lease: bytes = b""
    adopting: int = 0  # 1: capture is paused, 2: waits for an equal digest
    box: tuple = ()
    fingerprints: dict = field(default_factory=dict)
    todo: frozenset = frozenset()
    full_ms: int = 0


@dataclass
class Connection:
    agent: int
    up: list = field(default_factory=list)
    down: list = field(default_factory=list)
    session: object = None
    dead: bool = False  # the centre no longer listens


class Agent:
    """Carries out the machine's actions on memory; measuring waits for a step of its own."""

    def __init__(self, world: World, number: int, db: AgentDb) -> None:
        self.world, self.number, self.db = world, number, db
        self.restart()

    def restart(self):
        self.machine, self.connection, self.measuring = Uplink(), None, []

    def positions(self):
        db = self.db
        return Positions(db.epoch, db.last, db.acked, db.lease, adopting=bool(db.adopting))

    def feed(self, event: ev.Event):
        events = [event]
        while events:
            for action in self.machine.handle(events.pop(0)):
                answer = getattr(self, "do_" + type(action).__name__.lower())(action)
                events += [answer] if answer else []

    def push(self, **frame: Any):
        self.connection.up.append(sync_pb2.ClientFrame(**frame))

    def do_greet(self, action: Any):
        hello = sync_pb2.Hello(protocol=PROTOCOL, lease=self.db.lease, origin=sync_pb2.Origin(identity="A"))
        if not action.abandon:
            hello.last.CopyFrom(self.place(self.db.last))
            hello.acked.CopyFrom(self.place(self.db.acked))
        self.push(hello=hello)

    def place(self, mark: Mark) -> sync_pb2.Position:
        return sync_pb2.Position(epoch=self.db.epoch, seq=mark.seq, hash=mark.hash)

    def do_send(self, action: Any):
        self.connection.up.append(action.frame)

    def do_sendenvelopes(self, action: Any):
        for one in action.envelopes:
            self.push(envelope=sync_pb2.Envelope.FromString(one.data))

    def do_load(self, action: Any):
        return ev.Loaded([one for one in self.db.box if one.seq > action.after][: action.limit])

    def do_remember(self, action: Any):
        self.db.lease = action.welcome.lease

    def do_adopt(self, action: Any):
        start = Mark(0, genesis(action.epoch))
        self.db.epoch, self.db.last, self.db.acked, self.db.box, self.db.adopting = action.epoch, start, start, (), 1
        return ev.Reconciled(self.positions())

    def do_reconcile(self, action: Any):
        if any((one.seq, one.hash) == action.head for one in self.db.box):
            self.forget(action.head)
        return ev.Reconciled(self.positions())

    def do_forget(self, action: Any):
        self.forget(action.upto)

    def forget(self, upto: Mark):
        for one in self.db.box:
            if one.seq <= upto.seq and one.hash not in self.world.db.applied | self.world.lost:
                raise Violation("an envelope is acknowledged that was never applied")
        self.db.box = tuple(one for one in self.db.box if one.seq > upto.seq)
        self.db.acked = upto

    def do_measuretotals(self, action: Any):
        self.measuring.append((action.ticket, self.digest_frame))

    def do_measurebuckets(self, action: Any):
        self.measuring.append((action.ticket, self.buckets_frame))

    def do_measureleaves(self, action: Any):
        self.measuring.append((action.ticket, lambda: self.leaves_frame(action.buckets)))

    def at(self):
        return self.place(self.db.last)

    def digest_frame(self):
        digest = sync_pb2.Digest(at=self.at())
        for rows, total in sums_of(self.db.fingerprints, lambda _: ENTITY).values():
            digest.entities.add(entity=ENTITY, rows=rows, sum=total)
        if self.db.full_ms and not self.db.todo and not self.db.adopting:
            digest.complete.CopyFrom(
                sync_pb2.Claim(started_ms=self.db.full_ms, finished_ms=self.db.full_ms, identity="A")
            )
        return sync_pb2.ClientFrame(digest=digest)

    def buckets_frame(self):
        told = sums_of(self.db.fingerprints, lambda key: leaf_of(key) >> 8)
        rows, sums = zip(*(told.get(place, (0, 0)) for place in range(256)), strict=True)
        bucket = sync_pb2.BucketSums(entity=ENTITY, rows=rows, sums=sums)
        return sync_pb2.ClientFrame(leaf=sync_pb2.LeafRequest(at=self.at(), buckets=[bucket]))

    def leaves_frame(self, buckets: list[tuple[int, int]]):
        request = sync_pb2.LeafRequest(at=self.at())
        for entity, bucket in buckets:
            told = sums_of(self.db.fingerprints, partial(within, bucket))
            rows, sums = zip(*(told.get(place, (0, 0)) for place in range(256)), strict=True)
            request.leaves.add(entity=entity, bucket=bucket, rows=rows, sums=sums)
        return sync_pb2.ClientFrame(leaf=request)

    def measure(self):
        ticket, compute = self.measuring.pop(0)
        self.feed(ev.Measured(ticket, compute(), self.db.last))

    def do_overwrite(self, action: Any):
        later = {key for one in self.db.box if one.seq > action.leaves.at.seq for key in changes_of(one)}
        for leaf in action.leaves.leaves:
            held = dict(zip(leaf.keys, leaf.hashes, strict=True))
            both = {key for key in self.db.fingerprints if leaf_of(key) == leaf.leaf} | held.keys()
            for key in both - later:
                self.db.fingerprints.pop(key, None)
                if key in held:
                    self.db.fingerprints[key] = held[key]
            self.db.todo |= both - later
        if action.last and self.db.adopting:
            self.db.adopting = 2

    def do_notecomparison(self, action: Any):
        if not action.compare.equal:
            self.db.adopting = self.db.adopting or 2
        elif self.db.adopting and not self.db.todo and action.compare.at.seq == self.db.last.seq:
            self.db.adopting = 0
        elif self.db.adopting == 1:
            self.db.adopting = 2

    def do_configure(self, action: Any): ...

    def do_retry(self, action: Any):
        del action
        self.connection = None

    # capture: read, diff and save of some keys in one step
    def capture(self, keys: Iterable[str]):
        db, source = self.db, self.world.source
        if db.adopting == 1 or len(db.box) >= BOX or not db.epoch:
            return
        now = {key: row_hash(key, source[key]) for key in keys if key in source}
        changes = {key: source.get(key) for key in keys if now.get(key) != db.fingerprints.get(key)}
        for key in changes:
            db.fingerprints.pop(key, None)
            if key in now:
                db.fingerprints[key] = now[key]
        db.todo -= frozenset(keys)
        if set(keys) == set(KEYS):
            db.full_ms = self.world.now_ms
        if changes:
            self.append(changes)
            self.feed(ev.Captured(db.epoch, db.last))

    def append(self, changes: dict[str, int | None]):
        db = self.db
        header = sync_pb2.Header(
            school=SCHOOL,
            epoch=db.epoch,
            seq=db.last.seq + 1,
            previous=db.last.hash,
            origin=sync_pb2.Origin(identity="A"),
        )
        content = json.dumps([self.world.nonce(), changes]).encode()
        envelope = sync_pb2.Envelope(header=header.SerializeToString(), ciphertext=content)
        digest = sha256(envelope.SerializeToString()).digest()
        db.box += (StoredEnvelope(header.seq, digest, envelope.SerializeToString()),)
        db.last = Mark(header.seq, digest)


def changes_of(stored: StoredEnvelope):
    return json.loads(sync_pb2.Envelope.FromString(stored.data).ciphertext)[1]
