"""Fingerprints of the rows that the centre holds: one table per entity, a cache that Adopt can always rebuild.

An entity with a single integer key stores the number itself, in key order: a page of the source is then a range here, and what the range
holds beyond the page is a candidate at once. Any other key is stored as its canonical text under a *slot* number; a sweep notes the slots that
it saw in a bitmap, one bit per row, and the candidates come when the whole range was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

LEAF_FUNCTION: Final = "gorod_leaf"
"""SQL function of entity number and native key that the connection must know before :meth:`Table.place`."""
_MASK: Final = (1 << 64) - 1
_CHUNK: Final = 10_000
_TO_JSON: Final = msgspec.json.encode


Fingerprint: TypeAlias = "tuple[int | str, int, int | None, int | None, str | None]"
"""One row to store: native key, row hash, raw hash, day (since 1970), year key."""

_UNPLACED: Final = -1
"""Leaf of a row that no comparison has asked for yet: leaves are worked out for the few differences that there ever are."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which fingerprints a read covered: days [first, until) of the hot window, or all of them."""

    first_day: int | None = None
    until_day: int | None = None


class Table:
    """Fingerprints of one entity. Every method runs inside the caller's transaction or lock."""

    integer: bool = False

    def __init__(self, connection: sqlite3.Connection, number: int, columns: str) -> None:
        self.number, self.name = number, f"fp_{number}"
        self._connection = connection
        self._writes = 0
        self._counts: dict[tuple[str, ...], tuple[int, int]] = {}
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self.name} ({columns}, leaf INTEGER NOT NULL, hash INTEGER NOT NULL, raw INTEGER,"
            " day INTEGER, year TEXT, tick INTEGER NOT NULL)"
        )

    def native(self, keys: Sequence[str]) -> Sequence[int | str]:
        """Canonical key texts as this table stores them; ValueError if one cannot be."""
        return keys

    def count(self, closed_years: Sequence[str] = ()) -> int:
        """Rows that the centre holds, without those of the given years. Remembered until something is written here."""
        years, writes = tuple(closed_years), self._writes
        known = self._counts.get(years)
        if known is not None and known[0] == writes:
            return known[1]
        committed = not self._connection.in_transaction  # what a transaction shows may yet be rolled back
        where = _open_years(years)
        (rows,) = self._connection.execute(f"SELECT count(*) FROM {self.name} WHERE {where}", years).fetchone()
        if committed:
            self._counts[years] = writes, rows
        return int(rows)

    def known(self, keys: Sequence[int | str]) -> dict[Any, tuple[Any, ...]]:
        """Native key -> (row hash, raw hash, slot or 0) of those keys that are there."""
        found: dict[Any, tuple[Any, ...]] = {}
        for start in range(0, len(keys), _CHUNK):
            listed = _TO_JSON(keys[start : start + _CHUNK]).decode()
            rows = self._connection.execute(
                f"SELECT key, hash, raw, {self._slot} FROM {self.name} WHERE key IN (SELECT value FROM json_each(?))",
                (listed,),
            )
            found.update({row[0]: row[1:] for row in rows})
        return found

    _slot = "0"

    def years(self, keys: Sequence[int | str]) -> dict[Any, str | None]:
        """Native key -> year of those keys that are there."""
        listed = _TO_JSON(keys).decode()
        rows = self._connection.execute(
            f"SELECT key, year FROM {self.name} WHERE key IN (SELECT value FROM json_each(?))", (listed,)
        )
        return dict(rows.fetchall())

    def put(self, rows: Iterable[Fingerprint], tick: int) -> None:
        """Store or replace, as captured at ``tick``."""
        self._writes += 1
        self._connection.executemany(
            f"INSERT INTO {self.name} (key, leaf, hash, raw, day, year, tick) VALUES (?, {_UNPLACED}, ?, ?, ?, ?, {int(tick)})"
            " ON CONFLICT (key) DO UPDATE SET"
            " hash = excluded.hash, raw = excluded.raw, day = excluded.day, year = excluded.year, tick = excluded.tick",
            rows,
        )

    def within(self, tick: int, span: Span, closed_years: Sequence[str]) -> set[Any]:
        """Native keys of the span that were not captured after ``tick``."""
        covered, span_values = _covers(span)
        rows = self._connection.execute(
            f"SELECT key FROM {self.name} WHERE tick <= ? AND {covered} AND {_open_years(closed_years)}",
            (tick, *span_values, *closed_years),
        )
        return {key for (key,) in rows}

    def touch(self, rows: Iterable[tuple[int, int | None, str | None, int | str]]) -> None:
        """Note the raw hash, day and year of rows (raw, day, year, key) whose row hash stays."""
        self._writes += 1
        self._connection.executemany(f"UPDATE {self.name} SET raw = ?, day = ?, year = ? WHERE key = ?", rows)

    def delete(self, keys: Iterable[int | str]) -> None:
        """Forget rows."""
        self._writes += 1
        self._connection.executemany(f"DELETE FROM {self.name} WHERE key = ?", ((key,) for key in keys))

    def sums(self, closed_years: Sequence[str]) -> tuple[int, int]:
        """(rows, sum of row hashes modulo 2^64), closed years left out. SQLite's own SUM would overflow: two halves."""
        count, low, high = self._connection.execute(
            f"SELECT count(*), sum(hash & 4294967295), sum((hash >> 32) & 4294967295) FROM {self.name} WHERE {_open_years(closed_years)}",
            tuple(closed_years),
        ).fetchone()
        return count, ((low or 0) + ((high or 0) << 32)) & _MASK

    def place(self) -> None:
        """Work out the leaves that are missing, so that :meth:`sums_by` and :meth:`of_leaves` can be asked."""
        self._connection.execute(
            f"UPDATE {self.name} SET leaf = {LEAF_FUNCTION}({self.number}, key) WHERE leaf = {_UNPLACED}"
        )

    def sums_by(self, closed_years: Sequence[str], bucket: int | None = None) -> tuple[list[int], list[int]]:
        """256 counts and sums: of the buckets (leaf >> 8), or of the leaves of one bucket."""
        place, only = ("leaf >> 8", "1") if bucket is None else ("leaf & 255", f"leaf >> 8 = {int(bucket)}")
        counts, sums = [0] * 256, [0] * 256
        for index, count, low, high in self._connection.execute(
            f"SELECT {place}, count(*), sum(hash & 4294967295), sum((hash >> 32) & 4294967295) FROM {self.name}"
            f" WHERE {only} AND {_open_years(closed_years)} GROUP BY 1",
            tuple(closed_years),
        ):
            counts[index], sums[index] = count, (low + (high << 32)) & _MASK
        return counts, sums

    def of_leaves(self, leaves: Sequence[int], closed_years: Sequence[str]) -> dict[int, dict[Any, tuple[int, int]]]:
        """Leaf -> native key -> (row hash, tick), closed years left out."""
        rows = self._connection.execute(
            f"SELECT leaf, key, hash, tick FROM {self.name} WHERE leaf IN (SELECT value FROM json_each(?))"
            f" AND {_open_years(closed_years)}",
            (_TO_JSON(leaves).decode(), *closed_years),
        )
        found: dict[int, dict[Any, tuple[int, int]]] = {}
        for place, key, row_hash, tick in rows:
            found.setdefault(place, {})[key] = (row_hash, tick)
        return found

    def overwrite(self, rows: Iterable[tuple[int | str, int, int, int]]) -> None:
        """(key, leaf, row hash, tick) as the centre holds it: the raw hash and the day are cleared, the year stays if the row is the same."""
        self._writes += 1
        self._connection.executemany(
            f"INSERT INTO {self.name} (key, leaf, hash, tick) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
            " leaf = excluded.leaf, year = CASE WHEN hash = excluded.hash THEN year END, hash = excluded.hash, raw = NULL, day = NULL,"
            " tick = excluded.tick",
            rows,
        )


class IntegerTable(Table):
    """Single integer keys: the key is the row id."""

    integer = True

    def __init__(self, connection: sqlite3.Connection, number: int) -> None:
        super().__init__(connection, number, "key INTEGER PRIMARY KEY")

    def native(self, keys: Sequence[str]) -> Sequence[int | str]:
        """The keys as numbers; ValueError if one is none."""
        numbers = list(map(int, keys))
        if numbers and not -(2**63) <= min(numbers) <= max(numbers) < 2**63:
            raise ValueError("a key beyond 64 bits")
        return numbers

    def between(self, after: int | None, last: int | None, closed_years: Sequence[str]) -> dict[Any, tuple[Any, ...]]:
        """Native key -> (row hash, raw hash, whether its year is open) with after < key ≤ last; None stands for no bound."""
        lower, upper = "key > ?" if after is not None else "1", "key <= ?" if last is not None else "1"
        values = [value for value in (after, last) if value is not None]
        rows = self._connection.execute(
            f"SELECT key, hash, raw, {_open_years(closed_years)} FROM {self.name} WHERE {lower} AND {upper}",
            (*closed_years, *values),
        )
        return {row[0]: row[1:] for row in rows}


class TextTable(Table):
    """Texts, GUIDs and composite keys, by canonical text. Slots are never used twice."""

    _slot = "slot"

    def __init__(self, connection: sqlite3.Connection, number: int) -> None:
        super().__init__(connection, number, "slot INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE")

    def unseen(self, seen: bytes | bytearray, tick: int, closed_years: Sequence[str]) -> list[str]:
        """Keys that the sweep which began at ``tick`` did not see; what was captured since then was seen by its capture."""
        rows = self._connection.execute(
            f"SELECT slot, key FROM {self.name} WHERE tick <= ? AND {_open_years(closed_years)}", (tick, *closed_years)
        )
        bits = len(seen) * 8
        return [key for slot, key in rows if slot >= bits or not seen[slot >> 3] >> (slot & 7) & 1]


def mark_seen(seen: bytearray, slots: Iterable[int]) -> None:
    """Set the bits of the slots, growing the bitmap as needed."""
    for slot in slots:
        place = slot >> 3
        if place >= len(seen):
            seen.extend(bytes(place + 1024 - len(seen)))
        seen[place] |= 1 << (slot & 7)


def _open_years(closed_years: Sequence[str]) -> str:
    if not closed_years:
        return "1"
    return f"(year IS NULL OR year NOT IN ({', '.join('?' * len(closed_years))}))"


def _covers(span: Span) -> tuple[str, tuple[int, ...]]:
    if span.first_day is None or span.until_day is None:
        return "1", ()
    return "coalesce(day >= ? AND day < ?, 0)", (span.first_day, span.until_day)
