"""The guard: unusually many deletions or updates wait for a person at the department. Pure.

Counted before anything is sent, per entity over 24 hours: what the centre's ledger says (told in Welcome), what waits in the outbox, what this
machine captured since. A confirmation releases a *number* of rows: it lowers the count, and the held keys are read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_HOURS = 24


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one department; 0 rows switches a guard off. A limit is the larger of the number and the share of the entity's rows."""

    delete_rows: int = 500
    delete_pct: int = 2
    update_rows: int = 20_000
    update_pct: int = 30


@dataclass(frozen=True, slots=True)
class Count:
    """Of one entity in 24 hours. Negative after a confirmation: so many rows may pass on top of the limit."""

    deleted: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What must be held: all deletions of the page, all updates of the page, or neither. Inserts always go."""

    hold_deletes: bool = False
    hold_updates: bool = False


def net_deletions(deleted: int, inserted: int) -> int:
    """Deletions that count: a key update is a delete and an insert in one envelope and loses no row."""
    return max(0, deleted - inserted)


def judge(
    limits: Limits, count: Count, rows: Callable[[], int], *, deleted: int, inserted: int, updated: int
) -> Verdict:
    """Whether the changes of one transaction may go.

    Args:
        limits: of the department.
        count: of the entity so far.
        rows: of the entity that the centre holds; asked only when the number of a limit is exceeded.
        deleted: rows of the entity that go in this transaction.
        inserted: rows that come.
        updated: rows that change.
    """
    lost = net_deletions(deleted, inserted)
    return Verdict(
        hold_deletes=bool(lost) and _above(count.deleted + lost, limits.delete_rows, limits.delete_pct, rows),
        hold_updates=bool(updated) and _above(count.updated + updated, limits.update_rows, limits.update_pct, rows),
    )


def _above(number: int, least: int, share: int, rows: Callable[[], int]) -> bool:
    """Whether the number is above the limit. Counting the entity's rows takes longer than all the rest of a small change."""
    return bool(least) and number > least and number > rows() * share // 100
