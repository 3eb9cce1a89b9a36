"""What an envelope's changes become before the database is asked: validated, hashed, sealed, column by column. No I/O.

This is the processor's share of applying; it can run for the next envelope while the database works on the present one. Row hashes and
leaves are computed here, from the values that will be stored: the agent's word is never taken for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from collector.store.columns import has_blind_index
from collector.store.keytext import storable_text
from proto.canonical import leaves, row_hash, row_hashes, validate_columns
from proto.envelope import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.store.sealing import SchoolKeys
    from proto.batch import Changes, TableRows, YearChange
    from proto.canonical import Value
    from proto.entities import Entity


@dataclass(frozen=True, slots=True)
class Held:
    """A state that goes into quarantine. ``sealed`` None: the agent sent no values."""

    key: str
    cause: str
    hash: int
    leaf: int
    year: str | None = None
    sealed: bytes | None = None


@dataclass(slots=True)
class PreparedTable:
    """Changes of one entity, ready for the database. ``columns`` follow :func:`column_names`; ``columns[0]`` are the keys.

    ``fresh``: the agent believes that none of the keys is here yet.
    """

    entity: Entity
    columns: list[Sequence[Any]]
    held: list[Held] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    fresh: bool = False

    def __len__(self) -> int:
        """Number of valid states."""
        return len(self.columns[0])


@dataclass(slots=True)
class PreparedChanges:
    """An envelope's changes, ready for the database."""

    tables: list[PreparedTable]
    years: list[YearChange]

    @property
    def rows(self) -> int:
        """States, deletions and held rows together."""
        return sum(len(table) + len(table.deleted) + len(table.held) for table in self.tables)


def prepare(changes: Changes, keys: SchoolKeys) -> PreparedChanges:
    """Everything that can be known of the changes without the database.

    Raises:
        Malformed: a key has two states in the batch.
    """
    return PreparedChanges([_prepare_table(table, keys) for table in changes.tables], changes.years)


def _prepare_table(table: TableRows, keys: SchoolKeys) -> PreparedTable:
    entity = table.entity
    named = [*table.columns[0], *table.deleted, *(row.key for row in table.unfit)]
    if len(set(named)) != len(named):
        raise Malformed("keys")
    unfit_leaves = leaves(entity.number, (row.key for row in table.unfit), keys.fingerprint)
    held = [
        Held(row.key, row.cause, row.hash, leaf, storable_text(row.year) if row.year else None)
        for row, leaf in zip(table.unfit, unfit_leaves, strict=True)
    ]
    causes = validate_columns(entity, table.columns) if len(table) else {}
    columns = table.columns
    if causes:
        held += _hold(entity, columns, causes, keys)
        kept = [index for index in range(len(table)) if index not in causes]
        columns = [[column[index] for index in kept] for column in columns]
    return PreparedTable(entity, stored_columns(entity, columns, keys), held, list(table.deleted), table.fresh)


def stored_columns(entity: Entity, columns: Sequence[Sequence[Any]], keys: SchoolKeys) -> list[Sequence[Any]]:
    """Canonical columns as they travel to the database: sealed where they are personal, then blind indexes, hash and leaf."""
    source_ids = columns[0]
    hashes = row_hashes(entity, zip(*columns, strict=True), keys.fingerprint)
    stored: list[Sequence[Any]] = [
        keys.seal_column(entity, described, source_ids, column) if described.encrypted else column
        for described, column in zip(entity.fields, columns, strict=True)
    ]
    stored += [
        keys.blind_column(entity, described, column)
        for described, column in zip(entity.fields, columns, strict=True)
        if has_blind_index(described)
    ]
    return [*stored, hashes, leaves(entity.number, source_ids, keys.fingerprint)]


def hold_row(entity: Entity, row: tuple[Value, ...], cause: str, keys: SchoolKeys) -> Held:
    """The held form of a canonical row that the centre cannot store."""
    key = str(row[0])
    year = row[entity.index(entity.year)] if entity.year else None
    sealed = keys.seal(entity.name, key, "quarantine", msgspec.msgpack.encode(row))
    leaf = leaves(entity.number, (key,), keys.fingerprint)[0]
    digest = row_hash(entity, row, keys.fingerprint)
    return Held(key, cause, digest, leaf, storable_text(str(year)) if year is not None else None, sealed)


def _hold(entity: Entity, columns: Sequence[Sequence[Any]], causes: dict[int, str], keys: SchoolKeys) -> Iterable[Held]:
    return [
        hold_row(entity, tuple(column[index] for column in columns), cause, keys)
        for index, cause in sorted(causes.items())
    ]


def open_held(entity: Entity, key: str, sealed: bytes, keys: SchoolKeys) -> tuple[Value, ...]:
    """The canonical row of :func:`hold_row`, for replay."""
    return tuple(msgspec.msgpack.decode(keys.open(entity.name, key, "quarantine", sealed), type=list[Any]))
