"""Pages that update themselves: one watcher per process reads for all open pages and sends each what changed of it.

       NOTIFY gorod_health ─▶ wake() ┐
                                     ├─▶ round: read each scope once ─▶ pieces whose content changed ─▶ queues of the open pages
    poll_ms (nobody announced it) ───┘

Nothing is read while no page is open. A round costs at most a tenth of the time: the pause after it is nine times its length.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Mapping

log = logging.getLogger(__name__)

_GAP_S: Final = 0.1  # between rounds, however many announcements come
_BEAT_S: Final = 15.0  # an open page hears at least so often that all is well
_BACKLOG: Final = 32  # messages that a slow page may be behind; then it is cut and comes back by itself
_REST: Final = 9


@dataclass(frozen=True, slots=True)
class Topic:
    """What an open page shows: under which scope, which school's card (or the list with ``""``), in which language."""

    scope: str
    school: str
    lang: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a page with an id of its own. It is sent when its content has changed."""

    content: Hashable
    html: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All pieces of a topic at one moment, and that moment in words."""

    as_of: str
    pieces: Mapping[str, Piece]

    @property
    def fingerprint(self) -> str:
        """The same for equal content, in every process."""
        whole = repr(sorted((name, repr(piece.content)) for name, piece in self.pieces.items()))
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


class Source(Protocol):
    """Where snapshots come from; called in a thread."""

    def __call__(self, topics: frozenset[Topic]) -> Mapping[Topic, Snapshot]:
        """The snapshots of the topics, each scope read once."""


@dataclass(slots=True)
class _Watched:
    """A topic with the pages that watch it."""

    queues: set[asyncio.Queue[str | None]] = field(default_factory=set)
    last: Snapshot | None = None


class TooMany(Exception):
    """More open pages than the setting allows; the page goes on without updating itself."""


class Hub:
    """The watcher and its open pages. Lives in one event loop."""

    def __init__(self, source: Source, poll_s: float, viewers: int) -> None:
        self._source, self._poll_s, self._limit = source, poll_s, viewers
        self._watched: dict[Topic, _Watched] = {}
        self._wake = asyncio.Event()
        self._closed = False

    @property
    def viewers(self) -> int:
        """Open pages."""
        return sum(len(watched.queues) for watched in self._watched.values())

    @property
    def full(self) -> bool:
        """Whether one more page would be too many."""
        return self.viewers >= self._limit or self._closed

    def wake(self) -> None:
        """Something changed: look now."""
        self._wake.set()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closed = True
        for watched in self._watched.values():
            for queue in watched.queues:
                _put(queue, None)

    async def watch(self, topic: Topic, known: str) -> AsyncGenerator[str, None]:
        """Messages of a topic as server-sent events; a page that knows another state than ours gets all of it first."""
        if self.full:
            raise TooMany
        queue: asyncio.Queue[str | None] = asyncio.Queue(_BACKLOG)
        watched = self._watched.setdefault(topic, _Watched())
        watched.queues.add(queue)
        try:
            snapshot = watched.last or await self._first(topic, watched)
            whole = _message(snapshot, snapshot.pieces) if snapshot.fingerprint != known else ""
            yield f"retry: 2000\n\n{whole}"
            while (message := await queue.get()) is not None:
                yield message
        finally:
            watched.queues.discard(queue)
            if not watched.queues and self._watched.get(topic) is watched:
                del self._watched[topic]

    async def run(self) -> None:
        """Watch until cancelled; a round that fails is told once and tried again."""
        well, beat = True, time.monotonic()
        while True:
            started = time.monotonic()
            if self._watched:
                try:
                    await self._round()
                    well = True
                except Problem as problem:
                    if well:
                        log.warning("open pages are not updated: %s", problem)
                    well = False
                if well and time.monotonic() - beat >= _BEAT_S:
                    self._beat()
                    beat = time.monotonic()
            took = time.monotonic() - started
            await asyncio.sleep(max(_GAP_S, took * _REST))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, self._poll_s - (time.monotonic() - started)))
            self._wake.clear()

    async def _first(self, topic: Topic, watched: _Watched) -> Snapshot:
        """The topic's first snapshot, unless a round made one while it was read."""
        snapshot = (await asyncio.to_thread(self._source, frozenset({topic})))[topic]
        if watched.last is None:
            watched.last = snapshot
        return watched.last

    async def _round(self) -> None:
        snapshots = await asyncio.to_thread(self._source, frozenset(self._watched))
        for topic, snapshot in snapshots.items():
            watched = self._watched.get(topic)
            if watched is None:
                continue
            before, watched.last = watched.last, snapshot
            changed = _changed(before, snapshot)
            if changed:
                message = _message(snapshot, changed)
                for queue in watched.queues:
                    _put(queue, message)

    def _beat(self) -> None:
        for watched in self._watched.values():
            if watched.last is not None:
                for queue in watched.queues:
                    _put(queue, _message(watched.last, {}))


def _changed(before: Snapshot | None, now: Snapshot) -> dict[str, Piece]:
    if before is None:
        return {}
    old = before.pieces
    return {name: piece for name, piece in now.pieces.items() if name not in old or old[name].content != piece.content}


def _message(snapshot: Snapshot, pieces: Mapping[str, Piece]) -> str:
    body = {"as_of": snapshot.as_of, "pieces": {name: piece.html() for name, piece in pieces.items()}}
    return f"id: {snapshot.fingerprint}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n"


def _put(queue: asyncio.Queue[str | None], message: str | None) -> None:
    """Hand a message over; a page that is too far behind is cut, and comes back for the whole."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        message = None
    queue.put_nowait(message)
