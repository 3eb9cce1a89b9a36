"""The portal over two schools of the demo city in a real database: a parent with children in both, a pupil, and others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from portal.store import StoreSchoolData
from tests.fix_readers import NOW
from tests.portal_world import Client, FakeAccounts, FakeReader, World, make_config

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fix_readers import ReadersWorld

GENERAL, FURTHER = "42-001", "42-003"

# Who may see a pupil, and how many children of the school they have; a pupil with many marks first.
_PARENTS = """
SELECT l.person_id, min(r.pupil_id), count(*)
FROM gorod.representation r
JOIN gorod.legal_representative l ON l.school_id = r.school_id AND l.source_id = r.representative_id
WHERE r.school_id = %s AND r.may_view AND r.blocked IS NOT TRUE AND (r.to_date IS NULL OR r.to_date > '2026-11-23')
GROUP BY l.person_id
ORDER BY (SELECT count(*) FROM gorod.mark k WHERE k.school_id = min(r.school_id) AND k.pupil_id = min(r.pupil_id)) DESC, 1"""


@dataclass
class FamilyWorld:
    """A portal and the people who sign in to it: `parent` (children in both schools), `mother` (one child), `pupil`, `stranger`, `teacher`."""

    readers: ReadersWorld
    world: World
    child: str  # key of the pupil of the general school
    hobby: str  # key of the pupil of further education

    def client(self, login: str = "parent") -> Client:
        """Somebody who has signed in."""
        client = Client(self.world.app())
        client.sign_in(login)
        return client

    def at(self, view: str, school: str = GENERAL) -> str:
        """Address of a page about the child, or about the pupil of further education."""
        return f"/children/{school}/{self.child if school == GENERAL else self.hobby}/{view}"

    def value(self, query: str, *values: object) -> Any:
        """First column of the first row of what the owner, who sees everything, selects."""
        return self.readers.value(query, *values)


@pytest.fixture(scope="session")
def stamped(city_readers: ReadersWorld) -> ReadersWorld:
    """The two schools with a finished first load, fresh a minute ago."""
    with city_readers.store.owner() as owner:
        owner.execute(
            "INSERT INTO gorod.school_state (school_id, fresh_at, complete_at) "
            "SELECT school_id, '2026-11-23 09:14:00Z', '2026-11-23 02:00:00Z' FROM gorod.school "
            "ON CONFLICT (school_id) DO UPDATE SET fresh_at = excluded.fresh_at, complete_at = excluded.complete_at"
        )
    return city_readers


@pytest.fixture
def family(stamped: ReadersWorld) -> FamilyWorld:
    """A new portal over the shared schools, at noon of Monday, 23 November 2026."""
    return make_family(stamped, NOW)


def make_family(readers: ReadersWorld, now: datetime) -> FamilyWorld:
    """The portal at a moment."""
    accounts = FakeAccounts()
    person, child, _ = readers.select(_PARENTS, GENERAL)[0]
    guardian, hobby, _ = next(row for row in readers.select(_PARENTS, FURTHER) if row[2] == 1)
    own = readers.value("SELECT person_id FROM gorod.pupil WHERE school_id = %s AND source_id = %s", GENERAL, child)
    for login, role, scopes in (
        ("parent", "parent", ((GENERAL, person), (FURTHER, guardian))),
        ("mother", "parent", ((GENERAL, person),)),
        ("pupil", "pupil", ((GENERAL, own),)),
        ("stranger", "parent", ((GENERAL, "nobody"),)),
        ("teacher", "teacher", ((GENERAL, ""),)),
    ):
        known = accounts.add(login, role, *(school for school, _ in scopes))
        known.account = replace(known.account, id=readers.account(role, *scopes))
    world = World(FakeReader(), accounts, make_config(), now=now, data=StoreSchoolData(readers.database, readers.ring))
    return FamilyWorld(readers, world, child, hobby)
