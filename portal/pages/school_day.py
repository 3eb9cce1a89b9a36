"""«Моя школа сегодня»: five lines for a head, a deputy and a secretary, each with the list that it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

from collector.store import people, today
from portal import paging
from portal.deps import Caller, SignedIn  # noqa: TC001  FastAPI reads the annotations
from portal.pages import staff
from portal.security import Right

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.store.reader import Reader
    from portal.pages.staff import Desk

router = APIRouter()


@router.get("/day")
def day_page(request: Request, caller: SignedIn) -> Response:
    """The five lines; also the first page of a school's office."""
    caller.need(Right.SCHOOL_DAY)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader)
        board = today.board(reader, held.school.school, held.school.today)
        classes = () if board else people.classes(reader, caller.names, held.school.school)
    card = caller.portal.reader.card(caller.scope, held.school.school, caller.page.now)
    return staff.page(
        request,
        caller,
        "day.html",
        held,
        board=board,
        health=card.school if card else None,
        pupils=sum(one.pupils for one in classes),
        classes=len(classes),
    )


@router.get("/sync")
def sync_page(request: Request, caller: SignedIn) -> Response:
    """The own school's synchronisation, as its system administrator sees it."""
    caller.need(Right.OWN_SCHOOL)
    schools = caller.session.account.schools
    asked = request.query_params.get("school", "")
    if not schools or (asked and asked not in schools):
        raise staff.not_found()
    return RedirectResponse(f"/schools/{asked or schools[0]}", HTTP_303_SEE_OTHER)


@router.get("/day/{school}/absent")
def absent_page(request: Request, caller: SignedIn, school: str) -> Response:
    """Who is missing today, by class."""
    return _list(
        request,
        caller,
        school,
        "absent.html",
        lambda reader, held: today.absent(reader, caller.names, school, held.school.today),
        lambda one: one.pupil.pupil,
    )


@router.get("/day/{school}/unfilled")
def unfilled_page(request: Request, caller: SignedIn, school: str) -> Response:
    """Lessons of the last 14 days whose entry is not whole, with their teachers."""
    return _list(
        request,
        caller,
        school,
        "unfilled.html",
        lambda reader, held: today.not_filled(reader, caller.names, school, held.school.today),
        lambda one: one.lesson,
    )


@router.get("/day/{school}/debts")
def debts_page(request: Request, caller: SignedIn, school: str) -> Response:
    """Dots that no mark has paid, by class."""
    return _list(
        request,
        caller,
        school,
        "debts.html",
        lambda reader, _: today.debts_by_class(reader, school),
        lambda one: one.class_name,
    )


@router.get("/day/{school}/changes")
def changes_page(request: Request, caller: SignedIn, school: str) -> Response:
    """What was changed in journals after the end of the term."""
    return _list(
        request,
        caller,
        school,
        "changes.html",
        lambda reader, held: today.changed_after_end(reader, caller.names, school, held.school.today),
        lambda one: f"{one.at.isoformat()} {one.group_name} {one.lesson_day} {one.after}",
    )


def _list(
    request: Request,
    caller: Caller,
    school: str,
    template: str,
    read: Callable[[Reader, Desk], Sequence[Any]],
    key: Callable[[Any], str],
) -> Response:
    """One of the lists behind the lines, page by page."""
    caller.need(Right.SCHOOL_DAY)
    caller.need(Right.RESULTS)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader, school)
        rows = read(reader, held)
    part = paging.cut(rows, key, request.query_params.get("after", ""))
    return staff.page(request, caller, template, held, part=part, rows=rows)


def first_page(request: Request, caller: Caller) -> Response:
    """What a school's office sees first."""
    return staff.opening(request, caller, day_page)
