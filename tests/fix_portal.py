"""A portal that a real browser can open: served from a thread, on a free port, over fakes."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.portal_world import World


class Served:
    """A running portal; `url` is where."""

    def __init__(self, world: World) -> None:
        self.app = world.app()
        options = uvicorn.Config(self.app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(options)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()

    def start(self) -> str:
        """Serve until stopped; returns the address."""
        self._thread.start()
        assert self._started.wait(20)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """End every open page, then the server."""
        self._loop.call_soon_threadsafe(self.app.state.portal.hub.close)
        self._server.should_exit = True
        self._thread.join(20)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started and not serving.done():  # noqa: ASYNC110  uvicorn sets a flag, no event
            await asyncio.sleep(0.01)
        self._started.set()
        await serving


@pytest.fixture
def serve_portal() -> Iterator[Callable[[World], str]]:
    """Serves a portal over fakes; returns its address."""
    running: list[Served] = []

    def serve(world: World) -> str:
        running.append(Served(world))
        return running[-1].start()

    yield serve
    for served in running:
        served.stop()
