"""The uplink in life: connects, speaks, and comes back for ever; how soon, the class of the problem decides."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_never

from agent.core import uplink_events as ev
from agent.core.backoff import CAP_S, Backoff
from agent.core.drain import Drain
from agent.core.uplink import Uplink
from agent.transport.channel import find_cause, open_call
from agent.transport.dialogue import Dialogue, DialogueSettings, Ended, Party
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.transport.identity import Identity
    from agent.transport.ports import UplinkStore
    from proto.sync.v1 import sync_pb2

_log = logging.getLogger(__name__)
_LONG_ENOUGH_S: Final = 60.0
_SWAP: Final = "renewed certificate"


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What an operator may change; seconds."""

    proxy: str | None = None
    connect_s: float = 20.0
    heartbeat_s: float = 10.0
    digest_s: float = 900.0
    retry_cap_s: float = CAP_S


@dataclass(slots=True)
class UplinkStatus:
    """What ``status`` and heartbeats tell about the connection. ``problem`` is the last one, None while all is well."""

    connected: bool = False
    problem: Problem | None = None
    problem_at: datetime | None = None
    clock_offset_s: float | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the client takes from the world, so that a test can give another one."""

    identity: Callable[[], Identity]  # read again at each connection: a renewed certificate is used at the next
    random: Callable[[], float]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    changed: Callable[[], None] = field(default=lambda: None)
    call: Callable[..., Any] = open_call


class UplinkClient:
    """Keeps one stream to the department. :meth:`run` belongs to one event loop; pokes may come from any thread."""

    def __init__(self, store: UplinkStore, surroundings: Surroundings, settings: ClientSettings) -> None:
        self.status = UplinkStatus()
        self.drain = Drain()
        self.machine = Uplink()
        self._store = store
        self._around = surroundings
        self._settings = settings
        self._backoff = Backoff(settings.retry_cap_s)
        self._dialogue: Dialogue | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stopping = False

    # ---- from any thread

    def captured(self) -> None:
        """The outbox has grown."""
        self._call_soon(lambda dialogue: dialogue.poke())

    def compare(self) -> None:
        """A digest is due: a full sweep ended, or the re-read list is empty."""
        self._call_soon(lambda dialogue: dialogue.tell(ev.CompareWanted()))

    def renewed(self) -> None:
        """The certificate was renewed, or the profile changed: a new connection takes over at once."""
        self._call_soon(lambda dialogue: dialogue.tell(ev.Closed("GOR-1207", {"cause": _SWAP})))

    def retry_now(self) -> None:
        """Do not wait out the present pause."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def stop(self) -> None:
        """End :meth:`run`."""
        self._stopping = True
        self.retry_now()
        self._call_soon(lambda dialogue: dialogue.tell(ev.Closed("GOR-1207", {"cause": "stop"})))

    def _call_soon(self, tell: Callable[[Dialogue], None]) -> None:
        def deliver() -> None:
            if self._dialogue is not None:
                tell(self._dialogue)

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deliver)

    # ---- the loop

    async def run(self) -> None:
        """Connect, speak, come back; until :meth:`stop`."""
        self._loop = asyncio.get_running_loop()
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Ended), stop=stop_never, wait=self._pause, sleep=self._sleep
        )
        async for attempt in retrying:
            if self._stopping:
                return
            with attempt:
                await self._connect()

    async def _connect(self) -> None:
        """One connection from start to end; always raises Ended."""
        started = self._loop.time() if self._loop else 0.0
        self.status.attempts += 1
        try:
            identity = self._around.identity()
            await self._speak(identity)
        except Problem as problem:
            raise self._ended(Ended(problem)) from problem
        except Ended as ended:
            if self.machine.progressed or (self._loop and self._loop.time() - started > _LONG_ENOUGH_S):
                self._backoff.progressed()
            raise self._ended(ended) from ended
        finally:
            self.status.connected = False
            self._dialogue = None

    async def _speak(self, identity: Identity) -> None:
        settings = self._settings
        async with self._around.call(identity, settings.proxy, settings.connect_s, self._around.now()) as call:
            party = Party(
                store=self._store,
                machine=self.machine,
                drain=self.drain,
                signer=identity.key,
                school=identity.facts.school,
                now_ms=self._now_ms,
                changed=self._around.changed,
                welcomed=self._welcomed,
            )
            self._dialogue = Dialogue(party, call, DialogueSettings(settings.heartbeat_s, settings.digest_s))
            try:
                await self._dialogue.run()
            except Ended as ended:
                if ended.heard or ended.problem.code != "GOR-1207":
                    raise
                raise Ended(await find_cause(identity, settings.proxy, self._around.now())) from ended

    def _welcomed(self, welcome: sync_pb2.Welcome) -> None:
        self.status.connected = True
        self.status.clock_offset_s = (self._now_ms() - welcome.clock_ms) / 1000
        self.status.problem = self.status.problem_at = None

    def _ended(self, ended: Ended) -> Ended:
        """Keep the problem for ``status``; a swap of certificates is none."""
        if ended.problem.details.get("cause") == _SWAP:
            ended.soon = True
            self._backoff.progressed()
        elif not self._stopping:
            self.status.problem, self.status.problem_at = ended.problem, self._around.now()
            _log.info("uplink ended: %s", ended.problem)
        return ended

    def _pause(self, state: RetryCallState) -> float:
        ended = state.outcome.exception() if state.outcome else None
        if not isinstance(ended, Ended):
            return 0.0
        return self._backoff.pause(ended.problem.kind, self._around.random(), soon=ended.soon)

    async def _sleep(self, seconds: float) -> None:
        """Wait, unless someone calls."""
        if self._stopping:
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _now_ms(self) -> int:
        return round(self._around.now().timestamp() * 1000)
