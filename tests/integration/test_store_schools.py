"""Schools and the department's word about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from collector.store import schools
from collector.store.engine import sqlalchemy_engine
from collector.store.health import read_events
from collector.store.schools import NewSchool
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
NOW = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    engine = sqlalchemy_engine(store.url)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def added(connection: Connection) -> Connection:
    """A connection to a store with one school."""
    schools.add(connection, NewSchool("23-001", " Школа № 1 "), NOW)
    return connection


def kinds_of_events(connection: Connection) -> list[str]:
    return [event.kind for event in read_events(connection, "23-001")]


def test_an_added_school_has_what_it_needs(added: Connection):
    found = schools.get(added, "23-001")
    assert (found.name, found.kind, found.zone, found.organisation) == (
        "Школа № 1",
        "school",
        "Europe/Moscow",
        "23-001",
    )
    assert (found.identity, found.resync, found.revoked_at) == (None, 0, None)
    assert len(found.uuid) == 36
    assert schools.every(added) == [found]


def test_a_school_is_added_once(added: Connection):
    with pytest.raises(Problem, match="GOR-1012"):
        schools.add(added, NewSchool("23-001", "Другая"), NOW)


@pytest.mark.parametrize(
    "new",
    [
        NewSchool("", "x"),
        NewSchool("a b", "x"),
        NewSchool("../x", "x"),
        NewSchool("a" * 65, "x"),
        NewSchool("1", "  "),
        NewSchool("1", "x\0"),
        NewSchool("1", "x", kind="kindergarten"),
        NewSchool("1", "x", zone="Europe/Atlantis"),
        NewSchool("1", "x", zone="../etc/passwd"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(connection: Connection, new: NewSchool):
    with pytest.raises(Problem, match="GOR-1010"):
        schools.add(connection, new, NOW)
    assert schools.every(connection) == []


def test_an_unknown_school_is_a_problem_whatever_is_asked(connection: Connection):
    for ask in (
        lambda: schools.get(connection, "23-404"),
        lambda: schools.revoke(connection, "23-404", NOW),
        lambda: schools.request_resync(connection, "23-404", NOW),
        lambda: schools.confirm_identity(connection, "23-404", NOW),
        lambda: schools.confirm_rows(connection, "23-404", "mark", 1, "anna", NOW),
    ):
        with pytest.raises(Problem, match="GOR-1011"):
            ask()


def test_the_first_identity_is_recorded_and_another_is_not(added: Connection):
    assert schools.record_identity(added, "23-001", "guid-1")
    assert schools.record_identity(added, "23-001", "guid-1")
    assert not schools.record_identity(added, "23-001", "guid-2")
    assert schools.get(added, "23-001").identity == "guid-1"


def test_an_offered_identity_is_taken_when_the_department_confirms(added: Connection):
    schools.record_identity(added, "23-001", "guid-1")
    schools.offer_identity(added, "23-001", "guid-2")
    confirmed = schools.confirm_identity(added, "23-001", NOW)
    assert (confirmed.identity, confirmed.offered) == ("guid-2", None)
    assert kinds_of_events(added) == ["identity_confirmed"]


def test_nothing_offered_is_nothing_to_confirm(added: Connection):
    with pytest.raises(Problem, match="GOR-1010"):
        schools.confirm_identity(added, "23-001", NOW)


def test_releases_are_numbered_one_after_another(added: Connection):
    first = schools.confirm_rows(added, "23-001", "mark", 600, "anna", NOW)
    second = schools.confirm_rows(added, "23-001", "lesson", 5, "anna", NOW)
    assert [first.number, second.number] == [1, 2]
    assert schools.releases(added, "23-001") == [first, second]
    assert schools.releases(added, "23-001", newest=1) == [second]


@pytest.mark.parametrize(("entity", "rows"), [("marks", 1), ("mark", 0), ("mark", -5)])
def test_a_release_needs_an_entity_and_rows(added: Connection, entity: str, rows: int):
    with pytest.raises(Problem, match="GOR-1010"):
        schools.confirm_rows(added, "23-001", entity, rows, "anna", NOW)


def test_a_resync_and_a_revocation_are_noted(added: Connection):
    schools.request_resync(added, "23-001", NOW)
    schools.set_profile(added, "23-001", "demo")
    schools.revoke(added, "23-001", NOW)
    schools.revoke(added, "23-001", NOW.replace(year=2027))
    found = schools.get(added, "23-001")
    assert (found.resync, found.profile, found.revoked_at) == (1, "demo", NOW)
    assert kinds_of_events(added) == ["revoked", "revoked", "resync"]
