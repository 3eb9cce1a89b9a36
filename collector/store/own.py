"""What people do with their own account: another password, the second factor, codes for the day the telephone is lost, other ways in.

The old password is checked between two transactions, as at the sign-in: :func:`begin` counts the guess, :func:`forgive` takes it back.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from collector.core import activation, credentials
from collector.store import accounts, audit, backoff, sessions
from collector.store.account_tables import account, account_subject, recovery_code, session

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from collector.core.credentials import BackOff

RECOVERY_CODES: Final = 8
_GUESS: Final = "password"


def begin(connection: Connection, number: int, limits: BackOff, now: datetime) -> tuple[str, int]:
    """The stored password to check a typed one against, and the seconds to wait; the guess counts as a failure until it is forgiven."""
    subject = backoff.account_subject(number, _GUESS)
    wait = backoff.wait_s(connection, [subject], now)
    if not wait:
        backoff.count(connection, subject, limits, now)
    stored = connection.execute(select(account.c.password_hash).where(account.c.id == number)).scalar_one()
    return stored, wait


def forgive(connection: Connection, number: int) -> None:
    """The typed password was right."""
    backoff.forget(connection, backoff.account_subject(number, _GUESS))


def change_password(
    connection: Connection, number: int, old_hash: str, new_hash: str, token: str, now: datetime
) -> bool:
    """Another password; every other session of the account ends. False if the password was changed meanwhile."""
    given = {"number": number, "old": old_hash, "new": new_hash, "now": now}
    changed: bool = connection.execute(
        text("SELECT gorod.change_password(:number, :old, :new, :now)"), given
    ).scalar_one()
    if changed:
        sessions.end_others(connection, number, token, now)
        _record(connection, "password_changed", number, now)
    return changed


def start_factor(connection: Connection, held: sessions.Session, key: bytes) -> None:
    """Keep a fresh secret in the session until its first code is typed."""
    secret = accounts.seal(key, held.account.login, secrets.token_bytes(credentials.SECRET_BYTES))
    connection.execute(update(session).where(session.c.number == held.number).values(factor_secret=secret))


def confirm_factor(connection: Connection, held: sessions.Session, code: str, key: bytes, now: datetime) -> bool:
    """The account takes over the session's secret, if the code is its own."""
    sealed = held.factor_secret
    secret = None if sealed is None else credentials.open_secret(key, held.account.login, sealed)
    step = None if secret is None else credentials.code_step(secret, code, now.timestamp())
    if step is None:
        return False
    free = (account.c.id == held.account.id) & account.c.factor_secret.is_(None)
    statement = update(account).where(free).values(factor_secret=sealed, factor_step=step).returning(account.c.id)
    if connection.execute(statement).one_or_none() is None:
        return False
    connection.execute(update(session).where(session.c.number == held.number).values(factor_secret=None))
    _record(connection, "factor_added", held.account.id, now)
    return True


def remove_factor(connection: Connection, number: int, now: datetime) -> None:
    """The password alone opens the account again; for those for whom that is enough (the caller knows)."""
    connection.execute(update(account).where(account.c.id == number).values(factor_secret=None, factor_step=None))
    connection.execute(delete(recovery_code).where(recovery_code.c.account_id == number))
    _record(connection, "factor_removed", number, now)


def make_recovery_codes(connection: Connection, number: int, key: bytes, now: datetime) -> list[str]:
    """Fresh codes, shown once; those made before are worthless."""
    made = [activation.make_code(secrets.token_bytes) for _ in range(RECOVERY_CODES)]
    connection.execute(delete(recovery_code).where(recovery_code.c.account_id == number))
    hashes = [activation.code_hash(key, code.replace("-", "")) for code in made]
    connection.execute(insert(recovery_code), [{"account_id": number, "code_hash": one} for one in hashes])
    _record(connection, "recovery_codes_made", number, now)
    return made


def recovery_codes_left(connection: Connection, number: int) -> int:
    """How many codes are still good."""
    statement = select(func.count()).select_from(recovery_code).where(recovery_code.c.account_id == number)
    return int(connection.execute(statement).scalar_one())


# Other ways in ------------------------------------------------------------------------------------------------------------------


def link(connection: Connection, number: int, issuer: str, subject: str, now: datetime) -> bool:
    """Tie a provider's subject to an account; False if it is tied to another one."""
    fresh = upsert(account_subject).values(issuer=issuer, subject=subject, account_id=number, linked_at=now)
    connection.execute(fresh.on_conflict_do_nothing())
    tied = linked_account(connection, issuer, subject)
    if tied is None or tied.id != number:
        return False
    _record(connection, "provider_linked", number, now)
    return True


def unlink(connection: Connection, number: int, issuer: str, now: datetime) -> None:
    """Forget what a provider calls the owner of an account."""
    own = (account_subject.c.account_id == number) & (account_subject.c.issuer == issuer)
    if connection.execute(delete(account_subject).where(own)).rowcount:
        _record(connection, "provider_removed", number, now)


def linked_account(connection: Connection, issuer: str, subject: str) -> accounts.Account | None:
    """The account that a provider's subject is tied to, None if there is none or it is closed."""
    statement = select(account_subject.c.account_id).where(
        account_subject.c.issuer == issuer, account_subject.c.subject == subject
    )
    number = connection.execute(statement).scalar_one_or_none()
    found = None if number is None else accounts.find(connection, number)
    return found if found is not None and found.disabled_at is None else None


def is_linked(connection: Connection, number: int, issuer: str) -> bool:
    """Whether the account is tied to a subject of the provider."""
    own = (account_subject.c.account_id == number) & (account_subject.c.issuer == issuer)
    return connection.execute(select(account_subject.c.subject).where(own).limit(1)).one_or_none() is not None


def _record(connection: Connection, kind: str, number: int, now: datetime) -> None:
    audit.record(connection, kind, now, actor=number, subject=audit.account_subject(number))
