"""Rows, history, quarantine, tombstones, years and guard counters of one envelope, inside the caller's transaction.

    changes ──prepare──▶ valid rows ──COPY──▶ temporary table ──INSERT … ON CONFLICT──▶ the entity's table
                    └──▶ rows that the centre cannot hold ─────────────────────────────▶ quarantine

The caller holds the lock of the school's head row and writes ledger and head in the same transaction. Small envelopes take one round
trip (pipeline, arrays); large ones are copied in binary. If the database still refuses a value that passed validation, the batch is
halved until the row is found: that row alone goes into quarantine, all others are applied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psycopg

from collector.ingest.prepare import PreparedChanges, PreparedTable, hold_row, prepare
from collector.store import statements as sql
from collector.store.keytext import key_hash, storable_text
from proto.batch import Changes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg import Connection, Cursor

    from collector.ingest.prepare import Held
    from collector.store.sealing import SchoolKeys
    from proto.batch import YearChange
    from proto.entities import Entity

SMALL_ROWS: Final = 64
"""Up to so many rows the arrays of one statement are quicker than a COPY."""

_Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApplyContext:
    """Whose rows, at which place of the ledger, at which moment, under which keys."""

    school: str
    seq: int
    now: datetime
    keys: SchoolKeys

    @property
    def parameters(self) -> _Parameters:
        """What every statement names."""
        return {"school": self.school, "seq": self.seq, "now": self.now, "key_year": self.keys.year}


@dataclass(slots=True)
class EntityCounts:
    """What an envelope did to one entity."""

    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    archived: int = 0
    unchanged: int = 0
    quarantined: int = 0


@dataclass(slots=True)
class Applied:
    """What an envelope did, by entity number."""

    entities: dict[int, EntityCounts] = field(default_factory=dict)

    @property
    def applied(self) -> int:
        """Rows that changed something."""
        return sum(one.inserts + one.updates + one.deletes + one.archived for one in self.entities.values())

    @property
    def unchanged(self) -> int:
        """Rows that were there already, or gone already."""
        return sum(one.unchanged for one in self.entities.values())

    @property
    def quarantined(self) -> int:
        """Rows that the centre cannot hold."""
        return sum(one.quarantined for one in self.entities.values())

    @property
    def growth(self) -> int:
        """By how many living rows the school's store grew."""
        return sum(one.inserts - one.deletes for one in self.entities.values())


def apply(connection: Connection[Any], context: ApplyContext, changes: Changes | PreparedChanges) -> Applied:
    """Apply an envelope's changes; nothing is committed here.

    Args:
        connection: in a transaction that has stated ``gorod.school``.
        context: school, place, moment, keys.
        changes: decoded, or already prepared with the keys of the context.
    """
    prepared = prepare(changes, context.keys) if isinstance(changes, Changes) else changes
    if prepared.rows <= SMALL_ROWS:
        try:
            return _apply_small(connection, context, prepared)
        except psycopg.DataError:  # a value that the database refuses: the way below finds the row
            connection.execute("ROLLBACK TO SAVEPOINT small")
    return _apply_bulk(connection, context, prepared)


# A handful of rows: everything is sent at once, then the answers are read ------------------------------------------------------------


def _apply_small(connection: Connection[Any], context: ApplyContext, prepared: PreparedChanges) -> Applied:
    with connection.pipeline():
        connection.execute("SAVEPOINT small")
        answers = [(table, _send_table(connection, context, table)) for table in prepared.tables]
        for year in prepared.years:
            _change_year(connection, context, year)
    return Applied({table.entity.number: _counts(table, *cursors) for table, cursors in answers})


_Cursors = tuple["Cursor[Any] | None", "Cursor[Any] | None", "Cursor[Any] | None"]


def _send_table(connection: Connection[Any], context: ApplyContext, table: PreparedTable) -> _Cursors:
    statements, parameters = sql.statements(table.entity), context.parameters
    upserted = archived = deleted = None
    if len(table):
        arrays = {
            sql.array_name(name): list(column) for name, column in zip(statements.names, table.columns, strict=True)
        }
        upserted = connection.execute(statements.upsert_arrays, parameters | arrays, prepare=True)
    if table.deleted:
        keys = {"keys": list(map(storable_text, table.deleted))}
        if statements.archive:
            archived = connection.execute(statements.archive, parameters | keys, prepare=True)
        deleted = connection.execute(statements.delete, parameters | keys, prepare=True)
    _clear_quarantine(connection, context, table)
    _hold(connection, context, table.entity, table.held)
    return upserted, archived, deleted


def _counts(
    table: PreparedTable,
    upserted: Cursor[Any] | None,
    archived: Cursor[Any] | None,
    deleted: Cursor[Any] | None,
) -> EntityCounts:
    inserts, updates = upserted.fetchone() or (0, 0) if upserted else (0, 0)
    kept = _number(archived)
    gone = _number(deleted)
    unchanged = len(table) - inserts - updates + len(table.deleted) - kept - gone
    return EntityCounts(inserts, updates, gone, kept, unchanged, len(table.held))


def _number(cursor: Cursor[Any] | None) -> int:
    row = cursor.fetchone() if cursor else None
    return int(row[0]) if row else 0


# Many rows --------------------------------------------------------------------------------------------------------------------------


def _apply_bulk(connection: Connection[Any], context: ApplyContext, prepared: PreparedChanges) -> Applied:
    rows = connection.execute(sql.QUARANTINED_ENTITIES, context.parameters, prepare=True).fetchall()
    touched = {row[0] for row in rows}
    done = Applied()
    for table in prepared.tables:
        done.entities[table.entity.number] = _bulk_table(
            connection, context, table, clear=table.entity.number in touched
        )
    for year in prepared.years:
        _change_year(connection, context, year)
    return done


def _bulk_table(
    connection: Connection[Any], context: ApplyContext, table: PreparedTable, *, clear: bool
) -> EntityCounts:
    counts = EntityCounts()
    refused: list[Held] = []
    if len(table) and not (table.fresh and _insert_columns(connection, context, table, counts)):
        refused = _upsert_columns(connection, context, table.entity, table.columns, counts)
    statements, parameters = sql.statements(table.entity), context.parameters
    if table.deleted:
        parameters["keys"] = list(map(storable_text, table.deleted))
        if statements.archive:
            counts.archived = _number(connection.execute(statements.archive, parameters))
        counts.deletes = _number(connection.execute(statements.delete, parameters))
    if clear:
        _clear_quarantine(connection, context, table)
    _hold(connection, context, table.entity, [*table.held, *refused])
    counts.quarantined = len(table.held) + len(refused)
    states = len(table) - len(refused) + len(table.deleted)
    counts.unchanged = states - counts.inserts - counts.updates - counts.deletes - counts.archived
    return counts


def _insert_columns(
    connection: Connection[Any], context: ApplyContext, table: PreparedTable, counts: EntityCounts
) -> bool:
    """Insert rows that are most likely new, without looking for older ones: a third less work. False if one was there, or is refused."""
    try:
        with connection.transaction():
            _copy(connection, table.entity, table.columns)
            insert = sql.statements(table.entity).insert_incoming
            inserts, _updates = connection.execute(insert, context.parameters, prepare=True).fetchone() or (0, 0)
    except (psycopg.DataError, psycopg.errors.UniqueViolation):
        return False
    counts.inserts += inserts
    return True


def _upsert_columns(
    connection: Connection[Any],
    context: ApplyContext,
    entity: Entity,
    columns: Sequence[Sequence[Any]],
    counts: EntityCounts,
) -> list[Held]:
    """Upsert rows; returns those that the database refuses, found by halving."""
    try:
        with connection.transaction():
            _copy(connection, entity, columns)
            cursor = connection.execute(sql.statements(entity).upsert_incoming, context.parameters, prepare=True)
            inserts, updates = cursor.fetchone() or (0, 0)
    except psycopg.DataError as error:
        rows = len(columns[0])
        if rows == 1:
            return [_refused_row(context, entity, columns, error)]
        halves = ([column[: rows // 2] for column in columns], [column[rows // 2 :] for column in columns])
        return [held for half in halves for held in _upsert_columns(connection, context, entity, half, counts)]
    counts.inserts += inserts
    counts.updates += updates
    return []


def _refused_row(
    context: ApplyContext, entity: Entity, columns: Sequence[Sequence[Any]], error: psycopg.DataError
) -> Held:
    """The held form of a row that only the database found unfit: its cause is PostgreSQL's code of the error."""
    key = columns[0][0]
    values = [
        context.keys.open_column(entity, described, [key], column)[0] if described.encrypted else column[0]
        for described, column in zip(entity.fields, columns, strict=False)
    ]
    return hold_row(entity, tuple(values), f"database_{error.sqlstate or 'refused'}".lower(), context.keys)


def _copy(connection: Connection[Any], entity: Entity, columns: Sequence[Sequence[Any]]) -> None:
    statements = sql.statements(entity)
    connection.execute(statements.create_incoming)
    connection.execute(statements.clear_incoming)
    with connection.cursor() as cursor, cursor.copy(statements.copy_incoming) as copy:
        copy.set_types(statements.types)
        for row in zip(*columns, strict=True):
            copy.write_row(row)


# Quarantine and years ---------------------------------------------------------------------------------------------------------------


def _clear_quarantine(connection: Connection[Any], context: ApplyContext, table: PreparedTable) -> None:
    """A valid version of a key clears what is held of it, even when it changes nothing; so does a deletion."""
    hashes = [key_hash(key) for key in (*table.columns[0], *table.deleted)]
    if hashes:
        parameters = context.parameters | {"entity": table.entity.number, "hashes": hashes}
        connection.execute(sql.CLEAR_QUARANTINE, parameters, prepare=True)


def _hold(connection: Connection[Any], context: ApplyContext, entity: Entity, held: Sequence[Held]) -> None:
    """At most one held state per key: a later version replaces it."""
    if not held:
        return
    parameters = context.parameters | {
        "entity": entity.number,
        "hashes": [key_hash(row.key) for row in held],
        "keys": [storable_text(row.key) for row in held],
        "years": [row.year for row in held],
        "causes": [row.cause for row in held],
        "rows": [row.hash for row in held],
        "leaves": [row.leaf for row in held],
        "sealed": [row.sealed for row in held],
    }
    connection.execute(sql.HOLD, parameters)


def _change_year(connection: Connection[Any], context: ApplyContext, change: YearChange) -> None:
    """From this envelope on the year is left out of digests, or taken in again."""
    statement = sql.CLOSE_YEAR if change.closed else sql.OPEN_YEAR
    connection.execute(statement, context.parameters | {"year": storable_text(change.year)})
