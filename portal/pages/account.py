"""The own account: whose data it shows, open sessions, password, second factor, recovery codes, one more child."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Form, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from portal import names
from portal.deps import (
    Caller,
    SignedIn,
    address_of,
    check_token,
    people_of,
    portal_of,
    reply,
    token_of,
)
from portal.pages.activate import code_failure
from portal.pages.signin import go, refuse_when_busy, secret_shown, too_many
from portal.people import Answer
from portal.security import FAMILY
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from portal.people import Done
    from portal.words import Words

router = APIRouter(prefix="/account")

Text = Annotated[str, Form(max_length=1000)]
SAID = {
    "password": _("The password is changed. All other devices are signed out."),
    "factor": _("The second step is set up: the sign-in asks for a code from now on."),
    "no-factor": _("The second step is removed: the password alone opens your account."),
    "child": _("The code fits: one more person is tied to your account."),
    "tied": _("Done: from now on you can sign in with the provider."),
    "untied": _("The provider no longer opens your account."),
    "session": _("That device is signed out."),
    "others": _("All other devices are signed out."),
}


@router.get("")
def overview(request: Request, caller: SignedIn) -> Response:
    """Everything about the own account on one page."""
    session, page = caller.session, caller.page
    shown = people_of(request).overview(session, token_of(request), page.now)
    said = SAID.get(request.query_params.get("said", ""))
    failure = None
    if request.query_params.get("said") == "tied-elsewhere":
        failure = (
            page.words.gettext("This person of the provider is tied to another account"),
            page.words.gettext("Sign in to that account and untie it there, then try again."),
        )
    return _page(
        request,
        caller,
        "account.html",
        failure=failure,
        overview=shown,
        family=session.account.role in FAMILY,
        role=names.ROLES[session.account.role],
        said=said and page.words.gettext(said),
    )


@router.post("/sessions")
def end_sessions(request: Request, caller: SignedIn, csrf: Text = "", number: Text = "") -> Response:
    """Sign out one other device, or (no number) all of them."""
    check_token(caller.session, csrf)
    people, now = people_of(request), caller.page.now
    if number:
        people.end_session(caller.session, int(number) if number.isascii() and number.isdigit() else 0, now)
        return go("/account?said=session")
    people.end_others(caller.session, token_of(request), now)
    return go("/account?said=others")


@router.get("/password")
def password_form(request: Request, caller: SignedIn) -> Response:
    """The fields for another password."""
    return _page(request, caller, "account_password.html")


@router.post("/password")
async def password(
    request: Request, caller: SignedIn, csrf: Text = "", old: Text = "", password: Text = "", again: Text = ""
) -> Response:
    """Change the password; the other devices are signed out."""
    check_token(caller.session, csrf)
    portal, words = caller.portal, caller.page.words
    refuse_when_busy(portal)
    page = partial(_page, request, caller, "account_password.html")
    if password != again:
        wrong = (words.gettext("The two passwords differ"), words.gettext("Type the same password twice."))
        return await anyio.to_thread.run_sync(partial(page, failure=wrong))
    change = people_of(request).change_password
    try:
        done = await anyio.to_thread.run_sync(
            change, caller.session, old, password, token_of(request), caller.page.now, limiter=portal.passwords
        )
    except Problem as problem:
        if not problem.code.startswith("GOR-19"):
            raise
        told = (problem.text(words.lang), problem.next_step(words.lang))
        return await anyio.to_thread.run_sync(partial(page, failure=told))
    if done.answer is Answer.DONE:
        return go("/account?said=password")
    return await anyio.to_thread.run_sync(partial(page, failure=_password_failure(done, words)))


@router.get("/factor")
def factor_form(request: Request, caller: SignedIn) -> Response:
    """What the second step is, and the password that begins or removes it."""
    return _page(request, caller, "account_factor.html", family=caller.session.account.role in FAMILY)


@router.post("/factor")
async def begin_factor(request: Request, caller: SignedIn, csrf: Text = "", password: Text = "") -> Response:
    """Begin to set the second step up, or remove it, after the password."""
    failure = await _refused(request, caller, csrf, password)
    session, people = caller.session, people_of(request)
    family = session.account.role in FAMILY
    if failure is not None:
        page = partial(_page, request, caller, "account_factor.html", family=family, failure=failure)
        return await anyio.to_thread.run_sync(page)
    if not session.account.factor:
        await anyio.to_thread.run_sync(people.start_factor, session)
        return go("/account/factor/code")
    await anyio.to_thread.run_sync(people.remove_factor, session, caller.page.now)
    return go("/account?said=no-factor" if family else "/account")


@router.get("/factor/code")
def factor_code_form(request: Request, caller: SignedIn) -> Response:
    """The picture with the secret, and the field for the first code."""
    return _factor_code(request, caller)


@router.post("/factor/code")
def factor_code(request: Request, caller: SignedIn, csrf: Text = "", code: Text = "") -> Response:
    """The first code: from now on the sign-in asks for one."""
    check_token(caller.session, csrf)
    if people_of(request).confirm_factor(caller.session, code, caller.page.now):
        return go("/account?said=factor")
    return _factor_code(request, caller, wrong=True)


@router.get("/recovery")
def recovery_form(request: Request, caller: SignedIn) -> Response:
    """What recovery codes are, and the password that makes them."""
    return _page(request, caller, "account_recovery.html", codes=())


@router.post("/recovery")
async def recovery(request: Request, caller: SignedIn, csrf: Text = "", password: Text = "") -> Response:
    """Make recovery codes and show them this once."""
    failure = await _refused(request, caller, csrf, password)
    made: list[str] = []
    if failure is None and caller.session.account.factor:
        made = await anyio.to_thread.run_sync(people_of(request).recovery_codes, caller.session, caller.page.now)
    page = partial(_page, request, caller, "account_recovery.html", codes=made, failure=failure)
    return await anyio.to_thread.run_sync(page)


@router.get("/child")
def child_form(request: Request, caller: SignedIn) -> Response:
    """The field for one more code."""
    return _page(request, caller, "account_child.html", typed="", family=caller.session.account.role in FAMILY)


@router.post("/child")
def child(request: Request, caller: SignedIn, csrf: Text = "", code: Text = "") -> Response:
    """Tie one more person to the account."""
    check_token(caller.session, csrf)
    words = caller.page.words
    done = people_of(request).add_person(caller.session, code, address_of(request), caller.page.now)
    if done.answer is Answer.DONE:
        return go("/account?said=child")
    if done.answer is Answer.OTHER_ROLE:
        failure = (
            words.gettext("This code makes an account of another kind"),
            words.gettext("Sign out and use it on the page of the first sign-in: it gets a login of its own."),
        )
    else:
        failure = code_failure(done.answer, done.wait_s, words)
    family = caller.session.account.role in FAMILY
    return _page(request, caller, "account_child.html", typed=code[:40], failure=failure, family=family)


def _factor_code(request: Request, caller: Caller, *, wrong: bool = False) -> Response:
    session, words = caller.session, caller.page.words
    secret = portal_of(request).accounts.factor_secret(session)
    if session.account.factor or secret is None:
        return go("/account/factor")
    failure = None
    if wrong:
        failure = (
            words.gettext("The code does not fit"),
            words.gettext("Check that the telephone's clock is right and type the code that it shows now."),
        )
    return _page(request, caller, "account_factor_code.html", failure=failure, **secret_shown(secret, session, words))


async def _refused(request: Request, caller: Caller, csrf: str, password: str) -> tuple[str, str] | None:
    """Check the form's token and the own password; what is said if it is not right."""
    check_token(caller.session, csrf)
    portal = caller.portal
    refuse_when_busy(portal)
    check = people_of(request).check_password
    done = await anyio.to_thread.run_sync(check, caller.session, password, caller.page.now, limiter=portal.passwords)
    return None if done.answer is Answer.DONE else _password_failure(done, caller.page.words)


def _password_failure(done: Done, words: Words) -> tuple[str, str]:
    if done.answer is Answer.WAIT:
        return too_many(done.wait_s, words)
    return (
        words.gettext("The password does not fit"),
        words.gettext("Type the password that you sign in with now. Check the keyboard's language and Caps Lock."),
    )


def _page(
    request: Request, caller: Caller, template: str, *, failure: tuple[str, str] | None = None, **values: Any
) -> Response:
    html = caller.portal.renderer.html(template, caller.page, failure=failure, **values)
    return reply(request, html, 400 if failure else 200)
