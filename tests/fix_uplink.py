"""A collector's stream listener on loopback, over books in memory or in PostgreSQL, and agents that speak to it for real."""

from __future__ import annotations

import asyncio
import copy
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from agent.core.backoff import without_pauses
from agent.transport.client import ClientSettings, Surroundings, UplinkClient
from agent.transport.identity import Identity, SchoolFacts
from collector.ca.authority import Authority
from collector.ca.listeners import sync_credentials
from collector.core.digest import EntityTotal
from collector.ingest.books import Applied, Books, Briefing, Prepared, SchoolState, Stamps
from collector.ingest.desk import Desk, DeskSettings
from collector.ingest.servicer import SyncServicer, listen_sync
from collector.ingest.stream import Services, StreamSettings
from proto.canonical import leaf, row_hashes
from proto.envelope import SealingKey
from proto.sync.v1 import sync_pb2
from tests.fix_ca import SCHOOL, new_key
from tests.uplink_fakes import FINGERPRINT_KEY, MemoryUplinkStore, blank

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cryptography import x509

    from collector.ca.listeners import Listener
    from collector.core.ledger import Refuse
    from proto.batch import Changes

Place = tuple[int, str]


@dataclass
class SchoolDb:
    """One school's books as they stand after the last commit."""

    state: SchoolState = field(default_factory=SchoolState)
    ledger: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    hashes: dict[Place, int] = field(default_factory=dict)
    applied: Counter[bytes] = field(default_factory=Counter)
    complete_ms: int = 0
    refused: list[str] = field(default_factory=list)
    heard: int = 0


class MemoryLibrary:
    """Books of real rows: what is stored of a row is its hash, computed here."""

    def __init__(self, sealing: SealingKey) -> None:
        self.schools: dict[str, SchoolDb] = {}
        self.attacks: list[tuple[str, str]] = []
        self.sealing = sealing
        self.settings = sync_pb2.Settings(sealing_key=sealing.public_bytes(), sealing_key_id=sealing.key_id)
        self.lock = threading.RLock()

    def db(self, school: str = SCHOOL) -> SchoolDb:
        return self.schools.setdefault(school, SchoolDb())

    @contextmanager
    def open(self, school: str) -> Iterator[Books]:
        with self.lock:
            books = MemoryBooks(copy.deepcopy(self.db(school)), self)
            yield books
            self.schools[school] = books.db

    def attacked(self, school: str, refusal: Refuse, now_ms: int) -> None:
        del now_ms
        self.attacks.append((school, refusal.code))

    @staticmethod
    def refine(school: str, changes: Changes) -> dict[Place, int | None]:
        del school
        found: dict[Place, int | None] = {}
        for table in changes.tables:
            number = table.entity.number
            hashes = row_hashes(table.entity, zip(*table.columns, strict=True), FINGERPRINT_KEY)
            found |= {(number, str(key)): value for key, value in zip(table.columns[0], hashes, strict=True)}
            found |= {(number, key): None for key in table.deleted}
        return found


class MemoryBooks:
    def __init__(self, db: SchoolDb, library: MemoryLibrary) -> None:
        self.db, self.library, self.state = db, library, db.state

    def hash_at(self, seq: int) -> bytes | None:
        return self.db.ledger.get((self.state.head.epoch, seq))

    def save(self) -> None:
        self.db.state = self.state

    def apply(self, prepared: Prepared, now_ms: int) -> Applied:
        del now_ms
        self.db.applied[prepared.hash] += 1
        self.db.ledger[(prepared.header.epoch, prepared.header.seq)] = prepared.hash
        for place, value in prepared.changes.items():
            self.db.hashes.pop(place, None)
            if value is not None:
                self.db.hashes[place] = value
        return Applied(len(prepared.changes))

    def briefing(self, now_ms: int) -> Briefing:
        del now_ms
        return Briefing()

    def settings(self, now_ms: int) -> sync_pb2.Settings:
        del now_ms
        return self.library.settings

    def greeted(self, hello: sync_pb2.Hello, now_ms: int) -> None: ...

    def refused(self, refusal: Refuse, now_ms: int) -> None:
        del now_ms
        self.db.refused.append(refusal.code)

    def event(self, kind: str, details: Mapping[str, str], now_ms: int) -> None: ...

    def heard(self, beat: sync_pb2.Heartbeat, *, at_head: bool, now_ms: int) -> None:
        del beat, at_head, now_ms
        self.db.heard += 1

    def left(self, now_ms: int) -> None: ...

    def totals(self) -> dict[int, EntityTotal]:
        found: dict[int, EntityTotal] = {}
        for (entity, _), value in self.db.hashes.items():
            before = found.get(entity, EntityTotal())
            found[entity] = EntityTotal(before.rows + 1, (before.sum + value) % 2**64)
        return found

    def _sums(self, entity: int, shift: int, bucket: int | None) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        for (of, key), value in self.db.hashes.items():
            number = leaf(of, key, FINGERPRINT_KEY)
            if of == entity and bucket in (None, number >> 8):
                rows, total = found.get(number >> shift & 255, (0, 0))
                found[number >> shift & 255] = (rows + 1, (total + value) % 2**64)
        return found

    def buckets(self, entity: int) -> dict[int, tuple[int, int]]:
        return self._sums(entity, 8, None)

    def leaves(self, entity: int, buckets: Iterable[int]) -> dict[int, dict[int, tuple[int, int]]]:
        return {bucket: self._sums(entity, 0, bucket) for bucket in buckets}

    def contents(self, entity: int, leaves: Iterable[int]) -> dict[int, list[tuple[str, int]]]:
        found: dict[int, list[tuple[str, int]]] = {number: [] for number in leaves}
        for (of, key), value in self.db.hashes.items():
            if of == entity and leaf(of, key, FINGERPRINT_KEY) in found:
                found[leaf(of, key, FINGERPRINT_KEY)].append((key, value))
        return found

    def compared(
        self, digest: sync_pb2.Digest, differing: Sequence[int], complete_ms: int | None, now_ms: int
    ) -> Stamps:
        del digest, differing, now_ms
        self.db.complete_ms = max(self.db.complete_ms, complete_ms or 0)
        return Stamps(complete_ms=self.db.complete_ms)


class OpenGate:
    """Admits every certificate of the authority until it is told to refuse; remembers who it saw."""

    def __init__(self) -> None:
        self.refusing: Refuse | None = None
        self.keys: dict[str, list[Any]] = {}

    def refusal(self, certificate: x509.Certificate, school: str, now_ms: int) -> Refuse | None:
        del now_ms
        keys = self.keys.setdefault(school, [])
        keys += [certificate.public_key()] if certificate.public_key() not in keys else []
        return self.refusing

    def signers(self, school: str) -> Sequence[Any]:
        return self.keys.get(school, [])


@dataclass
class StreamBench:
    """A listening collector, and agents by name."""

    authority: Authority
    library: Any
    gate: Any
    servicer: SyncServicer
    listener: Listener
    fingerprint_key: bytes = FINGERPRINT_KEY

    def identity(self, school: str = SCHOOL, authority: Authority | None = None) -> Identity:
        key = new_key()
        now = datetime.now(UTC)
        issuer = authority or self.authority
        certificate = issuer.issue_school(school, key.public_key(), now, timedelta(days=90))
        facts = SchoolFacts(school, "Europe/Moscow", school, self.listener.address, "", self.fingerprint_key)
        return Identity(key, certificate, self.authority.certificate, facts)

    def agent(self, school: str = SCHOOL) -> MemoryUplinkStore:
        store = blank(self.identity(school))
        store.fingerprint_key = self.fingerprint_key
        return store

    def client(self, store: MemoryUplinkStore, **settings: Any) -> UplinkClient:
        values = {"heartbeat_s": 0.2, "digest_s": 60.0, "connect_s": 5.0} | settings
        return UplinkClient(store, Surroundings(lambda: store.identity, lambda: 0.0), ClientSettings(**values))

    @asynccontextmanager
    async def running(self, store: MemoryUplinkStore, **settings: Any) -> AsyncIterator[UplinkClient]:
        """A client at work; it must end when it is told to."""
        client = self.client(store, **settings)
        with without_pauses():
            task = asyncio.create_task(client.run())
            try:
                yield client
            finally:
                client.stop()
                await asyncio.wait_for(task, 10)

    @asynccontextmanager
    async def call(self, identity: Identity) -> AsyncIterator[Raw]:
        """A stream of raw frames, for whatever no honest agent sends."""
        credentials = grpc.ssl_channel_credentials(identity.ca_pem, identity.key_pem, identity.certificate_pem)
        async with grpc.aio.secure_channel(self.listener.address, credentials) as channel:
            method: Any = channel.stream_stream
            yield Raw(method("/gorod.sync.v1.Sync/Stream")())


@dataclass
class Raw:
    """A stream seen from below."""

    stream: Any

    async def send(self, frame: sync_pb2.ClientFrame | bytes) -> None:
        await self.stream.write(frame if isinstance(frame, bytes) else frame.SerializeToString())

    async def receive(self) -> sync_pb2.ServerFrame | None:
        """The next frame; None at the end."""
        data = await asyncio.wait_for(self.stream.read(), 5)
        return sync_pb2.ServerFrame.FromString(data) if isinstance(data, bytes) else None

    async def greet(self, store: MemoryUplinkStore, **hello: Any) -> sync_pb2.ServerFrame | None:
        """Hello as the agent would say it; a Welcome is taken into the store."""
        held = store.positions
        fields = {
            "protocol": 1,
            "lease": held.lease,
            "origin": sync_pb2.Origin(identity=store.origin),
            "profile_hash": "p1",
            "last": sync_pb2.Position(epoch=held.epoch, seq=held.last.seq, hash=held.last.hash),
            "acked": sync_pb2.Position(epoch=held.epoch, seq=held.acked.seq, hash=held.acked.hash),
        }
        await self.send(sync_pb2.ClientFrame(hello=sync_pb2.Hello(**(fields | hello))))
        frame = await self.receive()
        if frame is not None and frame.HasField("welcome"):
            store.welcomed(frame.welcome)
            if frame.welcome.head.epoch != held.epoch:
                store.adopt(frame.welcome.head.epoch)
                store.paused = False
        return frame


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it never came true")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(
    folder: Path, library: Any, gate: Any, keys: Any, listen: str = "127.0.0.1:0", **times: float
) -> AsyncIterator[StreamBench]:
    """A stream listener over this library."""
    authority = Authority.create(folder)
    lease_ms = round(times.pop("lease_s", 30.0) * 1000)
    with ThreadPoolExecutor(2) as processor, ThreadPoolExecutor(4) as database:
        services = Services(
            desk=Desk(library, DeskSettings(lease_ms=lease_ms, max_in_flight=4, version="test"), os.urandom),
            gate=gate,
            keys=keys,
            refine=library.refine,
            processor=processor,
            database=database,
            now_ms=lambda: round(time.time() * 1000),
            settled=lambda _school: None,
            settings=StreamSettings(**({"hello_s": 5.0, "keep_s": 0.2, "certificate_s": 0.2} | times)),
        )
        servicer = SyncServicer(services)
        certificate = authority.server_certificate("sync", ["localhost", "127.0.0.1"])
        listener = await listen_sync(servicer, sync_credentials(certificate, authority.pem), listen)
        try:
            yield StreamBench(authority, library, gate, servicer, listener)
        finally:
            servicer.cut_all()
            await listener.server.stop(grace=1)


@pytest.fixture
async def stream_bench(tmp_path: Path) -> AsyncIterator[StreamBench]:
    """A collector over books in memory."""
    sealing = SealingKey.generate()
    library = MemoryLibrary(sealing)
    keys = {sealing.key_id: sealing}
    async with listening(tmp_path / "ca", library, OpenGate(), keys.get) as bench:
        yield bench
