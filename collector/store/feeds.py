"""Addresses by which a telephone's calendar reads a pupil's timetable: whoever knows the token reads, until it is revoked.

Only the token's hash is kept. What a feed shows is looked up under the rights of the account that made it, at each reading.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from collector.store.reader import Reader

MOST: Final = 5
"""Living feeds of one account for one pupil; a further one is refused until another is revoked."""

_TOKEN_BYTES: Final = 32

_MAKE: Final = """
INSERT INTO gorod.feed (account_id, school_id, pupil_id, token_hash, lang, created_at)
SELECT %(account)s, %(school)s, %(pupil)s, %(hash)s, %(lang)s, %(now)s
WHERE (SELECT count(*) FROM gorod.feed
       WHERE account_id = %(account)s AND school_id = %(school)s AND pupil_id = %(pupil)s AND revoked_at IS NULL) < %(most)s
RETURNING number"""
_LIVING: Final = """
SELECT number, created_at FROM gorod.feed
WHERE account_id = %(account)s AND school_id = %(school)s AND pupil_id = %(pupil)s AND revoked_at IS NULL ORDER BY number"""
_REVOKE: Final = """
UPDATE gorod.feed SET revoked_at = %(now)s WHERE account_id = %(account)s AND number = %(number)s AND revoked_at IS NULL RETURNING number"""
_FIND: Final = (
    "SELECT account_id, school_id, pupil_id, lang FROM gorod.feed WHERE token_hash = %(hash)s AND revoked_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Feed:
    """What a token opens."""

    account: int
    school: str
    pupil: str
    lang: str


@dataclass(frozen=True, slots=True)
class LivingFeed:
    """A feed in its owner's list; its address is shown once only, when it is made."""

    number: int
    created_at: datetime


def make(connection: Connection[Any], account: int, key: tuple[str, str], lang: str, now: datetime) -> str | None:
    """A new token for a pupil (school, pupil); None if there are as many as there may be. That the pupil is the account's own was checked."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    school, pupil = key
    values = {"account": account, "school": school, "pupil": pupil, "hash": _hash(token), "lang": lang, "now": now}
    return token if connection.execute(_MAKE, {**values, "most": MOST}).fetchone() else None


def living(reader: Reader, school: str, pupil: str) -> tuple[LivingFeed, ...]:
    """The reader's feeds of a pupil that are not revoked, oldest first."""
    rows = reader.rows(_LIVING, account=reader.account, school=school, pupil=pupil)
    return tuple(LivingFeed(*row) for row in rows)


def revoke(connection: Connection[Any], account: int, number: int, now: datetime) -> bool:
    """End a feed of the account; whether there was one."""
    return connection.execute(_REVOKE, {"account": account, "number": number, "now": now}).fetchone() is not None


def find(connection: Connection[Any], token: str) -> Feed | None:
    """What a token opens, or None: unknown or revoked."""
    row = connection.execute(_FIND, {"hash": _hash(token)}).fetchone()
    return Feed(*row) if row else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
