"""Signing in with an OpenID provider: out, back, and the two ways on: the account that is tied, or one that is to be tied."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations
from starlette.status import HTTP_404_NOT_FOUND

from collector.store.signin import Outcome
from portal import security
from portal.deps import HeldSession, SignedIn, address_of, check_token, page_of, people_of, place_of, portal_of, reply
from portal.pages.signin import go, remember, signed_in, too_many
from portal.provider import KNOWN_COOKIE, LIFE_S, WAY_COOKIE, Known, Provider, ProviderError

if TYPE_CHECKING:
    from collector.store.sessions import Session

log = logging.getLogger(__name__)
router = APIRouter()

Text = Annotated[str, Form(max_length=1000)]


@router.get("/login/provider")
def leave(request: Request, session: HeldSession) -> Response:
    """To the provider."""
    provider, portal = _provider(request), portal_of(request)
    target = security.local_path(request.query_params.get("next", "/"))
    tying = "link" in request.query_params and session is not None and session.stage == "open"
    account = session.account.id if tying and session is not None else 0
    try:
        address, cookie = provider.leave(_back(request), target, account, portal.clock().timestamp())
    except ProviderError as error:
        return _failed(error)
    return _keep(request, go(address), WAY_COOKIE, cookie)


@router.get("/login/provider/back")
def arrive(request: Request, session: HeldSession) -> Response:
    """Back from the provider."""
    provider, portal = _provider(request), portal_of(request)
    now_s = portal.clock().timestamp()
    way = provider.open_way(request.cookies.get(WAY_COOKIE, ""), now_s)
    if way is None:
        return _failed(ProviderError("no way back, or it took too long"))
    try:
        subject = provider.arrive(way, dict(request.query_params), _back(request))
    except ProviderError as error:
        return _failed(error)
    if way.account:
        response = _tie(request, session, way.account, subject)
    else:
        response = _enter(request, provider, subject, way.target)
    response.delete_cookie(WAY_COOKIE, path="/login")
    return response


@router.get("/login/provider/code")
def code_form(request: Request) -> Response:
    """The provider has vouched, the second step is still to be done."""
    known = _known(request)
    return _code_page(request, known) if known.login else go("/login")


@router.post("/login/provider/code")
def code(request: Request, code: Text = "") -> Response:
    """The code of the second step."""
    known = _known(request)
    return _open(request, known.login, code, known.target) if known.login else go("/login")


@router.post("/account/provider")
def untie(request: Request, caller: SignedIn, csrf: Text = "") -> Response:
    """Forget the provider's name of the account's owner."""
    check_token(caller.session, csrf)
    people_of(request).unlink(caller.session, _provider(request).settings.issuer, caller.page.now)
    return go("/account?said=untied")


def _tie(request: Request, session: Session | None, account: int, subject: str) -> Response:
    provider, portal = _provider(request), portal_of(request)
    if session is None or session.stage != "open" or session.account.id != account:
        return go("/login")
    tied = people_of(request).link(account, provider.settings.issuer, subject, portal.clock())
    return go("/account?said=" + ("tied" if tied else "tied-elsewhere"))


def _enter(request: Request, provider: Provider, subject: str, target: str) -> Response:
    portal = portal_of(request)
    until = portal.clock().timestamp() + LIFE_S
    account = people_of(request).linked(provider.settings.issuer, subject)
    if account is None:
        cookie = provider.seal(KNOWN_COOKIE, Known(subject, "", target, until))
        response = go("/login?" + urlencode({"said": "provider", **({"next": target} if target != "/" else {})}))
        return _keep(request, response, KNOWN_COOKIE, cookie, path="/")
    if account.factor:
        cookie = provider.seal(KNOWN_COOKIE, Known(subject, account.login, target, until))
        return _keep(request, go("/login/provider/code"), KNOWN_COOKIE, cookie, path="/")
    return _open(request, account.login, "", target)


def _open(request: Request, login: str, code: str, target: str) -> Response:
    portal = portal_of(request)
    result = people_of(request).sign_in_known(login, code, address_of(request), place_of(request), portal.clock())
    portal.metrics.signed_in(result.outcome.value)
    if result.outcome is Outcome.OPEN:
        response = signed_in(request, target, result.token, kept=False)
    elif result.outcome is Outcome.ENROL:
        response = remember(request, go("/login/factor"), result.token)
    else:
        return _code_page(request, _known(request), result.wait_s, wrong=True)
    response.delete_cookie(KNOWN_COOKIE, path="/")
    return response


def _code_page(request: Request, known: Known, wait_s: int = 0, *, wrong: bool = False) -> Response:
    page = page_of(request, None)
    failure = None
    if wait_s:
        failure = too_many(wait_s, page.words)
    elif wrong:
        failure = (
            page.words.gettext("The code does not fit"),
            page.words.gettext("Check that the telephone's clock is right and type the code that it shows now."),
        )
    html = portal_of(request).renderer.html("provider_code.html", page, failure=failure, login=known.login)
    return reply(request, html, 429 if wait_s else 401 if wrong else 200)


def _known(request: Request) -> Known:
    now_s = portal_of(request).clock().timestamp()
    found = _provider(request).open_known(request.cookies.get(KNOWN_COOKIE, ""), now_s)
    return found or Known("", "", "/", 0)


def _provider(request: Request) -> Provider:
    provider = portal_of(request).provider
    if provider is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    return provider


def _back(request: Request) -> str:
    base = portal_of(request).config.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}/login/provider/back"


def _failed(error: ProviderError) -> Response:
    log.warning("sign-in with the provider failed: %s", error)
    return go("/login?said=provider-failed")


def _keep(request: Request, response: Response, name: str, value: str, path: str = "/login") -> Response:
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=LIFE_S, httponly=True, samesite="lax", secure=secure, path=path)
    return response
