"""The department in a few dictionaries: ledger, rows, quarantine, years, counts. Hashes come from the reference, not from the product."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from proto.batch import decode, encode
from proto.entities import BY_NAME, BY_NUMBER
from proto.envelope import EnvelopeError, genesis
from tests import reference
from tests.model.capture_source import COLUMNS, HALF, HOT, INT, NUL, PAIR, mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent.core.uplink_events import Mark
    from agent.state.store import StateStore
    from proto.batch import Changes

KEY = b"fingerprint key of the model"
DAY_MS = 86_400_000
CODES = ("УП", "Б", "НП", "ОТ", "ОП", "ОСВ", "ПР")


class Violation(Exception):
    """A promise is broken."""


def sealer(
    store: StateStore, watch: Callable[[Changes], None]
) -> Callable[[Changes, bytes, Mark], tuple[bytes, bytes]]:
    """Envelopes without secrets: a header in JSON, then the batch."""

    def seal(changes: Changes, epoch: bytes, previous: Mark) -> tuple[bytes, bytes]:
        watch(changes)
        head = {
            "epoch": epoch.hex(),
            "seq": previous.seq + 1,
            "previous": previous.hash.hex(),
            "identity": store.get("identity"),
        }
        data = json.dumps(head).encode() + b"\n" + encode(changes)
        return data, sha256(data).digest()

    return seal


def canonical(entity: str, key: str, values: tuple[Any, ...], version: str, mode: str) -> tuple[Any, ...] | None:
    """What the centre must hold of a source row, from the design's words; None for a row without canonical form."""
    found: dict[str, Any] = {"id": key}
    for name, raw in zip(COLUMNS[entity], values, strict=True):
        value = mapped(raw, version)
        if value == HALF or (isinstance(value, str) and value.startswith(HALF)):
            return None
        if name == "year_id":
            value = str(value)
        elif name == "closed":
            value = bool(value)
        elif name in ("set_at", "at"):
            value = (20_000 - (1 if value == HOT else 100)) * DAY_MS + 9 * 3_600_000 + 5
        elif mode == "collapse" and name in ("raw", "submitted_code") and value == "Б":
            value = "УП"
        elif mode == "collapse" and name == "comment":
            value = None
        found[name] = value
    return tuple(found.get(name) for name in BY_NAME[entity].field_names)


def unfit(entity: str, row: tuple[Any, ...]) -> bool:
    """Whether the centre's tables cannot hold the row."""
    if any(isinstance(value, str) and NUL[-1] in value for value in row):
        return True
    return entity == PAIR and row[2] not in CODES


@dataclass
class Books:
    """What the department's database holds; a backup is a copy."""

    epoch: bytes = b""
    seq: int = 0
    hash: bytes = b""
    ledger: dict[int, bytes] = field(default_factory=dict)
    rows: dict[str, dict[str, tuple[Any, ...]]] = field(default_factory=dict)
    held: dict[str, dict[str, tuple[int, str | None]]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    counts: list[tuple[int, int, int, int]] = field(default_factory=list)
    released: list[tuple[int, int, int, int]] = field(default_factory=list)
    applied: set[bytes] = field(default_factory=set)
    identity: str = "city:school-1"
    profile: int = 1
    complete_ms: int = 0

    def copy(self) -> Books:
        """A backup."""
        return copy.deepcopy(self)

    def new_epoch(self, epoch: bytes) -> None:
        """Begin a chain."""
        self.epoch, self.seq, self.hash, self.ledger = epoch, 0, genesis(epoch), {0: genesis(epoch)}

    def continues(self, epoch: bytes, last: Mark, acked: Mark) -> bool:
        """Whether the agent's outbox goes on from the head."""
        known = epoch == self.epoch and acked.seq <= self.seq <= last.seq and self.ledger.get(acked.seq) == acked.hash
        return known and (self.seq < last.seq or self.hash == last.hash)

    # ---- envelopes

    def judge(self, data: bytes) -> str:
        """``apply``, ``duplicate``, ``refuse`` (say Hello again) or ``fork`` (a new epoch)."""
        head = json.loads(data.partition(b"\n")[0])
        if head["epoch"] != self.epoch.hex():
            return "refuse"
        if head["seq"] <= self.seq:
            return "duplicate" if self.ledger.get(head["seq"]) == sha256(data).digest() else "fork"
        if head["seq"] > self.seq + 1:
            return "refuse"
        return "apply" if (head["previous"], head["identity"]) == (self.hash.hex(), self.identity) else "fork"

    def apply(self, data: bytes, now_ms: int, gone: Callable[[str, str, tuple[Any, ...]], None]) -> None:
        """Rows, quarantine, years and ledger of one envelope. ``gone`` hears of each row that is deleted."""
        digest = sha256(data).digest()
        if digest in self.applied:
            raise Violation("an envelope is applied twice")
        try:
            changes = decode(data.partition(b"\n")[2])
        except EnvelopeError as error:
            raise Violation(f"a batch that cannot be read: {error}") from error
        for table in changes.tables:
            name, number = table.entity.name, table.entity.number
            rows, held = self.rows.setdefault(name, {}), self.held.setdefault(name, {})
            before = dict(rows)
            here = rows.keys() | held.keys()
            for row in zip(*table.columns, strict=True):
                self._put(name, row, rows, held)
            held |= {one.key: (one.hash, one.year) for one in table.unfit}
            deleted = self._delete(table.deleted, name, gone)
            inserted = len((rows.keys() | held.keys()) - here)
            updated = sum(1 for key in rows.keys() & before.keys() if rows[key] != before[key])
            self.counts.append((now_ms, number, max(0, deleted - inserted), updated))
        for year in changes.years:
            (self.closed.add if year.closed else self.closed.discard)(year.year)
        self.applied.add(digest)
        self.seq, self.hash = self.seq + 1, digest
        self.ledger[self.seq] = digest

    def _put(self, name: str, row: tuple[Any, ...], rows: dict[str, tuple[Any, ...]], held: dict[str, Any]) -> None:
        key = row[0]
        if unfit(name, row):
            held[key] = (self.row_hash(name, row), row[1] if BY_NAME[name].year else None)
            return
        held.pop(key, None)
        rows[key] = row

    def _delete(self, keys: Iterable[str], name: str, gone: Callable[[str, str, tuple[Any, ...]], None]) -> int:
        number = 0
        for key in keys:
            row, held = self.rows[name].get(key), self.held[name].pop(key, None)
            if row is not None and self.is_closed(name, row):
                continue
            if row is not None:
                gone(name, key, row)
            number += bool(row is not None or held is not None)
            self.rows[name].pop(key, None)
        return number

    def counted(self, now_ms: int) -> tuple[dict[int, int], dict[int, int]]:
        """(deletions, updates) of 24 hours by entity, less what was confirmed."""
        deleted: dict[int, int] = {}
        updated: dict[int, int] = {}
        for at, number, lost, changed in [
            *self.counts,
            *((at, number, -rows, -rows) for _n, number, rows, at in self.released),
        ]:
            if at > now_ms - DAY_MS:
                deleted[number] = deleted.get(number, 0) + lost
                updated[number] = updated.get(number, 0) + changed
        return deleted, updated

    # ---- equality

    @staticmethod
    def row_hash(name: str, row: tuple[Any, ...]) -> int:
        """The row's hash, computed from the values that are stored."""
        entity = BY_NAME[name]
        return reference.row_hash(entity.number, [one.number for one in entity.fields], row, KEY)

    def is_closed(self, name: str, row: tuple[Any, ...]) -> bool:
        """Whether the row belongs to a closed year."""
        return bool(BY_NAME[name].year) and row[1] in self.closed

    def hashes(self, name: str) -> dict[str, int]:
        """Key -> hash in open years; what is in quarantine counts by its received hash."""
        rows, held = self.rows.get(name, {}), self.held.get(name, {})
        found = {key: self.row_hash(name, row) for key, row in rows.items() if not self.is_closed(name, row)}
        for key, (value, told) in held.items():
            year = told or (rows[key][1] if BY_NAME[name].year and key in rows else None)
            found.pop(key, None)
            if year not in self.closed:
                found[key] = value
        return found

    def totals(self) -> dict[int, tuple[int, int]]:
        """(rows, sum) by entity number."""
        return {BY_NAME[name].number: reference.total(self.hashes(name)) for name in {*self.rows, *self.held}}

    def places(self, number: int, bucket: int | None) -> tuple[list[int], list[int]]:
        """256 counts and sums, of buckets or of the leaves of one bucket."""
        counts, sums = [0] * 256, [0] * 256
        for key, value in self.hashes(BY_NUMBER[number].name).items():
            place = reference.leaf(number, key, KEY)
            if bucket is None or place >> 8 == bucket:
                index = place >> 8 if bucket is None else place & 255
                counts[index] += 1
                sums[index] = (sums[index] + value) & reference.MASK
        return counts, sums

    def leaf(self, number: int, leaf: int) -> dict[str, int]:
        """Everything in one leaf."""
        found = self.hashes(BY_NUMBER[number].name).items()
        return {key: value for key, value in found if reference.leaf(number, key, KEY) == leaf}


def expected(
    content: dict[str, dict[str, tuple[Any, ...]]], entity: str, version: str, mode: str, closed: set[str]
) -> dict[str, Any]:
    """Canonical rows of an entity that a source content stands for, in open years; None for those without canonical form."""
    rows = {key: canonical(entity, key, values, version, mode) for key, values in content[entity].items()}
    if entity not in (INT, PAIR):
        return rows
    return {key: row for key, row in rows.items() if str(content[entity][key][0]) not in closed}
