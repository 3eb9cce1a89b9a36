"""SQL of the applier, made once per entity from its fields. Parameters are named: school, seq, now.

Two sources of new rows share the same statements: a temporary table filled by COPY (bulk), and arrays (a handful of live changes, one
round trip). What a statement changed is counted by RETURNING, and added to the guard's counters by the same statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from collector.store.columns import (
    blind_name,
    column_name,
    has_blind_index,
    raw_type,
    sealed_fields,
    to_raw,
    to_stored,
)

if TYPE_CHECKING:
    from proto.entities import Entity

_COUNTED: Final = """
, counted AS (SELECT count(*) FILTER (WHERE fresh) AS inserts, count(*) FILTER (WHERE NOT fresh) AS updates FROM changed)
, guarded AS (
    INSERT INTO gorod.guard_hour AS g (school_id, entity, hour, inserts, updates)
    SELECT %(school)s, {number}, date_trunc('hour', %(now)s::timestamptz, 'UTC'), inserts, updates FROM counted
    WHERE inserts + updates > 0
    ON CONFLICT (school_id, entity, hour)
    DO UPDATE SET inserts = g.inserts + excluded.inserts, updates = g.updates + excluded.updates)
SELECT inserts, updates FROM counted"""

_DELETE: Final = """
WITH gone AS (
    DELETE FROM gorod.{table} AS t USING unnest(%(keys)s::text[]) AS k(source_id)
    WHERE t.school_id = %(school)s AND t.source_id = k.source_id{still_open}
    RETURNING t.source_id, t.row_hash)
, noted AS (
    INSERT INTO gorod.tombstone (school_id, entity, source_id, row_hash, seq, deleted_at)
    SELECT %(school)s, {number}, source_id, row_hash, %(seq)s, %(now)s FROM gone)
, counted AS (SELECT count(*) AS deletes FROM gone)
, guarded AS (
    INSERT INTO gorod.guard_hour AS g (school_id, entity, hour, deletes)
    SELECT %(school)s, {number}, date_trunc('hour', %(now)s::timestamptz, 'UTC'), deletes FROM counted WHERE deletes > 0
    ON CONFLICT (school_id, entity, hour) DO UPDATE SET deletes = g.deletes + excluded.deletes)
SELECT deletes FROM counted"""

_CLOSED: Final = "SELECT year_id FROM gorod.closed_year WHERE school_id = %(school)s"

_ARCHIVE: Final = """
WITH kept AS (
    UPDATE gorod.{table} SET archived = true
    WHERE school_id = %(school)s AND source_id = ANY (%(keys)s) AND NOT archived AND year_id IN ({closed})
    RETURNING 1)
SELECT count(*) FROM kept"""


@dataclass(frozen=True, slots=True)
class Statements:
    """Everything that is ever said about one entity. ``types``: raw types of the incoming columns, in order."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    create_incoming: str
    clear_incoming: str
    copy_incoming: str
    insert_incoming: str
    upsert_incoming: str
    upsert_arrays: str
    delete: str
    archive: str | None
    read: str


CLEAR_QUARANTINE: Final = """
DELETE FROM gorod.quarantine WHERE school_id = %(school)s AND entity = %(entity)s AND key_hash = ANY (%(hashes)s)"""

HOLD: Final = """
INSERT INTO gorod.quarantine AS q (
    school_id, entity, key_hash, source_id, year_id, cause, row_hash, leaf, sealed, seq, since)
SELECT %(school)s, %(entity)s, h.*, %(seq)s, %(now)s
FROM unnest(%(hashes)s::bytea[], %(keys)s::text[], %(years)s::text[], %(causes)s::text[], %(rows)s::int8[],
            %(leaves)s::int4[], %(sealed)s::bytea[]) AS h
ON CONFLICT (school_id, entity, key_hash) DO UPDATE SET
    year_id = excluded.year_id, cause = excluded.cause, row_hash = excluded.row_hash, sealed = excluded.sealed,
    seq = excluded.seq"""

QUARANTINED_ENTITIES: Final = "SELECT DISTINCT entity FROM gorod.quarantine WHERE school_id = %(school)s"

CLOSE_YEAR: Final = """
INSERT INTO gorod.closed_year (school_id, year_id, seq, closed_at) VALUES (%(school)s, %(year)s, %(seq)s, %(now)s)
ON CONFLICT DO NOTHING"""

OPEN_YEAR: Final = "DELETE FROM gorod.closed_year WHERE school_id = %(school)s AND year_id = %(year)s"


@cache
def statements(entity: Entity) -> Statements:
    """The statements of an entity."""
    names, types = incoming_columns(entity)
    incoming = f"incoming_{entity.name}"
    described = ", ".join(f"{_quoted(name)} {kind}" for name, kind in zip(names, types, strict=True))
    arrays = ", ".join(f"%({array_name(name)})s::{kind}[]" for name, kind in zip(names, types, strict=True))
    listed = ", ".join(map(_quoted, names))
    still_open = f" AND (t.year_id IS NULL OR t.year_id NOT IN ({_CLOSED}))" if entity.year else ""
    return Statements(
        names=names,
        types=types,
        create_incoming=f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} ({described})",
        clear_incoming=f"TRUNCATE pg_temp.{incoming}",
        copy_incoming=f"COPY pg_temp.{incoming} ({listed}) FROM STDIN (FORMAT BINARY)",
        insert_incoming=_insert(entity, names, f"pg_temp.{incoming} AS i", "RETURNING true AS fresh"),
        upsert_incoming=_upsert(entity, names, f"pg_temp.{incoming} AS i"),
        upsert_arrays=_upsert(entity, names, f"unnest({arrays}) AS i({listed})"),
        delete=_DELETE.format(table=entity.name, number=entity.number, still_open=still_open),
        archive=_ARCHIVE.format(table=entity.name, closed=_CLOSED) if entity.year else None,
        read=_read(entity),
    )


def incoming_columns(entity: Entity) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and raw types of what travels: the fields, their blind indexes, hash, leaf."""
    columns = [(column_name(field), raw_type(field)) for field in entity.fields]
    columns += [(blind_name(field), "bytea") for field in entity.fields if has_blind_index(field)]
    columns += [("row_hash", "int8"), ("leaf", "int4")]
    names, types = zip(*columns, strict=True)
    return names, types


def array_name(column: str) -> str:
    """Name of the parameter that holds a column's values: apart from school, seq and now, which are names of columns too."""
    return f"all_{column}"


def _upsert(entity: Entity, names: tuple[str, ...], source: str) -> str:
    kept = ("school_id", "source_id", "leaf")
    replaced = ", ".join(
        f"{_quoted(name)} = excluded.{_quoted(name)}" for name in _values(entity, names) if name not in kept
    )
    return _insert(
        entity,
        names,
        source,
        f"ON CONFLICT (school_id, source_id) DO UPDATE SET {replaced} "
        "WHERE t.row_hash <> excluded.row_hash OR t.archived "
        "RETURNING (t.xmax = 0) AS fresh",
    )


def _insert(entity: Entity, names: tuple[str, ...], source: str, ending: str) -> str:
    columns = _values(entity, names)
    return (
        f"WITH changed AS (INSERT INTO gorod.{entity.name} AS t ({', '.join(map(_quoted, columns))}) "  # noqa: S608  names of our own tables
        f"SELECT {', '.join(columns.values())} FROM {source} {ending})" + _COUNTED.format(number=entity.number)
    )


def _values(entity: Entity, names: tuple[str, ...]) -> dict[str, str]:
    """Every column of the entity's table and the expression that fills it from the incoming row ``i``."""
    fields = {column_name(field): field for field in entity.fields}
    values = {
        name: to_stored(fields[name], f"i.{_quoted(name)}") if name in fields else f"i.{_quoted(name)}"
        for name in names
    }
    own = {"applied_seq": "%(seq)s", "applied_at": "%(now)s", "archived": "false"}
    if sealed_fields(entity):
        own["key_year"] = "%(key_year)s"
    return {"school_id": "%(school)s"} | values | own


def _read(entity: Entity) -> str:
    """Stored rows after a key, in raw form, with hash and leaf (and the key's year where there are sealed fields)."""
    raw = [f"{to_raw(field, _quoted(column_name(field)))}" for field in entity.fields]
    raw += ["row_hash", "leaf", "key_year" if sealed_fields(entity) else "NULL::int2"]
    return (
        f"SELECT {', '.join(raw)} FROM gorod.{entity.name} WHERE school_id = %(school)s AND source_id > %(after)s "  # noqa: S608  as above
        "ORDER BY source_id LIMIT %(limit)s"
    )


def _quoted(name: str) -> str:
    """Some fields are words of SQL: order, date, at, before, number."""
    return f'"{name}"'
