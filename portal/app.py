"""The application: its parts put together. No globals: everything it needs is handed in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from portal import errors, security
from portal.assets import compact
from portal.deps import Portal, from_our_page, in_measure
from portal.live import Hub
from portal.metrics import Metrics
from portal.pages import (
    access,
    account,
    activate,
    announcements,
    attendance,
    city,
    classroom,
    codes,
    diary,
    family,
    marks,
    mydata,
    school_day,
    schools,
    signin,
    teacher,
    timetable,
)
from portal.pages import provider as provider_pages
from portal.rendering import STATIC, STYLE, Renderer
from portal.shell import Shell
from portal.snapshots import Snapshots
from portal.visits import Visits
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from types import ModuleType

    from starlette.types import Scope

    from portal.config import Config
    from portal.people import StorePeople
    from portal.ports import Accounts, Reader, SchoolData
    from portal.provider import Provider

log = logging.getLogger(__name__)

GROUPS: Final = (
    signin,
    schools,
    family,
    diary,
    marks,
    attendance,
    timetable,
    announcements,
    mydata,
    teacher,
    classroom,
    school_day,
    access,
)
"""Every group of pages, each a module with its ``router``."""

OF_PEOPLE: Final = (activate, account, provider_pages, codes, city)
"""Pages of codes, of accounts and of visits, where there are people."""


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def create_app(  # noqa: PLR0913  the one place where all parts meet
    config: Config,
    reader: Reader,
    accounts: Accounts,
    data: SchoolData,
    *,
    people: StorePeople | None = None,
    provider: Provider | None = None,
    announced: Callable[[], AsyncIterator[object]] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The portal. `announced` yields whenever the database says that something changed; without it pages are polled for.

    Without `people` there are no pages of codes and of the own account, and visits are not counted.
    """
    groups = (*GROUPS, *OF_PEOPLE) if people else GROUPS
    renderer = Renderer(config, frozenset(_paths(groups)))
    snapshots = Snapshots(reader, renderer, clock)
    hub = Hub(snapshots, config.poll_ms / 1000, config.viewers)
    metrics = Metrics()
    metrics.watch_viewers(lambda: hub.viewers)
    visits = Visits(people.record_visits, config.visits_s) if people else None
    app = FastAPI(
        title="Gorod", openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(hub, announced, visits)
    )
    app.state.portal = Portal(
        config,
        reader,
        accounts,
        data,
        renderer,
        snapshots,
        hub,
        metrics,
        clock,
        CapacityLimiter(config.password_workers),
        (security.Measure(config.forms_per_minute), security.Measure(config.address_forms_per_minute)),
        people,
        visits,
        provider,
    )
    guards = [Depends(from_our_page), Depends(in_measure)]
    for group in groups:
        app.include_router(group.router, dependencies=guards)
    app.add_api_route("/healthz", healthz, methods=["GET"])
    app.add_api_route("/readyz", _readyz(reader), methods=["GET"])
    app.mount("/static", _Static(directory=STATIC), name="static")
    errors.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=6)
    app.add_middleware(Shell, metrics=metrics, mistake=errors.mistake)
    if config.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(config.trusted_proxies))
    return app


def _paths(groups: Iterable[ModuleType]) -> Iterator[str]:
    """Paths of all pages, as their routes spell them."""
    for group in groups:
        for route in group.router.routes:
            if isinstance(route, Route):
                yield route.path


def create_monitoring_app(metrics: Metrics, reader: Reader) -> FastAPI:
    """What the second listener answers: figures, and whether the portal lives and can work."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/healthz", healthz, methods=["GET"])
    app.add_api_route("/readyz", _readyz(reader), methods=["GET"])

    @app.get("/metrics")
    def figures() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


def healthz() -> Response:
    """The process lives."""
    return PlainTextResponse("ok\n")


def _readyz(reader: Reader) -> Callable[[], Response]:
    def readyz() -> Response:
        """The database answers."""
        try:
            reader.ready()
        except Problem as problem:
            return PlainTextResponse(f"{problem.code}\n", 503)
        return PlainTextResponse("ok\n")

    return readyz


def _lifespan(hub: Hub, announced: Callable[[], AsyncIterator[object]] | None, visits: Visits | None) -> Any:
    """Runs the watcher, the listener for announcements and the writer of visits beside the application."""

    async def listen() -> None:
        if announced is not None:
            async for _ in announced():
                hub.wake()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        tasks = [asyncio.create_task(hub.run()), asyncio.create_task(listen())]
        if visits is not None:
            tasks.append(asyncio.create_task(visits.run()))
        for task in tasks:
            task.add_done_callback(_tell_end)
        yield
        hub.close()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        if visits is not None:
            await anyio.to_thread.run_sync(visits.flush)

    return lifespan


def _tell_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("open pages are no longer updated", exc_info=task.exception())


@cache
def _compact_style() -> str:
    return compact((STATIC / STYLE).read_text("utf-8"))


def _style() -> Response:
    return PlainTextResponse(_compact_style(), media_type="text/css")


class _Static(StaticFiles):
    """Files of ours; their address holds their hash, so that a browser may keep them for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = _style() if path == STYLE else await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if scope["query_string"] else "no-cache"
        response.headers["Cache-Control"] = kept
        return response
