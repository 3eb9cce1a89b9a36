"""The deep check: are the stored values still what their hashes say?

Values are read back from the typed columns that everybody reads, turned into canonical rows and hashed again. Only so is it proven that
what the portal shows is what the school sent; sums of stored hashes alone would not notice a changed value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
    from proto.entities import Entity, Field

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
            opened, failed = open_readable(keys, entity, described, source_ids, columns[position])
            columns[position] = opened
            unreadable |= failed
    return StoredRows(columns, hashes, places, key_years, unreadable)


def open_readable(
    keys: SchoolKeys, entity: Entity, described: Field, source_ids: Sequence[str], sealed: Sequence[bytes | None]
) -> tuple[list[Value], set[int]]:
    """Opened values of a column, and the places of those that do not open."""
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
