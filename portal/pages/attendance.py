"""Attendance of a term or a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.status import HTTP_404_NOT_FOUND, HTTP_422_UNPROCESSABLE_CONTENT

from collector.store import attendance, marks
from portal.deps import SignedIn, reply
from portal.family import Visit, visit
from portal.views.attendance import attendance_view, months_of
from portal.views.marks import current_term
from portal.views.shared import FURTHER, month_of

if TYPE_CHECKING:
    from datetime import date

router = APIRouter()


@router.get("/children/{school}/{pupil}/attendance")
def attendance_page(
    request: Request, caller: SignedIn, school: str, pupil: str, term: str = "", month: str = ""
) -> Response:
    """The calendar of a month, or of a term: the one of today where the address names none."""
    with visit(caller, school, pupil) as child:
        terms = marks.terms(child.reader, *child.key)
        chosen = current_term(terms, term, child.today)
        if term and chosen is None:
            raise HTTPException(HTTP_404_NOT_FOUND)
        further = (
            child.child.school_kind == FURTHER
        )  # it has terms of many kinds, none of which says anything to its families
        first, last = _period(child, None if further and not term else chosen, month)
        found = attendance.of_pupil(child.reader, *child.key, first, max(first, min(last, child.today)))
        values = child.values() | {"view": "attendance"}
        year = [one for one in terms if chosen is not None and one.year == chosen.year]
    words = caller.page.words
    values |= {
        "attendance": attendance_view(words, found, child.today),
        "term": None if month else chosen,
        "terms": [] if further else [one for one in year if one.first <= child.today],
        "months": months_of(chosen, year, child.today),
        "month": month or (f"{first:%Y-%m}" if further else ""),
    }
    return reply(request, caller.portal.renderer.html("attendance.html", caller.page, **values))


def _period(child: Visit, term: marks.Term | None, month: str) -> tuple[date, date]:
    if month:
        period = month_of(month)
        if period is None:
            raise HTTPException(HTTP_422_UNPROCESSABLE_CONTENT)
        return period
    if term is not None:
        return term.first, term.last
    return month_of(f"{child.today:%Y-%m}") or (child.today, child.today)
