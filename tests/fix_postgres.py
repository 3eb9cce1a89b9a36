"""One embedded server per test process, one database with the migrations in it, and an empty store for each test."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from collector.store.embedded import EmbeddedServer, EmbeddedSettings
from collector.store.engine import Database, DatabaseSettings
from collector.store.migrate import migrate
from collector.store.roles import RoleUrls, prepare_roles, role_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARIES = "GOROD_TEST_POSTGRES_BIN"
"""Folder of another PostgreSQL's programs, so that the same tests run on 15, 16 and 17."""

_NUMBERS = itertools.count(1)
# Every table of ours, and every counter; triggers would fill histories while tables are emptied.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'gorod' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM gorod.%I', name);
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'gorod';
END $$"""
_SMALL = DatabaseSettings(connections=3, wait_s=5.0)


@dataclass(frozen=True)
class Store:
    """A migrated database of one test: addresses of its owner and of each login role."""

    url: str = field(repr=False)
    roles: RoleUrls

    def owner(self) -> psycopg.Connection:
        """An autocommitting connection of the owner, who sees everything. Close it, or use it in a with block."""
        return psycopg.connect(self.url, autocommit=True)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The server of this test process; nothing of it outlives the run."""
    options = {"max_connections": "60", "shared_buffers": "64MB", "autovacuum": "off", "max_wal_size": "256MB"}
    binaries = os.environ.get(BINARIES)
    settings = EmbeddedSettings(durable=False, options=options, binaries=Path(binaries) if binaries else None)
    server = EmbeddedServer(tmp_path_factory.mktemp("postgres"), settings)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def store_template(postgres: EmbeddedServer) -> dict[str, str]:
    """The migrated database that :func:`store` copies; returns the passwords of the login roles."""
    url = postgres.create_database("store_template")
    prepare_roles(url, postgres.data)
    migrate(url)
    passwords: dict[str, str] = json.loads((postgres.data / "roles.json").read_text("utf-8"))
    return passwords


@pytest.fixture(scope="session")
def store_shared(postgres: EmbeddedServer, store_template: dict[str, str]) -> Store:
    """The copy that all tests of this process use one after another."""
    url = postgres.create_database("store_shared", template="store_template")
    return Store(url, role_urls(url, store_template))


@pytest.fixture
def store(store_shared: Store) -> Iterator[Store]:
    """A migrated, empty store. Emptying it takes a tenth of the time that a copy takes."""
    yield store_shared
    with store_shared.owner() as owner:
        owner.execute(_EMPTY)


@pytest.fixture
def store_copy(postgres: EmbeddedServer, store_template: dict[str, str]) -> Iterator[Store]:
    """A migrated store of the test's own, whose schema it may change."""
    name = f"store_{next(_NUMBERS)}"
    url = postgres.create_database(name, template="store_template")
    yield Store(url, role_urls(url, store_template))
    postgres.drop_database(name)


@pytest.fixture
def ingest(store: Store) -> Iterator[Database]:
    """The test's database as the collector's stream sees it."""
    with Database(store.roles.ingest, _SMALL) as database:
        yield database


@pytest.fixture
def reader(store: Store) -> Iterator[Database]:
    """The test's database as the portal sees it."""
    with Database(store.roles.portal, _SMALL) as database:
        yield database


@pytest.fixture
def jobs(store: Store) -> Iterator[Database]:
    """The test's database as the collector's jobs see it."""
    with Database(store.roles.jobs, _SMALL) as database:
        yield database
