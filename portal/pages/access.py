"""«Доступ»: who may see what at a school, the roles of its workers, who answers for what. A head sets, a deputy and a secretary read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_CONTENT

from collector.store import access
from portal import paging, staff_names
from portal.deps import Caller, SignedIn, check_token
from portal.pages import staff
from portal.security import Right
from portal.views import access as view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.store.access import Worker
    from collector.store.reader import Reader
    from portal.pages.staff import Desk

router = APIRouter()

Text = Annotated[str, Form(max_length=1000)]


@router.get("/access")
def access_page(request: Request, caller: SignedIn) -> Response:
    """Workers of the school with accounts and roles, and what each role sees."""
    caller.need(Right.ACCESS)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader)
        workers = access.workers(reader, caller.names, held.school.school)
    kind = request.query_params.get("kind", "")
    kind = kind if kind in staff_names.WORKERS else ""
    found = view.overview(workers, kind)
    return _page(
        request,
        caller,
        "access.html",
        held,
        view=found,
        part=paging.cut(found.rows, lambda one: f"{one.person} {one.account}", request.query_params.get("after", "")),
        kind=kind,
        may_change=lambda worker: caller.may(Right.GIVE_ACCESS) and view.may_change(worker, caller.session.account.id),
        table=view.table(),
        roles=view.ROLES,
        done=request.query_params.get("done", "") == "1",
    )


@router.get("/access/{school}/workers/{account}")
def worker_page(request: Request, caller: SignedIn, school: str, account: int) -> Response:
    """The form of one worker's role."""
    caller.need(Right.GIVE_ACCESS)
    with caller.reading() as reader:
        held, worker = _worker(request, caller, reader, school, account)
    return _page(
        request, caller, "worker.html", held, worker=worker, given=access.GIVEN, table=view.table(), roles=view.ROLES
    )


@router.post("/access/{school}/workers/{account}")
def give_role(
    request: Request, caller: SignedIn, school: str, account: int, role: Text = "", csrf: Text = ""
) -> Response:
    """Give the worker another role; it holds from the next page on that they open."""
    caller.need(Right.GIVE_ACCESS)
    check_token(caller.session, csrf)
    with caller.reading() as reader:
        _worker(request, caller, reader, school, account)
        if access.give_role(reader, school, account, role) is None:
            raise staff.not_found()
    return RedirectResponse(f"/access?school={school}&done=1", HTTP_303_SEE_OTHER)


@router.get("/access/{school}/responsible")
def responsible_page(request: Request, caller: SignedIn, school: str) -> Response:
    """Who answers for what, by whose order, and who did before."""
    caller.need(Right.ACCESS)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader, school)
        named = access.responsible(reader, caller.names, school)
    return _page(
        request,
        caller,
        "responsible.html",
        held,
        duties=view.duties(named, held.school.today),
        may_name=caller.may(Right.GIVE_ACCESS),
        done=request.query_params.get("done", "") == "1",
    )


@router.get("/access/{school}/responsible/{duty}")
def naming_page(request: Request, caller: SignedIn, school: str, duty: str) -> Response:
    """The form of who answers for a duty."""
    caller.need(Right.GIVE_ACCESS)
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader, school)
        workers = _people(reader, caller, school, duty)
        named = access.responsible(reader, caller.names, school)
    now = next((one for one in named if one.duty == duty and one.ended_at is None), None)
    typed = dict.fromkeys(view.FIELDS, "")
    if now is not None:
        typed |= {"person": now.person, "deputy": now.deputy or "", "phone": now.phone or ""}
    typed["from_date"] = held.school.today.isoformat()
    return _naming(request, caller, held, duty, workers, typed, {})


@router.post("/access/{school}/responsible/{duty}")
def name_responsible(  # noqa: PLR0913  the fields of the form
    request: Request,
    caller: SignedIn,
    school: str,
    duty: str,
    *,
    person: Text = "",
    deputy: Text = "",
    phone: Text = "",
    order_number: Text = "",
    order_date: Text = "",
    from_date: Text = "",
    to_date: Text = "",
    csrf: Text = "",
) -> Response:
    """Name somebody; what is wrong with the form is told beside its fields, and nothing that was typed is lost."""
    caller.need(Right.GIVE_ACCESS)
    check_token(caller.session, csrf)
    typed = dict(zip(view.FIELDS, (person, deputy, phone, order_number, order_date, from_date, to_date), strict=True))
    with caller.reading() as reader:
        held = staff.desk(request, caller, reader, school)
        workers = _people(reader, caller, school, duty)
        naming, wrong = view.read_naming(duty, typed, [one.person for one in workers])
        if naming is None:
            return _naming(request, caller, held, duty, workers, typed, wrong)
        if not access.name(reader, caller.names, school, naming):
            raise staff.not_found()
    return RedirectResponse(f"/access/{school}/responsible?done=1", HTTP_303_SEE_OTHER)


def _worker(request: Request, caller: Caller, reader: Reader, school: str, account: int) -> tuple[Desk, Worker]:
    """A worker whose role the caller may change; else there is none."""
    held = staff.desk(request, caller, reader, school)
    found = next((one for one in access.workers(reader, caller.names, school) if one.account == account), None)
    if found is None or not view.may_change(found, caller.session.account.id):
        raise staff.not_found()
    return held, found


def _people(reader: Reader, caller: Caller, school: str, duty: str) -> list[Worker]:
    """Who may be named: the staff in office, each once."""
    if duty not in access.DUTIES:
        raise staff.not_found()
    by_person = {
        one.person: one for one in access.workers(reader, caller.names, school) if one.person and one.positions
    }
    return list(by_person.values())


def _naming(
    request: Request,
    caller: Caller,
    held: Desk,
    duty: str,
    workers: Sequence[Worker],
    typed: dict[str, str],
    wrong: dict[str, str],
) -> Response:
    response = _page(request, caller, "naming.html", held, duty=duty, workers=workers, typed=typed, wrong=wrong)
    if wrong:
        response.status_code = HTTP_422_UNPROCESSABLE_CONTENT
    return response


def _page(request: Request, caller: Caller, template: str, held: Desk, **values: Any) -> Response:
    school, here, words = held.school.school, request.url.path, caller.page.words
    tabs = [
        (f"/access?school={school}", words.gettext("Workers"), "/responsible" not in here),
        (f"/access/{school}/responsible", words.gettext("Who answers for what"), "/responsible" in here),
    ]
    if caller.may(Right.CODES) and caller.portal.people is not None:
        tabs.append((f"/schools/{school}/codes", words.gettext("Access codes"), False))
    return staff.page(
        request,
        caller,
        template,
        held,
        tabs=tabs,
        worker_kinds=staff_names.WORKERS,
        duty_names=staff_names.DUTIES,
        extent_names=staff_names.EXTENTS,
        **values,
    )
