"""A line between agent and collector that a test can cut in the middle of whatever passes."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class Line:
    """Passes connections to its target until it is cut; then new ones may come."""

    target: str
    address: str = ""
    cuts: int = 0
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def cut(self) -> None:
        """Drop every connection, whatever is under way: no FIN, no last bytes."""
        self.cuts += 1
        for end in self._ends:
            end.transport.abort()

    async def passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        host, _, port = self.target.rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        self._ends |= {writer, back}
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._ends -= {writer, back}

    async def close(self) -> None:
        """Cut, and wait until nobody is left."""
        self.cut()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=5)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def line_to(target: str) -> AsyncIterator[Line]:
    """A line on a free port of loopback."""
    line = Line(target)
    async with await asyncio.start_server(line.passed, "127.0.0.1", 0) as server:
        line.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield line
        await line.close()
