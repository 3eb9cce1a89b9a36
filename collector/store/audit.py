"""The record of what people did: appended, never changed, each row's hash over the one before it (``audit.sql`` keeps the chain).

It holds ids and counts, no names: who (an account), what (a kind), about whom (``account:12``, ``pupil:23-001/77``), in which school. Beside
the database stand *anchors*, one line per day with the newest row's number and hash: who could rewrite the whole table would have to
rewrite that file too, and copies of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, text

from collector.store.account_tables import audit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Row

ANCHORS: Final = "audit/anchors.jsonl"
"""Where the anchors stand in the collector's data folder."""

KINDS: Final = frozenset(
    {
        "signed_in",
        "refused",
        "activated",
        "password_changed",
        "person_added",
        "code_issued",
        "code_reissued",
        "code_revoked",
        "account_added",
        "role_changed",
        "responsible_named",
        "account_disabled",
        "account_reset",
        "factor_added",
        "factor_removed",
        "recovery_codes_made",
        "recovery_code_used",
        "session_ended",
        "provider_linked",
        "provider_removed",
        "card_viewed",
        "exported",
    }
)
"""What happens; a kind is never given another meaning."""

_APPEND: Final = text(
    "INSERT INTO gorod.audit (at, kind, actor, subject, school, details) VALUES (:at, :kind, :actor, :subject, :school, :details)"
)
_PAGE: Final = 5000


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as pages show it."""

    number: int
    at: datetime
    kind: str
    actor: int | None
    subject: str
    school: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest row of a moment, kept outside the database."""

    day: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain gave: how many rows fit, and the number of the first one that does not, with the reason."""

    rows: int
    broken: int | None = None
    cause: str = ""


def record(
    connection: Connection,
    kind: str,
    now: datetime,
    *,
    actor: int | None = None,
    subject: str = "",
    school: str = "",
    details: Mapping[str, int | str] | None = None,
) -> None:
    """Append what happened, in the caller's transaction. Let it be one of its last statements: others wait for the chain until the commit.

    `subject`, `school` and `details` hold ids and counts only. ValueError for a kind that is not among :data:`KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(kind)
    values = {
        "at": now,
        "kind": kind,
        "actor": actor,
        "subject": subject,
        "school": school,
        "details": json.dumps(details or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    }
    connection.execute(_APPEND, values)


def account_subject(number: int) -> str:
    """How an account is named in the record."""
    return f"account:{number}"


def person_subject(school: str, person: str) -> str:
    """How a person of a school is named in the record."""
    return f"person:{school}/{person}"


def entries(
    connection: Connection, *, subject: str | None = None, before: int | None = None, limit: int = 50
) -> list[Entry]:
    """The newest rows first; of one subject, and older than a number, if they are named."""
    statement = select(audit).order_by(audit.c.number.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(audit.c.subject == subject)
    if before is not None:
        statement = statement.where(audit.c.number < before)
    return [
        Entry(row.number, row.at, row.kind, row.actor, row.subject, row.school, json.loads(row.details))
        for row in connection.execute(statement)
    ]


def verify(connection: Connection, anchors: Iterable[Anchor] = ()) -> Verdict:
    """Read the whole chain and compare it with the anchors; the first row that does not fit is named."""
    known = {anchor.number: anchor for anchor in anchors}
    number, before = 0, b""
    while rows := _page(connection, number):
        for row in rows:
            cause = _fault(row, number + 1, before, known.get(row.number))
            if cause:
                return Verdict(number, number + 1, cause)
            number, before = row.number, bytes(row.hash)
    missing = sorted(after for after in known if after > number)
    if missing:
        return Verdict(number, number + 1, f"missing, the anchor of {known[missing[0]].day} knows row {missing[0]}")
    return Verdict(number)


def read_anchors(file: Path) -> list[Anchor]:
    """The anchors of a file, none if it is not there."""
    if not file.exists():
        return []
    lines = file.read_text("utf-8").splitlines()
    return [Anchor(**json.loads(line)) for line in lines if line.strip()]


def write_anchor(connection: Connection, file: Path, now: datetime) -> Anchor | None:
    """Append the day's anchor, unless it stands there already or nothing has happened since the last one; it is on the disk when this returns."""
    day = now.date().isoformat()
    last = max(read_anchors(file), key=lambda anchor: anchor.number, default=None)
    row = connection.execute(
        select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    ).one_or_none()
    if row is None or (last is not None and (last.day == day or last.number == row.number)):
        return None
    anchor = Anchor(day, row.number, bytes(row.hash).hex())
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"day": anchor.day, "number": anchor.number, "hash": anchor.hash}) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return anchor


def _page(connection: Connection, after: int) -> Sequence[Row[Any]]:
    return connection.execute(select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(_PAGE)).all()


def _fault(row: Row[Any], number: int, before: bytes, anchor: Anchor | None) -> str:
    """Why a row does not follow the one before it; nothing if it does."""
    if row.number != number:
        return f"missing, the next row is {row.number}"
    if _hash(row, before) != bytes(row.hash):
        return "its hash does not fit its content or the row before"
    if anchor is not None and anchor.hash != bytes(row.hash).hex():
        return f"the anchor of {anchor.day} has another hash"
    return ""


def _hash(row: Row[Any], before: bytes) -> bytes:
    """What the trigger in ``audit.sql`` computes."""
    parts = [str(row.number), str(round(row.at.timestamp() * 1000))]
    for value in (row.kind, None, row.subject, row.school, row.details):
        if value is None:
            parts.append("-" if row.actor is None else str(row.actor))
        else:
            parts += [str(len(value.encode())), value]
    return hashlib.sha256(before + "\n".join(parts).encode()).digest()
