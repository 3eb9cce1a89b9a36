"""The deep check: are the stored values still what their hashes say? And sealing anew under the year's key.

Values are read back from the typed columns that everybody reads, turned into canonical rows and hashed again. Only so is it proven that
what the portal shows is what the school sent; sums of stored hashes alone would not notice a changed value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collector.store.columns import blind_name, column_name, has_blind_index, sealed_fields
from collector.store.keytext import key_hash
from collector.store.sealing import Unreadable
from collector.store.statements import statements
from proto.canonical import leaves, row_hashes
from proto.entities import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from collector.store.sealing import SchoolKeys
    from proto.canonical import Value
    from proto.entities import Entity

PAGE_ROWS: Final = 2_000
_TAIL: Final = 3  # row_hash, leaf, key_year


class Cursor(NamedTuple):
    """Where a rolling check stands: place of the entity among all, and the last key that was read."""

    entity: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """A stored row that is not what its hash says. The key is told by its hash: keys stay out of logs."""

    entity: str
    key_hash: str
    kind: str  # value | leaf | unreadable


@dataclass(slots=True)
class DeepPage:
    """One page of the check. ``next`` None: the whole school has been read."""

    rows: int = 0
    destroyed: int = 0
    damages: list[Damage] = field(default_factory=list)
    next: Cursor | None = None


@dataclass(slots=True)
class StoredRows:
    """Rows of one entity as read back, canonical, column by column."""

    columns: list[list[Value]]
    hashes: list[int]
    leaves: list[int]
    key_years: list[int | None]
    unreadable: set[int]

    @property
    def keys(self) -> list[str]:
        """Keys of the rows."""
        return [str(key) for key in self.columns[0]]


def deep_check(connection: Connection[Any], keys: SchoolKeys, cursor: Cursor, limit: int = PAGE_ROWS) -> DeepPage:
    """Check up to ``limit`` rows of one entity after the cursor; the connection's transaction must see the school."""
    entity = ENTITIES[cursor.entity]
    stored = read_rows(connection, keys, entity, cursor.after, limit)
    page = DeepPage(rows=len(stored.hashes))
    computed = row_hashes(entity, zip(*stored.columns, strict=True), keys.fingerprint)
    places = leaves(entity.number, stored.keys, keys.fingerprint)
    for index, key in enumerate(stored.keys):
        if stored.key_years[index] in keys.destroyed:
            page.destroyed += 1
        elif kind := _kind(stored, index, computed[index], places[index]):
            page.damages.append(Damage(entity.name, key_hash(key).hex(), kind))
    if len(stored.hashes) == limit:
        page.next = Cursor(cursor.entity, stored.keys[-1])
    elif cursor.entity + 1 < len(ENTITIES):
        page.next = Cursor(cursor.entity + 1)
    return page


def _kind(stored: StoredRows, index: int, computed: int, place: int) -> str | None:
    if index in stored.unreadable:
        return "unreadable"
    if computed != stored.hashes[index]:
        return "value"
    return "leaf" if place != stored.leaves[index] else None


def read_rows(connection: Connection[Any], keys: SchoolKeys, entity: Entity, after: str, limit: int) -> StoredRows:
    """Stored rows of the entity in order of their keys, opened."""
    parameters = {"school": keys.school, "after": after, "limit": limit}
    rows = connection.execute(statements(entity).read, parameters).fetchall()
    width = len(entity.fields)
    found: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width + _TAIL)]
    columns, (hashes, places, key_years) = found[:width], found[width:]
    unreadable: set[int] = set()
    source_ids = columns[0]
    for position, described in enumerate(entity.fields):
        if described.encrypted:
            opened, failed = _open(keys, entity, position, source_ids, columns[position])
            columns[position] = opened
            unreadable |= failed
    return StoredRows(columns, hashes, places, key_years, unreadable)


def _open(
    keys: SchoolKeys, entity: Entity, position: int, source_ids: Sequence[str], sealed: Sequence[bytes | None]
) -> tuple[list[Value], set[int]]:
    """Opened values of a column, and the places of those that do not open."""
    described = entity.fields[position]
    try:
        return keys.open_column(entity, described, source_ids, sealed), set()
    except Unreadable:
        pass  # one of them: find out which
    opened: list[Value] = []
    failed = set()
    for place, (key, value) in enumerate(zip(source_ids, sealed, strict=True)):
        try:
            opened += keys.open_column(entity, described, [key], [value])
        except Unreadable:
            failed.add(place)
            opened.append(None)
    return opened, failed


def seal_anew(connection: Connection[Any], keys: SchoolKeys, entity: Entity, limit: int = PAGE_ROWS) -> int:
    """Seal up to ``limit`` rows of an earlier year's key under the current one; returns how many were, 0 when none is left.

    Rows stay what they are: no history, no new hash. Rows whose key is destroyed or that do not open are left alone.
    """
    past = [year for year in keys.years if year < keys.year]
    found = connection.execute(_past_keys(entity), {"school": keys.school, "past": past, "limit": limit})
    source_ids = [key for (key,) in found]
    fields = sealed_fields(entity)
    if not source_ids:
        return 0
    rows = connection.execute(_sealed_values(entity), {"school": keys.school, "keys": source_ids}).fetchall()
    columns = list(zip(*rows, strict=True))
    sealed: dict[str, list[Any]] = {"source_id": list(columns[0])}
    for described, column in zip(fields, columns[1:], strict=True):
        values = keys.open_column(entity, described, columns[0], column)
        sealed[column_name(described)] = keys.seal_column(entity, described, columns[0], values)
        if has_blind_index(described):
            sealed[blind_name(described)] = keys.blind_column(entity, described, values)
    parameters = sealed | {"school": keys.school, "key_year": keys.year}
    return connection.execute(_store_sealed(entity, list(sealed)), parameters).rowcount


def sealed_entities() -> list[Entity]:
    """Entities that hold sealed fields."""
    return [entity for entity in ENTITIES if sealed_fields(entity)]


def _past_keys(entity: Entity) -> str:
    return (
        f"SELECT source_id FROM gorod.{entity.name} WHERE school_id = %(school)s AND key_year = ANY (%(past)s) "  # noqa: S608  names of our own tables
        "ORDER BY source_id LIMIT %(limit)s"
    )


def _sealed_values(entity: Entity) -> str:
    names = ", ".join(column_name(described) for described in sealed_fields(entity))
    return (
        f"SELECT source_id, {names} FROM gorod.{entity.name} "  # noqa: S608  as above
        "WHERE school_id = %(school)s AND source_id = ANY (%(keys)s) FOR UPDATE"
    )


def _store_sealed(entity: Entity, names: Sequence[str]) -> str:
    arrays = ", ".join(f"%({name})s::{'text' if name == 'source_id' else 'bytea'}[]" for name in names)
    changes = ", ".join(f"{name} = n.{name}" for name in names if name != "source_id")
    return (
        f"UPDATE gorod.{entity.name} AS t SET {changes}, key_year = %(key_year)s "  # noqa: S608  as above
        f"FROM unnest({arrays}) AS n({', '.join(names)}) WHERE t.school_id = %(school)s AND t.source_id = n.source_id"
    )
