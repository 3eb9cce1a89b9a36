"""The department's first page: every school's synchronisation; and each school's own page. Both update themselves."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.status import HTTP_303_SEE_OTHER, HTTP_404_NOT_FOUND, HTTP_503_SERVICE_UNAVAILABLE

from collector.store.account_tables import PERSON_ROLES
from portal import names, overview
from portal.deps import SESSION_COOKIE, Caller, SignedIn, reply
from portal.live import Topic
from portal.pages import school_day, teacher
from portal.pages.family import today_page
from portal.security import Right

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from collector.store.sessions import Session

router = APIRouter()

_CHECK_S = 30.0
_OPENINGS: Final = {
    Right.SCHOOLS: lambda request, caller: reply(request, _schools_page(request, caller)),
    Right.OWN_JOURNALS: teacher.first_page,
    Right.SCHOOL_DAY: school_day.first_page,
}
"""What a role sees first: the page of the first of these rights that it has."""


@router.get("/")
def first_page(request: Request, caller: SignedIn) -> Response:
    """The first page of each role."""
    if caller.session.account.role in PERSON_ROLES:
        return today_page(request, caller)
    for right, opening in _OPENINGS.items():
        if caller.may(right):
            return opening(request, caller)
    caller.need(Right.OWN_SCHOOL)
    schools = caller.session.account.schools
    if len(schools) == 1:
        return RedirectResponse(f"/schools/{schools[0]}", HTTP_303_SEE_OTHER)
    return reply(request, _schools_page(request, caller))


@router.get("/schools/{school}")
def school_page(request: Request, caller: SignedIn, school: str) -> Response:
    """One school's synchronisation; a school that the caller does not see is as if there were none."""
    caller.need(Right.OWN_SCHOOL)
    portal, page = caller.portal, caller.page
    card = portal.reader.card(caller.scope, school, page.now)
    if card is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    known = portal.snapshots.of_card(card, page.words.lang, page.now).fingerprint
    html = portal.renderer.html(
        "school.html",
        page,
        **portal.renderer.card_values(card, page.words),
        listed=caller.may(Right.SCHOOLS) or len(caller.session.account.schools) > 1,
        events=f"/events/schools/{school}?lang={page.words.lang}&known={known}",
    )
    return reply(request, html)


@router.get("/events/schools")
async def list_events(request: Request, caller: SignedIn) -> Response:
    """Changes of the first page, as they happen."""
    caller.need(Right.OWN_SCHOOL)
    return _stream(request, caller, "")


@router.get("/events/schools/{school}")
async def school_events(request: Request, caller: SignedIn, school: str) -> Response:
    """Changes of a school's page, as they happen."""
    caller.need(Right.OWN_SCHOOL)
    return _stream(request, caller, school)


def _schools_page(request: Request, caller: Caller) -> str:
    portal, page = caller.portal, caller.page
    schools = portal.reader.schools(caller.scope, page.now)
    state = request.query_params.get("state", "")
    state = state if state in names.FILTERS else ""
    order = overview.Order.read(request.query_params.get("sort", ""))
    known = portal.snapshots.of_list(schools, page.words.lang, page.now).fingerprint
    return portal.renderer.html(
        "schools.html",
        page,
        schools=schools,
        rows=overview.arrange(schools, state, order),
        order=order,
        chosen=state,
        counts={"": len(schools), **overview.counts(schools)},
        summary=portal.renderer.summary(schools, page),
        events=f"/events/schools?lang={page.words.lang}&known={known}",
    )


def _seen(session: Session) -> tuple[str, tuple[str, ...]]:
    return session.account.role, session.account.schools


def _stream(request: Request, caller: Caller, school: str) -> Response:
    portal = caller.portal
    if portal.hub.full:
        raise HTTPException(HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": "30"})
    topic = Topic(caller.scope, school, caller.page.words.lang)
    known = request.headers.get("last-event-id", request.query_params.get("known", ""))
    messages = _while_signed_in(request, caller, topic, known)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)


async def _while_signed_in(request: Request, caller: Caller, topic: Topic, known: str) -> AsyncGenerator[str, None]:
    """The topic's messages for as long as the session lasts and shows the same; asked again every half minute."""
    portal, token = caller.portal, request.cookies[SESSION_COOKIE]
    checked = portal.clock()
    async with aclosing(portal.hub.watch(topic, known)) as messages:
        async for message in messages:
            now = portal.clock()
            if (now - checked).total_seconds() >= _CHECK_S:
                checked = now
                session = await anyio.to_thread.run_sync(
                    lambda: portal.accounts.session(token, portal.clock(), touch=False)
                )
                if session is None or _seen(session) != _seen(caller.session):
                    yield "event: over\ndata: {}\n\n"
                    return
            yield message
