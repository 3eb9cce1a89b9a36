"""The way to the department: one mutually authenticated channel, and names for the ways in which it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc

from agent.transport import probe
from proto.certificates import issued_by
from proto.limits import MAX_FRAME_BYTES
from proto.problems import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from agent.transport.identity import Identity

_PATH: Final = "/gorod.sync.v1.Sync/Stream"

OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.max_receive_message_length", MAX_FRAME_BYTES),
    ("grpc.keepalive_time_ms", 20_000),  # below the minute after which proxies cut silent connections
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),  # without this gRPC stops after two pings
    ("grpc.enable_retries", 0),  # we retry ourselves, by class of problem
)

Call: TypeAlias = Any
"""``grpc.aio.StreamStreamCall``: its stubs do not know the types of frames."""

OpenCall: TypeAlias = Callable[[], Any]
"""Gives an asynchronous context manager over a ready call; tests give one of their own."""


@asynccontextmanager
async def open_call(identity: Identity, proxy: str | None, connect_s: float, now: datetime) -> AsyncIterator[Call]:
    """A stream to the department, closed at the end of the block.

    Raises:
        Problem: GOR-1116, 1201 to 1208 by what is found to be wrong.
    """
    address = identity.facts.sync_address
    credentials = grpc.ssl_channel_credentials(identity.ca_pem, identity.key_pem, identity.certificate_pem)
    options = [*OPTIONS, *probe.channel_options(proxy)]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        if not await _is_ready(channel, connect_s):
            raise await find_cause(identity, proxy, now)
        method: Any = channel.stream_stream  # its stubs want serialisers; ours is the dialogue
        call = method(_PATH)()
        try:
            yield call
        finally:
            call.cancel()


async def _is_ready(channel: grpc.aio.Channel, connect_s: float) -> bool:
    """Connect once; gRPC's own reconnecting is not waited for."""
    try:
        async with asyncio.timeout(connect_s):
            state = channel.get_state(try_to_connect=True)
            while state is not grpc.ChannelConnectivity.READY:
                if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    return False
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
    except TimeoutError:
        return False
    return True


async def find_cause(identity: Identity, proxy: str | None, now: datetime) -> Problem:
    """Why nothing came back from the department: a fresh look at who answers there, then at our own certificate."""
    problem = await asyncio.to_thread(probe.diagnose, identity.facts.sync_address, identity.ca, proxy)
    if problem.code != "GOR-1207":
        return problem
    if not issued_by(identity.certificate, identity.ca):
        return Problem("GOR-1208")
    if identity.not_after < now:
        return Problem("GOR-1116", days=(now - identity.not_after).days)
    return problem


def problem_of(error: grpc.aio.AioRpcError) -> Problem:
    """The problem of a call that ended with a status."""
    code = error.code()
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Problem("GOR-1610")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Problem("GOR-1204", address="", cause="UNIMPLEMENTED")
    return Problem("GOR-1207", cause=code.name)
