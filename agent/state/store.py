"""The agent's memory, and its one law: fingerprints, cursors and marks move only together with the outbox row.

Every method that changes anything is one SQLite transaction. Capture and the uplink share the file: capture holds :attr:`StateStore.pages` from
the read of a page to its commit, and so do the two writers of fingerprints in the uplink (Adopt and overwriting), so no page is ever stale.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from agent.core.guard import WINDOW_HOURS, Count, Limits, net_deletions
from agent.core.packing import halve, pack
from agent.core.uplink_events import Mark, Positions, StoredEnvelope
from agent.state.fingerprints import LEAF_FUNCTION, IntegerTable, Table, TextTable
from agent.state.notes import Notes
from proto.canonical import leaf
from proto.envelope import genesis
from proto.limits import MAX_ROWS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from agent.state.fingerprints import Fingerprint
    from proto.batch import Changes, TableRows, YearChange
    from proto.entities import Entity

NOT_ADOPTING, ADOPTING, ADOPTED = 0, 1, 2
"""No repair; a new epoch and nothing compared yet (capture pauses); compared, not yet equal with nothing left to re-read."""

_HOUR_MS: Final = 3_600_000
_POSITION: Final = "SELECT name, value FROM meta WHERE name IN ('epoch', 'seq', 'hash', 'acked_seq', 'acked_hash', 'lease', 'adopting')"


class Sealer(Protocol):
    """Turns a batch into a sealed envelope for the next place in the chain."""

    def __call__(self, changes: Changes, epoch: bytes, previous: Mark) -> tuple[bytes, bytes]:
        """(serialised Envelope, its hash) for seq ``previous.seq + 1``."""


@dataclass(slots=True)
class EntityChange:
    """What one critical section found in one entity: what is shipped, and how the fingerprints follow."""

    entity: Entity
    table: Table
    rows: TableRows
    fingerprints: list[Fingerprint] = field(default_factory=list)
    touched: list[tuple[int, int | None, str | None, int | str]] = field(default_factory=list)
    gone: list[int | str] = field(default_factory=list)
    seen: Sequence[int | str] = ()
    inserted: int = 0
    updated: int = 0
    reread: Sequence[int | str] = ()
    held: list[tuple[int | str, str]] = field(default_factory=list)
    released: Sequence[int | str] = ()

    @property
    def ships(self) -> bool:
        """Whether anything leaves the school."""
        return bool(len(self.rows) or self.rows.deleted or self.rows.unfit)

    def absorb(self, more: EntityChange) -> None:
        """Add another change of the same entity, of other keys: a key update stays in one envelope, and the guard sees the whole."""
        for column, values in zip(self.rows.columns, more.rows.columns, strict=True):
            column.extend(values)
        self.rows.fresh = self.rows.fresh and more.rows.fresh
        self.rows.deleted += more.rows.deleted
        self.rows.unfit += more.rows.unfit
        inserts = [*self.fingerprints[: self.inserted], *more.fingerprints[: more.inserted]]
        self.fingerprints = [*inserts, *self.fingerprints[self.inserted :], *more.fingerprints[more.inserted :]]
        self.inserted, self.updated = self.inserted + more.inserted, self.updated + more.updated
        self.touched += more.touched
        self.gone += more.gone
        self.released = [*self.released, *more.released]


class StateStore(Notes):
    """The state file. Times are milliseconds since 1970-01-01T00:00Z."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.pages = threading.RLock()
        self._tables: dict[int, Table] = {}
        for (name,) in self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'fp_[0-9]*'"
        ).fetchall():
            number = int(name.removeprefix("fp_"))
            integer = "slot" not in {row[1] for row in self._connection.execute(f"PRAGMA table_info({name})")}
            self._tables[number] = (
                IntegerTable(self._connection, number) if integer else TextTable(self._connection, number)
            )

    def close(self) -> None:
        """End cleanly."""
        self.database.close()

    # ---- positions

    def position(self) -> Positions:
        """Where the chain stands; see :class:`Positions`."""
        with self.database.lock:
            rows = self._connection.execute(_POSITION).fetchall()
        known = dict(rows)
        return Positions(
            epoch=known.get("epoch", b""),
            last=Mark(known.get("seq", 0), known.get("hash", b"")),
            acked=Mark(known.get("acked_seq", 0), known.get("acked_hash", b"")),
            lease=known.get("lease", b""),
            adopting=known.get("adopting", NOT_ADOPTING) != NOT_ADOPTING,
        )

    @property
    def epoch(self) -> bytes:
        """Of the chain; empty before the department's first word."""
        return bytes(self.get("epoch", b""))

    @property
    def adopting(self) -> int:
        """One of NOT_ADOPTING, ADOPTING, ADOPTED."""
        return int(self.get("adopting", NOT_ADOPTING))

    @property
    def tick(self) -> int:
        """Captures so far; grows over epochs, unlike seq."""
        return int(self.get("base_tick", 0)) + int(self.get("seq", 0))

    # ---- fingerprints

    def use_key(self, fingerprint_key: bytes) -> None:
        """The school's key: from now on the store can tell in which leaf a row stands."""
        self._connection.create_function(
            LEAF_FUNCTION, 2, lambda number, key: leaf(number, str(key), fingerprint_key), deterministic=True
        )

    def table(self, entity: Entity, *, integer: bool) -> Table:
        """Fingerprints of an entity. If its kind of key changed, the table starts anew and Adopt will tell what the centre holds."""
        table = self._tables.get(entity.number)
        if table is None or table.integer != integer:
            with self.database.transaction() as connection:
                if table is not None:
                    connection.execute(f"DROP TABLE fp_{int(entity.number)}")
                table = IntegerTable(connection, entity.number) if integer else TextTable(connection, entity.number)
            self._tables[entity.number] = table
        return table

    def tables(self) -> Mapping[int, Table]:
        """Fingerprint tables by entity number."""
        return dict(self._tables)

    def closed_years(self) -> tuple[str, ...]:
        """Keys of the years that the source closed, as captured."""
        with self.database.lock:
            return tuple(year for (year,) in self._connection.execute("SELECT year FROM closed_year ORDER BY year"))

    # ---- the outbox

    def outbox(self) -> tuple[int, int, int]:
        """(envelopes, rows, bytes) that have no receipt."""
        with self.database.lock:
            row = self._connection.execute(
                "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(bytes), 0) FROM outbox"
            ).fetchone()
        return row[0], row[1], row[2]

    def envelopes_after(self, seq: int, limit: int, max_bytes: int) -> list[StoredEnvelope]:
        """The outbox after ``seq``, in order: at most ``limit`` envelopes and ``max_bytes``, but at least one if there is one."""
        found: list[StoredEnvelope] = []
        size = 0
        with self.database.lock:
            for row in self._connection.execute(
                "SELECT seq, hash, data, rows, bytes FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
            ):
                size += row[4]
                if found and size > max_bytes:
                    break
                found.append(StoredEnvelope(row[0], row[1], row[2], row[3]))
        return found

    def receipted(self, upto: Mark, now_ms: int) -> None:
        """Remove the outbox up to this envelope, if it is there, and move ``acked``. What waited is counted from now on."""
        with self.database.transaction() as connection:
            if not connection.execute("SELECT 1 FROM outbox WHERE seq = ? AND hash = ?", upto).fetchone():
                return
            connection.execute("DELETE FROM outbox WHERE seq <= ?", (upto.seq,))
            tick = int(self.get("base_tick", 0)) + upto.seq
            connection.execute("DELETE FROM gone WHERE tick <= ?", (tick,))
            for entity, deleted, updated in connection.execute(
                "DELETE FROM waiting WHERE tick <= ? RETURNING entity, deleted, updated", (tick,)
            ).fetchall():
                self.count_guard(entity, now_ms, Count(deleted, updated))
            self.put(acked_seq=upto.seq, acked_hash=upto.hash)

    def reconcile(self, head: Mark, now_ms: int) -> Positions:
        """Take the centre's head as a receipt if the outbox holds it; the positions now."""
        self.receipted(head, now_ms)
        return self.position()

    # ---- capture

    def commit(
        self,
        changes: Sequence[EntityChange],
        years: Sequence[YearChange],
        seal: Sealer,
        now_ms: int,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> int:
        """Envelope, fingerprints, cursors and marks in ONE transaction; the number of rows that were put into the outbox.

        Args:
            changes: one per entity.
            years: school-years closed or reopened, told after the rows.
            seal: makes the envelopes.
            now_ms: time of the capture, for the guard's hours.
            also: writes that belong to the same transaction: cursor, hint mark.
        """
        with self.database.transaction() as connection:
            shipped = 0
            for batch in pack([change.rows for change in changes if change.ships], years, MAX_ROWS):
                shipped += self._enclose(batch, seal, connection)
            tick = self.tick
            for change in changes:
                self._follow(change, tick, connection)
            for year in years:
                statement = (
                    "INSERT OR IGNORE INTO closed_year VALUES (?)"
                    if year.closed
                    else "DELETE FROM closed_year WHERE year = ?"
                )
                connection.execute(statement, (year.year,))
            if years:  # held changes of a year that was closed wait for nothing any more
                connection.execute("INSERT OR IGNORE INTO reread SELECT entity, key FROM held")
            if also:
                also(connection)
            if shipped:
                self.put(last_change_ms=now_ms)
        return shipped

    def _enclose(self, batch: Changes, seal: Sealer, connection: sqlite3.Connection) -> int:
        """Put one batch into the outbox, halved as long as its sealed form is too large."""
        position = self.position()
        data, envelope_hash = seal(batch, position.epoch, position.last)
        if len(data) > self.get("envelope_bytes", 1 << 20) and batch.rows > 1:
            first, second = halve(batch)
            return self._enclose(first, seal, connection) + self._enclose(second, seal, connection)
        connection.execute(
            "INSERT INTO outbox (seq, hash, rows, bytes, data) VALUES (?, ?, ?, ?, ?)",
            (position.last.seq + 1, envelope_hash, batch.rows, len(data), data),
        )
        self.put(seq=position.last.seq + 1, hash=envelope_hash)
        return batch.rows

    def _follow(self, change: EntityChange, tick: int, connection: sqlite3.Connection) -> None:
        """Fingerprints, guard counts and lists after one entity's changes."""
        number, table = change.entity.number, change.table
        if change.gone:
            table.delete(change.gone)
            connection.executemany(
                "INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", ((number, key, tick) for key in change.gone)
            )
        if change.fingerprints:
            table.put(change.fingerprints, tick)
        if change.touched:
            table.touch(change.touched)
        if change.reread:
            connection.executemany(
                "DELETE FROM reread WHERE entity = ? AND key = ?", ((number, key) for key in change.reread)
            )
        if change.released:
            connection.executemany(
                "DELETE FROM held WHERE entity = ? AND key = ?", ((number, key) for key in change.released)
            )
        if change.held:
            connection.executemany(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?)", ((number, key, kind) for key, kind in change.held)
            )
        lost = net_deletions(len(change.gone), change.inserted)
        if lost or change.updated:
            connection.execute("INSERT INTO waiting VALUES (?, ?, ?, ?)", (tick, number, lost, change.updated))

    # ---- the guard

    def count_guard(self, entity: int, now_ms: int, more: Count) -> None:
        """Add to the entity's count of this hour."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO counted VALUES (?, ?, ?, ?) ON CONFLICT (entity, hour) DO UPDATE SET"
                " deleted = deleted + excluded.deleted, updated = updated + excluded.updated",
                (entity, now_ms // _HOUR_MS, more.deleted, more.updated),
            )

    def guard_count(self, entity: int, now_ms: int) -> Count:
        """The entity's count: the last 24 hours at the centre, and whatever waits in the outbox."""
        with self.database.lock:
            row = self._connection.execute(
                "SELECT coalesce(sum(deleted), 0), coalesce(sum(updated), 0) FROM"
                " (SELECT deleted, updated FROM counted WHERE entity = :entity AND hour > :hour"
                " UNION ALL SELECT deleted, updated FROM waiting WHERE entity = :entity)",
                {"entity": entity, "hour": now_ms // _HOUR_MS - WINDOW_HOURS},
            ).fetchone()
        return Count(*row)

    def guard_limits(self) -> Limits:
        """The department's limits, as last told."""
        return Limits(**json.loads(self.get("guard", "{}")))

    def held(self) -> list[tuple[int, int, int]]:
        """(entity, deletions, updates) that wait for a person."""
        with self.database.lock:
            return self._connection.execute(
                "SELECT entity, sum(kind = 'd'), sum(kind = 'u') FROM held GROUP BY entity ORDER BY entity"
            ).fetchall()

    # ---- what is to be read again

    def reread_batch(self, limit: int) -> tuple[int, list[Any]] | None:
        """(entity, native keys) to read again next; None if there is nothing. Keys of paused entities wait until they can be read."""
        with self.database.lock:
            row = self._connection.execute(
                "SELECT entity FROM reread WHERE entity NOT IN (SELECT entity FROM paused WHERE code NOT IN ('GOR-1405', 'GOR-1406')) LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            keys = self._connection.execute(
                "SELECT key FROM reread WHERE entity = ? LIMIT ?", (row[0], limit)
            ).fetchall()
        return row[0], [key for (key,) in keys]

    def reread_count(self) -> int:
        """Keys on the list."""
        with self.database.lock:
            return int(self._connection.execute("SELECT count(*) FROM reread").fetchone()[0])

    def read_again(self, entity: int, keys: Iterable[int | str]) -> None:
        """Put keys on the durable list."""
        with self.database.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO reread VALUES (?, ?)", ((entity, key) for key in keys))

    def forget_reread(self, entity: int) -> None:
        """Nobody reads this entity any more."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM reread WHERE entity = ?", (entity,))

    def held_among(self, entity: int, keys: Sequence[int | str]) -> list[int | str]:
        """Those of the keys that are held: who reads them again decides anew."""
        with self.database.lock:
            rows = self._connection.execute("SELECT key FROM held WHERE entity = ?", (entity,)).fetchall()
        held = {key for (key,) in rows}
        return [key for key in dict.fromkeys(keys) if key in held] if held else []

    # ---- Adopt

    def adopt(self, epoch: bytes) -> Positions:
        """Begin an epoch: outbox dropped, epoch stored, adopting set, running sweeps void; one transaction."""
        start = genesis(epoch)
        with self.pages, self.database.transaction() as connection:
            tick = self.tick
            for statement in (
                "DELETE FROM outbox",
                "DELETE FROM gone",
                "DELETE FROM waiting",
                "DELETE FROM meta WHERE name GLOB 'sweep_*'",
            ):
                connection.execute(statement)
            if (told := self.get("told_years")) is not None:
                connection.execute("DELETE FROM closed_year")
                connection.executemany("INSERT INTO closed_year VALUES (?)", ((year,) for year in json.loads(told)))
            self.put(epoch=epoch, seq=0, hash=start, acked_seq=0, acked_hash=start, adopting=ADOPTING, base_tick=tick)
        return self.position()
