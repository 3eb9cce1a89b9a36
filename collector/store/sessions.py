"""Sessions: an open browser is a random token in a cookie; the database keeps its hash, an idle limit and an absolute one.

Role and scope are read with every page from the account, so that a change or a closed account holds at once. The design carries all
roles: a parent's phone of 60 days is a session with a longer `idle_s` and `life_s`, nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from collector.store import accounts
from collector.store.account_tables import session

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

TOKEN_BYTES: Final = 32
_TOUCH: Final = timedelta(seconds=60)  # `seen_at` is written at most this often: no write per page


@dataclass(frozen=True, slots=True)
class Life:
    """How long a session lives: `idle_s` without a page, `total_s` in all."""

    idle_s: int
    total_s: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session found by its token. Its stage is ``open``, or ``enrol`` while the second factor is being set up."""

    account: accounts.Account
    stage: str
    csrf: bytes
    factor_secret: bytes | None
    expires_at: datetime


def begin(
    connection: Connection, account_id: int, life: Life, now: datetime, factor_secret: bytes | None = None
) -> str:
    """Open a session and return its token, known to nobody else; with a sealed secret it is one of stage ``enrol``."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    values = {
        "token_hash": _hash(token),
        "account_id": account_id,
        "stage": "open" if factor_secret is None else "enrol",
        "csrf": secrets.token_bytes(TOKEN_BYTES),
        "factor_secret": factor_secret,
        "created_at": now,
        "seen_at": now,
        "idle_s": life.idle_s,
        "expires_at": now + timedelta(seconds=life.total_s),
    }
    connection.execute(insert(session).values(values))
    connection.execute(delete(session).where(session.c.expires_at < now))
    return token


def find(connection: Connection, token: str, now: datetime, *, touch: bool = True) -> Session | None:
    """The session of a token unless it is over, unknown, or its account closed; ``touch`` notes that its owner was seen."""
    row = connection.execute(select(session).where(session.c.token_hash == _hash(token))).one_or_none()
    if row is None or _over(row, now):
        return None
    account = accounts.find(connection, row.account_id)
    if account is None or account.disabled_at is not None:
        return None
    if touch and now - row.seen_at >= _TOUCH:
        connection.execute(update(session).where(session.c.token_hash == row.token_hash).values(seen_at=now))
    return Session(account, row.stage, row.csrf, row.factor_secret, row.expires_at)


def end(connection: Connection, token: str) -> None:
    """Close one session; closing it twice is no matter."""
    connection.execute(delete(session).where(session.c.token_hash == _hash(token)))


def _over(row: Row[Any], now: datetime) -> bool:
    return bool(now >= row.expires_at or now - row.seen_at > timedelta(seconds=row.idle_s))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
