"""A one-time code becomes an account: first the code, then who it is for, then login and password."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import anyio.to_thread
from fastapi import APIRouter, Form, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from portal import names
from portal.deps import address_of, page_of, people_of, place_of, portal_of, reply
from portal.pages.signin import go, refuse_when_busy, remember, signed_in, tie_pending, too_many
from portal.people import Answer
from portal.security import FAMILY
from proto.problems import Problem

if TYPE_CHECKING:
    from portal.people import Looked
    from portal.words import Words

router = APIRouter()

Text = Annotated[str, Form(max_length=1000)]


@router.get("/activate")
def code_form(request: Request) -> Response:
    """The field for the code."""
    return _code_page(request)


@router.post("/activate")
def code(request: Request, code: Text = "") -> Response:
    """Say whom the code is for, and ask for login and password."""
    looked = people_of(request).look(code, address_of(request), page_of(request, None).now)
    if looked.answer is not Answer.DONE:
        return _code_page(request, code, looked)
    return _account_page(request, code, looked)


@router.get("/activate/account")
def from_the_start() -> Response:
    """The form of this address was left: begin with the code."""
    return go("/activate")


@router.post("/activate/account")
async def account(
    request: Request,
    code: Text = "",
    login: Text = "",
    password: Text = "",
    again: Text = "",
    kept: Text = "",
    tie: Text = "",
) -> Response:
    """Make the account, or give it a new password. Only so many passwords are hashed at once."""
    portal, people = portal_of(request), people_of(request)
    refuse_when_busy(portal)
    now = portal.clock()
    looked = await anyio.to_thread.run_sync(people.look, code, address_of(request), now)
    if looked.answer is not Answer.DONE or looked.card is None:
        return await anyio.to_thread.run_sync(_code_page, request, code, looked)
    page = partial(_account_page, request, code, looked, typed=login, kept=bool(kept))
    words = page_of(request, None).words
    if password != again:
        wrong = (words.gettext("The two passwords differ"), words.gettext("Type the same password twice."))
        return await anyio.to_thread.run_sync(partial(page, failure=wrong))
    place = place_of(request, kept=bool(kept))
    try:
        done = await anyio.to_thread.run_sync(
            people.activate, code, looked.card.login or login, password, place, now, limiter=portal.passwords
        )
    except Problem as problem:
        if not problem.code.startswith("GOR-19"):
            raise
        told = (problem.text(words.lang), problem.next_step(words.lang))
        return await anyio.to_thread.run_sync(partial(page, failure=told))
    if done.answer is Answer.DONE and tie:
        await anyio.to_thread.run_sync(tie_pending, request, done.token)
    if done.answer is Answer.DONE:
        return signed_in(request, "/", done.token, kept=bool(kept) and looked.card.role in FAMILY)
    if done.answer is Answer.ENROL:
        return remember(request, go("/login/factor"), done.token)
    return go("/login?said=password") if done.answer is Answer.SIGN_IN else go("/activate")


def code_failure(looked_answer: Answer, wait_s: int, words: Words) -> tuple[str, str]:
    """What is said of a code that opens nothing: never whether there was such a code."""
    if looked_answer is Answer.WAIT:
        return too_many(wait_s, words)
    if looked_answer is Answer.TYPO:
        return (
            words.gettext("There is a typing error in the code"),
            words.gettext("A code has twelve letters and digits in three groups. Compare it with the slip."),
        )
    return (
        words.gettext("The code does not fit"),
        words.gettext(
            "It is good once and until the date on the slip; a newer slip replaces an older one. The school's secretary prints a new one."
        ),
    )


def _code_page(request: Request, typed: str = "", looked: Looked | None = None) -> Response:
    page = page_of(request, None)
    failure, status = None, 200
    if looked is not None:
        failure = code_failure(looked.answer, looked.wait_s, page.words)
        status = 429 if looked.answer is Answer.WAIT else 400
    html = portal_of(request).renderer.html("activate.html", page, typed=typed[:40], failure=failure)
    response = reply(request, html, status)
    if looked is not None and looked.wait_s:
        response.headers["Retry-After"] = str(looked.wait_s)
    return response


def _account_page(
    request: Request,
    code: str,
    looked: Looked,
    *,
    typed: str = "",
    kept: bool = False,
    failure: tuple[str, str] | None = None,
) -> Response:
    page = page_of(request, None)
    card = looked.card
    if card is None:
        raise ValueError(looked)
    html = portal_of(request).renderer.html(
        "activate_account.html",
        page,
        code=code,
        card=card,
        first_name=looked.first_name,
        role=names.ROLES[card.role],
        family=card.role in FAMILY,
        typed=typed[:100],
        kept=kept,
        failure=failure,
    )
    return reply(request, html, 400 if failure else 200)
