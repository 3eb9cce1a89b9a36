"""The turn of the school-year: what lives is sealed anew under the current year's key, so that an old key ends only what last lived in it.

A pass walks the sealed entities and then the quarantine, a page per transaction. It needs no bookkeeping: a row that was sealed anew is
found no more, so that a pass that was cut off begins again where it matters. It never waits for a row that is being written, and holds
its own rows only for the time that a page takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collector.store.columns import blind_name, column_name, has_blind_index, sealed_fields
from collector.store.deep import open_readable
from collector.store.keytext import stored_text
from collector.store.sealing import YEAR_BYTES, Unreadable
from proto.entities import BY_NUMBER, ENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection

    from collector.store.engine import Database
    from collector.store.sealing import SchoolKeys
    from proto.entities import Entity

PAGE_ROWS: Final = 500
"""Rows of one transaction: about 50 ms in which the stream may have to wait for one of them."""


class Place(NamedTuple):
    """Where a pass stands: place among the sealed entities (after the last one: the quarantine), and the last key that was looked at."""

    part: int = 0
    after: tuple[Any, ...] = ()


@dataclass(slots=True)
class Resealed:
    """One page of a pass. ``unreadable``: rows that do not open, left alone. ``next`` None: the pass is over."""

    rows: int = 0
    unreadable: int = 0
    next: Place | None = None


def sealed_entities() -> list[Entity]:
    """Entities that hold sealed fields."""
    return [entity for entity in ENTITIES if sealed_fields(entity)]


def seal_page(
    connection: Connection[Any],
    keys: SchoolKeys,
    place: Place,
    limit: int = PAGE_ROWS,
    years: Iterable[int] | None = None,
) -> Resealed:
    """Seal up to ``limit`` rows after the place under the current year's key; parts in which nothing is due are passed over.

    Rows stay what they are: no history, no new hash. The connection's transaction must see the school and may write it. ``years``: those
    whose rows are looked for, by default every earlier one whose key exists.
    """
    parts = sealed_entities()
    past = sorted(year for year in keys.years if year < keys.year and (years is None or year in years))
    while past and place.part <= len(parts):
        if place.part < len(parts):
            done, last = _seal_rows(connection, keys, parts[place.part], past, place.after, limit)
        else:
            done, last = _seal_held(connection, keys, past, place.after, limit)
        place = Place(place.part, last) if done.rows + done.unreadable == limit else Place(place.part + 1)
        if done.rows or done.unreadable:
            done.next = place if place.part <= len(parts) else None
            return done
    return Resealed()


def seal_school(database: Database, keys: SchoolKeys, years: Iterable[int] | None = None) -> Resealed:
    """A whole pass over a school, page by page."""
    done = Resealed(next=Place())
    while done.next is not None:
        with database.scope(keys.school) as connection:
            page = seal_page(connection, keys, done.next, years=years)
        done = Resealed(done.rows + page.rows, done.unreadable + page.unreadable, page.next)
    return done


def rows_under(connection: Connection[Any], school: str, year: int) -> int:
    """How many living rows and held rows of the school are sealed under the key of a year."""
    parameters = {"school": school, "year": year, "head": [_head(year)]}
    found = 0
    for entity in sealed_entities():
        counted = connection.execute(_COUNT.format(entity.name).encode(), parameters).fetchone()
        found += counted[0] if counted else 0
    held = connection.execute(_COUNT_HELD, parameters).fetchone()
    return found + (held[0] if held else 0)


_COUNT: Final = "SELECT count(*) FROM gorod.{} WHERE school_id = %(school)s AND key_year = %(year)s"
_COUNT_HELD: Final = (
    "SELECT count(*) FROM gorod.quarantine WHERE school_id = %(school)s AND substr(sealed, 1, 2) = ANY (%(head)s)"
)


# ---- rows of entities


def _seal_rows(
    connection: Connection[Any],
    keys: SchoolKeys,
    entity: Entity,
    past: list[int],
    after: tuple[Any, ...],
    limit: int,
) -> tuple[Resealed, tuple[Any, ...]]:
    parameters = {"school": keys.school, "past": past, "after": after[0] if after else "", "limit": limit}
    rows = connection.execute(_past_rows(entity), parameters).fetchall()
    if not rows:
        return Resealed(), after
    source_ids, *columns = (list(column) for column in zip(*rows, strict=True))
    last, unreadable = (source_ids[-1],), set[int]()
    opened = []
    for described, column in zip(sealed_fields(entity), columns, strict=True):
        values, failed = open_readable(keys, entity, described, source_ids, column)
        opened.append(values)
        unreadable |= failed
    good = [index for index in range(len(rows)) if index not in unreadable]
    if good:
        sealed: dict[str, list[Any]] = {"source_id": [source_ids[index] for index in good]}
        for described, values in zip(sealed_fields(entity), opened, strict=True):
            kept = [values[index] for index in good]
            sealed[column_name(described)] = keys.seal_column(entity, described, sealed["source_id"], kept)
            if has_blind_index(described):
                sealed[blind_name(described)] = keys.blind_column(entity, described, kept)
        parameters = sealed | {"school": keys.school, "key_year": keys.year}
        connection.execute(_store_sealed(entity, list(sealed)), parameters)
    return Resealed(len(good), len(unreadable)), last


def _past_rows(entity: Entity) -> bytes:
    names = ", ".join(["source_id", *(column_name(described) for described in sealed_fields(entity))])
    return (
        f"SELECT {names} FROM gorod.{entity.name} "  # noqa: S608  names of our own tables
        "WHERE school_id = %(school)s AND key_year = ANY (%(past)s) AND source_id > %(after)s "
        "ORDER BY source_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED"
    ).encode()


def _store_sealed(entity: Entity, names: Sequence[str]) -> bytes:
    arrays = ", ".join(f"%({name})s::{'text' if name == 'source_id' else 'bytea'}[]" for name in names)
    changes = ", ".join(f"{name} = n.{name}" for name in names if name != "source_id")
    return (
        f"UPDATE gorod.{entity.name} AS t SET {changes}, key_year = %(key_year)s "  # noqa: S608  as above
        f"FROM unnest({arrays}) AS n({', '.join(names)}) WHERE t.school_id = %(school)s AND t.source_id = n.source_id"
    ).encode()


# ---- held rows

_PAST_HELD: Final = """
SELECT entity, key_hash, source_id, sealed FROM gorod.quarantine
WHERE school_id = %(school)s AND substr(sealed, 1, 2) = ANY (%(heads)s) AND (entity, key_hash) > (%(entity)s, %(key_hash)s)
ORDER BY entity, key_hash LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""
_STORE_HELD: Final = """
UPDATE gorod.quarantine SET sealed = %(sealed)s
WHERE school_id = %(school)s AND entity = %(entity)s AND key_hash = %(key_hash)s"""


def _seal_held(
    connection: Connection[Any], keys: SchoolKeys, past: list[int], after: tuple[Any, ...], limit: int
) -> tuple[Resealed, tuple[Any, ...]]:
    entity, key_hash = after or (-1, b"")
    parameters = {"school": keys.school, "heads": [_head(year) for year in past], "limit": limit}
    found = connection.execute(_PAST_HELD, parameters | {"entity": entity, "key_hash": key_hash}).fetchall()
    done = Resealed()
    for number, hashed, source_id, sealed in found:
        fresh = _held_anew(keys, number, stored_text(source_id), sealed)
        if fresh is None:
            done.unreadable += 1
            continue
        done.rows += 1
        place = {"school": keys.school, "entity": number, "key_hash": hashed}
        connection.execute(_STORE_HELD, place | {"sealed": fresh})
    return done, tuple(found[-1][:2]) if found else after


def _held_anew(keys: SchoolKeys, number: int, key: str, sealed: bytes) -> bytes | None:
    """The held row under the current year's key; None if it does not open."""
    entity = BY_NUMBER.get(number)
    if entity is None:
        return None
    try:
        return keys.seal(entity.name, key, "quarantine", keys.open(entity.name, key, "quarantine", sealed))
    except Unreadable:
        return None


def _head(year: int) -> bytes:
    """How every value that is sealed under the year's key begins."""
    return year.to_bytes(YEAR_BYTES, "big")
