"""What the guard is told: how much was deleted and updated in the last 24 hours; and which years are closed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

_WINDOW: Final = timedelta(hours=24)
_COUNTS: Final = """
SELECT entity, sum(deleted)::bigint, sum(updated)::bigint FROM (
    SELECT entity, greatest(0, deletes - inserts) AS deleted, updates AS updated FROM gorod.guard_hour
    WHERE school_id = %(school)s AND hour >= date_trunc('hour', %(since)s::timestamptz, 'UTC')
    UNION ALL
    SELECT entity, -rows, -rows FROM gorod.release WHERE school_id = %(school)s AND created_at >= %(since)s
) counted GROUP BY entity"""
_CLOSED: Final = "SELECT year_id FROM gorod.closed_year WHERE school_id = %(school)s ORDER BY year_id"
_FORGET: Final = "DELETE FROM gorod.guard_hour WHERE school_id = %(school)s AND hour < %(until)s"


class GuardCounts(NamedTuple):
    """Of one entity in the last 24 hours: what was applied, less what a person confirmed; so a count may be negative.

    Deletions are net of inserts of the same hour: a key update loses no row, but yesterday's load excuses nothing.
    """

    deleted: int
    updated: int


def guard_counts(connection: Connection[Any], school: str, now: datetime) -> dict[int, GuardCounts]:
    """Counts by entity number. The hour in which the window begins counts whole: the guard may err only on the safe side."""
    rows = connection.execute(_COUNTS, {"school": school, "since": now - _WINDOW})
    return {entity: GuardCounts(deleted, updated) for entity, deleted, updated in rows}


def closed_years(connection: Connection[Any], school: str) -> list[str]:
    """Keys of the school's closed years."""
    return [year for (year,) in connection.execute(_CLOSED, {"school": school})]


def forget_counts(connection: Connection[Any], school: str, now: datetime) -> int:
    """Delete counters that no window reaches any more; returns how many."""
    return connection.execute(_FORGET, {"school": school, "until": now - 2 * _WINDOW}).rowcount
