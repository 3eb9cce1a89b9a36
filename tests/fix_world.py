"""Fixtures of the acceptance tests: a department that serves all tests of a process, one of a test's own, and schools beside them."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from install.demo.access import make_readonly
from install.demo.generate import build_school
from install.demo.spec import CitySpec
from tests.acceptance.world import City, School, Source
from tests.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from collector.store.embedded import EmbeddedServer

NUMBERS = itertools.count(1)
SPEC = CitySpec(today=datetime.now(UTC).date(), scale=0.005, seed=11)
"""Schools of a few thousand rows; today is real, because the hot window is."""


@pytest.fixture(scope="session")
def source_files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Organisations 1 and 2, an SQLite file each."""
    folder = tmp_path_factory.mktemp("sources")
    files = {number: folder / f"{number}.db" for number in (1, 2)}
    for number, file in files.items():
        build_school(SPEC.school(number), f"sqlite:///{file}")
    return files


@pytest.fixture(scope="session")
def source_template(postgres: EmbeddedServer) -> str:
    """A PostgreSQL database with organisations 1 and 2; its name."""
    url = postgres.create_database("world_source")
    for number in (1, 2):
        build_school(SPEC.school(number), url)
    return "world_source"


@pytest.fixture
def new_source(source_files: dict[int, Path], tmp_path: Path) -> Callable[..., Source]:
    """Makes the test's own database of an organisation, by number, in an SQLite file of this name."""

    def make(number: int = 1, name: str = "netschool.db") -> Source:
        return Source.file(
            source_files[number], tmp_path / f"source{next(NUMBERS)}" / name, SPEC.school(number).organisation
        )

    return make


@pytest.fixture
def postgres_source(postgres: EmbeddedServer, source_template: str) -> Iterator[Source]:
    """The test's own PostgreSQL database of organisation 1, and a login that may only read it."""
    name = f"world_source_{next(NUMBERS)}"
    url = postgres.create_database(name, template=source_template)
    read = make_url(make_readonly(url))
    bare = read.set(password=None) if read.password is None else make_url(read.render_as_string().replace(":***@", "@"))
    yield Source(url, bare.render_as_string(), SPEC.school(1).organisation, password=str(read.password))
    postgres.drop_database(name)


def _found(postgres: EmbeddedServer, folder: Path, relay: Relay, **settings: str) -> City:
    data = folder / "collector"
    data.mkdir()
    # The logins belong to the whole server: every department of these tests uses the same passwords.
    (data / "roles.json").write_bytes((postgres.data / "roles.json").read_bytes())
    url = postgres.create_database(f"world_{next(NUMBERS)}", template="store_template")
    return City.found(data, url, relay, **settings)


@pytest.fixture(scope="session")
def shared_city(
    postgres: EmbeddedServer, store_template: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    """The department of all tests of this process that do not harm it."""
    del store_template
    with Relay() as relay:
        city = _found(postgres, tmp_path_factory.mktemp("city"), relay)
        try:
            city.start()
            yield city
        finally:
            city.stop()


@pytest.fixture
def city(shared_city: City) -> Iterator[City]:
    """The shared department; the test's schools end with the test."""
    with ExitStack() as ends:
        yield shared_city
        shared_city.close_schools(ends)


@pytest.fixture
def own_city(postgres: EmbeddedServer, store_template: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., City]]:
    """Founds a department of the test's own, with settings, and starts it."""
    del store_template
    with Relay() as relay, ExitStack() as ends:

        def found(**settings: str) -> City:
            city = _found(postgres, tmp_path, relay, **settings)
            ends.callback(city.close)
            city.start()
            return city

        yield found


@pytest.fixture
def new_school(city: City, new_source: Callable[..., Source], tmp_path: Path) -> Callable[..., School]:
    """Makes a school of the shared department; by default an SQLite source, enrolled."""

    def make(source: Source | None = None, *, enrol: bool = True) -> School:
        school = city.add_school(source or new_source(), tmp_path / f"agent{next(NUMBERS)}")
        if enrol:
            school.enrol().ok()
        return school

    return make


@pytest.fixture
def synced(new_school: Callable[..., School]) -> School:
    """A school whose agent runs and is complete."""
    return new_school().start().complete()
