"""The gRPC face of the stream: authenticates the caller, runs its :class:`~collector.ingest.stream.Stream`, tells refusals.

Frames arrive as bytes and are parsed by the stream itself, so that garbage gets a typed refusal instead of gRPC's own words.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import grpc

from collector.ca.listeners import Listener
from collector.core.ledger import Refuse
from collector.ingest.gate import caller
from collector.ingest.stream import Services, Stream
from proto.limits import MAX_FRAME_BYTES
from proto.problems import Problem, text_of
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from collector.ingest.gate import Caller

_log = logging.getLogger(__name__)
_SERVICE: Final = "gorod.sync.v1.Sync"

SERVER_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.max_receive_message_length", MAX_FRAME_BYTES),
    ("grpc.so_reuseport", 0),  # a taken port is an error, not a share of the calls
    ("grpc.keepalive_time_ms", 10_000),  # a dead peer ends within 20 s, before its lease of 30 s
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),  # agents behind proxies ping often
)


class SyncServicer:
    """Serves ``Sync.Stream``. One stream per school: a newly welcomed one cuts the one before."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._streams: dict[str, Stream] = {}
        self._calls: set[asyncio.Task[Any]] = set()

    @property
    def connected(self) -> frozenset[str]:
        """Schools with an open stream in this process."""
        return frozenset(self._streams)

    def cut_all(self) -> None:
        """End every stream, so that a stopping collector lets agents go elsewhere at once."""
        for stream in list(self._streams.values()):
            stream.cut(Refuse("GOR-1206", {"cause": "restart"}))

    async def gone(self, within_s: float) -> None:
        """Wait until every call has ended and noted its end; the threads that they use may be stopped then."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=within_s)

    async def stream(self, frames: AsyncIterator[bytes], context: Any) -> None:
        """One call: refusals are told as the last frame, then the call ends well."""
        if call := asyncio.current_task():
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        peer = caller(context.auth_context())
        refusal = peer if isinstance(peer, Refuse) else await self._admit_and_serve(peer, frames, context)
        if refusal is not None:
            text = text_of(refusal.code, "en", refusal.details)
            frame = sync_pb2.Refusal(code=refusal.code, text=text, details=dict(refusal.details))
            await context.write(sync_pb2.ServerFrame(refusal=frame))

    async def _admit_and_serve(self, peer: Caller, frames: AsyncIterator[bytes], context: Any) -> Refuse | None:
        services = self._services
        stream = Stream(services, peer, context.write)
        try:
            look = services.gate.refusal
            refusal = await asyncio.get_running_loop().run_in_executor(
                services.database, look, peer.certificate, peer.school, services.now_ms()
            )
            return refusal or await stream.run(aiter(frames), self._enter)
        except Problem as problem:
            return Refuse(problem.code, problem.details)
        except Exception as error:  # noqa: BLE001  whatever fails in one stream: others go on, and no value of a row gets into the log
            _log.error("stream of school %s failed: %s", peer.school, type(error).__name__)
            return Refuse("GOR-1206", {"cause": "error"})
        finally:
            if self._streams.get(peer.school) is stream:
                del self._streams[peer.school]
            await stream.leave()

    def _enter(self, stream: Stream) -> None:
        before = self._streams.get(stream.school)
        self._streams[stream.school] = stream
        if before is not None:
            before.cut()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register on a server."""
        method = grpc.stream_stream_rpc_method_handler(
            self.stream, request_deserializer=None, response_serializer=sync_pb2.ServerFrame.SerializeToString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Stream": method}),))


async def listen_sync(servicer: SyncServicer, credentials: Any, listen: str) -> Listener:
    """Start the listener of streams on ``host:port``; RuntimeError when the port is taken. ``credentials``: mutual TLS."""
    server = grpc.aio.server(options=SERVER_OPTIONS)
    servicer.add_to(server)
    port = server.add_secure_port(listen, credentials)
    await server.start()
    return Listener(server, f"{listen.rpartition(':')[0]}:{port}", port)
