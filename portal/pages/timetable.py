"""The timetable of a week, and feeds of it for calendars on telephones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.status import HTTP_201_CREATED, HTTP_303_SEE_OTHER, HTTP_404_NOT_FOUND, HTTP_422_UNPROCESSABLE_CONTENT

from collector.store import feeds, people, timetable
from collector.store.names import Names
from portal import addresses, icalendar
from portal.deps import Caller, SignedIn, check_token, portal_of, reply
from portal.family import Visit, local_time, visit
from portal.views.shared import monday_of, week_text
from portal.views.timetable import days_view
from portal.words import Words

if TYPE_CHECKING:
    from datetime import date

router = APIRouter()

Text = Annotated[str, Form(max_length=1000)]
_WEEK: Final = timedelta(days=7)
_AHEAD: Final = timedelta(days=54)


@router.get("/children/{school}/{pupil}/timetable")
def timetable_page(request: Request, caller: SignedIn, school: str, pupil: str, week: str = "") -> Response:
    """One week with what changes in it."""
    with visit(caller, school, pupil) as child:
        monday = monday_of(week, child.today)
        if monday is None:
            raise HTTPException(HTTP_422_UNPROCESSABLE_CONTENT)
        return _page(request, child, monday)


@router.post("/children/{school}/{pupil}/feed")
def make_feed(request: Request, caller: SignedIn, school: str, pupil: str, csrf: Text = "") -> Response:
    """Make an address for a calendar; it is shown this one time."""
    check_token(caller.session, csrf)
    with visit(caller, school, pupil) as child:
        key = child.key
    with caller.portal.data.noting() as connection:
        token = feeds.make(connection, caller.session.account.id, key, caller.page.words.lang, caller.page.now)
    with visit(caller, school, pupil) as child:
        address = f"{str(request.base_url).rstrip('/')}/feeds/{token}.ics" if token else ""
        return _page(request, child, monday_of("", child.today) or child.today, address, full=token is None)


@router.post("/children/{school}/{pupil}/feed/revoke")
def revoke_feed(
    caller: SignedIn, school: str, pupil: str, csrf: Text = "", number: Annotated[int, Form(ge=0, lt=2**63)] = 0
) -> Response:
    """End a feed: its address answers nothing from now on."""
    check_token(caller.session, csrf)
    with visit(caller, school, pupil) as child:
        target = addresses.child(*child.key, "timetable")
    with caller.portal.data.noting() as connection:
        feeds.revoke(connection, caller.session.account.id, number, caller.page.now)
    return RedirectResponse(f"{target}#calendar", HTTP_303_SEE_OTHER)


@router.get("/feeds/{token}.ics")
def feed(request: Request, token: str) -> Response:
    """The timetable behind a secret address, a week back and eight weeks ahead, as its maker may see it now."""
    portal = portal_of(request)
    with portal.data.noting() as connection:
        found = feeds.find(connection, token)
    if found is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    words, names = Words(found.lang, portal.config.timezone), Names(None)
    with portal.data.reader(found.account, portal.clock()) as reader:
        own = people.own_pupils(reader, names)
        child = next((one for one in own if (one.school, one.pupil) == (found.school, found.pupil)), None)
        if child is None:
            raise HTTPException(HTTP_404_NOT_FOUND)
        today = local_time(reader.now, child.zone).date()
        slots = timetable.of_pupil(reader, names, child.school, child.pupil, today - _WEEK, today + _AHEAD)
    name = words.gettext("Timetable") + (f" {child.class_name}" if child.class_name else "")
    body = icalendar.calendar(words, slots, child.zone, name, reader.now)
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": 'inline; filename="timetable.ics"'}
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


def _page(request: Request, child: Visit, monday: date, address: str = "", *, full: bool = False) -> Response:
    caller: Caller = child.caller
    slots = timetable.of_pupil(child.reader, child.names, *child.key, monday, monday + _WEEK - timedelta(days=1))
    days = days_view(caller.page.words, slots, monday, child.today)
    values = child.values() | {
        "view": "timetable",
        "days": days,
        "first": monday,
        "last": days[-1].day,
        "previous": week_text(monday - _WEEK),
        "following": week_text(monday + _WEEK),
        "current": monday <= child.today < monday + _WEEK,
        "changes": sum(bool(lesson.change) for day in days for lesson in day.lessons),
        "feeds": feeds.living(child.reader, *child.key),
        "made": address,
        "full": full,
    }
    page = replace(
        caller.page, address=addresses.child(*child.key, "timetable")
    )  # a form's answer has the page's address too
    html = caller.portal.renderer.html("timetable.html", page, **values)
    return reply(request, html, HTTP_201_CREATED if address else 200)
