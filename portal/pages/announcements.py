"""Announcements of the reader's schools, and which of them the reader has noted as read."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER, HTTP_404_NOT_FOUND

from collector.store import announcements, freshness, reads
from portal.deps import SignedIn, check_token, reply
from portal.views import shared

router = APIRouter()

Text = Annotated[str, Form(max_length=1000)]
MOST: Final = 50


@router.get("/announcements")
def announcements_page(request: Request, caller: SignedIn) -> Response:
    """What is published for the reader and has not ended, newest first."""
    words = caller.page.words
    with caller.reading() as reader:
        found = announcements.current(reader, caller.names, MOST)
        read = reads.of_reader(reader)
        schools = freshness.of_schools(reader, caller.session.account.schools)
    fresh = [one for one in found if (one.school, one.announcement) not in read]
    html = caller.portal.renderer.html(
        "announcements.html",
        caller.page,
        fresh=fresh,
        known=[one for one in found if one not in fresh],
        stamps=shared.stamps(words, schools, caller.page.now),
        school_names={one.school: one.name for one in schools},
    )
    return reply(request, html)


@router.post("/announcements/read")
def note_read(caller: SignedIn, csrf: Text = "", school: Text = "", announcement: Text = "") -> Response:
    """Note one announcement as read, or all where none is named; one that the reader does not see is as if there were none."""
    check_token(caller.session, csrf)
    with caller.reading() as reader:
        seen = [(one.school, one.announcement) for one in announcements.current(reader, caller.names, MOST)]
    wanted = seen if not announcement else [key for key in seen if key == (school, announcement)]
    if announcement and not wanted:
        raise HTTPException(HTTP_404_NOT_FOUND)
    with caller.portal.data.noting() as connection:
        reads.note(connection, caller.session.account.id, wanted, caller.page.now)
    return RedirectResponse("/announcements", HTTP_303_SEE_OTHER)
