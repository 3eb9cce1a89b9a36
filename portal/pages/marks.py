"""Marks of a term by subject, the year's results, debts, and the calculator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException
from starlette.status import HTTP_404_NOT_FOUND

from collector.store import diary, marks
from portal import addresses
from portal.deps import Caller, SignedIn, reply
from portal.family import Visit, visit
from portal.pages.family import year_begin
from portal.views import whatif
from portal.views.marks import GOALS, current_term, results_view, term_view
from portal.views.shared import FURTHER
from proto.texts import _

if TYPE_CHECKING:
    from collector.store.marks import Term

router = APIRouter()

RESULT_HEADS: Final = {"year": _("Year"), "exam": _("Exam"), "final": _("Final"), "gia": _("State exam")}


@router.get("/children/{school}/{pupil}/marks")
def marks_page(request: Request, caller: SignedIn, school: str, pupil: str, term: str = "") -> Response:
    """Marks of a term; the one of today where the address names none."""
    with visit(caller, school, pupil) as child:
        values = child.values() | {"view": "marks", "tabs": _tabs(child, "marks")}
        if child.child.school_kind == FURTHER:
            return _page(request, caller, "unmarked.html", values)
        terms = marks.terms(child.reader, *child.key)
        chosen = _term(terms, term, child)
        found = marks.by_subject(child.reader, *child.key, chosen) if chosen else ()
        beside = marks.group_means(child.reader, *child.key, chosen) if chosen else ()
    values |= {"term": chosen, "terms": _of_year(terms, chosen), "years": _years(terms)}
    values["marks"] = term_view(caller.page.words, found, beside)
    return _page(request, caller, "marks.html", values)


@router.get("/children/{school}/{pupil}/results")
def results_page(request: Request, caller: SignedIn, school: str, pupil: str, year: str = "") -> Response:
    """Results of a school-year, of the newest where the address names none."""
    with visit(caller, school, pupil) as child:
        values = child.values() | {"view": "results", "tabs": _tabs(child, "results")}
        if child.child.school_kind == FURTHER:
            return _page(request, caller, "unmarked.html", values)
        terms = marks.terms(child.reader, *child.key)
        begun = [one for one in terms if one.first <= child.today]
        chosen = next((one.year for one in (terms if year else begun or terms) if not year or one.year == year), None)
        if year and chosen is None:
            raise HTTPException(HTTP_404_NOT_FOUND)
        found = marks.results(child.reader, *child.key, chosen) if chosen else ()
    words = caller.page.words
    heads = {kind: words.gettext(head) for kind, head in RESULT_HEADS.items()}
    values |= {"years": _years(terms), "year": chosen}
    values["results"] = results_view(words, found, [one for one in terms if one.year == chosen], heads)
    return _page(request, caller, "results.html", values)


@router.get("/children/{school}/{pupil}/debts")
def debts_page(request: Request, caller: SignedIn, school: str, pupil: str) -> Response:
    """What is owed in this school-year, over all subjects."""
    with visit(caller, school, pupil) as child:
        values = child.values() | {"view": "debts", "tabs": _tabs(child, "debts")}
        if child.child.school_kind == FURTHER:
            return _page(request, caller, "unmarked.html", values)
        begin = year_begin(marks.terms(child.reader, *child.key), child.today)
        found = diary.debts(child.reader, *child.key, child.today, begin)
    values |= {
        "debts": [one for one in found if one.reason == "duty"],
        "unmarked": [one for one in found if one.reason != "duty"],
        "begin": begin,
        "most": diary.DEBTS_SHOWN,
        "whole": len(found) < diary.DEBTS_SHOWN,
    }
    return _page(request, caller, "debts.html", values)


@dataclass(frozen=True, slots=True)
class Question:
    """The calculator's form."""

    subject: str
    term: str = ""
    goal: str = ""
    weight: str = ""
    more: str = ""


@router.get("/children/{school}/{pupil}/whatif")
def whatif_page(
    request: Request, caller: SignedIn, school: str, pupil: str, question: Annotated[Question, Depends()]
) -> Response:
    """What is needed for a mark in a subject; nothing is kept of it."""
    asked = whatif.read(question.goal, question.weight, question.more)
    with visit(caller, school, pupil) as child:
        values = child.values() | {"view": "marks", "tabs": _tabs(child, "marks")}
        chosen = _term(marks.terms(child.reader, *child.key), question.term, child)
        found = marks.by_subject(child.reader, *child.key, chosen) if chosen else ()
    one = next((each for each in found if each.group == question.subject), None)
    if one is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    values |= {"term": chosen, "subject": one, "asked": asked, "goals": GOALS}
    values["answer"] = whatif.answer(caller.page.words, one, asked)
    return _page(request, caller, "whatif.html", values)


def _page(request: Request, caller: Caller, template: str, values: dict[str, Any]) -> Response:
    return reply(request, caller.portal.renderer.html(template, caller.page, **values))


def _term(terms: tuple[Term, ...], wanted: str, child: Visit) -> Term | None:
    chosen = current_term(terms, wanted, child.today)
    if wanted and chosen is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    return chosen


def _of_year(terms: tuple[Term, ...], chosen: Term | None) -> list[Term]:
    return [one for one in terms if chosen is not None and one.year == chosen.year]


def _years(terms: tuple[Term, ...]) -> list[tuple[str, str, str]]:
    """School-years, newest first: key, «2026/27», a term of it."""
    firsts: dict[str, Term] = {}
    for one in terms:
        if one.year not in firsts or one.first < firsts[one.year].first:
            firsts[one.year] = one
    return [(key, f"{one.first.year}/{(one.first.year + 1) % 100:02}", one.term) for key, one in firsts.items()]


def _tabs(child: Visit, current: str) -> list[tuple[str, str, bool]]:
    """The views of the section: address, word, whether it is this one."""
    named = (("marks", _("By subject")), ("results", _("Term results")), ("debts", _("Debts")))
    return [(addresses.child(*child.key, view), child.words.gettext(label), view == current) for view, label in named]
