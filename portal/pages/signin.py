"""Signing in and out, and setting up the second factor at the first sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import anyio.to_thread
import segno
from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER, HTTP_503_SERVICE_UNAVAILABLE

from collector.store.accounts import provisioning_uri, secret_text
from collector.store.signin import Attempt, Outcome
from portal import security
from portal.deps import (
    SESSION_COOKIE,
    HeldSession,
    NotSignedInError,
    address_of,
    check_token,
    page_of,
    place_of,
    portal_of,
    reply,
)
from portal.provider import KNOWN_COOKIE

if TYPE_CHECKING:
    from collector.store.sessions import Session
    from collector.store.signin import SignedIn
    from portal.deps import Portal
    from portal.words import Words

router = APIRouter()

Text = Annotated[str, Form(max_length=1000)]
_GROUP = 4


@router.get("/login")
def login_form(request: Request, session: HeldSession) -> Response:
    """The form, unless the reader has signed in already."""
    if session is not None and session.stage == "open":
        return go(security.local_path(request.query_params.get("next", "/")))
    return _form(request)


@router.post("/login")
async def login(
    request: Request, login: Text = "", password: Text = "", code: Text = "", kept: Text = "", tie: Text = ""
) -> Response:
    """Check what was typed. Only so many passwords are checked at once, so that pages stay quick meanwhile."""
    portal = portal_of(request)
    refuse_when_busy(portal)
    attempt = Attempt(login, password, code, address_of(request), place_of(request, kept=bool(kept)))
    result = await anyio.to_thread.run_sync(portal.accounts.sign_in, attempt, portal.clock(), limiter=portal.passwords)
    portal.metrics.signed_in(result.outcome.value)
    target = security.local_path(request.query_params.get("next", "/"))
    if result.outcome is Outcome.OPEN:
        if tie:
            await anyio.to_thread.run_sync(tie_pending, request, result.token)
        return signed_in(request, target, result.token, kept=result.kept)
    if result.outcome is Outcome.ENROL:
        return remember(
            request, go("/login/factor" + (f"?{urlencode({'next': target})}" if target != "/" else "")), result.token
        )
    return await anyio.to_thread.run_sync(_form, request, login, result)


@router.get("/login/factor")
def factor_form(request: Request, session: HeldSession) -> Response:
    """The picture with the secret, and the field for the first code."""
    return _factor(request, _enrolling(session))


@router.post("/login/factor")
def factor(request: Request, session: HeldSession, csrf: Text = "", code: Text = "") -> Response:
    """Confirm the second factor by its first code."""
    session = _enrolling(session)
    check_token(session, csrf)
    portal = portal_of(request)
    token = portal.accounts.enrol(request.cookies[SESSION_COOKIE], code, portal.clock())
    portal.metrics.signed_in("refused" if token is None else "open")
    if token is None:
        return _factor(request, session, wrong=True)
    return remember(request, go(security.local_path(request.query_params.get("next", "/"))), token)


@router.post("/logout")
def logout(request: Request, session: HeldSession, csrf: Text = "") -> Response:
    """End the session; whoever has none is out already."""
    if session is not None:
        check_token(session, csrf)
        portal_of(request).accounts.sign_out(request.cookies[SESSION_COOKIE])
    response = go("/login")
    response.delete_cookie(SESSION_COOKIE)
    return response


def _enrolling(session: Session | None) -> Session:
    if session is None or session.stage != "enrol":
        raise NotSignedInError
    return session


def _form(request: Request, typed: str = "", result: SignedIn | None = None) -> Response:
    page = page_of(request, None)
    failure = None if result is None else _failure(result, page.words)
    status = 200 if result is None else 429 if result.outcome is Outcome.BLOCKED else 401
    said = request.query_params.get("said", "") if failure is None else ""
    html = portal_of(request).renderer.html("login.html", page, typed=typed[:100], failure=failure, said=said)
    response = reply(request, html, status)
    if result is not None and result.wait_s:
        response.headers["Retry-After"] = str(result.wait_s)
    return response


def _failure(result: SignedIn, words: Words) -> tuple[str, str]:
    """What is said of a failed attempt: never which of the three was wrong, nor whether the login exists."""
    if result.outcome is Outcome.BLOCKED:
        return too_many(result.wait_s, words)
    return (
        words.gettext("Login, password or code do not fit"),
        words.gettext(
            "Check the keyboard's language and Caps Lock. A code is good for one sign-in only: wait for the next one."
        ),
    )


def too_many(wait_s: int, words: Words) -> tuple[str, str]:
    """What is said to whoever has to wait."""
    minutes, seconds = divmod(wait_s, 60)
    wait = (
        words.ngettext("%(num)s minute", "%(num)s minutes", minutes + (seconds > 0))
        if minutes
        else words.ngettext("%(num)s second", "%(num)s seconds", seconds)
    )
    return words.gettext("Too many attempts"), words.gettext("Wait %(wait)s, then try again.", wait=wait)


def _factor(request: Request, session: Session, *, wrong: bool = False) -> Response:
    portal = portal_of(request)
    secret = portal.accounts.factor_secret(session)
    if secret is None:
        raise NotSignedInError
    page = page_of(request, session)
    words = page.words
    failure = None
    if wrong:
        failure = (
            words.gettext("The code does not fit"),
            words.gettext("Check that the telephone's clock is right and type the code that it shows now."),
        )
    html = portal.renderer.html("factor.html", page, failure=failure, **secret_shown(secret, session, words))
    return reply(request, html, 401 if wrong else 200)


def secret_shown(secret: bytes, session: Session, words: Words) -> dict[str, object]:
    """The secret of a second factor as text and as picture, for a template."""
    uri = provisioning_uri(secret, session.account.login, words.gettext("Gorod"))
    text = secret_text(secret)
    return {
        "secret": " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)),
        "picture": _picture(uri, words.gettext("QR code with the key")),
    }


def refuse_when_busy(portal: Portal) -> None:
    """Ask to come later when too many passwords wait to be checked."""
    if portal.passwords.statistics().tasks_waiting >= portal.config.password_queue:
        raise HTTPException(HTTP_503_SERVICE_UNAVAILABLE)


def _picture(uri: str, title: str) -> Markup:
    """The QR code as SVG inside the page; drawn here, so that no secret goes to anybody."""
    drawn = segno.make(uri, error="m", micro=False).svg_inline(
        scale=5, border=4, dark="#000", light="#fff", title=title
    )
    return Markup(drawn)  # noqa: S704 - drawn by segno out of the address, escaped there


def go(target: str) -> Response:
    """On to another page."""
    return RedirectResponse(target, HTTP_303_SEE_OTHER)


def remember(request: Request, response: Response, token: str, *, kept_s: int | None = None) -> Response:
    """Give the browser the session's token, until it closes or for so many seconds."""
    secure = request.url.scheme == "https"
    response.set_cookie(SESSION_COOKIE, token, max_age=kept_s, httponly=True, samesite="lax", secure=secure, path="/")
    return response


def tie_pending(request: Request, token: str) -> None:
    """Tie what a provider said a moment ago in this browser to the account that has just signed in; its owner asked for it."""
    portal = portal_of(request)
    if portal.provider is None or portal.people is None:
        return
    now = portal.clock()
    known = portal.provider.open_known(request.cookies.get(KNOWN_COOKIE, ""), now.timestamp())
    session = portal.accounts.session(token, now, touch=False)
    if known is not None and not known.login and session is not None and session.stage == "open":
        portal.people.link(session.account.id, portal.provider.settings.issuer, known.subject, now)


def signed_in(request: Request, target: str, token: str, *, kept: bool) -> Response:
    """The answer to somebody who has just proven who they are."""
    return remember(request, go(target), token, kept_s=portal_of(request).config.kept_s if kept else None)
