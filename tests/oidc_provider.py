"""An OpenID provider for tests, a process of its own: ``python -m tests.oidc_provider``; prints its address, ends with its parent's pipe.

It shares no code with the portal: authorization code flow with a secret, PKCE S256 demanded, tokens signed with RS256. ``POST /be`` says
who sits at the browser and what the provider does wrong: ``nonce``, ``audience``, ``issuer``, ``expired``, ``signature``, ``deny``, ``claim``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

CLIENT, SECRET = "gorod", "a secret of the provider"


class Desk:
    """The provider's state."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.other = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.person, self.fault = "person-1", ""
        self.codes: dict[str, dict[str, str]] = {}

    async def be(self, request: Request) -> Response:
        """Who sits there from now on."""
        told = json.loads(await request.body())
        self.person, self.fault = told["person"], told.get("fault", "")
        return JSONResponse({})

    async def about(self, request: Request) -> Response:
        """Discovery."""
        del request
        names = {"authorization": "authorize", "token": "token"}
        ends = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()}
        return JSONResponse({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **ends})

    async def keys(self, request: Request) -> Response:
        """The public keys."""
        del request
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """The person agrees at once, unless said otherwise."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        if self.fault == "deny":
            answer = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            answer = {"code": code, "state": asked["state"]}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def token(self, request: Request) -> Response:
        """A code, once, for whoever holds the secret and the verifier."""
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        held = self.codes.pop(sent.get("code", ""), None)
        challenge = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        fits = (
            held is not None
            and request.headers.get("authorization") == f"Basic {basic}"
            and sent["grant_type"] == "authorization_code"
            and sent["redirect_uri"] == held["redirect_uri"]
            and base64.urlsafe_b64encode(challenge).decode().rstrip("=") == held["code_challenge"]
        )
        if held is None or not fits:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self._id_token(held["nonce"])})

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": "https://evil.example" if self.fault == "issuer" else self.issuer,
            "aud": "another" if self.fault == "audience" else CLIENT,
            "sub": self.person,
            "nonce": "another" if self.fault == "nonce" else nonce,
            "iat": now,
            "exp": now + (-3600 if self.fault == "expired" else 300),
        }
        if self.fault == "claim":
            del claims["sub"]
        key = self.other if self.fault == "signature" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


def main() -> None:
    """Serve until stdin ends."""
    import socket

    import uvicorn

    desk = Desk()
    listener = socket.create_server(("127.0.0.1", 0))
    desk.issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", desk.about),
            Route("/keys", desk.keys),
            Route("/authorize", desk.authorize),
            Route("/token", desk.token, methods=["POST"]),
            Route("/be", desk.be, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    threading.Thread(target=lambda: (sys.stdin.read(), setattr(server, "should_exit", True)), daemon=True).start()
    sys.stdout.write(desk.issuer + "\n")
    sys.stdout.flush()
    server.run([listener])


if __name__ == "__main__":
    main()
