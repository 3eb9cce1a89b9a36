"""One agent's stream: frames in order, one envelope unsealed ahead, the lease kept, one writer at a time.

    reader ── frame, unsealing under way ──▶ queue of one ──▶ worker: desk in a thread ──▶ answers
                                                               keeper: lease, settings, certificate
    cut: another stream of the school took the lease

The reader unseals the next envelope while the worker's transaction runs on the present one. The queue holds one frame, so a slow
database stops the reading, and HTTP/2 stops the sender.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from google.protobuf.message import DecodeError

from collector.core.ledger import Refuse
from collector.ingest.desk import LOST_LEASE, Desk
from collector.ingest.unseal import ATTACKS, Refine, SealingKeys, digest_is_signed, unseal
from proto.problems import Problem
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from collector.ingest.books import Prepared, Session
    from collector.ingest.gate import Caller, Gate

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_MALFORMED = Refuse("GOR-1611", {"cause": "frame"})
_UNSIGNED = Refuse("GOR-1608")

Write: TypeAlias = Callable[[sync_pb2.ServerFrame], Awaitable[None]]
Waiting: TypeAlias = "tuple[sync_pb2.ClientFrame | None, asyncio.Future[Prepared | Refuse] | None]"


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Times of a stream, seconds."""

    hello_s: float = 30.0
    keep_s: float = 10.0
    certificate_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Services:
    """What every stream uses. ``settled`` is told the school after each commit that the health page should show."""

    desk: Desk
    gate: Gate
    keys: SealingKeys
    refine: Refine
    processor: Executor
    database: Executor
    now_ms: Callable[[], int]
    settled: Callable[[str], None]
    settings: StreamSettings = StreamSettings()


class Stream:
    """Serves one call from Hello to its end."""

    def __init__(self, services: Services, caller: Caller, write: Write) -> None:
        self._services = services
        self._caller = caller
        self._write_frame = write
        self._writing = asyncio.Lock()
        self._cut: asyncio.Future[Refuse] = asyncio.get_running_loop().create_future()
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(maxsize=1)
        self._told_settings = sync_pb2.Settings()
        self._session: Session | None = None

    @property
    def school(self) -> str:
        """The school of the caller's certificate."""
        return self._caller.school

    def cut(self, refusal: Refuse = LOST_LEASE) -> None:
        """End this stream from outside."""
        if not self._cut.done():
            self._cut.set_result(refusal)

    async def leave(self) -> None:
        """Note the end of a stream that was welcomed."""
        if self._session is None:
            return
        with contextlib.suppress(Problem):  # the store is away: heartbeats that stay out say the same
            await asyncio.shield(self._in_database(self._services.desk.left, self._session))
        self._services.settled(self.school)

    async def run(self, frames: AsyncIterator[bytes], entered: Callable[[Stream], None]) -> Refuse | None:
        """Serve until either side ends; the refusal that is to be told, if any. ``entered`` is called when the agent is welcomed."""
        try:
            async with asyncio.timeout(self._services.settings.hello_s):
                hello = await anext(frames, b"")
        except TimeoutError:
            return _MALFORMED
        session = await self._welcome(hello)
        if isinstance(session, Refuse):
            return session
        entered(self)
        reader = asyncio.create_task(self._read(frames))
        ends = [
            asyncio.create_task(end)
            for end in (self._work(session), self._keep(session), self._watch(), self._wait_cut())
        ]
        try:
            done, _ = await asyncio.wait([reader, *ends], return_when=asyncio.FIRST_COMPLETED)
            if reader in done:
                reader.result()  # a broken connection is raised; at a clean end the worker finishes what is queued
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return next(end.result() for end in ends if end in done)
        finally:
            for task in (reader, *ends):
                task.cancel()
            await asyncio.gather(reader, *ends, return_exceptions=True)

    async def _welcome(self, data: bytes) -> Session | Refuse:
        frame = _parse(data)
        if frame is None or frame.WhichOneof("frame") != "hello":
            return await self._attacked(_MALFORMED)
        welcomed = await self._in_database(self._services.desk.hello, self.school, frame.hello)
        if isinstance(welcomed, Refuse):
            return await self._attacked(welcomed)
        self._told_settings, self._session = welcomed.frame.settings, welcomed.session
        await self._write(sync_pb2.ServerFrame(welcome=welcomed.frame))
        return welcomed.session

    # ---- the tasks of a welcomed stream

    async def _read(self, frames: AsyncIterator[bytes]) -> None:
        """Parse frames and begin to unseal envelopes; after the last one an empty place."""
        async for data in frames:
            frame = _parse(data) or sync_pb2.ClientFrame()
            unsealing = self._start_unsealing(frame.envelope) if frame.HasField("envelope") else None
            await self._queue.put((frame, unsealing))
        await self._queue.put((None, None))

    async def _work(self, session: Session) -> Refuse | None:
        """Frames in order: judged, applied, answered."""
        while True:
            frame, unsealed = await self._queue.get()
            if frame is None:
                return None
            answers = await self._serve(session, frame, unsealed)
            if isinstance(answers, Refuse):
                return await self._attacked(answers)
            for answer in answers:
                await self._write(answer)

    async def _keep(self, session: Session) -> Refuse:
        """Lengthen the lease while the connection stands, and tell changed settings."""
        while True:
            await asyncio.sleep(self._services.settings.keep_s)
            kept = await self._in_database(self._services.desk.keep, session)
            if isinstance(kept, Refuse):
                return kept
            if kept.settings != self._told_settings:
                self._told_settings = kept.settings
                await self._write(sync_pb2.ServerFrame(settings=kept.settings))

    async def _watch(self) -> Refuse:
        """Look at the certificate again and again: it may be revoked or end while the stream is open."""
        while True:
            await asyncio.sleep(self._services.settings.certificate_s)
            if refusal := await self._in_database(self._services.gate.refusal, self._caller.certificate, self.school):
                return refusal

    async def _wait_cut(self) -> Refuse:
        return await self._cut

    # ---- one frame

    def _start_unsealing(self, envelope: sync_pb2.Envelope) -> asyncio.Future[Prepared | Refuse]:
        return asyncio.get_running_loop().run_in_executor(self._services.processor, self._unseal, envelope)

    def _unseal(self, envelope: sync_pb2.Envelope) -> Prepared | Refuse:
        services = self._services
        return unseal(envelope, self.school, services.gate.signers(self.school), services.keys, services.refine)

    async def _serve(
        self, session: Session, frame: sync_pb2.ClientFrame, unsealed: asyncio.Future[Prepared | Refuse] | None
    ) -> list[sync_pb2.ServerFrame] | Refuse:
        desk = self._services.desk
        match frame.WhichOneof("frame"):
            case "envelope" if unsealed is not None:
                prepared = await unsealed
                if isinstance(prepared, Refuse):
                    return prepared
                answers = await self._in_database(desk.envelope, session, prepared)
            case "digest":
                signers = await self._run(self._services.database, self._services.gate.signers, self.school)
                if not digest_is_signed(frame.digest, signers):
                    return _UNSIGNED
                answers = await self._in_database(desk.digest, session, frame.digest)
            case "leaf":
                return await self._in_database(desk.leaf, session, frame.leaf)
            case "heartbeat":
                answers = await self._in_database(desk.heartbeat, session, frame.heartbeat)
            case _:
                return _MALFORMED
        self._services.settled(self.school)
        return answers

    async def _attacked(self, refusal: Refuse) -> Refuse:
        """Leave an audit line if no honest agent gets this refusal. A signature that no longer counts may be of a certificate revoked just now."""
        if refusal.code == _UNSIGNED.code:
            revoked = await self._in_database(self._services.gate.refusal, self._caller.certificate, self.school)
            refusal = revoked or refusal
        if refusal.code in ATTACKS:
            _log.warning("refused %s of school %s", refusal.code, self.school)
            await self._in_database(self._services.desk.library.attacked, self.school, refusal)
        return refusal

    async def _in_database(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """Run a call of the desk in a database thread, with the time of its start as the last argument."""
        return await self._run(self._services.database, lambda: call(*arguments, self._services.now_ms()))

    @staticmethod
    async def _run(executor: Executor, call: Callable[..., _Result], *arguments: Any) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(executor, call, *arguments)

    async def _write(self, frame: sync_pb2.ServerFrame) -> None:
        async with self._writing:
            await self._write_frame(frame)


def _parse(data: bytes) -> sync_pb2.ClientFrame | None:
    """The frame, or None if the bytes are none."""
    try:
        return sync_pb2.ClientFrame.FromString(data) if data else None
    except DecodeError:
        return None
