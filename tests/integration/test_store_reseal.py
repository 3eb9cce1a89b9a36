"""The turn of the school-year: what lives moves under the new key, what last lived under the old one ends with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from collector.ingest.replay import replay
from collector.store import deep
from collector.store.deep import Cursor
from collector.store.reseal import Place, Resealed, rows_under, seal_page, seal_school, sealed_entities
from collector.store.sealing import Destroyed
from proto.entities import BY_NAME, ENTITIES
from tests.fix_applier import Applier, row_of, table
from tests.fix_department import SCHOOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.department import Department
    from collector.store.engine import Database
    from tests.fix_console import Console
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
PERSON = BY_NAME["person"]
TURN = timedelta(days=365)


def people(*keys: int) -> list[tuple[Any, ...]]:
    return [row_of("person", str(key), last_name=f"Имя{key}") for key in keys]


def names(applier: Applier) -> dict[str, object]:
    """Last names as the portal would read them now, by key."""
    with applier.ingest.school(applier.school) as connection:
        stored = deep.read_rows(connection, applier.keys(), PERSON, "", 100)
    return dict(zip(stored.keys, stored.columns[1], strict=True))


def sound(applier: Applier) -> bool:
    """Whether every stored row of a person is what its hash says."""
    with applier.ingest.school(applier.school) as connection:
        return deep.deep_check(connection, applier.keys(), Cursor(ENTITIES.index(PERSON))).damages == []


def years(applier: Applier) -> list[int]:
    return [year for (year,) in applier.select("SELECT key_year FROM gorod.person ORDER BY source_id")]


Page = Callable[..., Resealed]
Pass = Callable[..., Resealed]


@pytest.fixture
def one_page(applier: Applier, jobs: Database) -> Page:
    """Seals a page anew, as the collector's jobs do it."""

    def seal(limit: int, place: Place | None = None) -> Resealed:
        with jobs.scope(applier.school) as connection:
            return seal_page(connection, applier.keys(), place or Place(), limit)

    return seal


@pytest.fixture
def whole_pass(applier: Applier, jobs: Database) -> Pass:
    """Seals a school anew, as the collector's jobs do it."""
    return lambda years=None: seal_school(jobs, applier.keys(), years)


@pytest.fixture
def turned(applier: Applier) -> Applier:
    """Five people of 2026 and an organisation, and the autumn of 2027."""
    applier.apply(table("person", *people(*range(5))), table("organization", row_of("organization", "1")))
    applier.now += TURN
    return applier


def test_sealed_entities_are_those_with_personal_columns() -> None:
    assert {entity.name for entity in sealed_entities()} == {"organization", "person", "legal_representative"}


def test_living_rows_outlive_the_old_key_and_nothing_else_of_them_changes(turned: Applier, whole_pass: Pass) -> None:
    kept = "SELECT source_id, row_hash, leaf, applied_seq, applied_at FROM gorod.person ORDER BY source_id"
    before, sums, read = turned.select(kept), turned.totals(), names(turned)
    assert whole_pass() == Resealed(6)
    turned.ring.destroy(turned.school, 2026, turned.now)
    assert (turned.select(kept), turned.totals(), names(turned)) == (before, sums, read)
    assert sound(turned)
    assert years(turned) == [2027] * 5
    looked_for = turned.keys().blind_candidates(PERSON, PERSON.fields[1], "Имя3")
    assert turned.select("SELECT source_id FROM gorod.person WHERE last_name_blind = ANY (%s)", looked_for) == [("3",)]


def test_the_old_key_ends_what_last_lived_under_it_in_backups_too(turned: Applier, whole_pass: Pass) -> None:
    backup = dict(turned.select("SELECT source_id, last_name FROM gorod.person"))
    turned.apply(table("person", deleted=["2"]))
    whole_pass()
    turned.ring.destroy(turned.school, 2026, turned.now)
    assert names(turned) == {str(key): f"Имя{key}" for key in (0, 1, 3, 4)}
    for key, sealed in backup.items():
        with pytest.raises(Destroyed):
            turned.keys().open("person", key, "last_name", sealed)


def test_a_page_is_bounded_and_says_where_the_next_one_begins(turned: Applier, one_page: Page) -> None:
    first = one_page(3)
    assert (first.rows, first.next) == (1, Place(1))  # the one organisation; a page never mixes entities
    second = one_page(3, first.next)
    assert (second.rows, second.next, years(turned)) == (3, Place(1, ("2",)), [2027, 2027, 2027, 2026, 2026])
    last = one_page(3, second.next)
    assert (last.rows, years(turned)) == (2, [2027] * 5)
    assert one_page(3, last.next) == Resealed()


def test_a_pass_that_was_cut_off_goes_on_where_rows_are_left(turned: Applier, whole_pass: Pass, one_page: Page) -> None:
    first = one_page(2)
    one_page(2, first.next)
    assert whole_pass() == Resealed(3)
    assert whole_pass() == Resealed(0)
    assert years(turned) == [2027] * 5


def test_nothing_is_due_before_the_turn(applier: Applier, whole_pass: Pass) -> None:
    applier.apply(table("person", *people(1)))
    applier.now += timedelta(days=300)
    assert whole_pass() == Resealed(0)
    assert years(applier) == [2026]


def test_rows_of_a_destroyed_year_stay_as_they_are(turned: Applier, whole_pass: Pass) -> None:
    turned.ring.destroy(turned.school, 2026, turned.now)
    before = turned.select("SELECT source_id, last_name FROM gorod.person ORDER BY source_id")
    assert whole_pass() == Resealed(0)
    assert turned.select("SELECT source_id, last_name FROM gorod.person ORDER BY source_id") == before


def test_only_the_asked_year_is_sealed_anew(turned: Applier, whole_pass: Pass) -> None:
    turned.apply(table("person", *people(7)))
    turned.now += TURN
    assert whole_pass([2027]) == Resealed(1)
    assert sorted(years(turned)) == [2026] * 5 + [2028]


@pytest.fixture
def writer(turned: Applier) -> Iterator[psycopg.Connection]:
    """Somebody who is just writing person 1."""
    with psycopg.connect(turned.store.url) as connection:
        connection.execute("SELECT FROM gorod.person WHERE source_id = '1' FOR UPDATE")
        yield connection


def test_a_row_that_is_being_written_is_not_waited_for_and_its_turn_comes(
    turned: Applier, writer: psycopg.Connection, whole_pass: Pass
) -> None:
    assert whole_pass() == Resealed(5)
    assert years(turned) == [2027, 2026, 2027, 2027, 2027]
    writer.commit()
    assert whole_pass() == Resealed(1)


def test_the_stream_waits_only_for_rows_of_the_open_page(turned: Applier) -> None:
    with turned.ingest.school(turned.school) as connection:
        assert seal_page(connection, turned.keys(), Place(1), 2).rows == 2
        turned.apply(table("person", row_of("person", "4", last_name="Новое"), row_of("person", "9")))
    assert names(turned)["4"] == "Новое"
    assert years(turned) == [2027, 2027, 2026, 2026, 2027, 2027]


def test_a_row_that_does_not_open_is_left_alone_and_remains_damage(turned: Applier, whole_pass: Pass) -> None:
    with turned.store.owner() as owner:
        owner.execute("UPDATE gorod.person SET first_name = last_name WHERE source_id = '2'")
    assert whole_pass() == Resealed(5, 1)
    assert years(turned) == [2027, 2027, 2026, 2027, 2027]
    assert not sound(turned)


def test_a_page_full_of_rows_that_do_not_open_does_not_stop_the_pass(turned: Applier, one_page: Page) -> None:
    with turned.store.owner() as owner:
        owner.execute("UPDATE gorod.person SET first_name = last_name WHERE source_id < '3'")
    first = one_page(2, Place(1))
    assert (first.rows, first.unreadable, first.next) == (0, 2, Place(1, ("1",)))
    second = one_page(2, first.next)
    assert (second.rows, second.unreadable) == (1, 1)


def test_held_rows_are_sealed_anew_and_can_be_replayed_after_the_old_key_is_gone(
    applier: Applier, whole_pass: Pass, one_page: Page
) -> None:
    """A name with NUL cannot be stored; the centre keeps the row sealed until it learns to."""
    held = [row_of("person", key, last_name="a\0b") for key in ("7", "8\0", "9")]
    applier.apply(table("person", *held))
    applier.now += TURN
    sums = applier.totals()
    assert one_page(2, Place(len(sealed_entities()))).rows == 2
    assert whole_pass() == Resealed(1)
    applier.ring.destroy(applier.school, 2026, applier.now)
    with applier.ingest.school(applier.school) as connection:
        done = replay(connection, applier.keys(), applier.now)
    assert (done.held, done.unreadable) == (3, 0)
    assert applier.totals() == sums


def test_a_held_row_that_was_altered_is_left_alone(applier: Applier, whole_pass: Pass) -> None:
    applier.apply(table("person", row_of("person", "7", last_name="a\0b")))
    with applier.store.owner() as owner:
        owner.execute("UPDATE gorod.quarantine SET sealed = sealed || '\\x00'")
    applier.now += TURN
    assert whole_pass() == Resealed(0, 1)


def test_rows_are_counted_by_the_year_of_their_key(turned: Applier) -> None:
    turned.apply(table("person", *people(7), row_of("person", "8", last_name="a\0b")))
    with turned.ingest.school(turned.school) as connection:
        assert [rows_under(connection, turned.school, year) for year in (2025, 2026, 2027)] == [0, 6, 2]


# ---- key destroy


@pytest.fixture
def last_year(founded: Department, store: Store, ingest: Database) -> Applier:
    """A school whose rows came a year ago, by the clock of this machine."""
    applier = Applier(store, ingest, founded.keys, SCHOOL, datetime.now(UTC) - TURN)
    applier.apply(table("person", *people(1, 2)))
    applier.now += TURN
    return applier


def destroy(console: Console, department: Department, year: int) -> Any:
    url = {"GOROD_COLLECTOR_DATABASE_URL": department.owner_url, "PATH": os.environ["PATH"]}
    words = ("key", "destroy", "--school", SCHOOL, "--year", year, "--data", department.data, "--json")
    return console("gorod-collector", *words, **url)


def test_destroying_a_key_seals_first_what_lives(console: Console, founded: Department, last_year: Applier) -> None:
    (year,) = set(years(last_year))
    said = destroy(console, founded, year)
    assert (said.code, said.json) == (0, {"school": SCHOOL, "year": year, "destroyed": True, "sealed_anew": 2})
    assert names(last_year) == {"1": "Имя1", "2": "Имя2"}
    assert year in last_year.keys().destroyed
    again = destroy(console, founded, year)
    assert (again.code, again.json["sealed_anew"]) == (0, 0)


def test_a_key_is_not_destroyed_while_a_living_row_under_it_is_being_written(
    console: Console, founded: Department, last_year: Applier
) -> None:
    (year,) = set(years(last_year))
    with psycopg.connect(last_year.store.url) as writer:
        writer.execute("SELECT FROM gorod.person WHERE source_id = '1' FOR UPDATE")
        said = destroy(console, founded, year)
    assert (said.code, said.json["code"]) == (1, "GOR-1814")
    assert year not in last_year.keys().destroyed
    assert names(last_year) == {"1": "Имя1", "2": "Имя2"}


def test_the_key_of_the_running_year_and_one_that_never_was_are_refused(
    console: Console, founded: Department, last_year: Applier
) -> None:
    running = last_year.keys().year
    assert destroy(console, founded, running).json["code"] == "GOR-1812"
    assert destroy(console, founded, 1999).json["code"] == "GOR-1813"
    assert names(last_year) == {"1": "Имя1", "2": "Имя2"}
