"""What surrounds every answer: security headers, a limit on what is sent to us, the time it took (plain ASGI)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from portal.metrics import Metrics

BODY_LIMIT: Final = 64 * 1024  # the largest form has three short fields
METHODS: Final = frozenset({"GET", "HEAD", "POST"})

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS: Final = "max-age=31536000; includeSubDomains"


def protect(headers: MutableHeaders, scheme: str) -> None:
    """Add the security headers; HSTS only where the reader came by TLS."""
    for name, value in HEADERS.items():
        headers[name] = value
    if scheme == "https":
        headers["Strict-Transport-Security"] = HSTS


class Shell:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics, mistake: Callable[[Request, Exception], Response]) -> None:
        self.app, self.metrics, self.mistake = app, metrics, mistake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def send_protected(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                protect(MutableHeaders(scope=message), scope["scheme"])
            await send(message)

        app = PlainTextResponse("", 413) if _too_large(scope) else self.app
        try:
            await app(scope, receive, send_protected)
        except Exception as error:  # whatever it was, the reader gets a page that says so
            if status:
                raise
            await self.mistake(Request(scope), error)(scope, receive, send_protected)
        finally:
            self._count(scope, status, time.monotonic() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.answered(route, method, status, seconds)


def _too_large(scope: Scope) -> bool:
    """Whether more is announced than any form of ours holds; a body without its length is no form of a browser."""
    headers = Headers(scope=scope)
    length = headers.get("content-length")
    if length is None:
        return "transfer-encoding" in headers
    return not (length.isascii() and length.isdigit()) or int(length) > BODY_LIMIT
