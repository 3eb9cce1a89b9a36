"""People's accounts: who may sign in, in which role, for which schools. Used by the portal and, without it, by ``user``.

Sessions and signing in stand in :mod:`collector.store.sessions` and :mod:`collector.store.signin`. Reading and writing go through a SQLAlchemy connection; every time is handed in, aware, in UTC.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.exc import IntegrityError

from collector.core import credentials
from collector.core.credentials import (
    factor_key,
    open_secret,
    password_fits,
    provisioning_uri,
    secret_from_text,
    secret_text,
)
from collector.store import audit
from collector.store.account_tables import (
    CITY_ROLES,
    PERSON_ROLES,
    ROLES,
    SCHOOL_ROLES,
    account,
    account_scope,
    recovery_code,
    session,
    sign_in_backoff,
)
from collector.store.passwords import guessable
from collector.store.tables import METADATA, SCHEMA
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

__all__ = [
    "CITY_ROLES",
    "PERSON_ROLES",
    "ROLES",
    "SCHOOL_ROLES",
    "Account",
    "NewAccount",
    "add",
    "check_password",
    "disable",
    "every",
    "factor_key",
    "find",
    "fit_login",
    "get",
    "hash_password",
    "open_secret",
    "password_fits",
    "provisioning_uri",
    "reset",
    "seal",
    "secret_from_text",
    "secret_text",
    "set_role",
]

LOGIN_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Account:
    """An account as lists show it and rights are decided by it; `schools` is empty for a role of the city."""

    id: int
    login: str
    role: str
    schools: tuple[str, ...]
    factor: bool
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None
    people: tuple[tuple[str, str], ...] = ()
    """Whose data a pupil's or parent's account shows, and who a member of staff is: (school, canonical key of ``person``)."""
    password_at: datetime | None = None

    def as_json(self) -> dict[str, object]:
        """One row of ``gorod-collector user list --json``."""
        return {
            "login": self.login,
            "role": self.role,
            "schools": list(self.schools),
            "second_factor": self.factor,
            "created_at": _stamp(self.created_at),
            "signed_in_at": _stamp(self.signed_in_at),
            "disabled_at": _stamp(self.disabled_at),
        }


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is made of. `factor_secret` enrols the second factor beforehand (demo, tests), else the first sign-in does.

    ``people``: who the account is, as (school, canonical key of ``person``); one-time codes tie people to accounts otherwise.
    """

    login: str
    role: str
    password: str
    schools: tuple[str, ...] = ()
    factor_secret: bytes | None = None
    people: tuple[tuple[str, str], ...] = ()


def add(connection: Connection, new: NewAccount, now: datetime, key: bytes) -> Account:
    """Make an account; a Problem says what is wrong with its login, role, schools or password. `key` is :func:`factor_key`'s."""
    login = fit_login(new.login)
    _check_role(connection, new.role, new.schools)
    check_password(new.password, login)
    values = {
        "login": login,
        "role": new.role,
        "password_hash": hash_password(new.password),
        "factor_secret": new.factor_secret and seal(key, login, new.factor_secret),
        "created_at": now,
        "password_at": now,
    }
    try:
        with connection.begin_nested():
            number = connection.execute(insert(account).values(values).returning(account.c.id)).scalar_one()
    except IntegrityError as error:
        raise Problem("GOR-1901", login=login) from error
    _set_scope(connection, number, new.schools, new.people)
    _record(connection, "account_added", number, now, new.role)
    return get(connection, login)


def get(connection: Connection, login: str) -> Account:
    """The account of a login, in any spelling; Problem GOR-1902 if there is none."""
    rows = _read(connection, account.c.login == credentials.normalise_login(login))
    if not rows:
        raise Problem("GOR-1902", login=login)
    return rows[0]


def find(connection: Connection, number: int) -> Account | None:
    """The account of a number, disabled or not."""
    rows = _read(connection, account.c.id == number)
    return rows[0] if rows else None


def every(connection: Connection) -> list[Account]:
    """All accounts by login."""
    return _read(connection, true())


def set_role(connection: Connection, login: str, role: str, schools: Sequence[str], now: datetime) -> Account:
    """Give an account another role and scope; it holds from the next page on, sessions stay open."""
    known = get(connection, login)
    _check_role(connection, role, schools)
    connection.execute(update(account).where(account.c.id == known.id).values(role=role))
    _set_scope(connection, known.id, schools)
    _record(connection, "role_changed", known.id, now, role)
    return get(connection, login)


def disable(connection: Connection, login: str, now: datetime) -> Account:
    """Close an account: nobody signs in with it, open sessions end at once."""
    known = get(connection, login)
    connection.execute(update(account).where(account.c.id == known.id).values(disabled_at=now))
    _end_sessions(connection, known.id)
    _record(connection, "account_disabled", known.id, now, known.role)
    return get(connection, login)


def reset(connection: Connection, login: str, password: str, now: datetime) -> Account:
    """New password, second factor enrolled anew at the next sign-in, sessions ended, failures forgotten, account open again."""
    known = get(connection, login)
    check_password(password, known.login)
    values: dict[str, Any] = {
        "password_hash": hash_password(password),
        "password_at": now,
        "factor_secret": None,
        "factor_step": None,
        "disabled_at": None,
    }
    connection.execute(update(account).where(account.c.id == known.id).values(values))
    subject = credentials.login_subject(known.login)
    connection.execute(delete(sign_in_backoff).where(sign_in_backoff.c.subject == subject))
    _end_sessions(connection, known.id)
    connection.execute(delete(recovery_code).where(recovery_code.c.account_id == known.id))
    _record(connection, "account_reset", known.id, now, known.role)
    return get(connection, login)


def hash_password(password: str) -> str:
    """What is kept of a password; takes about 35 ms."""
    return credentials.hash_password(password, secrets.token_bytes(credentials.SALT_BYTES))


def seal(key: bytes, login: str, secret: bytes) -> bytes:
    """A second factor's secret as the table keeps it."""
    return credentials.seal_secret(key, login, secret, secrets.token_bytes(12))


def fit_login(login: str) -> str:
    """The login in its one spelling; Problem GOR-1908 if it is none."""
    plain = credentials.normalise_login(login)
    if not plain or len(plain) > LOGIN_MAX or any(not sign.isprintable() or sign.isspace() for sign in plain):
        raise Problem("GOR-1908", login=repr(login))
    return plain


def _check_role(connection: Connection, role: str, schools: Sequence[str]) -> None:
    if role not in ROLES:
        raise Problem("GOR-1904", role=role, known=", ".join(ROLES))
    if role in CITY_ROLES and schools:
        raise Problem("GOR-1907", role=role)
    if role not in CITY_ROLES and not schools:
        raise Problem("GOR-1905", role=role)
    table = METADATA.tables[f"{SCHEMA}.school"]
    known = set(connection.execute(select(table.c.school_id).where(table.c.school_id.in_(schools))).scalars())
    for school in schools:
        if school not in known:
            raise Problem("GOR-1011", school=school)


def check_password(password: str, login: str) -> None:
    """Return if the password may be used; a Problem says why it may not."""
    code = credentials.weakness(password, login)
    if code is not None:
        raise Problem(code, cause=f"{len(password)} < {credentials.PASSWORD_MIN}")
    if guessable(password, login):
        raise Problem("GOR-1910")


def _set_scope(
    connection: Connection, number: int, schools: Sequence[str], people: Sequence[tuple[str, str]] = ()
) -> None:
    connection.execute(delete(account_scope).where(account_scope.c.account_id == number))
    places = dict.fromkeys([*people, *((school, "") for school in schools if school not in dict(people))])
    if places:
        rows = [{"account_id": number, "school_id": school, "person_id": person} for school, person in places]
        connection.execute(insert(account_scope), rows)


def _record(connection: Connection, kind: str, number: int, now: datetime, role: str) -> None:
    audit.record(connection, kind, now, subject=audit.account_subject(number), details={"role": role})


def _end_sessions(connection: Connection, number: int) -> None:
    connection.execute(delete(session).where(session.c.account_id == number))


def _read(connection: Connection, condition: ColumnElement[bool]) -> list[Account]:
    scope = (
        select(func.array_agg(array([account_scope.c.school_id, account_scope.c.person_id])))
        .where(account_scope.c.account_id == account.c.id)
        .scalar_subquery()
    )
    rows = connection.execute(select(account, scope.label("scope")).where(condition).order_by(account.c.login))
    return [_account(row) for row in rows]


def _account(row: Row[Any]) -> Account:
    scope = row.scope or ()
    return Account(
        id=row.id,
        login=row.login,
        role=row.role,
        schools=tuple(sorted({school for school, _person in scope})),
        factor=row.factor_secret is not None,
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
        disabled_at=row.disabled_at,
        people=tuple(sorted((school, person) for school, person in scope if person)),
        password_at=row.password_at,
    )


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
