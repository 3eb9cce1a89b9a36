"""Profiles of NetSchool versions as the department keeps them: TOML, signed by its authority, found by schema fingerprint."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from collector.store.tables import profile
from proto.problems import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """One profile. ``schemas`` are the schema fingerprints that it fits."""

    name: str
    version: str
    toml: bytes
    signature: bytes
    schemas: tuple[str, ...]


def read(toml: bytes, signature: bytes) -> StoredProfile:
    """A profile as its TOML tells of itself. Its SELECTs are checked by the agent, which alone runs them.

    Raises:
        Problem: GOR-1402 when name, version or schemas are missing or wrong.
    """
    try:
        data = tomllib.loads(toml.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem("GOR-1402", profile="?", cause=error) from error
    name, version, schemas = data.get("name"), data.get("version"), data.get("schemas", [])
    if (
        not isinstance(name, str)
        or not name
        or not isinstance(version, int)
        or not isinstance(data.get("entity"), dict)
    ):
        raise Problem("GOR-1402", profile=name or "?", cause="name, version, entity")
    if not isinstance(schemas, list) or not all(isinstance(one, str) and one.isalnum() for one in schemas):
        raise Problem("GOR-1402", profile=name, cause="schemas")
    return StoredProfile(name, str(version), toml, signature, tuple(schemas))


def put(connection: Connection, new: StoredProfile, now: datetime) -> None:
    """Keep a profile, in place of one with the same name."""
    values = {
        "name": new.name,
        "version": new.version,
        "toml": new.toml,
        "signature": new.signature,
        "schema_fingerprint": " ".join(new.schemas) or None,
        "created_at": now,
    }
    connection.execute(
        upsert(profile).values(values).on_conflict_do_update(index_elements=[profile.c.name], set_=values)
    )


def get(connection: Connection, name: str) -> StoredProfile | None:
    """The profile of this name."""
    row = connection.execute(select(profile).where(profile.c.name == name)).first()
    return _profile(row) if row else None


def fitting(connection: Connection, schema_fingerprint: str) -> StoredProfile | None:
    """The newest profile that fits a schema."""
    known = func.string_to_array(profile.c.schema_fingerprint, " ")
    query = (
        select(profile)
        .where(literal(schema_fingerprint) == func.any(known))
        .order_by(profile.c.created_at.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _profile(row) if row else None


def every(connection: Connection) -> list[StoredProfile]:
    """All profiles by name."""
    return [_profile(row) for row in connection.execute(select(profile).order_by(profile.c.name))]


def _profile(row: Row[Any]) -> StoredProfile:
    return StoredProfile(row.name, row.version, row.toml, row.signature, tuple((row.schema_fingerprint or "").split()))
