"""A vendor's program at its worst: rows change, vanish, come back, change their keys and leave the hot window, with and without a mark."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from install.demo.desk import Clock

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from install.demo.database import Database
    from tests.acceptance.world import Source

_FEWEST = 60


def stamp(days: float = 0.0) -> str:
    """A moment so many days ago as the vendor's program writes it."""
    return Clock.at(datetime.now(UTC) - timedelta(days=days)).stamp


class Churn:
    """One connection of the vendor's program to one organisation's journal."""

    def __init__(self, database: Database, organisation: str, rng: random.Random) -> None:
        self.database, self.organisation, self.rng = database, organisation, rng
        self.gone: list[tuple[Any, ...]] = []

    def step(self) -> None:
        """One committed change."""
        moves = (
            self.change,
            self.change,
            self.change_silently,
            self.remove,
            self.bring_back,
            self.rename,
            self.rename_pair,
            self.age,
        )
        with self.database.transaction():
            self.rng.choice(moves)()

    def _mark(self) -> tuple[Any, ...] | None:
        sql = "SELECT * FROM Marks WHERE OrgCode = ? AND MarkId >= ? ORDER BY MarkId LIMIT 1"
        low, high = self.database.query(
            "SELECT MIN(MarkId), MAX(MarkId) FROM Marks WHERE OrgCode = ?", self.organisation
        )[0]
        rows = self.database.query(sql, self.organisation, self.rng.randint(low, high))
        return rows[0] if rows else None

    def _on_mark(self, change: str, *values: object) -> None:
        if row := self._mark():
            sql = f"UPDATE Marks SET {change} WHERE OrgCode = ? AND MarkId = ?"  # noqa: S608  our own words
            self.database.execute(sql, *values, self.organisation, row[1])

    def change(self) -> None:
        """As the program does it."""
        self._on_mark("MarkValue = ?, ChangedAt = ?", self.rng.randint(2, 5), stamp())

    def change_silently(self) -> None:
        """As somebody does it who goes around the program."""
        self._on_mark("MarkValue = ?", self.rng.randint(2, 5))

    def remove(self) -> None:
        """Without a line in the log; not so many that nothing would be left to change."""
        left = self.database.value("SELECT COUNT(*) FROM Marks WHERE OrgCode = ?", self.organisation)
        if left > _FEWEST and (row := self._mark()):
            self.gone.append(row)
            self.database.execute("DELETE FROM Marks WHERE OrgCode = ? AND MarkId = ?", self.organisation, row[1])

    def bring_back(self) -> None:
        """A removed mark as it was, its old stamps too."""
        if not self.gone:
            return
        row = self.gone[(place := self.rng.randrange(len(self.gone)))]
        taken = self.database.value("SELECT 1 FROM Marks WHERE OrgCode = ? AND MarkId = ?", self.organisation, row[1])
        if not taken:
            self.database.bulk("Marks", [self.gone.pop(place)])

    def rename(self) -> None:
        """The same mark under another number."""
        top = self.database.value("SELECT MAX(MarkId) FROM Marks WHERE OrgCode = ?", self.organisation)
        self._on_mark("MarkId = ?, ChangedAt = ?", top + self.rng.randint(1, 3), stamp())

    def rename_pair(self) -> None:
        """Half of a key of two parts."""
        rows = self.database.query("SELECT MeetingId, StudentId FROM Attendance WHERE OrgCode = ?", self.organisation)
        if rows:
            meeting, student = self.rng.choice(rows)
            top = self.database.value("SELECT MAX(StudentId) FROM Attendance WHERE OrgCode = ?", self.organisation)
            self.database.execute(
                "UPDATE Attendance SET StudentId = ? WHERE OrgCode = ? AND MeetingId = ? AND StudentId = ?",
                top + 1,
                self.organisation,
                meeting,
                student,
            )

    def age(self) -> None:
        """Out of the hot window, or back into it."""
        self._on_mark("SetAt = ?", stamp(self.rng.choice((0.5, 40.0))))


def churn(
    source: Source, rng: random.Random, steps: int, pause_s: float = 0.01, beside: Callable[[int], None] | None = None
) -> None:
    """So many changes, ``beside`` called with the number of each."""
    with source.vendor() as database:
        vendor = Churn(database, source.organisation, rng)
        for number in range(steps):
            vendor.step()
            if beside:
                beside(number)
            time.sleep(pause_s)
