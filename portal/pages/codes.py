"""Codes that a school's office makes and prints: for a class with its families, and for the staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import APIRouter, Form, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations
from starlette.status import HTTP_403_FORBIDDEN, HTTP_404_NOT_FOUND

from collector.store.activations import Wanted
from portal import names
from portal.deps import Caller, SignedIn, check_token, people_of, reply
from portal.pages.signin import go
from portal.security import CODES_BY, FAMILY, Right

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from collector.store.activations import Issued, Standing
    from collector.store.roster import Person, Pupil

router = APIRouter(prefix="/schools/{school}/codes")

Key = Annotated[str, Query(alias="class", max_length=300)]
Text = Annotated[str, Form(max_length=1000)]
Chosen = Annotated[list[str], Form(max_length=500)]
_SPLIT: Final = "|"


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody in the list: who, in which role, how far they have come. `under` names the pupil of a representative."""

    person: Person
    role: str
    standing: Standing | None
    under: Person | None = None

    @property
    def value(self) -> str:
        """What the form sends for this row."""
        return f"{self.role}{_SPLIT}{self.person.id}"


@dataclass(frozen=True, slots=True)
class Slip:
    """One slip of the printed sheet."""

    name: str
    role: str
    under: str
    issued: Issued


@router.get("")
def first_page(request: Request, caller: SignedIn, school: str) -> Response:
    """The classes of the school and its staff."""
    _check(caller, school)
    found = people_of(request).classes(caller.session.account.id, school, caller.page.now)
    if found is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    name, classes = found
    html = caller.portal.renderer.html("codes.html", caller.page, school=school, name=name, classes=classes)
    return reply(request, html)


@router.get("/class")
def class_page(request: Request, caller: SignedIn, school: str, class_id: Key = "") -> Response:
    """The pupils of a class with their representatives."""
    rows, title = _class_rows(request, caller, school, class_id)
    return _list(request, caller, school, title, rows, class_id)


@router.post("/class")
def class_codes(
    request: Request,
    caller: SignedIn,
    school: str,
    class_id: Key = "",
    csrf: Text = "",
    chosen: Chosen = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Make codes for those who are chosen: the sheet is this answer, and no other."""
    check_token(caller.session, csrf)
    rows, title = _class_rows(request, caller, school, class_id)
    back = f"/schools/{school}/codes/class?{urlencode({'class': class_id})}"
    return _sheet(request, caller, school, title, _chosen(rows, chosen), back, family=True)


@router.get("/staff")
def staff_page(request: Request, caller: SignedIn, school: str) -> Response:
    """The school's staff."""
    rows = _staff_rows(request, caller, school, {})
    return _list(request, caller, school, caller.page.words.gettext("Staff"), rows, "")


@router.post("/staff")
async def staff_codes(request: Request, caller: SignedIn, school: str) -> Response:
    """Make codes for the chosen members of staff, each in the role that stands beside the name."""
    form = await request.form(max_fields=5000, max_files=0)
    sent = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]

    def made() -> Response:
        check_token(caller.session, next((value for name, value in sent if name == "csrf"), ""))
        roles = {name.removeprefix("role."): value for name, value in sent if name.startswith("role.")}
        rows = _staff_rows(request, caller, school, roles)
        picked = {value for name, value in sent if name == "chosen"}
        chosen = [row for row in rows if row.person.id in picked]
        title = caller.page.words.gettext("Staff")
        return _sheet(request, caller, school, title, chosen, f"/schools/{school}/codes/staff", family=False)

    return await anyio.to_thread.run_sync(made)


def _class_rows(request: Request, caller: Caller, school: str, class_id: str) -> tuple[list[Row], str]:
    _check(caller, school)
    found = people_of(request).class_list(caller.session.account.id, school, class_id, caller.page.now)
    if found is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    rows = [row for pupil in found.pupils for row in _family(pupil, found.standings)]
    return rows, found.name


def _family(pupil: Pupil, standings: Mapping[str, Standing]) -> list[Row]:
    parents = [Row(one, "parent", standings.get(one.id), pupil.person) for one in pupil.representatives]
    return [Row(pupil.person, "pupil", standings.get(pupil.person.id)), *parents]


def _staff_rows(request: Request, caller: Caller, school: str, roles: Mapping[str, str]) -> list[Row]:
    """The staff whose codes the caller may make, or who have a role already that is beyond the caller."""
    _check(caller, school)
    people, standings = people_of(request).staff(caller.session.account.id, school, caller.page.now)
    return [_staff_row(person, standings.get(person.id), roles) for person in people]


def _staff_row(person: Person, standing: Standing | None, roles: Mapping[str, str]) -> Row:
    usual = "class_teacher" if person.leads else "teacher"
    if standing is not None and standing.login and standing.role:
        return Row(
            person, standing.role, standing
        )  # who has an account keeps its role: a code only renews the password
    known = standing.role if standing is not None and standing.role else usual
    return Row(person, roles.get(person.id, known), standing)


def _list(
    request: Request, caller: Caller, school: str, title: str, rows: Sequence[Row], class_id: str, failure: str = ""
) -> Response:
    caller_role = caller.session.account.role
    waiting = sum(1 for row in rows if row.standing is None or row.standing.login is None)
    html = caller.portal.renderer.html(
        "codes_list.html",
        caller.page,
        school=school,
        title=title,
        rows=rows,
        class_id=class_id,
        waiting=waiting,
        may=CODES_BY[caller_role],
        staff_roles=[role for role in CODES_BY[caller_role] if role not in FAMILY],
        relations=names.RELATIONS,
        failure=failure,
        query="?" + urlencode({"class": class_id}) if class_id else "",
    )
    return reply(request, html, 400 if failure else 200)


def _chosen(rows: Sequence[Row], values: Sequence[str]) -> list[Row]:
    """The rows that the form names; a parent of two children of the class stands once."""
    wanted = set(values)
    found = {row.value: row for row in reversed(rows) if row.value in wanted}
    return [row for row in rows if found.get(row.value) is row]


def _sheet(
    request: Request, caller: Caller, school: str, title: str, rows: Sequence[Row], back: str, *, family: bool
) -> Response:
    """Make the codes of these rows and show them; without any, back to the list."""
    may = [role for role in CODES_BY[caller.session.account.role] if (role in FAMILY) is family]
    if not rows:
        return go(back)
    if any(
        row.role not in may or (row.standing and row.standing.role and row.standing.role not in may) for row in rows
    ):
        raise HTTPException(HTTP_403_FORBIDDEN)
    people, page = people_of(request), caller.page
    wanted = [Wanted(row.person.id, row.role) for row in rows]
    issued = people.issue(caller.session.account.id, school, wanted, page.now)
    slips = [
        Slip(row.person.name.full, names.ROLES[row.role], row.under.name.full if row.under else "", made)
        for row, made in zip(rows, issued, strict=True)
    ]
    known = people.classes(caller.session.account.id, school, caller.page.now)
    address = caller.portal.config.public_url or f"{request.url.scheme}://{request.url.netloc}"
    html = caller.portal.renderer.html(
        "codes_sheet.html",
        page,
        school=school,
        name=known[0] if known else school,
        title=title,
        slips=slips,
        back=back,
        login=f"{address}/activate",
    )
    return reply(request, html)


def _check(caller: Caller, school: str) -> None:
    """The office of a school makes codes for that school."""
    caller.need(Right.CODES)
    if school not in caller.session.account.schools:
        raise HTTPException(HTTP_404_NOT_FOUND)
