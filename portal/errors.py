"""Errors as pages: what happened, what it means for the reader, what to do next. Programs get the same as RFC 9457 problems."""

from __future__ import annotations

import logging
import secrets
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse

from portal.deps import NotSignedInError, page_of, portal_of
from portal.rendering import respond
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger(__name__)

# Status → title, what happened, what to do.
PAGES: Final[Mapping[int, tuple[str, str, str]]] = {
    403: (
        _("This page is not for your role"),
        _("You are signed in, but your role has no right to see this page or to send this form."),
        _("If you need it for your work, ask the administrator of the department to change your role."),
    ),
    404: (
        _("There is no such page"),
        _("The address is mistyped, or what was here is not visible to you."),
        _("Check the address or begin from the first page."),
    ),
    405: (
        _("This address does not work like that"),
        _("The page was opened in a way that it does not know."),
        _("Begin from the first page."),
    ),
    413: (_("Too much was sent"), _("The form holds more than any form of this portal."), _("Go back and try again.")),
    422: (
        _("The form was not understood"),
        _("Something in the address or in the form is not as it should be."),
        _("Go back and try again."),
    ),
    429: (
        _("Too many forms at once"),
        _("More was sent from here within a minute than people usually send."),
        _("Wait a minute, then send the form again."),
    ),
    500: (
        _("The portal made a mistake"),
        _("The page could not be shown. Your data are safe: the portal changes none of them."),
        _("Try again in a minute. If it happens again, tell the operator the number below."),
    ),
    503: (
        _("Too many people at once"),
        _("The portal is busy and could not answer in time."),
        _("Try again in a minute."),
    ),
}


def install(app: FastAPI) -> None:
    """Give the application its error pages."""
    app.add_exception_handler(NotSignedInError, _not_signed_in)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(Problem, _problem)


def _not_signed_in(request: Request, error: Exception) -> Response:
    if not _wants_page(request):
        return _json(401, "Unauthorized", "Sign in first.")
    if isinstance(error, NotSignedInError) and error.enrolling:
        return RedirectResponse("/login/factor", 303)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login" if target == "/" else f"/login?next={quote(target, safe='')}", 303)


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _answer(request, 500)
    response = _answer(request, error.status_code)
    response.headers.update(error.headers or {})
    return response


def _not_understood(request: Request, error: Exception) -> Response:
    del error  # it repeats what was sent, a password perhaps
    return _answer(request, 422)


def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        return _answer(request, 500)
    log.warning("page %s: %s", getattr(request.scope.get("route"), "path", "other"), error.code)
    status = 503 if error.code.startswith("GOR-18") else 400
    page = page_of(request, None)
    words = page.words
    if not _wants_page(request):
        return _json(status, error.code, error.text(words.lang))
    html = portal_of(request).renderer.html(
        "message.html",
        page,
        title=words.gettext("The data are not available just now"),
        what=f"{error.code}: {error.text(words.lang)}",
        next=error.next_step(words.lang),
        links=[(page.link(), words.gettext("Try again"))],
        reference="",
    )
    return respond(html, status)


def mistake(request: Request, error: Exception) -> Response:
    """The page of an error that nobody foresaw. The log gets the place of it, not its message: that may hold values of rows."""
    reference = secrets.token_hex(4)
    log.error("mistake %s: %s\n%s", reference, type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    return _answer(request, 500, reference)


def _answer(request: Request, status: int, reference: str = "") -> Response:
    title, what, step = PAGES.get(status, PAGES[500])
    if not _wants_page(request):
        return _json(status, HTTPStatus(status).phrase, what)
    page = page_of(request, None)
    words = page.words
    html = portal_of(request).renderer.html(
        "message.html",
        page,
        title=words.gettext(title),
        what=words.gettext(what),
        next=words.gettext(step),
        links=[("/", words.gettext("To the first page"))],
        reference=reference,
    )
    return respond(html, status)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "*/*") or request.headers.get("accept", "*/*") == "*/*"


def _json(status: int, title: str, detail: str) -> Response:
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")
