"""A class: its roll with today's attendance, pupils at risk, contacts, and the paper for the meeting of parents.

The class teacher sees the classes that they lead; heads and deputies every class of the school; the secretary lists and contacts of every
class, neither marks nor attendance.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

from collector.store import attendance, class_days, classes, diary, marks, own_schools, people
from portal import periods
from portal.addresses import key_of
from portal.deps import Caller, SignedIn  # noqa: TC001  FastAPI reads the annotations
from portal.pages import staff
from portal.security import Right
from portal.views import roll as class_view
from portal.views.class_book import ClassBook, PupilPage
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from collector.store.marks import Term
    from collector.store.people import Pupil, SchoolClass
    from collector.store.reader import Reader
    from portal.pages.staff import Desk

router = APIRouter()

MOST_PAGES: Final = 60
"""Pupils on one paper; no class is larger."""

VIEWS: Final = {
    "": (_("Roll"), Right.CLASSES),
    "risk": (_("At risk"), Right.RESULTS),
    "contacts": (_("Contacts"), Right.CLASSES),
    "meeting": (_("For the parents' meeting"), Right.RESULTS),
}
"""Pages of a class: last word of the address, label, who has it."""

_SHORTEST: Final = 3  # slashes in the address of the roll


@router.get("/class")
def own_class(request: Request, caller: SignedIn) -> Response:
    """The class that the caller leads, or a choice of several."""
    caller.need(Right.CLASSES)
    with caller.reading() as reader:
        led = own_schools.led_classes(reader)
        held = staff.desk(request, caller, reader, led[0].school if led else None)
        if len(led) == 1:
            return RedirectResponse(staff.class_address(led[0].school, led[0].class_id), HTTP_303_SEE_OTHER)
        found = [one for school in held.schools for one in people.classes(reader, caller.names, school.school)]
    own = {(one.school, one.class_id) for one in led}
    return staff.page(
        request, caller, "classes.html", held, classes=[one for one in found if (one.school, one.class_id) in own]
    )


@router.get("/classes")
def classes_page(request: Request, caller: SignedIn) -> Response:
    """Classes of the school."""
    caller.need(Right.CLASSES)
    caller.need(Right.SCHOOL_DAY)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader)
        found = people.classes(reader, caller.names, held.school.school)
    return staff.page(request, caller, "classes.html", held, classes=found)


@router.get("/classes/{school}/{class_id}")
def roll_page(request: Request, caller: SignedIn, school: str, class_id: str) -> Response:
    """The class's list with attendance of today and the week."""
    caller.need(Right.CLASSES)
    with caller.reading() as reader:
        held, one = _class(request, caller, reader, school, key_of(class_id))
        today = held.school.today
        pupils = people.class_list(reader, caller.names, school, one.class_id, today)
        monday = today - timedelta(days=today.weekday())
        results = caller.may(Right.RESULTS)
        keys = [pupil.pupil for pupil in pupils]
        places = class_days.places(reader, school, keys, monday, today) if results else ()
        term = _term(reader, school, one.class_id, today) if results else None
        risks = classes.risk(reader, caller.names, school, one.class_id, term) if term else ()
    view = class_view.roll(pupils, places, risks, (), today)
    return _page(request, caller, "roll.html", held, one, view=view, risks=len(risks), monday=monday)


@router.get("/classes/{school}/{class_id}/risk")
def risk_page(request: Request, caller: SignedIn, school: str, class_id: str) -> Response:
    """Pupils of the class with a reason to look at."""
    caller.need(Right.RESULTS)
    with caller.reading() as reader:
        held, one = _class(request, caller, reader, school, key_of(class_id))
        terms = classes.terms(reader, school, one.class_id)
        term = _chosen_term(terms, request, held.school.today)
        risks = classes.risk(reader, caller.names, school, one.class_id, term) if term else ()
    what = request.query_params.get("risk", "")
    what = what if what in class_view.KINDS else ""
    return _page(
        request,
        caller,
        "risk.html",
        held,
        one,
        term=term,
        term_links=[
            (f"{request.url.path}?{urlencode({'term': each.term})}", each.name, each == term)
            for each in terms
            if each.kind != "year" and each.first <= held.school.today
        ],
        risks=class_view.chosen(risks, what),
        all=len(risks),
        totals=class_view.totals(risks),
        what=what,
        sentence=lambda reason: class_view.sentence(reason, caller.page.words),
        tone=class_view.tone,
    )


@router.get("/classes/{school}/{class_id}/contacts")
def contacts_page(request: Request, caller: SignedIn, school: str, class_id: str) -> Response:
    """Whom to call: representatives of each pupil."""
    caller.need(Right.CLASSES)
    with caller.reading() as reader:
        held, one = _class(request, caller, reader, school, key_of(class_id))
        pupils = people.class_list(reader, caller.names, school, one.class_id, held.school.today)
        contacts = people.contacts(reader, caller.names, school, [pupil.pupil for pupil in pupils])
    view = class_view.roll(pupils, (), (), contacts, held.school.today)
    return _page(request, caller, "contacts.html", held, one, view=view)


@router.get("/classes/{school}/{class_id}/meeting")
def meeting_page(request: Request, caller: SignedIn, school: str, class_id: str) -> Response:
    """What the paper for the parents' meeting will hold, and for which term."""
    caller.need(Right.RESULTS)
    with caller.reading() as reader:
        held, one = _class(request, caller, reader, school, key_of(class_id))
        terms = classes.terms(reader, school, one.class_id)
    begun = [term for term in terms if term.first <= held.school.today]
    chosen = _chosen_term(terms, request, held.school.today)
    return _page(request, caller, "meeting.html", held, one, terms=begun, term=chosen)


@router.get("/classes/{school}/{class_id}/meeting.pdf")
def meeting_paper(request: Request, caller: SignedIn, school: str, class_id: str) -> Response:
    """The paper: one page for each pupil. Rendered in a thread of the pool, the database is left before it begins."""
    from portal.reports import meeting

    caller.need(Right.RESULTS)
    with caller.reading() as reader:
        held, one = _class(request, caller, reader, school, key_of(class_id))
        term = _chosen_term(classes.terms(reader, school, one.class_id), request, held.school.today)
        if term is None:
            raise staff.not_found()
        pupils = people.class_list(reader, caller.names, school, one.class_id, min(term.last, held.school.today))
        pages = [_pupil_page(reader, pupil, term, held.school.today) for pupil in pupils[:MOST_PAGES]]
    account = caller.session.account
    book = ClassBook(held.school.name, one.name, term, pages, held.school.as_of, account.login, caller.page.now)
    name = f"meeting-{held.school.today.isoformat()}.pdf"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(meeting.render(book, held.spoken), media_type="application/pdf", headers=headers)


def _pupil_page(reader: Reader, pupil: Pupil, term: Term, today: date) -> PupilPage:
    last = min(term.last, today)
    return PupilPage(
        pupil,
        marks.by_subject(reader, pupil.school, pupil.pupil, term),
        attendance.of_pupil(reader, pupil.school, pupil.pupil, term.first, last),
        diary.debts(reader, pupil.school, pupil.pupil, last, term.first),
    )


def _class(request: Request, caller: Caller, reader: Reader, school: str, class_id: str) -> tuple[Desk, SchoolClass]:
    """The class, if the caller leads it or sees the whole school; else there is none."""
    held = staff.desk(request, caller, reader, school)
    if not caller.may(Right.SCHOOL_DAY):
        led = {(one.school, one.class_id) for one in own_schools.led_classes(reader)}
        if (school, class_id) not in led:
            raise staff.not_found()
    found = next((one for one in people.classes(reader, caller.names, school) if one.class_id == class_id), None)
    if found is None:
        raise staff.not_found()
    return held, found


def _term(reader: Reader, school: str, class_id: str, today: date) -> Term | None:
    return periods.around(classes.terms(reader, school, class_id), today)


def _chosen_term(terms: Sequence[Term], request: Request, today: date) -> Term | None:
    asked = request.query_params.get("term", "")
    return next((term for term in terms if term.term == asked), None) or periods.around(terms, today)


def _page(request: Request, caller: Caller, template: str, held: Desk, one: SchoolClass, **values: Any) -> Response:
    here = request.url.path.rsplit("/", 1)[-1]
    here = here if here in VIEWS and request.url.path.count("/") > _SHORTEST else ""
    tabs = [
        (staff.class_address(held.school.school, one.class_id, view), caller.page.words.gettext(label), view == here)
        for view, (label, right) in VIEWS.items()
        if caller.may(right)
    ]
    return staff.page(request, caller, template, held, one=one, tabs=tabs, results=caller.may(Right.RESULTS), **values)
