"""A survey tells tables, types, keys and sizes of a database, and leaves out what it may not read, never a value."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.engine import make_url

from agent.sources.base import Options
from agent.sources.factory import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.sources.survey import SchemaSurvey
    from collector.store.embedded import EmbeddedServer

pytestmark = pytest.mark.integration
NUMBERS = itertools.count(1)
TABLES = """
CREATE TYPE mood AS ENUM ('тайное', 'явное');
CREATE TABLE open (id int PRIMARY KEY, name varchar(20) NOT NULL, at point, how mood);
CREATE TABLE pairs (b int, a int, PRIMARY KEY (b, a));
CREATE TABLE closed (secret text);
INSERT INTO open VALUES (1, 'Иванова', NULL, 'тайное'), (2, 'Петрова', NULL, NULL);
CREATE ROLE {reader} LOGIN PASSWORD 'reads';
GRANT SELECT ON open, pairs TO {reader}
"""


@pytest.fixture
def database(postgres: EmbeddedServer) -> Iterator[tuple[str, str]]:
    """A vendor's database, and the login that may read some of it; URLs of the owner and of the reader."""
    name = f"survey_{next(NUMBERS)}"
    url, reader = postgres.create_database(name), f"{name}_reader"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(TABLES.format(reader=reader).encode())
    yield url, make_url(url).set(username=reader, password="reads").render_as_string(hide_password=False)
    postgres.drop_database(name)
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as owner:
        owner.execute(f"DROP ROLE {reader}".encode())


def surveyed(url: str, *, counts: bool = True) -> SchemaSurvey:
    source = open_source(Options(url, ""))
    try:
        return source.describe(counts=counts)
    finally:
        source.close()


def test_rows_are_counted_where_they_may_be_read_and_no_table_is_left_out(database: tuple[str, str]) -> None:
    found = surveyed(database[1])
    assert {table.name: table.rows for table in found.tables} == {"open": 2, "pairs": 0, "closed": None}
    assert {table.name: table.key for table in found.tables} == {"open": ("id",), "pairs": ("b", "a"), "closed": ()}


def test_names_and_types_are_told_and_no_value(database: tuple[str, str]) -> None:
    found = surveyed(database[1])
    (table,) = [table for table in found.tables if table.name == "open"]
    assert [(column.name, column.nullable) for column in table.columns] == [
        ("id", False),
        ("name", False),
        ("at", True),
        ("how", True),
    ]
    assert [column.type for column in table.columns][1:3] == ["VARCHAR(20)", "?"], "a point is no type that we know"
    written = json.dumps(found.as_json(), ensure_ascii=False)
    assert "Иванова" not in written


def test_the_fingerprint_follows_the_schema_and_neither_rows_nor_rights(database: tuple[str, str]) -> None:
    owner_url, reader_url = database
    before = surveyed(reader_url).fingerprint
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO open VALUES (3, 'x', NULL, NULL)")
    assert surveyed(reader_url, counts=False).fingerprint == before == surveyed(owner_url).fingerprint
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE pairs ADD COLUMN c text")
    assert surveyed(reader_url).fingerprint != before
