"""A TCP relay between an agent and the department that a test can cut, stall and heal; it runs in threads beside the test."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65_536
_TICK_S = 0.02


@dataclass(eq=False)
class _Link:
    """One connection through the relay."""

    agent: socket.socket
    department: socket.socket

    def close(self) -> None:
        for end in (self.agent, self.department):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class Relay:
    """Listens on loopback and passes everything to ``target`` (host:port), which may be set and changed at any time.

    ``up`` and ``down`` count the bytes to and from the department. While ``deaf`` is set, what the department says is swallowed: the agent
    hears nothing, but its own words arrive. While ``closed`` is set, nobody gets through.
    """

    target: str = ""
    up: int = 0
    down: int = 0
    connections: int = 0
    deaf: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    _links: set[_Link] = field(default_factory=set)
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(_TICK_S * 5)
        self._start(self._accept)

    @property
    def address(self) -> str:
        """What agents are told to dial."""
        return f"127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.cut()
        for thread in list(self._threads):
            thread.join(10)
        self._server.close()

    def cut(self) -> None:
        """Break every connection; new ones pass."""
        for link in list(self._links):
            link.close()

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Nobody gets through while the block lasts."""
        self.closed.set()
        self.cut()
        try:
            yield
        finally:
            self.closed.clear()

    @contextlib.contextmanager
    def mute(self) -> Iterator[None]:
        """The department's words are lost while the block lasts; then the connections that lost some are broken."""
        self.deaf.set()
        try:
            yield
        finally:
            self.cut()
            while self._links:
                time.sleep(_TICK_S)
            self.deaf.clear()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # any callable of ours
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                agent, _peer = self._server.accept()
            except TimeoutError:
                continue
            self.connections += 1
            host, _, port = self.target.rpartition(":")
            try:
                if self.closed.is_set() or not host:
                    raise ConnectionRefusedError
                department = socket.create_connection((host, int(port)), 5)
            except OSError:
                agent.close()
                continue
            self._start(self._pass, _Link(agent, department))

    def _pass(self, link: _Link) -> None:
        self._links.add(link)
        ends = selectors.DefaultSelector()
        with ends, link.agent, link.department, contextlib.suppress(OSError):
            ends.register(link.agent, selectors.EVENT_READ, link.department)
            ends.register(link.department, selectors.EVENT_READ, link.agent)
            link.agent.settimeout(10)
            link.department.settimeout(10)
            while self._copy(ends, link):
                pass
        self._links.discard(link)

    def _copy(self, ends: selectors.BaseSelector, link: _Link) -> bool:
        """Pass on what has come; False at the end of either side."""
        for key, _events in ends.select(_TICK_S * 5):
            data = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr]  # only sockets are registered
            if not data:
                link.close()
                return False
            to_department = key.data is link.department
            self.up += len(data) * to_department
            self.down += len(data) * (not to_department)
            if to_department or not self.deaf.is_set():
                key.data.sendall(data)
        return True
