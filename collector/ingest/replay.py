"""Apply held rows again, after the centre has learnt to hold them.

The row's hash is the one that the agent remembers, so nothing need be sent: what fits now moves from quarantine into its table, and
digests stay equal all the while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from collector.ingest.apply import ApplyContext, apply
from collector.ingest.prepare import open_held
from collector.store.keytext import stored_text
from collector.store.sealing import Destroyed, Unreadable
from proto.batch import Changes, TableRows
from proto.entities import BY_NUMBER
from proto.limits import MAX_ROWS

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from collector.store.sealing import SchoolKeys
    from proto.canonical import Row

_LOCK: Final = "SELECT seq FROM gorod.school_state WHERE school_id = %(school)s FOR UPDATE"
_HELD: Final = """
SELECT source_id, sealed FROM gorod.quarantine
WHERE school_id = %(school)s AND entity = %(entity)s AND sealed IS NOT NULL ORDER BY since, key_hash LIMIT %(limit)s"""
_ENTITIES: Final = "SELECT DISTINCT entity FROM gorod.quarantine WHERE school_id = %(school)s ORDER BY entity"
_GROW: Final = "UPDATE gorod.school_state SET rows = rows + %(growth)s WHERE school_id = %(school)s"


@dataclass(slots=True)
class Replayed:
    """What a replay did: rows that are applied now, rows still held, rows whose values can no longer be opened."""

    applied: int = 0
    held: int = 0
    unreadable: int = 0


def replay(connection: Connection[Any], keys: SchoolKeys, now: datetime) -> Replayed:
    """Apply the school's held rows again, up to :data:`MAX_ROWS` of each entity.

    Args:
        connection: in a transaction that has stated ``gorod.school``; the school's head row is locked in it.
        keys: the school's keys.
        now: the present moment.
    """
    row = connection.execute(_LOCK, {"school": keys.school}).fetchone()
    context = ApplyContext(keys.school, row[0] if row else 0, now, keys)
    done = Replayed()
    growth = 0
    for (number,) in connection.execute(_ENTITIES, {"school": keys.school}).fetchall():
        rows = _readable(connection, keys, number, done)
        if not rows:
            continue
        columns = [list(column) for column in zip(*rows, strict=True)]
        applied = apply(connection, context, Changes([TableRows(BY_NUMBER[number], columns)]))
        done.applied += len(rows) - applied.quarantined
        done.held += applied.quarantined
        growth += applied.growth
    connection.execute(_GROW, {"school": keys.school, "growth": growth})
    return done


def _readable(connection: Connection[Any], keys: SchoolKeys, number: int, done: Replayed) -> list[Row]:
    """Held rows of an entity whose values open and have the fields that the entity has now."""
    entity = BY_NUMBER.get(number)
    if entity is None:
        return []
    rows = []
    parameters = {"school": keys.school, "entity": number, "limit": MAX_ROWS}
    for source_id, sealed in connection.execute(_HELD, parameters):
        try:
            row = open_held(entity, stored_text(source_id), sealed, keys)
        except (Destroyed, Unreadable):
            done.unreadable += 1
            continue
        # Fields are only ever added, at the end: a row of before has no value there.
        rows.append(row + (None,) * (len(entity.fields) - len(row)))
    return rows
