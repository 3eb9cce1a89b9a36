"""Profiles as the department keeps them: by name, and by the schemas that they fit."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from collector.department import Department
from collector.store import profiles
from collector.store.engine import Database
from collector.store.profiles import StoredProfile
from proto.problems import Problem
from tests.fix_ca import code_of

pytestmark = pytest.mark.integration
NOW = datetime(2026, 10, 1, tzinfo=UTC)
TOML = b'name = "one"\nversion = 3\nschemas = ["aa", "bb"]\n[entity.subject]\n'


def stored(name: str, *schemas: str, version: str = "1") -> StoredProfile:
    return StoredProfile(name, version, b"toml of " + name.encode(), b"signature", schemas)


def keep(database: Database, profile: StoredProfile, hours: int = 0) -> None:
    with database.begin() as connection:
        profiles.put(connection, profile, NOW + timedelta(hours=hours))


def found(connection: Connection, schema: str) -> str | None:
    profile = profiles.fitting(connection, schema)
    return profile.name if profile else None


def test_a_profile_tells_name_version_and_schemas() -> None:
    assert profiles.read(TOML, b"s") == StoredProfile("one", "3", TOML, b"s", ("aa", "bb"))


@pytest.mark.parametrize(
    "toml",
    [
        b"name =",
        b"\xff",
        b"version = 1\n[entity.subject]\n",
        b'name = ""\nversion = 1\n[entity.subject]\n',
        b'name = "one"\nversion = "1"\n[entity.subject]\n',
        b'name = "one"\nversion = 1\n',
        b'name = "one"\nversion = 1\nschemas = "aa"\n[entity.subject]\n',
        b'name = "one"\nversion = 1\nschemas = ["a a"]\n[entity.subject]\n',
        b'name = "one"\nversion = 1\nschemas = [""]\n[entity.subject]\n',
    ],
)
def test_what_is_no_profile_is_refused(toml: bytes) -> None:
    with pytest.raises(Problem) as problem:
        profiles.read(toml, b"")
    assert code_of(problem) == "GOR-1402"


def test_a_profile_is_kept_and_found_by_each_of_its_schemas(founded: Department) -> None:
    keep(founded.database, stored("one", "aa", "bb"))
    with founded.database.begin() as connection:
        assert profiles.get(connection, "one") == stored("one", "aa", "bb")
        assert [found(connection, schema) for schema in ("aa", "bb", "a", "aa bb", "")] == [
            "one",
            "one",
            None,
            None,
            None,
        ]


def test_a_profile_without_schemas_is_found_by_name_only(founded: Department) -> None:
    keep(founded.database, stored("one"))
    with founded.database.begin() as connection:
        assert profiles.get(connection, "one") == stored("one")
        assert found(connection, "") is None


def test_a_newer_version_takes_the_place_of_the_older_one(founded: Department) -> None:
    keep(founded.database, stored("one", "aa"))
    keep(founded.database, stored("one", "bb", version="2"), hours=1)
    with founded.database.begin() as connection:
        assert [one.name for one in profiles.every(connection)] == ["demo", "one"]
        assert (found(connection, "aa"), found(connection, "bb")) == (None, "one")


def test_of_two_profiles_that_fit_the_newest_is_taken(founded: Department) -> None:
    keep(founded.database, stored("newer", "aa"), hours=2)
    keep(founded.database, stored("older", "aa"), hours=1)
    with founded.database.begin() as connection:
        assert found(connection, "aa") == "newer"


def test_nobody_has_no_profile(founded: Department) -> None:
    with founded.database.begin() as connection:
        assert profiles.get(connection, "nobody") is None
