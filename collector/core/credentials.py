"""What a person proves who they are with: password, six digits of a second factor, and the wait after failures (pure).

Salts, secrets, nonces and the time are handed in. A password is kept as an Argon2id string that carries its own parameters, so that
these may rise later without touching what is stored. The secret of the second factor is kept sealed under a key derived from the master
key, which is outside the database and its backups.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidKey, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.twofactor.totp import TOTP

# OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane; 34 ms where this was written.
MEMORY_KIB: Final = 19_456
PASSES: Final = 2
SALT_BYTES: Final = 16
PASSWORD_MIN: Final = 12  # ИАФ.4 of the protection measures
PASSWORD_MAX: Final = 256  # nobody types more; a longer one only burns time
DISTINCT_MIN: Final = 5  # "111111111111" is long and worthless

SECRET_BYTES: Final = 20  # RFC 4226 recommends 160 bits
STEP_S: Final = 30
DIGITS: Final = 6
_STEPS_AROUND: Final = (0, -1, 1)  # a phone's clock may be half a minute off
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class BackOff:
    """The wait after failed sign-ins: `free` tries, then `first_s` doubled by each further failure, at most `cap_s`."""

    free: int = 5
    first_s: int = 5
    cap_s: int = 900

    def wait_s(self, failures: int) -> int:
        """Seconds for which nothing is tried after so many failures in a row."""
        if failures < self.free:
            return 0
        return min(self.cap_s, self.first_s << min(failures - self.free, 20))


def normalise_login(login: str) -> str:
    """One spelling of a login: compatibility forms folded, no outer blanks, no case."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def login_subject(login: str) -> bytes:
    """The name under which failures of a login are counted, known login or not."""
    return hashlib.sha256(b"login:" + normalise_login(login).encode("utf-8", "replace")).digest()


def weakness(password: str, login: str) -> str | None:
    """The problem code of a password that must not be used, or None if it may."""
    if len(password) < PASSWORD_MIN:
        return "GOR-1903"
    if len(password) > PASSWORD_MAX or "\0" in password:
        return "GOR-1906"
    plain = normalise_login(password)
    if len(set(plain)) < DISTINCT_MIN or normalise_login(login) in plain:
        return "GOR-1906"
    return None


def hash_password(password: str, salt: bytes) -> str:
    """The Argon2id string to be stored; equal letters give the same string whatever Unicode form the keyboard made."""
    return _argon(salt).derive_phc_encoded(_bytes(password))


def password_fits(password: str, encoded: str) -> bool:
    """Whether the password is the one of the stored string; about 35 ms, long or short, right or wrong."""
    try:
        Argon2id.verify_phc_encoded(_bytes(password[:PASSWORD_MAX]), encoded)
    except InvalidKey:
        return False
    return True


def factor_key(master: bytes) -> bytes:
    """The key that seals secrets of second factors, derived from the master key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gorod/accounts/second-factor/1").derive(master)


def seal_secret(key: bytes, login: str, secret: bytes, nonce: bytes) -> bytes:
    """The secret as it is stored, bound to its login so that it can't be moved to another account."""
    return nonce + AESGCM(key).encrypt(nonce, secret, normalise_login(login).encode())


def open_secret(key: bytes, login: str, sealed: bytes) -> bytes | None:
    """The secret again, or None where another master key or another account's secret stands."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], normalise_login(login).encode())
    except (InvalidTag, ValueError):
        return None


def code_step(secret: bytes, code: str, now_s: float, after: int | None = None) -> int | None:
    """The time step whose six digits the code is, or None; steps up to `after` are used up and don't count again."""
    typed = "".join(code.split()).encode("utf-8", "replace")
    totp = _totp(secret)
    found = None
    for around in _STEPS_AROUND:
        step = int(now_s) // STEP_S + around
        if hmac.compare_digest(totp.generate(step * STEP_S), typed) and (after is None or step > after):
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """The secret as people and applications type it: base 32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def secret_from_text(text: str) -> bytes:
    """The secret out of its base 32 text, blanks and case ignored; ValueError if it is not one."""
    plain = "".join(text.split()).upper()
    return base64.b32decode(plain + "=" * (-len(plain) % 8))


def provisioning_uri(secret: bytes, login: str, issuer: str) -> str:
    """The ``otpauth://`` address that the QR code of the enrolment carries."""
    return _totp(secret).get_provisioning_uri(login, issuer)


def _argon(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=32, iterations=PASSES, lanes=1, memory_cost=MEMORY_KIB)


def _totp(secret: bytes) -> TOTP:
    # SHA-1 as an HMAC is what RFC 6238 and every application on a phone speak by default.
    return TOTP(secret, DIGITS, SHA1(), STEP_S, enforce_key_length=False)  # noqa: S303 - see above


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")
