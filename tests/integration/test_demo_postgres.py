"""The demo city on PostgreSQL: the same data as on SQLite, a login that may only read, and the same life."""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from agent.profile import load
from agent.sources.base import Options
from agent.sources.factory import open_source
from collector.store.embedded import EmbeddedServer
from install.demo import counts
from install.demo.access import make_readonly
from install.demo.generate import build_school
from install.demo.live import WEIGHTS, LiveSchool
from install.demo.turn import purge_year, turn_year
from tests.fix_demo import CITY, NAMES, NOW, SUMMED, Demo, canonical_rows, everything

pytestmark = pytest.mark.integration
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def demo_template(postgres: EmbeddedServer) -> str:
    """A database with organisations 1 and 2 side by side; returns its name."""
    name = "demo_template"
    url = postgres.create_database(name)
    for number in (1, 2):
        build_school(CITY.school(number), url)
    return name


@pytest.fixture
def both(postgres: EmbeddedServer, demo_template: str) -> Iterator[tuple[Demo, Demo]]:
    """A test's own copy of that database."""
    name = f"demo_{next(NUMBERS)}"
    url = postgres.create_database(name, template=demo_template)
    yield Demo(CITY.school(1), url), Demo(CITY.school(2), url)
    postgres.drop_database(name)


@pytest.fixture
def pg_school(both: tuple[Demo, Demo]) -> Demo:
    """Organisation 1 of that database."""
    return both[0]


@pytest.fixture
def reader(pg_school: Demo) -> Iterator[psycopg.Connection]:
    """A session with the agent's login."""
    with psycopg.connect(make_readonly(pg_school.url), autocommit=True) as connection:
        yield connection


def test_both_engines_hold_the_same_canonical_rows(school: Demo, pg_school: Demo) -> None:
    ours = everything(school.url, school.organisation)
    theirs = everything(pg_school.url, pg_school.organisation)
    for name in NAMES:
        assert theirs[name] == ours[name], name
    summed = [canonical_rows(one.url, one.organisation, SUMMED) for one in (school, pg_school)]
    assert summed[0] == summed[1]
    counted = counts.rows_by_entity(pg_school.url, pg_school.organisation, closed_years=True)
    assert {name: len(rows) for name, rows in theirs.items()} == counted


def test_the_reference_counts_the_same_on_both_engines(school: Demo, pg_school: Demo) -> None:
    assert counts.rows_by_entity(pg_school.url, pg_school.organisation) == counts.rows_by_entity(
        school.url, school.organisation
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_agent_finds_nothing_but_index_seeks(school: Demo, pg_school: Demo, engine: str) -> None:
    given = school if engine == "sqlite" else pg_school
    source = open_source(Options(url=make_readonly(given.url), organisation=given.organisation))
    plans = [(profile.name, plan) for profile in load("demo").entities for plan in source.plans(profile)]
    source.close()
    assert len(plans) > 2 * len(NAMES)
    assert [(name, plan.name, plan.faults) for name, plan in plans if plan.faults] == []


WRITES = [
    "UPDATE Marks SET MarkText = '5'",
    "DELETE FROM JournalLog",
    "INSERT INTO GroupClasses VALUES ('42001', 1, 1)",
    "TRUNCATE Marks",
    "CREATE TABLE mine (a integer)",
    "CREATE TEMP TABLE mine (a integer)",
    "DROP TABLE Marks",
    "SELECT * FROM Marks FOR UPDATE",
]


@pytest.mark.parametrize("sql", WRITES)
def test_the_agents_login_can_write_nothing_not_even_temporarily(reader: psycopg.Connection, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(sql.encode())


def test_the_agents_login_reads_every_table(reader: psycopg.Connection) -> None:
    row = reader.execute("SELECT COUNT(*) FROM Marks").fetchone()
    assert row is not None
    assert row[0] > 0


def test_making_the_login_again_keeps_a_given_password(pg_school: Demo) -> None:
    first = make_readonly(pg_school.url, "first&only%")
    assert make_readonly(pg_school.url, "first&only%") == first
    psycopg.connect(first).close()
    changed = make_readonly(pg_school.url)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(first)
    psycopg.connect(changed).close()


@pytest.mark.parametrize("action", WEIGHTS)
def test_an_action_changes_what_its_notes_say(both: tuple[Demo, Demo], rng: random.Random, action: str) -> None:
    here, there = both
    with (
        LiveSchool(there.url, there.organisation) as neighbour,
        LiveSchool(here.url, here.organisation, neighbour) as live,
    ):
        live.step(rng, NOW, "mark")
        before = {one.organisation: everything(one.url, one.organisation) for one in both}
        notes = live.step(rng, NOW + timedelta(minutes=3), action)
    assert notes
    for one in both:
        after = everything(one.url, one.organisation)
        noted = {(note.entity, note.key) for note in notes if note.organisation == one.organisation}
        changed = {
            (entity, key)
            for entity, rows in after.items()
            for key in rows.keys() | before[one.organisation][entity].keys()
            if rows.get(key) != before[one.organisation][entity].get(key)
        }
        assert changed == noted


def test_both_engines_live_the_same_life_by_the_same_chances(school: Demo, pg_school: Demo) -> None:
    notes = []
    for one in (school, pg_school):
        rng = random.Random(3)
        with LiveSchool(one.url, one.organisation) as live:
            notes.append([live.step(rng, NOW + timedelta(seconds=second)) for second in range(60)])
    assert notes[0] == notes[1]
    assert everything(school.url, school.organisation) == everything(pg_school.url, pg_school.organisation)


def test_the_year_turns_and_is_purged_alike_on_both_engines(school: Demo, both: tuple[Demo, Demo]) -> None:
    pg_school, bystander = both
    untouched = everything(bystander.url, bystander.organisation)
    august = datetime(2027, 8, 25, 10, 0, tzinfo=UTC)
    written = [turn_year(one.url, one.spec, august) for one in (school, pg_school)]
    removed = [purge_year(one.url, one.organisation, 2) for one in (school, pg_school)]
    assert written[0] == written[1]
    assert removed[0] == removed[1]
    assert everything(school.url, school.organisation) == everything(pg_school.url, pg_school.organisation)
    assert everything(bystander.url, bystander.organisation) == untouched
