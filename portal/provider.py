"""An OpenID provider beside our own sign-in: authorization code flow with PKCE, state and nonce (Authlib), so that ЕСИА can be plugged in.

Nothing is kept in the process: what the way out and the way back must agree on travels in a sealed cookie, so that any process may answer.
The provider says who somebody is; what they may see is decided by the account that this subject was tied to.
"""

from __future__ import annotations

import json
import secrets
import ssl
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from portal.config import ProviderSettings

WAY_COOKIE: Final = "gorod_provider"
KNOWN_COOKIE: Final = "gorod_provider_known"
LIFE_S: Final = 600
"""How long the way out and back may take, and how long a known subject waits for its account."""

_TIMEOUT_S: Final = 10.0
_LEEWAY_S: Final = 60
_NONCE_BYTES: Final = 12
_ALGORITHMS: Final = ("RS256", "PS256", "ES256")


class ProviderError(Exception):
    """The provider is away, or what came from it does not fit; the text is for the log and holds no personal data."""


@dataclass(frozen=True, slots=True)
class Way:
    """What the way back must bring again. `account` is set when somebody who has signed in ties the provider to the account."""

    state: str
    nonce: str
    verifier: str
    target: str
    account: int
    until: float


@dataclass(frozen=True, slots=True)
class Known:
    """Who the provider says somebody is; `account` is set when only the code of the second step is missing."""

    subject: str
    login: str
    target: str
    until: float


class Provider:
    """One provider; safe to be used by several threads."""

    def __init__(self, settings: ProviderSettings, master_key: bytes) -> None:
        self.settings = settings
        info = b"gorod/portal/provider/1"
        self._cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master_key))
        self._found: dict[str, Any] = {}

    def leave(self, back: str, target: str, account: int, now_s: float) -> tuple[str, str]:
        """The provider's address to go to, and the sealed cookie; `back` is where the provider sends the browser."""
        way = Way(
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            target,
            account,
            now_s + LIFE_S,
        )
        with self._client(back) as client:
            address, _state = client.create_authorization_url(
                self._metadata()["authorization_endpoint"],
                state=way.state,
                nonce=way.nonce,
                code_verifier=way.verifier,
            )
        return str(address), self.seal(WAY_COOKIE, way)

    def arrive(self, way: Way, query: dict[str, str], back: str) -> str:
        """The subject behind the way back; ProviderError if anything of it does not fit."""
        if not secrets.compare_digest(query.get("state", "").encode(), way.state.encode()):
            raise ProviderError("state")
        if "code" not in query:
            raise ProviderError("refused by the provider or its user")
        token = self._token(query["code"], way, back)
        claims = self._claims(str(token.get("id_token", "")), way.nonce)
        subject = claims.get(self.settings.claim)
        if not isinstance(subject, str | int) or not str(subject):
            raise ProviderError(f"no claim {self.settings.claim}")
        return str(subject)

    def seal(self, name: str, value: Way | Known) -> str:
        """A cookie that only a portal of this department can read, bound to its name."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(asdict(value)).encode(), name.encode())
        return urlsafe_b64encode(nonce + sealed).decode()

    def open_way(self, cookie: str, now_s: float) -> Way | None:
        """The way of a cookie, None if it is not ours or too old."""
        found = self._open(WAY_COOKIE, cookie)
        way = None if found is None else Way(**found)
        return way if way is not None and now_s < way.until else None

    def open_known(self, cookie: str, now_s: float) -> Known | None:
        """Who the provider vouched for, None if the cookie is not ours or too old."""
        found = self._open(KNOWN_COOKIE, cookie)
        known = None if found is None else Known(**found)
        return known if known is not None and now_s < known.until else None

    def _open(self, name: str, cookie: str) -> dict[str, Any] | None:
        try:
            raw = urlsafe_b64decode(cookie.encode("ascii", "replace"))
            found: dict[str, Any] = json.loads(
                self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode())
            )
        except (InvalidTag, NotBase64, ValueError):
            return None
        return found

    # ---- the provider's side

    def _client(self, back: str = "") -> Any:
        from authlib.integrations.httpx_client import (
            OAuth2Client,
        )  # on demand: a portal without a provider loads none of it

        settings = self.settings
        return OAuth2Client(
            settings.client_id,
            settings.secret,
            scope=settings.scopes,
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            trust_env=False,
            verify=ssl.create_default_context(cafile=settings.ca_file),
        )

    def _metadata(self) -> dict[str, Any]:
        """What the provider says of itself, asked once."""
        if not self._found:
            found = self._fetch(f"{self.settings.issuer}/.well-known/openid-configuration")
            if found.get("issuer", "").rstrip("/") != self.settings.issuer:
                raise ProviderError("another issuer")
            self._found = found
        return self._found

    def _token(self, code: str, way: Way, back: str) -> dict[str, Any]:
        from authlib.integrations.base_client import OAuthError
        from httpx2 import HTTPError

        try:
            with self._client(back) as client:
                found: dict[str, Any] = client.fetch_token(
                    self._metadata()["token_endpoint"], code=code, code_verifier=way.verifier
                )
        except (OAuthError, HTTPError, ValueError) as error:
            raise ProviderError(f"token: {type(error).__name__}") from error
        return found

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = self._fetch(self._metadata()["jwks_uri"])
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._metadata()["issuer"]},
            aud={"essential": True, "value": self.settings.client_id},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
        )
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(_ALGORITHMS))  # type: ignore[arg-type]  # JSON of the provider, checked there
            registry.validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise ProviderError(f"id_token: {type(error).__name__}") from error
        return dict(decoded.claims)

    def _fetch(self, address: str) -> dict[str, Any]:
        from httpx2 import HTTPError

        try:
            with self._client() as client:
                answer = client.request("GET", address, withhold_token=True)
                answer.raise_for_status()
                found = answer.json()
        except (HTTPError, ValueError) as error:
            raise ProviderError(f"{address.rpartition('/')[2]}: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise ProviderError("no object")
        return found
