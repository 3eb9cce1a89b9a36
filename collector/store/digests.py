"""Sums of row hashes of what the centre stores: of a school's entities, of buckets and leaves of an entity, and what a leaf holds.

Counted are living rows of open years whose key can still be read. Where a key is in quarantine, its received hash stands *instead of*
the stored row's: "equal, except n in quarantine". The hashes are those that the collector computed itself when it stored the values;
that the values still give them is the deep check's part (:mod:`collector.store.deep`).
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from collector.core.digest import EntityTotal
from collector.store.columns import sealed_fields
from collector.store.keytext import stored_text
from proto.entities import BY_NUMBER, ENTITIES, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from psycopg import Connection

_MASK: Final = (1 << 64) - 1
_BUCKET: Final = 8  # bits of the leaf below its bucket
_CLOSED: Final = "SELECT year_id FROM gorod.closed_year WHERE school_id = %(school)s"

Sums = dict[int, tuple[int, int]]


def totals(connection: Connection[Any], school: str, destroyed: Iterable[int] = ()) -> dict[int, EntityTotal]:
    """Rows, sum and quarantined rows by entity number; entities without rows are left out.

    Args:
        connection: in a transaction that sees the school.
        school: its id.
        destroyed: school-years whose data key was destroyed; rows last sealed under one are not counted.
    """
    parameters = _parameters(school, destroyed)
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for number, rows, total in connection.execute(_all_entities(), parameters, prepare=True):
        sums[number][:2] = [rows, int(total or 0)]
    for entity in _quarantined(connection, parameters):
        for _, less, less_sum, more, more_sum in connection.execute(_correction(entity, "0"), parameters):
            one = sums[entity.number]
            one[0] += more - less
            one[1] += int(more_sum or 0) - int(less_sum or 0)
            one[2] = more
    return {
        number: EntityTotal(rows, total & _MASK, held) for number, (rows, total, held) in sums.items() if rows or held
    }


def bucket_sums(connection: Connection[Any], school: str, entity: Entity, destroyed: Iterable[int] = ()) -> Sums:
    """(rows, sum) of the 256 buckets of an entity; empty ones are left out."""
    return _sums(connection, entity, f"leaf >> {_BUCKET}", _parameters(school, destroyed))


def leaf_sums(
    connection: Connection[Any], school: str, entity: Entity, buckets: Sequence[int], destroyed: Iterable[int] = ()
) -> dict[int, Sums]:
    """(rows, sum) of the 256 leaves of each of the buckets, by bucket and place in it; read in one pass, ask for all at once."""
    parameters = _parameters(school, destroyed) | {"places": list(buckets)}
    found: dict[int, Sums] = {bucket: {} for bucket in buckets}
    chosen = f" AND {{row}}.leaf >> {_BUCKET} = ANY (%(places)s)"
    for leaf, sums in _sums(connection, entity, "leaf", parameters, chosen).items():
        found[leaf >> _BUCKET][leaf & 0xFF] = sums
    return found


def leaf_rows(
    connection: Connection[Any], school: str, entity: Entity, leaves: Sequence[int], destroyed: Iterable[int] = ()
) -> dict[int, list[tuple[str, int]]]:
    """Everything that the centre holds in each of the leaves: (key, hash), by key; read in one pass, ask for all at once."""
    parameters = _parameters(school, destroyed) | {"places": list(leaves), "entity": entity.number}
    found: dict[int, list[tuple[str, int]]] = {leaf: [] for leaf in leaves}
    for leaf, key, row_hash in connection.execute(_leaf_rows(entity), parameters):
        found[leaf].append((stored_text(key), row_hash))
    return found


def _sums(
    connection: Connection[Any], entity: Entity, place: str, parameters: Mapping[str, Any], chosen: str = ""
) -> Sums:
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for where, rows, total in connection.execute(_by_place(entity, place, chosen), parameters):
        sums[where] = [rows, int(total)]
    for where, less, less_sum, more, more_sum in connection.execute(_correction(entity, place, chosen), parameters):
        sums[where][0] += more - less
        sums[where][1] += int(more_sum or 0) - int(less_sum or 0)
    return {where: (rows, total & _MASK) for where, (rows, total) in sums.items() if rows}


def _parameters(school: str, destroyed: Iterable[int]) -> dict[str, Any]:
    return {"school": school, "destroyed": sorted(destroyed)}


def _quarantined(connection: Connection[Any], parameters: Mapping[str, Any]) -> list[Entity]:
    rows = connection.execute("SELECT DISTINCT entity FROM gorod.quarantine WHERE school_id = %(school)s", parameters)
    return [BY_NUMBER[number] for (number,) in rows if number in BY_NUMBER]


def _counted(entity: Entity, row: str) -> str:
    """The condition on a stored row: its year is open, and what it holds can still be read."""
    open_year = f" AND ({row}.year_id IS NULL OR {row}.year_id NOT IN ({_CLOSED}))" if entity.year else ""
    readable = f" AND {row}.key_year <> ALL (%(destroyed)s::int2[])" if sealed_fields(entity) else ""
    return f"{row}.school_id = %(school)s{open_year}{readable}"


def _held_counted(entity: Entity) -> str:
    """The condition on a quarantined row ``q`` beside its stored row ``e``: a row that told no year has the stored row's."""
    if not entity.year:
        return "true"
    return f"(coalesce(q.year_id, e.year_id) IS NULL OR coalesce(q.year_id, e.year_id) NOT IN ({_CLOSED}))"


@cache
def _all_entities() -> str:
    return " UNION ALL ".join(
        f"SELECT {entity.number}, count(*), sum(e.row_hash) FROM gorod.{entity.name} e WHERE {_counted(entity, 'e')}"  # noqa: S608  names of our own tables
        for entity in ENTITIES
    )


def _by_place(entity: Entity, place: str, chosen: str) -> str:
    return (
        f"SELECT e.{place}, count(*), sum(e.row_hash) FROM gorod.{entity.name} e "  # noqa: S608  as above
        f"WHERE {_counted(entity, 'e')}{chosen.format(row='e')} GROUP BY 1"
    )


def _joined(entity: Entity) -> str:
    """Quarantined rows of the entity beside what is stored under their keys."""
    return (
        f"gorod.quarantine q LEFT JOIN gorod.{entity.name} e ON e.school_id = q.school_id AND e.source_id = q.source_id "
        f"WHERE q.school_id = %(school)s AND q.entity = {entity.number}"
    )


def _correction(entity: Entity, place: str, chosen: str = "") -> str:
    """By place: stored rows that a quarantined key takes out (count, sum), and received ones that it puts in."""
    where = f"q.{place}" if place != "0" else place
    held, stored = _held_counted(entity), _counted(entity, "e")
    return (
        f"SELECT {where}, count(*) FILTER (WHERE {stored}), sum(e.row_hash) FILTER (WHERE {stored}), count(*) FILTER (WHERE {held}), "  # noqa: S608  as above
        f"sum(q.row_hash) FILTER (WHERE {held}) FROM {_joined(entity)}{chosen.format(row='q')} GROUP BY 1"
    )


def _leaf_rows(entity: Entity) -> str:
    return (
        f"SELECT e.leaf, e.source_id, e.row_hash FROM gorod.{entity.name} e "  # noqa: S608  as above
        f"WHERE {_counted(entity, 'e')} AND e.leaf = ANY (%(places)s) AND NOT EXISTS (SELECT FROM gorod.quarantine q "
        "WHERE q.school_id = %(school)s AND q.entity = %(entity)s AND q.source_id = e.source_id) "
        f"UNION ALL SELECT q.leaf, q.source_id, q.row_hash FROM {_joined(entity)} "
        f"AND q.leaf = ANY (%(places)s) AND {_held_counted(entity)} ORDER BY 1, 2"
    )
