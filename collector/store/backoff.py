"""Waiting after failures, counted per subject in the database, so that every process of the portal knows of every guess.

A subject is a hash: of a login (known or not), of an address, of what is guessed. Nothing that was typed is kept.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from collector.core.credentials import BackOff
from collector.store.account_tables import sign_in_backoff as table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_FORGET: Final = timedelta(days=1)  # failures older than this are no longer in a row
_ADDRESS_FREE: Final = 100  # a whole school may sit behind one address


def wait_s(connection: Connection, subjects: Sequence[bytes], now: datetime) -> int:
    """Seconds until the last of these subjects may try again; 0: at once."""
    connection.execute(delete(table).where(table.c.failed_at < now - _FORGET))
    until = connection.execute(select(func.max(table.c.until)).where(table.c.subject.in_(subjects))).scalar_one()
    return 0 if until is None else max(0, round((until - now).total_seconds() + 0.5))


def count(connection: Connection, subject: bytes, backoff: BackOff, now: datetime) -> None:
    """Add a failure and set the wait that it brings."""
    fresh = upsert(table).values(subject=subject, failures=1, failed_at=now, until=now)
    failures = connection.execute(
        fresh.on_conflict_do_update(
            index_elements=[table.c.subject], set_={"failures": table.c.failures + 1, "failed_at": now}
        ).returning(table.c.failures)
    ).scalar_one()
    until = now + timedelta(seconds=backoff.wait_s(failures))
    connection.execute(update(table).where(table.c.subject == subject).values(until=until))


def forget(connection: Connection, subject: bytes) -> None:
    """A success: the subject's failures are forgotten."""
    connection.execute(delete(table).where(table.c.subject == subject))


def give_back(connection: Connection, subject: bytes) -> None:
    """A success: the subject gets back the one failure that this attempt was counted as."""
    fewer = case((table.c.failures > 0, table.c.failures - 1), else_=0)
    connection.execute(update(table).where(table.c.subject == subject).values(failures=fewer))


def address_subject(address: str, what: str = "address") -> bytes:
    """The name under which an address's failures are counted; guesses at codes are counted apart from those at passwords."""
    return hashlib.sha256(f"{what}:{address}".encode("utf-8", "replace")).digest()


def account_subject(number: int, what: str) -> bytes:
    """The name under which failures of somebody who has signed in are counted."""
    return hashlib.sha256(f"{what} of account:{number}".encode()).digest()


def for_addresses(backoff: BackOff) -> BackOff:
    """The same waits after more free tries."""
    return BackOff(max(backoff.free, _ADDRESS_FREE), backoff.first_s, backoff.cap_s)
