"""One connection's life: events go into the machine, its actions are carried out on the store and on the call, in order.

reader ──frames──┐
timers ──beats──▶├─▶ queue ─▶ machine.handle ─▶ actions ─▶ store (a thread) · call.write
capture ──poke──▶┘                                 │
measuring (a thread beside) ◀──┘
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError

from agent.core import uplink_events as ev
from agent.core.uplink import State, Uplink
from agent.transport.channel import problem_of
from agent.transport.ports import LeafContent, Measurement, UplinkStore
from proto.limits import PROTOCOL
from proto.problems import Problem
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from agent.core.drain import Drain
    from agent.transport.channel import Call

_LOAD_BYTES: Final = 4 << 20
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class DialogueSettings:
    """Times of a connection, seconds."""

    heartbeat_s: float = 10.0
    digest_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Party:
    """Who speaks: the store, the machine that outlives connections, the certificate's key, what the client wants to know."""

    store: UplinkStore
    machine: Uplink
    drain: Drain
    signer: ec.EllipticCurvePrivateKey
    school: str
    now_ms: Callable[[], int]
    changed: Callable[[], None]  # the state file was changed by the uplink: capture may look again
    welcomed: Callable[[sync_pb2.Welcome], None]


class Ended(Exception):
    """The connection ended. ``soon``: the collector expects us back at once."""

    def __init__(self, problem: Problem, *, soon: bool = False, heard: bool = False) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.soon = soon
        self.heard = heard


class Dialogue:
    """Speaks over one call until it ends, always by raising :class:`Ended`."""

    def __init__(self, party: Party, call: Call, settings: DialogueSettings) -> None:
        self._party = party
        self._call = call
        self._settings = settings
        self._events: asyncio.Queue[ev.Event | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = False

    def poke(self) -> None:
        """The outbox has grown; from the loop's own thread."""
        self._events.put_nowait(None)

    def tell(self, event: ev.Event) -> None:
        """Hand in an event; from the loop's own thread."""
        self._events.put_nowait(event)

    async def run(self) -> None:
        """Speak. Raises Ended."""
        positions = await self._stored(self._party.store.position)
        self._start(self._read())
        try:
            await self._feed(ev.Opened(positions))
            while True:
                await self._feed(await self._events.get() or await self._captured())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._party.drain.broke()

    async def _captured(self) -> ev.Captured:
        positions = await self._stored(self._party.store.position)
        return ev.Captured(positions.epoch, positions.last)

    async def _feed(self, event: ev.Event) -> None:
        """One event, and at once whatever its actions answer."""
        events = [event]
        while events:
            for action in self._party.machine.handle(events.pop(0)):
                answer = await self._do(action)
                events += [answer] if answer is not None else []

    async def _do(self, action: ev.Action) -> ev.Event | None:
        answer: ev.Event | None = await self.ACTIONS[type(action)](self, action)
        return answer

    # ---- what comes in

    async def _read(self) -> None:
        try:
            async for data in self._call:
                self._heard = True
                self.tell(ev.Came(sync_pb2.ServerFrame.FromString(data)))
            self.tell(ev.Closed("GOR-1207", {"cause": "end"}))
        except grpc.aio.AioRpcError as error:
            problem = problem_of(error)
            self.tell(ev.Closed(problem.code, problem.details))
        except DecodeError:
            self.tell(ev.Closed("GOR-1207", {"cause": "frame"}))

    async def _beats(self) -> None:
        """The first at once: it confirms the lease."""
        while True:
            beat = await self._stored(self._party.store.heartbeat)
            beat.clock_ms = self._party.now_ms()
            self.tell(ev.Beat(beat))
            await asyncio.sleep(self._settings.heartbeat_s)

    async def _compares(self) -> None:
        while True:
            await asyncio.sleep(self._settings.digest_s)
            self.tell(ev.CompareWanted())

    # ---- the stream

    async def _greet(self, action: ev.Greet) -> None:
        facts = await self._stored(self._party.store.facts)
        hello = sync_pb2.Hello(
            protocol=PROTOCOL,
            agent_version=facts.agent_version,
            lease=action.positions.lease,
            origin=sync_pb2.Origin(identity=facts.identity, incarnation=facts.incarnation),
            profile=facts.profile,
            profile_hash=facts.profile_hash,
            schema_fingerprint=facts.schema_fingerprint,
            health_mode=facts.health_mode,
            clock_ms=self._party.now_ms(),
            school=self._party.school,
        )
        if not action.abandon:
            hello.last.CopyFrom(_position(action.positions.epoch, action.positions.last))
            hello.acked.CopyFrom(_position(action.positions.epoch, action.positions.acked))
        await self._write(sync_pb2.ClientFrame(hello=hello))

    async def _send(self, action: ev.Send) -> None:
        await self._write(action.frame)

    async def _send_envelopes(self, action: ev.SendEnvelopes) -> None:
        for one in action.envelopes:
            self._party.drain.sent(one.seq, len(one.data), time.monotonic())
            await self._write(sync_pb2.ClientFrame(envelope=sync_pb2.Envelope.FromString(one.data)))

    async def _write(self, frame: sync_pb2.ClientFrame) -> None:
        try:
            await self._call.write(frame.SerializeToString())
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the reader learns why, and says so in order

    async def _retry(self, action: ev.Retry) -> None:
        raise Ended(Problem(action.code, **action.details), soon=action.soon, heard=self._heard)

    # ---- the store

    async def _load(self, action: ev.Load) -> ev.Loaded:
        return ev.Loaded(await self._stored(self._party.store.envelopes_after, action.after, action.limit, _LOAD_BYTES))

    async def _remember(self, action: ev.Remember) -> None:
        await self._stored(self._party.store.welcomed, action.welcome)
        self._party.welcomed(action.welcome)

    async def _adopt(self, action: ev.Adopt) -> ev.Reconciled:
        return self._reconciled(await self._changing(self._party.store.adopt, action.epoch))

    async def _reconcile(self, action: ev.Reconcile) -> ev.Reconciled:
        return self._reconciled(await self._changing(self._party.store.reconcile, action.head))

    def _reconciled(self, positions: ev.Positions) -> ev.Reconciled:
        """From here on the stream may carry more than Hello."""
        self._start(self._beats())
        self._start(self._compares())
        return ev.Reconciled(positions)

    async def _forget(self, action: ev.Forget) -> None:
        await self._changing(self._party.store.receipted, action.upto)
        self._party.drain.receipted(action.upto.seq, time.monotonic())

    async def _overwrite(self, action: ev.Overwrite) -> None:
        leaves = [LeafContent(one.entity, one.leaf, list(one.keys), list(one.hashes)) for one in action.leaves.leaves]
        store = self._party.store
        await self._changing(lambda: store.overwrite(action.leaves.at.seq, leaves, last=action.last))

    async def _note(self, action: ev.NoteComparison) -> None:
        await self._changing(self._party.store.compared, action.compare)

    async def _configure(self, action: ev.Configure) -> None:
        await self._changing(self._party.store.configure, action.settings)

    # ---- measuring, beside the stream

    async def _measure_totals(self, action: ev.MeasureTotals) -> None:
        self._start(self._measure(action.ticket, self._totals))

    async def _measure_buckets(self, action: ev.MeasureBuckets) -> None:
        self._start(self._measure(action.ticket, lambda: _request(self._party.store.bucket_sums(action.entities))))

    async def _measure_leaves(self, action: ev.MeasureLeaves) -> None:
        self._start(self._measure(action.ticket, lambda: _request(self._party.store.leaf_sums(action.buckets))))

    async def _measure(self, ticket: int, compute: Callable[[], tuple[sync_pb2.ClientFrame | None, ev.Mark]]) -> None:
        frame, at = await self._stored(compute)
        self.tell(ev.Measured(ticket, frame, at))

    def _totals(self) -> tuple[sync_pb2.ClientFrame | None, ev.Mark]:
        totals = self._party.store.digest()
        if totals is None:
            return None, ev.START
        digest = sync_pb2.Digest(at=_position(totals.epoch, totals.at), complete=totals.complete)
        for entity in sorted(totals.rows):
            digest.entities.add(entity=entity, rows=totals.rows[entity], sum=totals.sums[entity] % 2**64)
        signed = digest.SerializeToString(deterministic=True)
        digest.signature = self._party.signer.sign(signed, ec.ECDSA(hashes.SHA256()))
        return sync_pb2.ClientFrame(digest=digest), totals.at

    # ---- helpers

    async def _stored(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        return await asyncio.to_thread(call, *arguments)

    async def _changing(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        result = await self._stored(call, *arguments)
        self._party.changed()
        return result

    def _start(self, work: Any) -> None:
        """A task beside the main loop; if it fails, the loop learns it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.tell(ev.Closed("GOR-1099", {"cause": type(error).__name__}))

    ACTIONS: Final[Mapping[type, Callable[[Any, Any], Awaitable[Any]]]] = {
        ev.Greet: _greet,
        ev.Send: _send,
        ev.SendEnvelopes: _send_envelopes,
        ev.Load: _load,
        ev.Remember: _remember,
        ev.Adopt: _adopt,
        ev.Reconcile: _reconcile,
        ev.Forget: _forget,
        ev.MeasureTotals: _measure_totals,
        ev.MeasureBuckets: _measure_buckets,
        ev.MeasureLeaves: _measure_leaves,
        ev.Overwrite: _overwrite,
        ev.NoteComparison: _note,
        ev.Configure: _configure,
        ev.Retry: _retry,
    }

    @property
    def streaming(self) -> bool:
        """Has the Welcome been taken?"""
        return self._party.machine.state is State.STREAMING


def _position(epoch: bytes, mark: ev.Mark) -> sync_pb2.Position:
    return sync_pb2.Position(epoch=epoch, seq=mark.seq, hash=mark.hash)


def _request(measured: Measurement) -> tuple[sync_pb2.ClientFrame, ev.Mark]:
    """Sums of buckets, or of leaves, as a frame."""
    request = sync_pb2.LeafRequest(at=_position(measured.epoch, measured.at))
    for place in measured.places:
        sums = [total % 2**64 for total in place.sums]
        if place.bucket is None:
            request.buckets.add(entity=place.entity, rows=place.rows, sums=sums)
        else:
            request.leaves.add(entity=place.entity, bucket=place.bucket, rows=place.rows, sums=sums)
    return sync_pb2.ClientFrame(leaf=request), measured.at
