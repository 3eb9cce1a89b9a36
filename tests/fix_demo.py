"""Organisations of the demo city in throw-away databases, and a plain reading of them through the shipped profile."""

import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest

from install.demo import database, schema
from install.demo.generate import build_school
from install.demo.live import LiveSchool
from install.demo.spec import CitySpec, SchoolSpec
from proto.canonical import canonical_key, normalise_columns, validate_columns
from proto.entities import BY_NAME

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
CITY = CitySpec(today=TODAY, scale=0.01, seed=7)

Rows = dict[str, tuple[object, ...]]


@dataclass(frozen=True)
class Demo:
    """One organisation in a database of its own (or beside another)."""

    spec: SchoolSpec
    url: str

    @property
    def organisation(self) -> str:
        """The vendor's code of the organisation."""
        return self.spec.organisation

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a SELECT, with ``?`` for parameters."""
        with database.connect(self.url) as connection:
            return connection.query(sql, *values)

    def value(self, sql: str, *values: object) -> Any:
        """First column of the first row."""
        return self.query(sql, *values)[0][0]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of the organisation, in one order for all engines."""
        sql = "SELECT * FROM {table} WHERE OrgCode = ?"
        return {
            table: sorted(self.query(sql.format(table=table), self.organisation), key=repr)
            for table in schema.columns()
        }


PROFILE = tomllib.loads((resources.files("agent") / "profiles" / "demo.toml").read_text(encoding="utf-8"))

SUMMED = "illness_count"
"""The one entity that the profile sums up; it has no table of the vendor's and is tested apart."""
NAMES = [name for name in PROFILE["entity"] if name != SUMMED]


def profile_sql(entity: dict[str, Any], engine: str) -> str:
    """The SELECT for ``sqlite`` or ``postgres``."""
    sql = entity["sql"]
    return sql if isinstance(sql, str) else str(sql[engine])


Select = Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]


@contextmanager
def reading(url: str, organisation: str) -> Iterator[Select]:
    """Runs a profile's SELECTs with the engine's own driver and nothing of the agent's: names and rows."""
    values = {"organisation": organisation}
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as connection:
            yield lambda sql: described(connection.execute(sql, values))
    else:
        with psycopg.connect(url) as server:
            named = "%(organisation)s"
            yield lambda sql: described(server.execute(sql.replace(":organisation", named).encode(), values))


def described(cursor: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and rows of what was asked."""
    return [item[0] for item in cursor.description], cursor.fetchall()


def select(url: str, sql: str, organisation: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and rows of one SELECT."""
    with reading(url, organisation) as run:
        return run(sql)


def canonical_rows(url: str, organisation: str, name: str) -> Rows:
    """Canonical rows of an entity by key, read by the shipped profile; a value that the centre cannot hold fails the test."""
    return canonical(url, organisation, [name])[name]


def everything(url: str, organisation: str) -> dict[str, Rows]:
    """Canonical rows of every entity of the profile that has rows of its own at the vendor."""
    return canonical(url, organisation, NAMES)


def canonical(url: str, organisation: str, names: list[str]) -> dict[str, Rows]:
    """Canonical rows of some entities."""
    engine = "sqlite" if url.startswith("sqlite") else "postgres"
    with reading(url, organisation) as run:
        return {name: as_canonical(name, *run(profile_sql(PROFILE["entity"][name], engine))) for name in names}


def as_canonical(name: str, names: list[str], rows: list[tuple[Any, ...]]) -> Rows:
    """Driver rows of an entity in canonical form, by key."""
    entity = BY_NAME[name]
    keys = [canonical_key([row[names.index(part)] for part in PROFILE["entity"][name]["key"]]) for row in rows]
    places = [names.index(field.name) if field.name in names else None for field in entity.fields[1:]]
    columns: list[list[object]] = [
        list(keys),
        *([None if place is None else row[place] for row in rows] for place in places),
    ]
    values, misfits = normalise_columns(entity, columns)
    assert misfits == {}, name
    assert validate_columns(entity, values) == {}, name
    assert len(set(keys)) == len(keys), name
    return dict(zip(keys, zip(*values, strict=True), strict=True))


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Built once: organisations 1 to 3 of the small city, one SQLite file each."""
    folder = tmp_path_factory.mktemp("demo")
    files = {number: folder / f"school {number}.db" for number in (1, 2, 3)}
    for number, file in files.items():
        build_school(CITY.school(number), f"sqlite:///{file}")
    return files


@pytest.fixture
def demo(demo_files: dict[int, Path], tmp_path: Path) -> Callable[[int], Demo]:
    """A test's own copy of an organisation of the small city, by number."""

    def copy(number: int) -> Demo:
        file = tmp_path / demo_files[number].name
        shutil.copyfile(demo_files[number], file)
        return Demo(CITY.school(number), f"sqlite:///{file}")

    return copy


@pytest.fixture
def school(demo: Callable[[int], Demo]) -> Demo:
    """A general school, small."""
    return demo(1)


@pytest.fixture
def live(school: Demo) -> Iterator[LiveSchool]:
    """The people of :func:`school`."""
    with LiveSchool(school.url, school.organisation) as people:
        yield people
