"""The portal over a real store with a school of the demo city, for people of its staff: accounts are fakes, what they see is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from collector.core.activation import code_key
from collector.store import accounts, signin
from collector.store.accounts import Account
from collector.store.sessions import Life
from portal.app import create_app
from portal.people import StorePeople
from portal.store import StoreReader, StoreSchoolData
from tests.fix_readers import NOW
from tests.portal_world import Client, FakeAccounts, Person, make_config

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi import FastAPI

    from collector.store.keys import KeyRing
    from portal.config import Config
    from tests.fix_readers import ReadersWorld

SCHOOL, FURTHER = "42-001", "42-003"


@dataclass
class StaffPortal:
    """A portal with people who can sign in; `login` names them by what they are."""

    world: ReadersWorld
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    config: Config = field(default_factory=make_config)
    now: datetime = NOW

    def app(self, **options: Any) -> FastAPI:
        """The application."""
        reader = StoreReader(self.world.database, self.config)
        data = StoreSchoolData(self.world.database, self.world.ring)
        rules = make_rules(self.world.ring)
        people = StorePeople(self.world.database, rules, self.world.ring)
        return create_app(self.config, reader, self.accounts, data, people=people, clock=lambda: self.now, **options)

    @cached_property
    def running(self) -> FastAPI:
        """One application for all clients."""
        return self.app()

    def person(self, login: str, role: str, *scopes: tuple[str, str]) -> str:
        """An account of the store that can sign in here."""
        number = self.world.account(role, *scopes)
        schools = tuple(sorted({school for school, _ in scopes}))
        account = Account(
            number, login, role, schools, factor=True, created_at=NOW, signed_in_at=None, disabled_at=None
        )
        self.accounts.people[login] = Person(account, secret=bytes(20))
        return login

    def client(self, login: str) -> Client:
        """A browser in which that person has signed in."""
        client = Client(self.running)
        assert client.sign_in(login).status == 303
        return client

    def one(self, query: str, *values: object) -> Any:
        """First column of the first row of what the owner sees."""
        return self.world.value(query, *values)


def make_rules(ring: KeyRing) -> signin.Rules:
    """How people sign in, with the keys of the world."""
    life = Life(1800, 43_200)
    master = ring.master_key()
    return signin.Rules(
        factor_key=accounts.factor_key(master),
        backoff=signin.BackOff(5, 30, 3600),
        life=life,
        enrol_life=life,
        kept_life=life,
        code_key=code_key(master),
        code_life=timedelta(days=30),
        guesses=signin.BackOff(5, 30, 3600),
    )


TEACHER = """
SELECT f.person_id FROM gorod.staff f JOIN gorod.teaching_assignment t ON t.school_id = f.school_id AND t.staff_id = f.source_id
JOIN gorod.lesson l ON l.school_id = t.school_id AND l.teaching_group_id = t.teaching_group_id AND l.date = '2026-11-23'
WHERE f.school_id = %s AND (t.to_date IS NULL OR t.to_date > '2026-11-23')
GROUP BY f.person_id ORDER BY count(*) DESC, f.person_id LIMIT 1"""
LEADER = """
SELECT f.person_id FROM gorod.class c JOIN gorod.staff f ON f.school_id = c.school_id AND f.source_id = c.class_teacher_id
JOIN gorod.academic_year y ON y.school_id = c.school_id AND y.source_id = c.year_id AND NOT y.closed
WHERE c.school_id = %s AND c.parallel = 7 ORDER BY c.letter LIMIT 1"""


_STATE = """
INSERT INTO gorod.school_state (school_id, fresh_at, complete_at, applied_at, connected, last_seen, state)
SELECT school_id, %(now)s, %(now)s - interval '3 hours', %(now)s, true, %(now)s, 'ok' FROM gorod.school
ON CONFLICT (school_id) DO UPDATE SET fresh_at = excluded.fresh_at, complete_at = excluded.complete_at, applied_at = excluded.applied_at,
    connected = true, last_seen = excluded.last_seen, state = 'ok'"""


def settle(world: ReadersWorld) -> None:
    """As after a while of running: the schools are heard of, the planner knows the tables."""
    with world.store.owner() as owner:
        owner.execute(_STATE, {"now": NOW - timedelta(minutes=2)})
        owner.execute("ANALYZE")


_VISITS = (  # school, day, role, group of pages, accounts, pages of each
    (SCHOOL, 23, "parent", "marks", 9, 3),
    (SCHOOL, 23, "pupil", "diary", 4, 5),
    (SCHOOL, 22, "parent", "diary", 2, 1),
    (FURTHER, 20, "pupil", "timetable", 1, 2),
    ("", 23, "analyst", "visits", 1, 4),
)


def visit(world: ReadersWorld) -> None:
    """Some days of visits by accounts that nobody else is."""
    with world.store.owner() as owner:
        for first, (school, day, role, group, number, pages) in enumerate(_VISITS, 1):
            for one in range(number):
                owner.execute(
                    "INSERT INTO gorod.visit VALUES (%s, %s, %s, %s, %s, %s)",
                    (school, date(2026, 11, day), 10_000 * first + one, group, role, pages),
                )


def people(world: ReadersWorld) -> StaffPortal:
    """A portal with one person per role at the school, and a teacher of further education."""
    portal = StaffPortal(world)
    portal.person("teacher", "teacher", (SCHOOL, portal.one(TEACHER, SCHOOL)))
    portal.person("class_teacher", "class_teacher", (SCHOOL, portal.one(LEADER, SCHOOL)))
    portal.person("coach", "teacher", (FURTHER, portal.one(TEACHER, FURTHER)))
    portal.person("nobody", "teacher", (SCHOOL, "no such person"))
    for role in ("deputy", "secretary", "head", "sysadmin"):
        portal.person(role, role, (SCHOOL, ""))
    portal.person("other head", "head", (FURTHER, ""))
    for role in ("operator", "analyst", "security", "admin"):
        portal.person(role, role)
    return portal


@pytest.fixture(scope="session")
def staff(city_readers: ReadersWorld) -> StaffPortal:
    """The staff of a small school of the demo city, over a real store."""
    settle(city_readers)
    visit(city_readers)
    return people(city_readers)
