"""The department's database behind the portal's ports. School data are read under the caller's scope, by a login that cannot write any."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import psycopg

from collector.store import accounts, health, sessions, signin
from collector.store.activations import code_key
from collector.store.keys import KeyRing
from collector.store.names import Names
from portal.ports import Card
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from collector.store import reader as store
    from collector.store.engine import Database
    from portal.config import Config

log = logging.getLogger(__name__)

CHANNEL: Final = "gorod_health"
_EVENTS, _BATCHES = 20, 10
_AGAIN_S: Final = 5.0


class StoreReader:
    """Health of schools out of the store."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    def schools(self, scope: str, now: datetime) -> tuple[health.SchoolHealth, ...]:
        """Every school that the scope shows."""
        with self._database.begin(scope=scope) as connection:
            return health.read_health(connection, now, self._config.late_s, self._config.silent_s).schools

    def card(self, scope: str, school: str, now: datetime) -> Card | None:
        """One school, or None."""
        with self._database.begin(scope=scope) as connection:
            found = health.read_school(connection, school, now, self._config.late_s, self._config.silent_s)
            if found is None:
                return None
            events = tuple(health.read_events(connection, school, _EVENTS))
            return Card(found, events, tuple(health.read_batches(connection, school, _BATCHES)))

    def ready(self) -> None:
        """Return if the database answers."""
        with self._database.begin() as connection:
            connection.exec_driver_sql("SELECT 1")


class StoreAccounts:
    """Accounts and sessions out of the store."""

    def __init__(self, database: Database, rules: signin.Rules) -> None:
        self._database, self._rules = database, rules

    def sign_in(self, attempt: signin.Attempt, now: datetime) -> signin.SignedIn:
        """Check what was typed; no connection is held while the password is checked."""
        with self._database.begin() as connection:
            candidate = signin.begin(connection, attempt, self._rules, now)
        verdict = signin.judge(candidate, attempt, self._rules, now)
        with self._database.begin() as connection:
            return signin.finish(connection, attempt, candidate, verdict, self._rules, now)

    def session(self, token: str, now: datetime, *, touch: bool) -> sessions.Session | None:
        """The session of a cookie."""
        with self._database.begin() as connection:
            return sessions.find(connection, token, now, touch=touch)

    def factor_secret(self, session: sessions.Session) -> bytes | None:
        """The secret that a session of stage ``enrol`` is setting up."""
        if session.factor_secret is None:
            return None
        return accounts.open_secret(self._rules.factor_key, session.account.login, session.factor_secret)

    def enrol(self, token: str, code: str, now: datetime) -> str | None:
        """Confirm the second factor."""
        with self._database.begin() as connection:
            return signin.enrol(connection, token, code, self._rules, now)

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._database.begin() as connection:
            sessions.end(connection, token)


class StoreSchoolData:
    """School data out of the store, under the reader's rights."""

    def __init__(self, database: Database, ring: KeyRing | None) -> None:
        self._database = database
        self.names = Names(ring)
        """Opens sealed names; without a key ring there are none."""

    def reader(self, account: int, now: datetime) -> AbstractContextManager[store.Reader]:
        """A transaction that sees what the account may see."""
        return self._database.reader(account, now)

    def noting(self) -> AbstractContextManager[psycopg.Connection]:
        """A transaction for what readers note for themselves."""
        return self._database.plain()


def key_ring(config: Config) -> KeyRing:
    """The key ring of the settings, which must be there."""
    if config.keys is None:
        raise Problem("GOR-1006", key="keys", env="GOROD_PORTAL_KEYS")
    return KeyRing(config.keys, config.master_key_file)


def sign_in_rules(config: Config) -> signin.Rules:
    """How people sign in, by the settings; opens the key ring, which must be there."""
    ring = key_ring(config)
    return signin.Rules(
        factor_key=accounts.factor_key(ring.master_key()),
        backoff=signin.BackOff(config.signin_free, config.signin_first_s, config.signin_cap_s),
        life=sessions.Life(config.idle_s, config.session_s),
        enrol_life=sessions.Life(config.enrol_s, config.enrol_s),
        kept_life=sessions.Life(config.kept_s, config.kept_s),
        code_key=code_key(ring.master_key()),
        code_life=timedelta(days=config.code_days),
        guesses=signin.BackOff(config.guess_free, config.signin_first_s, config.signin_cap_s),
    )


async def announcements(url: str) -> AsyncGenerator[None, None]:
    """Yields whenever the collector says that something of a school's health has changed. Never ends: a lost line is tried again.

    Open pages are polled too, so that nothing is missed while the line is away.
    """
    told = False
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                told = False
                async for _ in connection.notifies():
                    yield
        except psycopg.Error as error:
            if not told:
                log.warning("announcements of changes are not heard, pages are polled: %s", type(error).__name__)
            told = True
        await asyncio.sleep(_AGAIN_S)
