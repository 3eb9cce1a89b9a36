"""Signing in, in three steps, so that no database connection waits while the password is checked.

begin   one transaction   the failure is counted first: a thousand guesses at once are a thousand failures
judge   no database       password and code are always both checked, for an unknown login too: equal answer, equal time
finish  one transaction   the code's time step is used up, the failure is taken back, the session begins
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, or_, select, update

from collector.core import credentials
from collector.core.activation import code_hash, read_code
from collector.core.credentials import BackOff
from collector.store import accounts, audit, backoff, sessions
from collector.store.account_tables import PERSON_ROLES, account, recovery_code, session, sign_in

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = [
    "Attempt",
    "BackOff",
    "Candidate",
    "Outcome",
    "Rules",
    "SignedIn",
    "Verdict",
    "begin",
    "begin_enrolment",
    "enrol",
    "finish",
    "judge",
    "judge_code",
    "open_for",
]

_GUESSES: Final = BackOff(20, 5, 900)
_KEPT: Final = sessions.Life(60 * 86_400, 60 * 86_400)


class Outcome(Enum):
    """How an attempt ended; REFUSED never says which of login, password and code was wrong."""

    OPEN = "open"
    ENROL = "enrol"
    REFUSED = "refused"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a person typed, and from where."""

    login: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    address: str = ""
    place: sessions.Place = field(default_factory=sessions.Place)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of the login before anything is checked; `account_id` is None for an unknown or closed one."""

    account_id: int | None
    login: str
    role: str
    password_hash: str
    factor_secret: bytes | None
    factor_step: int | None
    wait_s: int
    recovery: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks gave: the outcome, and the time step or the recovery code that was used."""

    outcome: Outcome
    step: int | None = None
    recovery: bytes | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The end of an attempt: the token of the new session, or the seconds to wait."""

    outcome: Outcome
    token: str = ""
    wait_s: int = 0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """How people sign in: limits, each a setting of the portal, and the key that opens second factors."""

    factor_key: bytes = field(repr=False)
    backoff: BackOff
    life: sessions.Life
    enrol_life: sessions.Life
    kept_life: sessions.Life = _KEPT
    code_key: bytes = field(default=b"", repr=False)
    code_life: timedelta = timedelta(days=30)
    guesses: BackOff = _GUESSES

    def life_of(self, role: str, place: sessions.Place) -> sessions.Life:
        """How long a session lives: a family's own telephone stays signed in, nothing else does."""
        return self.kept_life if place.kept and role in PERSON_ROLES else self.life


def begin(connection: Connection, attempt: Attempt, rules: Rules, now: datetime) -> Candidate:
    """Count the attempt as a failure, unless it has to wait anyway, and read what is known of the login."""
    subjects = [credentials.login_subject(attempt.login), backoff.address_subject(attempt.address)]
    wait = backoff.wait_s(connection, subjects, now)
    if wait == 0:
        backoff.count(connection, subjects[0], rules.backoff, now)
        backoff.count(connection, subjects[1], backoff.for_addresses(rules.backoff), now)
    row = connection.execute(
        select(account).where(
            account.c.login == credentials.normalise_login(attempt.login), account.c.disabled_at.is_(None)
        )
    ).one_or_none()
    if row is None:
        return Candidate(None, "", "", _nobody(), None, None, wait)
    saved = select(recovery_code.c.code_hash).where(recovery_code.c.account_id == row.id)
    recovery = tuple(bytes(one) for one in connection.execute(saved).scalars())
    return Candidate(row.id, row.login, row.role, row.password_hash, row.factor_secret, row.factor_step, wait, recovery)


def judge(candidate: Candidate, attempt: Attempt, rules: Rules, now: datetime) -> Verdict:
    """Check password and code. Takes as long for an unknown login, a wrong password, a wrong code."""
    if candidate.wait_s:
        return Verdict(Outcome.BLOCKED)
    fits = credentials.password_fits(attempt.password, candidate.password_hash)
    verdict = judge_code(candidate, attempt, rules, now)
    return verdict if fits else Verdict(Outcome.REFUSED)


def judge_code(candidate: Candidate, attempt: Attempt, rules: Rules, now: datetime) -> Verdict:
    """Check the code alone: for somebody whom a provider vouches for, or whose password was checked."""
    if candidate.wait_s:
        return Verdict(Outcome.BLOCKED)
    secret = candidate.factor_secret and credentials.open_secret(
        rules.factor_key, candidate.login, candidate.factor_secret
    )
    step = credentials.code_step(
        secret or bytes(credentials.SECRET_BYTES), attempt.code, now.timestamp(), candidate.factor_step
    )
    saved = code_hash(rules.code_key, read_code(attempt.code) or "")
    recovery = next((known for known in candidate.recovery if hmac.compare_digest(known, saved)), None)
    if candidate.account_id is None:
        return Verdict(Outcome.REFUSED)
    if candidate.factor_secret is not None:
        if recovery is not None:
            return Verdict(Outcome.OPEN, recovery=recovery)
        return Verdict(Outcome.OPEN, step) if secret and step is not None else Verdict(Outcome.REFUSED)
    return Verdict(Outcome.OPEN if candidate.role in PERSON_ROLES else Outcome.ENROL)


def finish(
    connection: Connection,
    attempt: Attempt,
    candidate: Candidate,
    verdict: Verdict,
    rules: Rules,
    now: datetime,
) -> SignedIn:
    """Carry the verdict out and record it; a code that another attempt used up meanwhile is refused."""
    outcome = verdict.outcome
    if verdict.step is not None and not _use_step(connection, candidate.account_id, verdict.step):
        outcome = Outcome.REFUSED
    if verdict.recovery is not None and not _use_recovery(connection, candidate.account_id, verdict.recovery, now):
        outcome = Outcome.REFUSED
    _record(connection, candidate.account_id, outcome, attempt.address, now)
    if outcome in (Outcome.REFUSED, Outcome.BLOCKED) or candidate.account_id is None:
        return SignedIn(outcome, wait_s=candidate.wait_s)
    _forgive(connection, attempt)
    if outcome is Outcome.ENROL:
        begun = begin_enrolment(connection, candidate.account_id, candidate.login, attempt.place, rules, now)
        return SignedIn(outcome, begun)
    kept = attempt.place.kept and candidate.role in PERSON_ROLES
    token = open_for(connection, candidate.account_id, candidate.role, attempt.place, rules, now)
    return SignedIn(outcome, token, kept=kept)


def begin_enrolment(
    connection: Connection, number: int, login: str, place: sessions.Place, rules: Rules, now: datetime
) -> str:
    """Open a session in which nothing but the second factor can be set up; the token."""
    secret = accounts.seal(rules.factor_key, login, secrets.token_bytes(credentials.SECRET_BYTES))
    return sessions.begin(connection, number, rules.enrol_life, now, secret, place)


def open_for(connection: Connection, number: int, role: str, place: sessions.Place, rules: Rules, now: datetime) -> str:
    """Open the session of somebody who has proven who they are; the token."""
    kept = sessions.Place(place.device, place.kept and role in PERSON_ROLES)
    connection.execute(update(account).where(account.c.id == number).values(signed_in_at=now))
    return sessions.begin(connection, number, rules.life_of(role, kept), now, place=kept)


def enrol(connection: Connection, token: str, code: str, rules: Rules, now: datetime) -> str | None:
    """Confirm the second factor with its first code: the account keeps the secret, a new session begins; None if the code is wrong."""
    held = sessions.find(connection, token, now)
    if held is None or held.stage != "enrol" or held.factor_secret is None:
        return None
    secret = credentials.open_secret(rules.factor_key, held.account.login, held.factor_secret)
    step = None if secret is None else credentials.code_step(secret, code, now.timestamp())
    if step is None:
        _record(connection, held.account.id, Outcome.REFUSED, "", now)
        return None
    kept = connection.execute(
        update(account)
        .where(account.c.id == held.account.id, account.c.factor_secret.is_(None))
        .values(factor_secret=held.factor_secret, factor_step=step, signed_in_at=now)
        .returning(account.c.id)
    ).one_or_none()
    connection.execute(delete(session).where(session.c.account_id == held.account.id, session.c.stage == "enrol"))
    if kept is None:
        return None
    _record(connection, held.account.id, Outcome.OPEN, "", now)
    subject = audit.account_subject(held.account.id)
    audit.record(connection, "factor_added", now, actor=held.account.id, subject=subject)
    return open_for(connection, held.account.id, held.account.role, sessions.Place(held.device), rules, now)


def _forgive(connection: Connection, attempt: Attempt) -> None:
    """A success: the login's failures are forgotten, the address gets back the one that this attempt was counted as."""
    backoff.forget(connection, credentials.login_subject(attempt.login))
    backoff.give_back(connection, backoff.address_subject(attempt.address))


def _use_step(connection: Connection, account_id: int | None, step: int) -> bool:
    unused = or_(account.c.factor_step.is_(None), account.c.factor_step < step)
    statement = (
        update(account).where(account.c.id == account_id, unused).values(factor_step=step).returning(account.c.id)
    )
    return connection.execute(statement).one_or_none() is not None


def _use_recovery(connection: Connection, account_id: int | None, code: bytes, now: datetime) -> bool:
    own = (recovery_code.c.account_id == account_id) & (recovery_code.c.code_hash == code)
    if account_id is None or not connection.execute(delete(recovery_code).where(own)).rowcount:
        return False
    audit.record(connection, "recovery_code_used", now, actor=account_id, subject=audit.account_subject(account_id))
    return True


def _record(connection: Connection, account_id: int | None, outcome: Outcome, address: str, now: datetime) -> None:
    # Inline: the id is not asked back, since the portal may write this table but not read it.
    connection.execute(
        insert(sign_in).inline().values(at=now, account_id=account_id, outcome=outcome.value, address=address)
    )
    kind = "signed_in" if outcome is Outcome.OPEN else "refused"
    subject = "" if account_id is None else audit.account_subject(account_id)
    if outcome is not Outcome.ENROL:
        actor = account_id if outcome is Outcome.OPEN else None
        audit.record(connection, kind, now, actor=actor, subject=subject, details={"outcome": outcome.value})


@cache
def _nobody() -> str:
    """A stored password that nobody has: what an unknown login is checked against, at the same cost."""
    return credentials.hash_password(secrets.token_urlsafe(), secrets.token_bytes(credentials.SALT_BYTES))
