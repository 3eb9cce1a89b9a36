"""A teacher's pages: today, own journals, one journal, what is missing in them. Heads and deputies read the same journals."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

from collector.store import group_terms, journal, timetable
from portal import paging, periods
from portal.addresses import key_of
from portal.deps import Caller, SignedIn  # noqa: TC001  FastAPI reads the annotations
from portal.pages import staff
from portal.security import Right
from portal.views import journal as journal_view

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from collector.store.journal import Group
    from collector.store.marks import Term
    from collector.store.reader import Reader
    from portal.pages.staff import Desk

router = APIRouter()

GAP_DAYS: Final = 30
"""How far back missing entries are looked for."""


@router.get("/today")
def today_page(request: Request, caller: SignedIn) -> Response:
    """Lessons of a day and what is missing in the journals; also the first page of a teacher."""
    caller.need(Right.OWN_JOURNALS)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader)
        today = held.school.today
        day = periods.day_of(request.query_params.get("day", "")) or today
        lessons = timetable.of_teacher(reader, caller.names, held.school.school, day, day)
        gaps = _gaps(reader, held)
    return staff.page(request, caller, "today.html", held, day=day, lessons=lessons, gaps=gaps, near=_near(day))


@router.get("/journals")
def journals_page(request: Request, caller: SignedIn) -> Response:
    """Journals that the caller may read: the own ones, or the school's."""
    caller.need(Right.JOURNALS)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader)
        groups = journal.groups(reader, held.school.school)
        missing = journal_view.by_group(_gaps(reader, held)) if caller.may(Right.OWN_JOURNALS) else None
    subject = request.query_params.get("subject", "")
    subjects = list(dict.fromkeys(group.subject for group in groups))
    shown = [group for group in groups if subject in ("", group.subject)] if subject in subjects else list(groups)
    return staff.page(
        request,
        caller,
        "journals.html",
        held,
        part=paging.cut(shown, _key, request.query_params.get("after", "")),
        subjects=subjects,
        subject=subject if subject in subjects else "",
        missing=missing,
    )


@router.get("/journals/{school}/{group}")
def journal_page(request: Request, caller: SignedIn, school: str, group: str) -> Response:
    """One journal over a month or a term; one that the caller may not read is as if there were none."""
    caller.need(Right.JOURNALS)
    key, asked = key_of(group), request.query_params
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader, school)
        terms = group_terms.terms(reader, school, key)
        chosen = periods.day_of(asked.get("day", ""))
        month = f"{chosen:%Y-%m}" if chosen else asked.get("month", "")
        period = periods.choose(terms, asked.get("term", ""), month, held.school.today)
        page = journal.page(reader, caller.names, school, key, period.first, period.last)
        if page is None:
            raise staff.not_found()
        shown = _with_results(period, terms)
        pupils = [row.pupil.pupil for row in page.rows]
        results = group_terms.results(reader, school, key, [term.term for term in shown], pupils)
    view = journal_view.journal(page, shown, results, held.school.today, chosen, caller.page.words)
    return staff.page(
        request,
        caller,
        "journal.html",
        held,
        group=page.group,
        view=view,
        term_links=[
            (
                f"{request.url.path}?{urlencode({'term': term.term})}",
                term.name,
                term == period.term and not period.month,
            )
            for term in terms
            if term.kind != "year"
        ],
        month_links=_months(request.url.path, period, held),
    )


@router.get("/gaps")
def gaps_page(request: Request, caller: SignedIn) -> Response:
    """What is missing in the own journals, each with its day."""
    caller.need(Right.OWN_JOURNALS)
    what = request.query_params.get("lacks", "")
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader)
        gaps = _gaps(reader, held)
    what = what if what in ("topic", "attendance", "few_marks") else ""
    entries = () if what == "few_marks" else gaps.chosen(what)
    return staff.page(
        request,
        caller,
        "gaps.html",
        held,
        gaps=gaps,
        what=what,
        part=paging.cut(entries, _entry_key, request.query_params.get("after", "")),
        since=held.school.today - timedelta(days=GAP_DAYS),
    )


@router.get("/lessons/{school}/{lesson}")
def lesson_page(request: Request, caller: SignedIn, school: str, lesson: str) -> Response:
    """The journal that the lesson stands in, at its day."""
    caller.need(Right.JOURNALS)
    with caller.reading() as reader:
        staff.desk(request, caller, reader, school)
        place = group_terms.lesson_place(reader, school, key_of(lesson))
    if place is None:
        raise staff.not_found()
    day, anchor = place.day.isoformat(), journal_view.anchor(place.day, place.number)
    return RedirectResponse(f"{staff.journal_address(school, place.group)}?day={day}#{anchor}", HTTP_303_SEE_OTHER)


def _gaps(reader: Reader, held: Desk) -> journal_view.Gaps:
    today = held.school.today
    return journal_view.gaps(journal.gaps(reader, held.school.school, today, today - timedelta(days=GAP_DAYS)))


def _with_results(period: periods.Period, terms: Sequence[Term]) -> list[Term]:
    """Whose results stand beside the marks: of the terms that have begun, with a whole term also those before it."""
    parts = [term for term in terms if term.kind != "year"]
    if period.month is not None:
        return [period.term] if period.term else []
    return [term for term in parts if term.first <= period.first]


def _months(address: str, period: periods.Period, held: Desk) -> list[tuple[str, str, bool]]:
    """Links to the months of the term, and to the one that is shown if it lies outside."""
    months = periods.months(period.term.first, period.term.last) if period.term else []
    if period.month is not None and period.month not in months:
        months = sorted([*months, period.month])
    return [(f"{address}?month={one:%Y-%m}", held.spoken.month(one), one == period.month) for one in months]


def _near(day: date) -> tuple[date, date]:
    """The days before and after, Sundays left out."""
    step = timedelta(days=1)
    before, after = day - step, day + step
    sunday = 7
    return (before - step if before.isoweekday() == sunday else before), (
        after + step if after.isoweekday() == sunday else after
    )


def _key(group: Group) -> str:
    return group.group


def _entry_key(entry: journal_view.MissingEntry) -> str:
    return f"{entry.group} {entry.day} {entry.number}"


def first_page(request: Request, caller: Caller) -> Response:
    """What a teacher sees first."""
    return staff.opening(request, caller, today_page)
