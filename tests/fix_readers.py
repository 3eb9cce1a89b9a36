"""Schools of the demo city in a store of their own, and people who read them; nothing here is written to, so that all tests share it."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from collector.ingest.apply import ApplyContext, apply
from collector.store import schools
from collector.store.engine import Database, DatabaseSettings, sqlalchemy_engine
from collector.store.keys import KeyRing
from collector.store.names import Names
from collector.store.roles import role_urls
from proto.entities import BY_NAME
from tests.fix_applier import changes, table
from tests.fix_demo import CITY, NAMES, canonical_rows
from tests.fix_postgres import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collector.store.embedded import EmbeddedServer
    from collector.store.reader import Reader
    from proto.batch import TableRows

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)  # 12:15 in Moscow, a Monday
_SMALL = DatabaseSettings(connections=3, wait_s=5.0)


@dataclass
class ReadersWorld:
    """A store with schools and accounts. Accounts are made on demand, one per (role, scopes)."""

    store: Store
    ring: KeyRing
    database: Database
    names: Names
    now: datetime = NOW
    logins: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def account(self, role: str, *scopes: tuple[str, str]) -> int:
        """A new account; a scope is (school, person), '' for the whole school."""
        with self.store.owner() as owner:
            row = owner.execute(
                "INSERT INTO gorod.account (login, role, password_hash, created_at, password_at) "
                "VALUES (%s, %s, '', now(), now()) RETURNING id",
                (f"login {next(self.logins)}", role),
            ).fetchone()
            assert row
            for school, person in scopes:
                owner.execute("INSERT INTO gorod.account_scope VALUES (%s, %s, %s)", (row[0], school, person))
        return int(row[0])

    @contextmanager
    def reading(self, role: str, *scopes: tuple[str, str], now: datetime | None = None) -> Iterator[Reader]:
        """What a new account of the role reads."""
        with self.database.reader(self.account(role, *scopes), now or self.now) as reader:
            yield reader

    def select(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query of the owner, who sees everything."""
        with self.store.owner() as owner:
            return owner.execute(query, parameters or None).fetchall()

    def value(self, query: str, *parameters: object) -> Any:
        """First column of the first row."""
        return self.select(query, *parameters)[0][0]

    def fill(self, school: str, *tables: TableRows, seq: int = 1) -> None:
        """Apply rows of a school as its stream does."""
        with Database(self.store.roles.ingest, _SMALL) as ingest, ingest.school(school) as connection:
            apply(connection, ApplyContext(school, seq, NOW, self.ring.school(school, NOW)), changes(*tables))

    def add_school(self, school: str, **words: Any) -> None:
        """A school without rows."""
        engine = sqlalchemy_engine(self.store.url)
        with engine.begin() as connection:
            schools.add(connection, schools.NewSchool(school, f"Школа {school}", **words), NOW)
        engine.dispose()
        self.ring.add_school(school)


@contextmanager
def readers_world(
    postgres: EmbeddedServer, passwords: dict[str, str], folder: Path, name: str
) -> Iterator[ReadersWorld]:
    """An empty world in a database of that name."""
    url = postgres.create_database(name, template="store_template")
    store = Store(url, role_urls(url, passwords))
    ring = KeyRing.create(folder / "keys")
    with Database(store.roles.portal, _SMALL) as database:
        yield ReadersWorld(store, ring, database, Names(ring))
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def city_readers(
    postgres: EmbeddedServer,
    store_template: dict[str, str],
    demo_files: dict[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ReadersWorld]:
    """Schools 42-001 (general) and 42-003 (further education) of the small demo city, as their agents would have sent them."""
    with readers_world(postgres, store_template, tmp_path_factory.mktemp("city"), "city_readers") as world:
        for number in (1, 3):
            spec, url = CITY.school(number), f"sqlite:///{demo_files[number]}"
            world.add_school(spec.id, kind=spec.kind)
            rows = (table(name, *canonical_rows(url, spec.organisation, name).values()) for name in NAMES)
            world.fill(spec.id, *(one for one in rows if one.columns[0]))
        world.select("SELECT 1 FROM (SELECT count(*) FROM gorod.mark) counted")
        with world.store.owner() as owner:
            owner.execute("ANALYZE")
        yield world


def person_of(world: ReadersWorld, school: str, entity: str, key: str) -> str:
    """Person of a pupil, a representative or a member of staff."""
    assert "person_id" in {field.name for field in BY_NAME[entity].fields}
    return str(
        world.value(f"SELECT person_id FROM gorod.{entity} WHERE school_id = %s AND source_id = %s", school, key)
    )
