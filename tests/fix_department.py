"""A department that was really initialised: folders, authority, key ring, and a store of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collector.config import SETTINGS
from collector.department import Department, utc_now
from collector.store import schools
from proto.files import write_atomic
from proto.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from collector.store.embedded import EmbeddedServer
    from tests.fix_postgres import Store

SCHOOL = "23-001"


@pytest.fixture
def department_values(store: Store) -> Callable[..., dict[str, Any]]:
    """Settings of a department over the test's store; what is named goes over them."""

    def values(**settings: object) -> dict[str, Any]:
        named = {"database_url": store.url, "database_connections": 3, "database_wait_s": 2} | settings
        return load(
            "collector", SETTINGS, None, {f"GOROD_COLLECTOR_{name.upper()}": str(text) for name, text in named.items()}
        )

    return values


@pytest.fixture
def new_department(
    postgres: EmbeddedServer, department_values: Callable[..., dict[str, Any]], tmp_path: Path
) -> Iterator[Callable[..., Department]]:
    """Initialises the department in its folder, again and again; what is named goes over the settings."""
    data = tmp_path / "collector"
    data.mkdir()
    # The logins belong to the whole server: every department of the tests uses the same passwords.
    write_atomic(data / "roles.json", (postgres.data / "roles.json").read_bytes())
    made: list[Department] = []

    def make(**settings: object) -> Department:
        made.append(Department.initialise(data, department_values(**settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def founded(new_department: Callable[..., Department]) -> Department:
    """A department that knows one school, 23-001."""
    opened = new_department()
    with opened.database.begin(scope="*", school=SCHOOL) as connection:
        schools.add(
            connection, schools.NewSchool(SCHOOL, "Школа № 1", zone="Asia/Omsk", organisation="1001"), utc_now()
        )
    opened.keys.add_school(SCHOOL)
    return opened
