"""What pages of a school's staff share: the school that is meant, data as of, the words they speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.status import HTTP_404_NOT_FOUND

from collector.store.own_schools import own_schools
from portal import names, staff_names
from portal.addresses import key_in_address
from portal.deps import reply
from portal.spoken import Spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from collector.store.own_schools import OwnSchool
    from collector.store.reader import Reader
    from portal.deps import Caller

STAFF_WORDS = {
    "reasons": staff_names.REASONS,
    "risk_names": staff_names.RISKS,
    "relation_names": names.RELATIONS,
    "lack_names": staff_names.LACKS,
    "change_names": staff_names.CHANGES,
    "group_kinds": staff_names.GROUP_KINDS,
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody of a school's staff at one of their schools."""

    school: OwnSchool
    schools: Sequence[OwnSchool]
    spoken: Spoken


def desk(request: Request, caller: Caller, reader: Reader, school: str | None = None) -> Desk:
    """The desk at the named school, else at the one that the address asks for, else at the first; 404 if it is not the caller's."""
    schools = own_schools(reader)
    wanted = request.query_params.get("school", "") if school is None else school
    found = next((one for one in schools if wanted in ("", one.school)), None)
    if found is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    return Desk(found, schools, Spoken(caller.page.words))


def opening(request: Request, caller: Caller, page: Callable[[Request, Caller], Response]) -> Response:
    """A role's first page; somebody whose account is tied to no school is told what to do."""
    with caller.reading() as reader:
        placed = bool(own_schools(reader))
    return page(request, caller) if placed else _unplaced(request, caller)


def _unplaced(request: Request, caller: Caller) -> Response:
    words = caller.page.words
    html = caller.portal.renderer.html(
        "message.html",
        caller.page,
        title=words.gettext("Your account is tied to no school yet"),
        what=words.gettext(
            "You have signed in as %(role)s, but no school that this portal holds knows your account.",
            role=words.gettext(names.ROLES[caller.session.account.role]),
        ),
        next=words.gettext(
            "Ask your school's office for an access code, or the department to tie the account to your school."
        ),
        links=[],
        reference="",
    )
    return reply(request, html)


def not_found() -> HTTPException:
    """There is none, or the caller may not know of it."""
    return HTTPException(HTTP_404_NOT_FOUND)


def page(request: Request, caller: Caller, template: str, held: Desk, **values: Any) -> Response:
    """A page of the staff's."""
    html = caller.portal.renderer.html(
        f"staff/{template}",
        caller.page,
        desk=held,
        school=held.school,
        today=held.school.today,
        say=held.spoken,
        journal_address=journal_address,
        class_address=class_address,
        **STAFF_WORDS,
        **values,
    )
    return reply(request, html)


def journal_address(school: str, group: str) -> str:
    """The journal of a group."""
    return f"/journals/{school}/{key_in_address(group)}"


def class_address(school: str, class_id: str, view: str = "") -> str:
    """A page of a class."""
    return f"/classes/{school}/{key_in_address(class_id)}" + (f"/{view}" if view else "")
