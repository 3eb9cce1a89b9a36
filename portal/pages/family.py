"""A family's first page, and the sections' own addresses, which know which child is meant or ask."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

from collector.store import announcements, attendance, diary, marks, news, reads, timetable
from portal import addresses
from portal.deps import Caller, SignedIn, reply
from portal.family import Household, household
from portal.views import shared
from portal.views.today import ChildToday, Gathered, child_today, sentence
from proto.texts import _

if TYPE_CHECKING:
    from collector.store.people import Pupil

router = APIRouter()

_WEEK: Final = timedelta(days=7)
_NEWEST: Final = 3
_TITLES: Final = {
    "diary": _("Diary"),
    "marks": _("Marks"),
    "attendance": _("Attendance"),
    "timetable": _("Timetable"),
}


def today_page(request: Request, caller: Caller) -> Response:
    """The first page of a pupil or a parent."""
    with household(caller) as family:
        values = family.values()
        blocks = [_today(family, child, values["called"][child.school, child.pupil]) for child in family.children]
        read = reads.of_reader(family.reader)
        said = announcements.current(family.reader, family.names)
    words = caller.page.words
    values |= {
        "blocks": blocks,
        "sentence": sentence(words, blocks),
        "unread": [one for one in said if (one.school, one.announcement) not in read][:_NEWEST],
    }
    return reply(request, caller.portal.renderer.html("today.html", caller.page, **values))


@router.get("/diary")
def to_diary(request: Request, caller: SignedIn) -> Response:
    """The diary of the only child, or the question whose."""
    return _choose(request, caller, "diary")


@router.get("/marks")
def to_marks(request: Request, caller: SignedIn) -> Response:
    """The marks of the only child, or the question whose."""
    return _choose(request, caller, "marks")


@router.get("/attendance")
def to_attendance(request: Request, caller: SignedIn) -> Response:
    """The attendance of the only child, or the question whose."""
    return _choose(request, caller, "attendance")


@router.get("/timetable")
def to_timetable(request: Request, caller: SignedIn) -> Response:
    """The timetable of the only child, or the question whose."""
    return _choose(request, caller, "timetable")


def _choose(request: Request, caller: Caller, view: str) -> Response:
    with household(caller) as family:
        if len(family.children) == 1:
            child = family.children[0]
            return RedirectResponse(addresses.child(child.school, child.pupil, view), HTTP_303_SEE_OTHER)
        values = family.values()
    html = caller.portal.renderer.html("choose.html", caller.page, **values, view=view, title=_TITLES[view])
    return reply(request, html)


def _today(family: Household, child: Pupil, name: str) -> ChildToday:
    reader, names, day = family.reader, family.names, family.local(child).date()
    key, since = (child.school, child.pupil), family.since(child)
    weeks = [diary.week(reader, names, *key, day)]
    if not any(one.lessons for one in weeks[0].days if one.day > day):
        weeks.append(diary.week(reader, names, *key, day + _WEEK))
    further = child.school_kind == shared.FURTHER
    found = Gathered(
        child=child,
        today=day,
        weeks=tuple(weeks),
        changes=timetable.of_pupil(reader, names, *key, day, day),
        marks=() if further else news.new_marks(reader, *key, since),
        results=() if further else news.new_results(reader, *key, since),
        recent=attendance.of_pupil(reader, *key, day - _WEEK, day),
        debts=() if further else diary.debts(reader, *key, day, year_begin(marks.terms(reader, *key), day)),
    )
    return child_today(family.words, found, name)


def year_begin(terms: tuple[marks.Term, ...], day: date) -> date:
    """First day of the school-year that holds the day; the day itself less a year where no term tells."""
    years = {term.year for term in terms if term.first <= day <= term.last}
    begins = [term.first for term in terms if term.year in years]
    return min(begins, default=day - timedelta(days=365))
