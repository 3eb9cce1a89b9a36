"""Rows of one organisation on their way into its database, with the vendor's running numbers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from install.demo import schema
from install.demo.spec import ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from install.demo.database import Database


class Draft:
    """Collects rows per table. ``last`` holds the highest number already given per table (none for a new organisation)."""

    def __init__(self, organisation: str, last: Mapping[str, int] | None = None) -> None:
        self.organisation = organisation
        self.rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._last: defaultdict[str, int] = defaultdict(int, last or {})

    def number(self, table: str) -> int:
        """The next running number of a table."""
        self._last[table] += 1
        return self._last[table]

    def add(self, table: str, *values: object) -> None:
        """Add a row: the values of all columns after the organisation's code, in the order of the schema."""
        self.rows[table].append((self.organisation, *values))

    def restamp(self, changed: str) -> None:
        """Let the server have written every row at one moment."""
        for table, rows in self.rows.items():
            if schema.columns()[table][-1][0] == "ChangedAt":
                rows[:] = [(*row[:-1], changed) for row in rows]

    def write(self, database: Database) -> None:
        """Write everything, table by table, rows in the order in which they were added."""
        for table in schema.columns():
            if self.rows[table]:
                database.bulk(table, self.rows[table])


def stamp(day: date, second: int) -> str:
    """A local time of the school as text: ``second`` seconds after midnight of ``day``."""
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{day} {hours:02d}:{minutes:02d}:{seconds:02d}"


def moment(local: str) -> str:
    """The server's own stamp of something done at a local time (as :func:`stamp` writes it), as text with milliseconds."""
    return f"{local}.000"


def morning(day: date) -> str:
    """The server's own stamp of something that was in the books when ``day`` began."""
    return f"{day} 00:00:00.000"


def local(now: datetime) -> datetime:
    """An aware time as the school's clock shows it, without zone."""
    return now.astimezone(ZONE).replace(tzinfo=None)
