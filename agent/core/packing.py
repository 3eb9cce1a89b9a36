"""Changes of one capture into batches that fit an envelope. Pure.

A key update is a delete and an insert: both stay in one batch, because an entity's deletions go with its first rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proto.batch import Changes, TableRows, YearChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def pack(tables: Iterable[TableRows], years: Sequence[YearChange], limit: int) -> list[Changes]:
    """Batches of at most ``limit`` rows, in order. Changes of years stand in the last one: they speak of what went before."""
    batches = [Changes()]
    room = limit
    for table in tables:
        for piece in _pieces(table, room, limit):
            rows = len(piece) + len(piece.deleted) + len(piece.unfit)
            last = batches[-1]
            if rows > room or any(held.entity is piece.entity for held in last.tables):
                batches.append(Changes())
                room = limit
            batches[-1].tables.append(piece)
            room -= rows
    batches[-1].years = list(years)
    return [batch for batch in batches if batch.tables or batch.years]


def _pieces(table: TableRows, room: int, limit: int) -> list[TableRows]:
    """The table whole if it fits into ``room`` or ``limit`` rows, else in pieces of at most ``limit``."""
    total = len(table) + len(table.deleted) + len(table.unfit)
    if total == 0:
        return []
    if total <= max(room, limit):
        return [table]
    pieces = []
    deleted, unfit, start = list(table.deleted), list(table.unfit), 0
    while deleted or unfit or start < len(table):
        gone, deleted = deleted[: limit // 2], deleted[limit // 2 :]
        bad, unfit = unfit[: limit // 4], unfit[limit // 4 :]
        end = min(len(table), start + limit - len(gone) - len(bad))
        pieces.append(TableRows(table.entity, [column[start:end] for column in table.columns], gone, bad, table.fresh))
        start = end
    return pieces


def halve(changes: Changes) -> tuple[Changes, Changes]:
    """Two batches of about half the rows, for one whose sealed form is too large."""
    half = max(1, changes.rows // 2)
    first, *rest = pack(changes.tables, (), half)
    second = Changes([table for batch in rest for table in batch.tables], list(changes.years))
    return first, merge(second)


def merge(changes: Changes) -> Changes:
    """The batch with one table per entity."""
    tables: dict[int, TableRows] = {}
    for table in changes.tables:
        into = tables.get(table.entity.number)
        if into is None:
            tables[table.entity.number] = TableRows(
                table.entity,
                [list(column) for column in table.columns],
                list(table.deleted),
                list(table.unfit),
                table.fresh,
            )
        else:
            for column, more in zip(into.columns, table.columns, strict=True):
                column.extend(more)
            into.fresh = into.fresh and table.fresh
            into.deleted.extend(table.deleted)
            into.unfit.extend(table.unfit)
    return Changes(list(tables.values()), changes.years)
