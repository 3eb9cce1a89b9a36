"""A profile: how one version of a NetSchool database maps to the canonical entities. Data in TOML, made by the department.

Per entity one plain SELECT per engine, limited to ``:organisation``. Result columns are canonical fields, the key's columns, and names
that begin with ``_``, which never leave the school. Whether it fits a database is the business of :mod:`agent.profile_check`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.sources import sqltext
from proto.entities import BY_NAME, Kind
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from proto.entities import Entity

ENGINES: Final = frozenset({"sqlite", "postgres", "sqlserver", "folder"})
KEY_TYPES: Final = frozenset({"int", "text", "guid", "composite"})
ANY_ENGINE: Final = "*"
STAMP: Final = "_changed"
"""The result column of a hint table that says when."""

AGGREGATED: Final = frozenset({"illness_count"})
"""Entities that a profile sums up from others: few rows, read whole; their pages need be no index seeks."""

_TOP: Final = frozenset({"name", "version", "title", "schemas", "entity"})
_ENTITY: Final = frozenset({"key", "key_type", "hint", "tables", "sql", "hints"})
_HINT: Final = frozenset({"table", "sql"})


@dataclass(frozen=True, slots=True)
class Hint:
    """Another table that names keys to look at: result columns are the entity's key and the stamp :data:`STAMP`."""

    table: str
    sql: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EntityProfile:
    """How one entity is read. ``year_type`` is the key type of the years; ``guid_fields`` refer to keys that are GUIDs."""

    entity: Entity
    key: tuple[str, ...]
    key_type: str
    sql: Mapping[str, str]
    tables: tuple[str, ...] = ()
    hint: str | None = None
    hints: tuple[Hint, ...] = ()
    year_type: str = "text"
    guid_fields: frozenset[str] = frozenset()
    profile: str = "?"

    @property
    def name(self) -> str:
        """Name of the entity."""
        return self.entity.name

    def select(self, engine: str) -> str:
        """The SELECT for an engine.

        Raises:
            Problem: the profile has none (GOR-1402).
        """
        return self._pick(self.sql, engine, self.name)

    def hint_select(self, hint: Hint, engine: str) -> str:
        """The SELECT of a hint table for an engine."""
        return self._pick(hint.sql, engine, f"{self.name}.hints.{hint.table}")

    def _pick(self, sql: Mapping[str, str], engine: str, where: str) -> str:
        found = sql.get(engine, sql.get(ANY_ENGINE))
        if found is None:
            raise self.mistake(f"{where}.sql.{engine}")
        return found

    def mistake(self, cause: str) -> Problem:
        """The problem that a profile has a mistake, GOR-1402."""
        return Problem("GOR-1402", profile=self.profile, cause=cause)


@dataclass(frozen=True, slots=True)
class Profile:
    """A checked profile; ``hash`` is SHA-256, hex, of what it says, whatever its layout and comments; ``source`` is its TOML."""

    name: str
    version: int
    title: str
    entities: tuple[EntityProfile, ...]
    hash: str
    source: bytes

    def entity(self, name: str) -> EntityProfile:
        """How an entity is read; KeyError if the profile does not know it."""
        for found in self.entities:
            if found.name == name:
                return found
        raise KeyError(name)


def known() -> list[str]:
    """Names of the profiles that ship with the agent."""
    folder = resources.files("agent") / "profiles"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load(name_or_file: str | Path) -> Profile:
    """A profile by the name of a built-in one, or from a file.

    Raises:
        Problem: there is none (GOR-1401), or it has a mistake (GOR-1402, GOR-1404).
    """
    built_in = resources.files("agent") / "profiles" / f"{name_or_file}.toml"
    try:
        text = built_in.read_bytes() if str(name_or_file) in known() else Path(name_or_file).read_bytes()
    except OSError as error:
        raise Problem("GOR-1401", profile=name_or_file, known=", ".join(known()) or "—") from error
    return parse(text)


def parse(source: bytes) -> Profile:
    """A profile from its TOML.

    Raises:
        Problem: a mistake, with entity and column named (GOR-1402), or a query that is not a plain SELECT (GOR-1404).
    """
    try:
        data = tomllib.loads(source.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem("GOR-1402", profile="?", cause=error) from error
    name = str(data.get("name", "?"))
    try:
        return _profile(data, name, source)
    except _Mistake as mistake:
        raise Problem("GOR-1402", profile=name, cause=mistake) from mistake


def validate_names(profile: EntityProfile, names: Iterable[str]) -> None:
    """Check the names of an entity's result columns.

    Raises:
        Problem: a name that is neither a field, the key nor hidden, or one that is needed and missing (GOR-1402).
    """
    found = list(names)
    allowed = {*profile.entity.field_names, *profile.key}
    unknown = [name for name in found if name not in allowed and not name.startswith("_")]
    needed = [*profile.key, profile.hint, profile.entity.year, profile.entity.date]
    missing = [name for name in needed if name and name not in found]
    twice = [name for name in dict.fromkeys(found) if found.count(name) > 1]
    for word, wrong in (("unknown", unknown), ("missing", missing), ("twice", twice)):
        if wrong:
            raise profile.mistake(f"{profile.name}: {word}: {', '.join(wrong)}")


class _Mistake(Exception):
    """Where a profile is wrong, as a path of names."""


def _profile(data: dict[str, Any], name: str, source: bytes) -> Profile:
    _only(data, _TOP, "profile")
    version, entities = data.get("version"), data.get("entity")
    if name == "?" or not isinstance(version, int) or not isinstance(entities, dict) or not entities:
        raise _Mistake("name, version, entity")
    key_types = {found: part.get("key_type") for found, part in entities.items() if isinstance(part, dict)}
    mapping = {
        name: part for name, part in data.items() if name != "schemas"
    }  # another schema that fits changes no row
    canonical = json.dumps(mapping, sort_keys=True, ensure_ascii=False, default=str).encode()
    return Profile(
        name,
        version,
        str(data.get("title", name)),
        tuple(sorted((_entity(name, found, part, key_types) for found, part in entities.items()), key=_number)),
        hashlib.sha256(canonical).hexdigest(),
        source,
    )


def _number(profile: EntityProfile) -> int:
    return profile.entity.number


def _entity(profile: str, name: str, data: Any, key_types: Mapping[str, Any]) -> EntityProfile:
    if name not in BY_NAME or not isinstance(data, dict):
        raise _Mistake(f"entity.{name}")
    _only(data, _ENTITY, name)
    entity = BY_NAME[name]
    key, key_type, hint = data.get("key"), data.get("key_type"), data.get("hint")
    if not isinstance(key, list) or not key or not all(isinstance(part, str) and part for part in key):
        raise _Mistake(f"{name}.key")
    if key_type not in KEY_TYPES or (key_type == "composite") != (len(key) > 1):
        raise _Mistake(f"{name}.key_type")
    if any(part.startswith("_") for part in key) or len(set(key)) < len(key):
        raise _Mistake(f"{name}.key: {', '.join(key)}")
    if hint is not None and not isinstance(hint, str):
        raise _Mistake(f"{name}.hint")
    targets = {field.name: key_types.get(field.target or "") for field in entity.fields if field.kind is Kind.REF}
    return EntityProfile(
        entity,
        tuple(key),
        key_type,
        _sql(name, f"{name}.sql", data.get("sql")),
        _texts(f"{name}.tables", data.get("tables", [])),
        hint,
        tuple(_hint(name, part) for part in data.get("hints", [])),
        str(key_types.get("academic_year") or "text"),
        frozenset(field for field, found in targets.items() if found == "guid"),
        profile,
    )


def _hint(entity: str, data: Any) -> Hint:
    if not isinstance(data, dict) or not isinstance(data.get("table"), str):
        raise _Mistake(f"{entity}.hints")
    _only(data, _HINT, f"{entity}.hints")
    return Hint(data["table"], _sql(entity, f"{entity}.hints.{data['table']}", data.get("sql")))


def _sql(entity: str, where: str, value: Any) -> dict[str, str]:
    """SELECTs by engine; each is checked here, so that nothing else ever reaches a database."""
    found = {ANY_ENGINE: value} if isinstance(value, str) else value
    if not isinstance(found, dict) or not found or not all(isinstance(text, str) for text in found.values()):
        raise _Mistake(where)
    if not set(found) <= ENGINES | {ANY_ENGINE}:
        raise _Mistake(f"{where}.{', '.join(sorted(set(found) - ENGINES))}")
    for text in found.values():
        fault = sqltext.fault(text)
        if fault and fault.startswith(":"):
            raise _Mistake(f"{where}: {fault}")
        if fault:
            raise Problem("GOR-1404", entity=entity, cause=fault)
    return found


def _texts(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _Mistake(where)
    return tuple(value)


def _only(data: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    unknown = sorted(set(data) - names)
    if unknown:
        raise _Mistake(f"{where}.{unknown[0]}")
