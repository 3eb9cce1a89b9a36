"""What the state file remembers beside rows: values by name, marks of hints, columns, events, pauses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent.state.database import Database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Notes:
    """The smaller half of :class:`agent.state.store.StateStore`. Every method that changes anything is one transaction, or part of one."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self._connection = self.database.connection

    # ---- small values by name

    def get(self, name: str, default: Any = None) -> Any:
        """A value by name: text, number, bytes."""
        with self.database.lock:
            row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def put(self, **values: Any) -> None:
        """Store values by name; None removes."""
        with self.database.transaction() as connection:
            for name, value in values.items():
                if value is None:
                    connection.execute("DELETE FROM meta WHERE name = ?", (name,))
                else:
                    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # ---- what the last sweep saw

    def mark(self, entity: int) -> str | None:
        """High-water mark of the entity's hints, JSON."""
        with self.database.lock:
            row = self._connection.execute("SELECT mark FROM hint_mark WHERE entity = ?", (entity,)).fetchone()
        return row[0] if row else None

    def marks(self) -> dict[int, str]:
        """High-water marks of all entities, JSON by entity."""
        with self.database.lock:
            return dict(self._connection.execute("SELECT entity, mark FROM hint_mark").fetchall())

    def described(self, entity: int) -> list[list[Any]]:
        """Columns of the entity at the last sweep: [name, type, used]; empty before the first."""
        with self.database.lock:
            row = self._connection.execute("SELECT columns FROM described WHERE entity = ?", (entity,)).fetchone()
        return json.loads(row[0]) if row else []

    def describe(self, entity: int, columns: Sequence[tuple[str, str, bool]]) -> None:
        """Remember the entity's columns."""
        with self.database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO described VALUES (?, ?)", (entity, json.dumps(columns)))

    # ---- events and pauses

    def note_event(self, kind: str, details: Mapping[str, str], now_ms: int) -> None:
        """Something that the department should see; kept until told."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO event (kind, details, at) VALUES (?, ?, ?)", (kind, json.dumps(dict(details)), now_ms)
            )

    def events(self) -> list[tuple[str, dict[str, str], int]]:
        """Events not yet told: (kind, details, ms)."""
        with self.database.lock:
            rows = self._connection.execute("SELECT kind, details, at FROM event ORDER BY number LIMIT 100").fetchall()
        return [(kind, json.loads(details), at) for kind, details, at in rows]

    def events_told(self, count: int) -> None:
        """The oldest ``count`` events reached the department."""
        with self.database.transaction() as connection:
            connection.execute(
                "DELETE FROM event WHERE number IN (SELECT number FROM event ORDER BY number LIMIT ?)", (count,)
            )

    def pause(self, entity: int, code: str, details: Mapping[str, str]) -> None:
        """The entity cannot be read; the others go on."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO paused VALUES (?, ?, ?)", (entity, code, json.dumps(dict(details)))
            )

    def resume(self, entity: int) -> None:
        """The entity can be read again."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM paused WHERE entity = ?", (entity,))

    def paused(self) -> dict[int, tuple[str, dict[str, str]]]:
        """Entity -> (problem code, details)."""
        with self.database.lock:
            rows = self._connection.execute("SELECT entity, code, details FROM paused ORDER BY entity").fetchall()
        return {entity: (code, json.loads(details)) for entity, code, details in rows}
