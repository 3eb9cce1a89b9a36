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

from collector.store import accounts, audit
from collector.store.account_tables import account as account_table
from collector.store.account_tables import session

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

TOKEN_BYTES: Final = 32
VISIT_GAP: Final = timedelta(minutes=30)
"""A page after a longer pause begins another visit, also in a session that is kept for weeks."""

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
    number: int = 0
    previous_at: datetime | None = None
    """The last page of the visit before this one: what came later is new to the reader."""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody signs in: the device in words from a closed list, and whether it is their own telephone."""

    device: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as its owner sees it in the list."""

    number: int
    device: str
    kept: bool
    created_at: datetime
    seen_at: datetime
    here: bool


def begin(
    connection: Connection,
    account_id: int,
    life: Life,
    now: datetime,
    factor_secret: bytes | None = None,
    place: Place | None = None,
) -> str:
    """Open a session and return its token, known to nobody else; with a sealed secret it is one of stage ``enrol``."""
    place = place or Place()
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
        "device": place.device,
        "kept": place.kept,
        "previous_at": select(account_table.c.seen_at).where(account_table.c.id == account_id).scalar_subquery(),
    }
    connection.execute(insert(session).values(values))
    if factor_secret is None:
        _seen(connection, account_id, now)
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
    previous = row.previous_at
    if touch and now - row.seen_at >= _TOUCH:
        previous = row.seen_at if now - row.seen_at > VISIT_GAP else previous
        values = {"seen_at": now, "previous_at": previous}
        connection.execute(update(session).where(session.c.token_hash == row.token_hash).values(values))
        _seen(connection, account.id, now)
    return Session(account, row.stage, row.csrf, row.factor_secret, row.expires_at, row.number, previous, row.device)


def end(connection: Connection, token: str) -> None:
    """Close one session; closing it twice is no matter."""
    connection.execute(delete(session).where(session.c.token_hash == _hash(token)))


def every(connection: Connection, account_id: int, token: str, now: datetime) -> list[Listed]:
    """The open sessions of an account, the one of the token first, then the last used."""
    rows = connection.execute(
        select(session).where(session.c.account_id == account_id, session.c.stage == "open", session.c.expires_at > now)
    )
    here = _hash(token)
    listed = [
        Listed(row.number, row.device, row.kept, row.created_at, row.seen_at, bytes(row.token_hash) == here)
        for row in rows
        if not _over(row, now)
    ]
    return sorted(listed, key=lambda one: (one.here, one.seen_at), reverse=True)


def end_number(connection: Connection, account_id: int, number: int, now: datetime) -> bool:
    """Close one session of an account by the number that the list gave it; False if there is none."""
    gone = connection.execute(delete(session).where(session.c.account_id == account_id, session.c.number == number))
    return _told(connection, account_id, gone.rowcount, now)


def end_others(connection: Connection, account_id: int, token: str, now: datetime) -> int:
    """Close every session of an account but that of the token; returns how many there were."""
    condition = (session.c.account_id == account_id) & (session.c.token_hash != _hash(token))
    gone = connection.execute(delete(session).where(condition)).rowcount
    _told(connection, account_id, gone, now)
    return gone


def _told(connection: Connection, account_id: int, gone: int, now: datetime) -> bool:
    if gone:
        subject = audit.account_subject(account_id)
        audit.record(connection, "session_ended", now, actor=account_id, subject=subject, details={"sessions": gone})
    return gone > 0


def _seen(connection: Connection, account_id: int, now: datetime) -> None:
    connection.execute(update(account_table).where(account_table.c.id == account_id).values(seen_at=now))


def _over(row: Row[Any], now: datetime) -> bool:
    return bool(now >= row.expires_at or now - row.seen_at > timedelta(seconds=row.idle_s))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
