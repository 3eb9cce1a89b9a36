"""Two listeners in one process: the pages, and monitoring. Both sockets are open before the line ``ready`` is printed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
from typing import TYPE_CHECKING

import uvicorn

from portal.config import Address
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from portal.config import Config

log = logging.getLogger(__name__)

_BACKLOG = 1024


def run(config: Config, pages: FastAPI, monitoring: FastAPI, ready: Callable[[Address, Address], None]) -> None:
    """Serve until a signal asks for the end; running requests get ``shutdown_s`` to finish.

    Raises:
        Problem: GOR-1007, an address is taken; GOR-1921, the files of TLS do not fit.
    """
    check_tls(config)
    with _listening("listen", config.listen) as first, _listening("metrics_listen", config.metrics_listen) as second:
        asyncio.run(_serve(config, (pages, first), (monitoring, second), ready))


def check_tls(config: Config) -> None:
    """Problem GOR-1921 unless certificate and key can be read, fit each other, and need no pass phrase: nobody is there to type it."""
    if config.tls is None:
        return
    certificate, key = config.tls
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, lambda: "")
    except OSError as error:  # ssl's own errors are of this family
        cause = getattr(error, "reason", None) or error.strerror or type(error).__name__
        raise Problem("GOR-1921", certificate=certificate, key=key, cause=cause) from error


async def _serve(
    config: Config,
    pages: tuple[FastAPI, socket.socket],
    monitoring: tuple[FastAPI, socket.socket],
    ready: Callable[[Address, Address], None],
) -> None:
    def started() -> None:
        if all(server.started for server in servers):
            ready(_address(pages[1]), _address(monitoring[1]))

    servers = [
        _Server(_options(config, pages[0], tls=True), started),
        _Server(_options(config, monitoring[0], tls=False), started),
    ]

    def stop() -> None:
        pages[0].state.portal.hub.close()
        for server in servers:
            server.should_exit = True

    with _on_signals(stop):
        await asyncio.gather(
            *(server.serve([each[1]]) for server, each in zip(servers, (pages, monitoring), strict=True))
        )


class _Server(uvicorn.Server):
    """Says when it has started, and leaves signals to :func:`_serve`, which stops both servers and their open pages together."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        self._tell()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _options(config: Config, app: FastAPI, *, tls: bool) -> uvicorn.Config:
    certificate, key = config.tls if tls and config.tls else (None, None)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the application does it itself, for trusted proxies only
        timeout_graceful_shutdown=config.shutdown_s,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


@contextlib.contextmanager
def _listening(key: str, address: Address) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address.host, address.port))
        except OSError as error:
            raise Problem("GOR-1007", address=address, key=key) from error
        listener.listen(_BACKLOG)
        yield listener


def _address(listener: socket.socket) -> Address:
    host, port = listener.getsockname()[:2]
    return Address(host, port)


@contextlib.contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C and on the service manager's signal."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
