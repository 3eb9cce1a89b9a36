"""What a page's function is given: the parts of the application, the reader's page, the signed-in caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, cast

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.status import HTTP_403_FORBIDDEN

from collector.store.sessions import Session
from portal import security
from portal.rendering import LANGUAGE_COOKIE, Page, language_of, respond
from portal.words import LANGUAGES, Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from anyio import CapacityLimiter
    from starlette.responses import Response

    from portal.config import Config
    from portal.live import Hub
    from portal.metrics import Metrics
    from portal.ports import Accounts, Reader
    from portal.rendering import Renderer
    from portal.snapshots import Snapshots

SESSION_COOKIE: Final = "gorod_session"
_YEAR_S: Final = 365 * 86_400
_IN_ADDRESS: Final = ("sort", "state", "next", "lang")


@dataclass(frozen=True, slots=True)
class Portal:
    """The parts of one application."""

    config: Config
    reader: Reader
    accounts: Accounts
    renderer: Renderer
    snapshots: Snapshots
    hub: Hub
    metrics: Metrics
    clock: Callable[[], datetime]
    passwords: CapacityLimiter


class NotSignedInError(Exception):
    """The page is for people who have signed in; `enrolling` ones have still to set up the second factor."""

    def __init__(self, *, enrolling: bool = False) -> None:
        super().__init__()
        self.enrolling = enrolling


def portal_of(request: Request) -> Portal:
    """The application's parts."""
    return cast("Portal", request.app.state.portal)


def held_session(request: Request) -> Session | None:
    """The session of the request's cookie, whatever its stage; a page that reloads itself is no sign of its reader."""
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        return None
    portal = portal_of(request)
    touch = "auto" not in request.query_params and not request.url.path.startswith("/events/")
    return portal.accounts.session(token, portal.clock(), touch=touch)


HeldSession = Annotated[Session | None, Depends(held_session)]


def open_session(session: HeldSession) -> Session:
    """The session of somebody who has signed in wholly."""
    if session is None:
        raise NotSignedInError
    if session.stage != "open":
        raise NotSignedInError(enrolling=True)
    return session


OpenSession = Annotated[Session, Depends(open_session)]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, what of the city they see, and their page."""

    session: Session
    portal: Portal
    scope: str
    page: Page

    def may(self, right: security.Right) -> bool:
        """Whether the caller's role has the right."""
        return security.may(self.session.account.role, right)

    def need(self, right: security.Right) -> None:
        """Refuse the page to a role that has not the right."""
        if not self.may(right):
            raise HTTPException(HTTP_403_FORBIDDEN)


def page_of(request: Request, session: Session | None) -> Page:
    """The page of a request: language, moment, address."""
    portal = portal_of(request)
    query = tuple((name, request.query_params[name]) for name in _IN_ADDRESS if name in request.query_params)
    words = Words(language_of(request), portal.config.timezone)
    return Page(words, portal.clock(), session, request.url.path, query)


def caller_of(request: Request, session: OpenSession) -> Caller:
    """The signed-in caller."""
    account = session.account
    return Caller(
        session, portal_of(request), security.scope_of(account.role, account.schools), page_of(request, session)
    )


SignedIn = Annotated[Caller, Depends(caller_of)]


def from_our_page(request: Request) -> None:
    """Refuse a form that another site sent."""
    if not security.same_origin(request.headers):
        raise HTTPException(HTTP_403_FORBIDDEN)


def reply(request: Request, html: str, status: int = 200) -> Response:
    """A page as the answer; a language that its address asks for is remembered."""
    response = respond(html, status)
    asked = request.query_params.get("lang")
    if asked in LANGUAGES and request.cookies.get(LANGUAGE_COOKIE) != asked:
        secure = request.url.scheme == "https"
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=_YEAR_S, httponly=True, samesite="lax", secure=secure)
    return response
