"""The diary: a pupil's week."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.status import HTTP_422_UNPROCESSABLE_CONTENT

from collector.store import diary
from portal.deps import SignedIn, reply
from portal.family import visit
from portal.views.diary import week_view
from portal.views.shared import monday_of

router = APIRouter()


@router.get("/children/{school}/{pupil}/diary")
def diary_page(request: Request, caller: SignedIn, school: str, pupil: str, week: str = "") -> Response:
    """One week, Monday first; on paper one sheet."""
    with visit(caller, school, pupil) as child:
        monday = monday_of(week, child.today)
        if monday is None:
            raise HTTPException(HTTP_422_UNPROCESSABLE_CONTENT)
        found = diary.week(child.reader, child.names, *child.key, monday)
        values = child.values() | {"week": week_view(caller.page.words, found, child.today), "view": "diary"}
    return reply(request, caller.portal.renderer.html("diary.html", caller.page, **values))
