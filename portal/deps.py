"""What a page's function is given: the parts of the application, the reader's page, the signed-in caller."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, cast

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.status import HTTP_403_FORBIDDEN, HTTP_404_NOT_FOUND, HTTP_429_TOO_MANY_REQUESTS

from collector.store.sessions import Place, Session
from portal import security
from portal.devices import device_words
from portal.rendering import LANGUAGE_COOKIE, Page, language_of, respond
from portal.words import LANGUAGES, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from anyio import CapacityLimiter
    from starlette.responses import Response

    from collector.store import reader as store
    from collector.store.names import Names
    from portal.config import Config
    from portal.live import Hub
    from portal.metrics import Metrics
    from portal.people import StorePeople
    from portal.ports import Accounts, Reader, SchoolData
    from portal.provider import Provider
    from portal.rendering import Renderer
    from portal.snapshots import Snapshots
    from portal.visits import Visits

SESSION_COOKIE: Final = "gorod_session"
_YEAR_S: Final = 365 * 86_400
_IN_ADDRESS: Final = (
    "sort",
    "state",
    "next",
    "class",
    "week",
    "term",
    "month",
    "year",
    "subject",
    "day",
    "school",
    "lacks",
    "risk",
    "role",
    "kind",
    "lang",
)
"""Parameters that a page's links to itself carry on."""


@dataclass(frozen=True, slots=True)
class Portal:
    """The parts of one application."""

    config: Config
    reader: Reader
    accounts: Accounts
    data: SchoolData
    renderer: Renderer
    snapshots: Snapshots
    hub: Hub
    metrics: Metrics
    clock: Callable[[], datetime]
    passwords: CapacityLimiter
    measures: tuple[security.Measure, security.Measure]
    """Forms of an account, forms of an address."""
    people: StorePeople | None = None
    visits: Visits | None = None
    provider: Provider | None = None


class NotSignedInError(Exception):
    """The page is for people who have signed in; `enrolling` ones have still to set up the second factor."""

    def __init__(self, *, enrolling: bool = False) -> None:
        super().__init__()
        self.enrolling = enrolling


def portal_of(request: Request) -> Portal:
    """The application's parts."""
    return cast("Portal", request.app.state.portal)


def people_of(request: Request) -> StorePeople:
    """The people of the city; the pages that need them are only there if they are."""
    people = portal_of(request).people
    if people is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    return people


def token_of(request: Request) -> str:
    """The session's token."""
    return request.cookies.get(SESSION_COOKIE, "")


def address_of(request: Request) -> str:
    """Where the reader comes from."""
    return request.client.host if request.client else ""


def place_of(request: Request, *, kept: bool = False) -> Place:
    """The reader's device in words, and whether they call it their own."""
    return Place(device_words(request.headers.get("user-agent", "")), kept)


def held_session(request: Request) -> Session | None:
    """The session of the request's cookie, whatever its stage; a page that reloads itself is no sign of its reader."""
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        return None
    portal = portal_of(request)
    return portal.accounts.session(token, portal.clock(), touch=is_reading(request))


def is_reading(request: Request) -> bool:
    """Whether somebody asked for the page, or it renews itself."""
    return "auto" not in request.query_params and not request.url.path.startswith("/events/")


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

    @contextmanager
    def reading(self) -> Iterator[store.Reader]:
        """School data as the caller may see them, looked up anew in one transaction: all of a page's data are of one moment."""
        with self.portal.data.reader(self.session.account.id, self.page.now) as reader:
            yield reader

    @property
    def names(self) -> Names:
        """Opens sealed names for :meth:`reading`."""
        return self.portal.data.names


def page_of(request: Request, session: Session | None) -> Page:
    """The page of a request: language, moment, address."""
    portal = portal_of(request)
    query = tuple((name, request.query_params[name]) for name in _IN_ADDRESS if name in request.query_params)
    words = Words(language_of(request), portal.config.timezone)
    return Page(words, portal.clock(), session, request.url.path, query)


def caller_of(request: Request, session: OpenSession) -> Caller:
    """The signed-in caller."""
    account, portal = session.account, portal_of(request)
    page = page_of(request, session)
    if portal.visits is not None and request.method == "GET" and is_reading(request):
        route = getattr(request.scope.get("route"), "path", "/")
        day = page.now.astimezone(portal.config.timezone).date()
        portal.visits.note(account, route, request.path_params.get("school", ""), day)
    return Caller(session, portal, security.scope_of(account.role, account.schools), page)


SignedIn = Annotated[Caller, Depends(caller_of)]


def from_our_page(request: Request) -> None:
    """Refuse a form that another site sent."""
    if not security.same_origin(request.headers):
        raise HTTPException(HTTP_403_FORBIDDEN)


def in_measure(request: Request, session: HeldSession) -> None:
    """Ask whoever sends forms faster than people do to wait: by account, and by address."""
    if request.method != "POST":
        return
    portal = portal_of(request)
    account, address = portal.measures
    now_s = portal.clock().timestamp()
    waits = [address.wait_s(address_of(request), now_s)]
    if session is not None:
        waits.append(account.wait_s(str(session.account.id), now_s))
    if max(waits):
        raise HTTPException(HTTP_429_TOO_MANY_REQUESTS, headers={"Retry-After": str(max(waits))})


def check_token(session: Session, sent: str) -> None:
    """Refuse a form that does not carry its page's token."""
    if not security.token_fits(session.csrf, sent):
        raise HTTPException(HTTP_403_FORBIDDEN)


def reply(request: Request, html: str, status: int = 200) -> Response:
    """A page as the answer; a language that its address asks for is remembered."""
    response = respond(html, status)
    asked = request.query_params.get("lang")
    if asked in LANGUAGES and request.cookies.get(LANGUAGE_COOKIE) != asked:
        secure = request.url.scheme == "https"
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=_YEAR_S, httponly=True, samesite="lax", secure=secure)
    return response
