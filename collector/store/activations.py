"""Activation codes: made by a school's office or the department, used once to tie an account to a person, kept as hashes.

A code's text exists in the answer that makes it and on the printed slip, nowhere else. Issuing again revokes what was issued before.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from collector.core import activation as codes
from collector.core import credentials
from collector.core.activation import code_key, read_code
from collector.store import accounts, audit, backoff
from collector.store.account_tables import TIED_ROLES, account, account_scope, activation
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

__all__ = [
    "Card",
    "Issued",
    "Standing",
    "Wanted",
    "activate",
    "add_person",
    "code_key",
    "counts",
    "issue",
    "look",
    "read_code",
    "revoke",
    "standings",
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person who is to get a code, and the role of the account that it makes."""

    person: str
    role: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh code; its text is shown once."""

    person: str
    role: str
    code: str = field(repr=False)
    expires_at: datetime
    again: bool


@dataclass(frozen=True, slots=True)
class Card:
    """What the holder of a good code may know before an account is made. `login` is set when the person has one already."""

    school: str
    school_name: str
    person: str
    role: str
    first_name: bytes | None = field(repr=False)
    parallel: int | None
    login: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a person of a school has come: no code, a code that waits or has run out, an account, a first sign-in."""

    login: str | None = None
    role: str | None = None
    signed_in_at: datetime | None = None
    code_until: datetime | None = None


def issue(
    connection: Connection,
    school: str,
    wanted: Sequence[Wanted],
    *,
    by: int | None,
    now: datetime,
    life: timedelta,
    key: bytes,
) -> list[Issued]:
    """One fresh code for each; earlier codes of the same person and role that nobody used are revoked. Each is recorded.

    `key` is :func:`collector.core.activation.code_key`'s. Raises Problem GOR-1904 for a role that no school gives.
    """
    made: list[Issued] = []
    for one in wanted:
        if one.role not in TIED_ROLES:
            raise Problem("GOR-1904", role=one.role, known=", ".join(TIED_ROLES))
        code = codes.make_code(secrets.token_bytes)
        again = revoke(connection, school, one.person, now, role=one.role) > 0
        values = {
            "school_id": school,
            "person_id": one.person,
            "role": one.role,
            "code_hash": codes.code_hash(key, code.replace("-", "")),
            "issued_at": now,
            "issued_by": by,
            "expires_at": now + life,
        }
        # Inline: the number is not asked back.
        connection.execute(insert(activation).inline().values(values))
        made.append(Issued(one.person, one.role, code, now + life, again))
    for one_made in made:
        audit.record(
            connection,
            "code_reissued" if one_made.again else "code_issued",
            now,
            actor=by,
            subject=audit.person_subject(school, one_made.person),
            school=school,
            details={"role": one_made.role},
        )
    return made


def revoke(connection: Connection, school: str, person: str, now: datetime, *, role: str | None = None) -> int:
    """Revoke the person's codes that nobody used, of one role or of all; returns how many there were, expired ones included."""
    statement = update(activation).where(
        activation.c.school_id == school,
        activation.c.person_id == person,
        activation.c.used_at.is_(None),
        activation.c.revoked_at.is_(None),
    )
    if role is not None:
        statement = statement.where(activation.c.role == role)
    return connection.execute(statement.values(revoked_at=now)).rowcount


def look(connection: Connection, letters: str, key: bytes, now: datetime) -> Card | None:
    """What a code stands for, None unless it is good."""
    row = connection.execute(
        text("SELECT * FROM gorod.activation_card(:code, :now)"), {"code": codes.code_hash(key, letters), "now": now}
    ).one_or_none()
    if row is None:
        return None
    return Card(row.school_id, row.school_name, row.person_id, row.role, row.first_name, row.parallel, row.login)


def activate(
    connection: Connection, letters: str, login: str, password_hash: str, key: bytes, now: datetime
) -> accounts.Account | None:
    """Use a code up: make the account, or give the person's account its new password. None if the code is not good.

    Raises Problem GOR-1901 when the login belongs to somebody else, GOR-1908 when it is none.
    """
    plain = accounts.fit_login(login)
    given = {"code": codes.code_hash(key, letters), "login": plain, "hash": password_hash, "now": now}
    try:
        number = connection.execute(text("SELECT gorod.activate(:code, :login, :hash, :now)"), given).scalar_one()
    except IntegrityError as error:
        raise Problem("GOR-1901", login=plain) from error
    made = None if number is None else accounts.find(connection, number)
    if made is None:
        return None
    subject = credentials.login_subject(made.login)
    backoff.forget(connection, subject)
    audit.record(
        connection, "activated", now, actor=made.id, subject=audit.account_subject(made.id), details={"role": made.role}
    )
    return made


def add_person(connection: Connection, letters: str, number: int, key: bytes, now: datetime) -> str | None:
    """Use a code up for an account that is there: its person's data are seen too. The school, ``"role"`` for another role's code, or None."""
    given = {"code": codes.code_hash(key, letters), "known": number, "now": now}
    added: str | None = connection.execute(text("SELECT gorod.add_person(:code, :known, :now)"), given).scalar_one()
    if added not in (None, "role"):
        subject = audit.account_subject(number)
        audit.record(connection, "person_added", now, actor=number, subject=subject, school=added or "")
    return added


def standings(
    connection: Connection, school: str, people: Sequence[str], roles: Sequence[str] = TIED_ROLES
) -> Mapping[str, Standing]:
    """How far each of these people of a school has come; who is not in the answer has neither account nor code."""
    found: dict[str, Standing] = {}
    held = (
        select(account_scope.c.person_id, account.c.login, account.c.role, account.c.signed_in_at)
        .join(account, account.c.id == account_scope.c.account_id)
        .where(
            account_scope.c.school_id == school,
            account_scope.c.person_id.in_(people),
            account.c.role.in_(roles),
            account.c.disabled_at.is_(None),
        )
        .order_by(account.c.login.desc())
    )
    for row in connection.execute(held):
        found[row.person_id] = Standing(row.login, row.role, row.signed_in_at)
    waiting = select(activation.c.person_id, activation.c.role, activation.c.expires_at).where(
        activation.c.school_id == school,
        activation.c.person_id.in_(people),
        activation.c.role.in_(roles),
        activation.c.used_at.is_(None),
        activation.c.revoked_at.is_(None),
    )
    for code in connection.execute(waiting.order_by(activation.c.number)):
        before = found.get(code.person_id, Standing(role=code.role))
        found[code.person_id] = Standing(before.login, before.role, before.signed_in_at, code.expires_at)
    return found


def counts(connection: Connection, school: str, now: datetime) -> dict[str, dict[str, int]]:
    """Per role: codes that wait, codes that ran out, codes that were used; for the opening of the office's page."""
    open_ = activation.c.used_at.is_(None) & activation.c.revoked_at.is_(None)
    statement = (
        select(
            activation.c.role,
            func.count().filter(open_ & (activation.c.expires_at > now)).label("waiting"),
            func.count().filter(open_ & (activation.c.expires_at <= now)).label("expired"),
            func.count().filter(activation.c.used_at.is_not(None)).label("used"),
        )
        .where(activation.c.school_id == school)
        .group_by(activation.c.role)
    )
    rows: list[Any] = list(connection.execute(statement))
    return {row.role: {"waiting": row.waiting, "expired": row.expired, "used": row.used} for row in rows}
