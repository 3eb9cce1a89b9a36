"""The books in PostgreSQL: the head row locked, then rows, ledger and head in the same transaction."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from collector.core.lease import Lease
from collector.core.ledger import Head, Refuse
from collector.ingest.apply import ApplyContext, apply
from collector.ingest.books import Applied, Books, Briefing, Prepared, SchoolState, Stamps
from collector.ingest.prepare import PreparedChanges, prepare
from collector.store import digests
from collector.store.guard import closed_years, guard_counts
from proto.entities import BY_NUMBER
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from psycopg import Connection

    from collector.core.digest import EntityTotal, Sums
    from collector.ingest.settings import DepartmentSettings
    from collector.store.engine import Database
    from collector.store.sealing import SchoolKeys
    from proto.batch import Changes
    from proto.sync.v1 import sync_pb2

_KEYS_S: Final = 60.0
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)

_HEAD: Final = """
SELECT s.epoch, s.seq, s.hash, s.lease, s.lease_next, s.lease_until, s.profile_hash, c.identity, c.revoked_at
FROM gorod.school_state s JOIN gorod.school c USING (school_id) WHERE school_id = %(school)s FOR UPDATE OF s"""
_SAVE: Final = """
UPDATE gorod.school_state SET epoch = %(epoch)s, seq = %(seq)s, hash = %(hash)s, lease = %(lease)s, lease_next = %(next)s,
lease_until = %(until)s, profile_hash = %(profile_hash)s{applied} WHERE school_id = %(school)s"""
_SAVE_HEAD: Final = _SAVE.format(applied="")
_SAVE_APPLIED: Final = _SAVE.format(
    applied=", applied_at = %(now)s, captured_at = %(captured)s, rows = rows + %(growth)s, last_seen = %(now)s"
)
_IDENTITY: Final = "UPDATE gorod.school SET identity = %(identity)s WHERE school_id = %(school)s AND identity IS NULL"
_OFFER: Final = "UPDATE gorod.school SET offered_identity = %(found)s WHERE school_id = %(school)s"
_HASH_AT: Final = "SELECT hash FROM gorod.ledger WHERE school_id = %(school)s AND epoch = %(epoch)s AND seq = %(seq)s"
_LEDGER: Final = """
INSERT INTO gorod.ledger (school_id, epoch, seq, hash, received_at, header, certificate_serial, rows, applied, unchanged, quarantined)
VALUES (%(school)s, %(epoch)s, %(seq)s, %(hash)s, %(now)s, %(header)s, %(serial)s, %(rows)s, %(applied)s, %(unchanged)s, %(quarantined)s)"""
_GREETED: Final = """
UPDATE gorod.school_state SET connected = true, last_seen = %(now)s, agent_version = %(version)s, profile = %(profile)s,
schema_fingerprint = %(schema)s, health_mode = %(mode)s, incarnation = coalesce(nullif(%(incarnation)s, ''), incarnation),
clock_offset_ms = %(offset)s, problem = NULL WHERE school_id = %(school)s"""
_REFUSED: Final = "UPDATE gorod.school_state SET problem = %(problem)s WHERE school_id = %(school)s"
_LEFT: Final = "UPDATE gorod.school_state SET connected = false WHERE school_id = %(school)s"
_EVENT: Final = (
    "INSERT INTO gorod.event (school_id, at, kind, details) VALUES (%(school)s, %(at)s, %(kind)s, %(details)s)"
)
_HEARD: Final = """
UPDATE gorod.school_state SET connected = true, last_seen = %(now)s, state = %(state)s, clock_offset_ms = %(offset)s,
outbox_rows = %(rows)s, outbox_bytes = %(bytes)s, last_change_at = coalesce(%(changed)s, last_change_at), held = %(held)s,
paused = %(paused)s, problem = %(problem)s, sweep_permille = %(permille)s, source_rows = %(source_rows)s,
fresh_at = greatest(fresh_at, %(fresh)s) WHERE school_id = %(school)s"""
_DIGEST: Final = """
INSERT INTO gorod.digest (school_id, at, epoch, seq, equal, differing, frame)
VALUES (%(school)s, %(now)s, %(epoch)s, %(seq)s, %(equal)s, %(differing)s, %(frame)s)"""
_COMPARED: Final = """
UPDATE gorod.school_state SET compared_at = %(now)s, differences = %(count)s, complete_at = greatest(complete_at, %(complete)s)
WHERE school_id = %(school)s
RETURNING complete_at, stored_at, (SELECT count(*) FROM gorod.quarantine q WHERE q.school_id = %(school)s)"""


@dataclass(frozen=True, slots=True)
class Refined:
    """An envelope's changes, ready for the database, and the keys that they were made ready with."""

    changes: PreparedChanges
    keys: SchoolKeys


class PostgresLibrary:
    """Opens books. Thread-safe.

    Args:
        database: the ingest role's door.
        keys: ``KeyRing.school``; asked at most once a minute and school.
        settings: what the department decides.
    """

    def __init__(
        self, database: Database, keys: Callable[[str, datetime], SchoolKeys], settings: DepartmentSettings
    ) -> None:
        self._database = database
        self._read_keys = keys
        self._settings = settings
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[datetime, SchoolKeys]] = {}

    def keys(self, school: str, now: datetime) -> SchoolKeys:
        """The school's keys, at most a minute old."""
        with self._lock:
            held = self._keys.get(school)
            if held is None or abs((now - held[0]).total_seconds()) > _KEYS_S:
                held = self._keys[school] = (now, self._read_keys(school, now))
            return held[1]

    def refine(self, school: str, changes: Changes) -> Refined:
        """Validate, hash and seal an envelope's rows, before its transaction."""
        keys = self.keys(school, datetime.now(UTC))
        return Refined(prepare(changes, keys), keys)

    @contextmanager
    def open(self, school: str) -> Iterator[Books]:
        """One transaction; Problem GOR-1011 for a school that is not there, GOR-1111 for one whose access has ended."""
        with self._database.school_row(school, _HEAD) as (connection, row):
            if row is None:
                raise Problem("GOR-1011", school=school)
            if row[-1] is not None:
                raise Problem("GOR-1111")
            yield PostgresBooks(connection, school, _state(row), self, self._settings)

    def attacked(self, school: str, refusal: Refuse, now_ms: int) -> None:
        """An audit line of its own."""
        with self._database.school(school) as connection:
            details = _json({"code": refusal.code} | _texts(refusal.details))
            parameters = {"school": school, "at": _moment(now_ms), "kind": "attack", "details": details}
            connection.execute(_EVENT, parameters)


class PostgresBooks:
    """One school's books in one transaction; see :class:`collector.ingest.books.Books` for what each means."""

    def __init__(
        self,
        connection: Connection[Any],
        school: str,
        state: SchoolState,
        library: PostgresLibrary,
        settings: DepartmentSettings,
    ) -> None:
        self.state = state
        self._connection = connection
        self._school = school
        self._library = library
        self._settings = settings
        self._identity = state.identity
        self._applied: dict[str, Any] | None = None

    def _execute(self, statement: str, **parameters: Any) -> Any:
        return self._connection.execute(statement, {"school": self._school} | parameters, prepare=True)

    def hash_at(self, seq: int) -> bytes | None:
        """From the ledger's row."""
        row = self._execute(_HASH_AT, epoch=self.state.head.epoch, seq=seq).fetchone()
        return row[0] if row else None

    def save(self) -> None:
        """The head row, with what was applied; a first identity goes to the school."""
        head, lease = self.state.head, self.state.lease
        values = {
            "epoch": head.epoch or None,
            "seq": head.seq,
            "hash": head.hash or None,
            "lease": lease.current or None,
            "next": lease.next or None,
            "until": _moment(lease.until_ms),
            "profile_hash": self.state.profile_hash or None,
        }
        if self._applied is None:
            self._execute(_SAVE_HEAD, **values)
        else:
            with self._connection.pipeline():
                self._execute(_LEDGER, **self._applied)
                self._execute(_SAVE_APPLIED, **(self._applied | values))
        if self.state.identity != self._identity:
            self._execute(_IDENTITY, identity=self.state.identity)

    def apply(self, prepared: Prepared, now_ms: int) -> Applied:
        """Rows; the ledger's line is written with the head."""
        header, refined, now = prepared.header, prepared.changes, _moment(now_ms)
        done = apply(self._connection, ApplyContext(self._school, header.seq, now, refined.keys), refined.changes)
        self._applied = {
            "epoch": header.epoch,
            "seq": header.seq,
            "hash": prepared.hash,
            "now": now,
            "header": prepared.raw_header,
            "serial": prepared.serial,
            "rows": refined.changes.rows,
            "applied": done.applied,
            "unchanged": done.unchanged,
            "quarantined": done.quarantined,
            "captured": _moment(header.captured_ms),
            "growth": done.growth,
        }
        return Applied(done.applied, done.unchanged, done.quarantined)

    def briefing(self, now_ms: int) -> Briefing:
        """Guard counts of the last 24 hours, closed years."""
        now = _moment(now_ms)
        counts = guard_counts(self._connection, self._school, now)
        return Briefing(
            {entity: one.deleted for entity, one in counts.items()},
            {entity: one.updated for entity, one in counts.items()},
            closed_years(self._connection, self._school),
        )

    def settings(self, now_ms: int) -> sync_pb2.Settings:
        """What the department decides."""
        return self._settings.read(self._connection, self._school, _moment(now_ms))

    def greeted(self, hello: sync_pb2.Hello, now_ms: int) -> None:
        """What the agent says of itself; an earlier problem is over."""
        self._execute(
            _GREETED,
            now=_moment(now_ms),
            version=_text(hello.agent_version),
            profile=_text(hello.profile),
            schema=_text(hello.schema_fingerprint),
            mode=_text(hello.health_mode),
            incarnation=_text(hello.origin.incarnation),
            offset=_offset(hello.clock_ms, now_ms),
        )

    def refused(self, refusal: Refuse, now_ms: int) -> None:
        """The school's problem; another source waits for the department's word."""
        self._execute(_REFUSED, problem=_problem(refusal.code, refusal.details, now_ms))
        if refusal.code == "GOR-1604":
            self._execute(_OFFER, found=_text(refusal.details["found"]))

    def event(self, kind: str, details: Mapping[str, str], now_ms: int) -> None:
        """One line of the school's events."""
        self._execute(_EVENT, at=_moment(now_ms), kind=_text(kind), details=_json(_texts(details)))

    def heard(self, beat: sync_pb2.Heartbeat, *, at_head: bool, now_ms: int) -> None:
        """The heartbeat's fields, and the events that it brings."""
        held = [{"entity": one.entity, "deletes": one.deletes, "updates": one.updates} for one in beat.held]
        paused = [{"entity": one.entity, "code": _text(one.code), "detail": _text(one.detail)} for one in beat.paused]
        problem = beat.problem
        self._execute(
            _HEARD,
            now=_moment(now_ms),
            state=_text(beat.state) or None,
            offset=_offset(beat.clock_ms, now_ms),
            rows=_count(beat.outbox_rows),
            bytes=_count(beat.outbox_bytes),
            changed=_past(beat.last_change_ms, now_ms),
            held=_json(held),
            paused=_json(paused),
            problem=_problem(problem.code, dict(problem.details), problem.at_ms) if problem.code else None,
            permille=min(beat.sweep_permille, 1000),
            source_rows=_count(beat.source_rows),
            fresh=_past(beat.fresh_ms, now_ms) if at_head else None,
        )
        for event in beat.events:
            self.event(event.kind, event.details, min(event.at_ms, now_ms) or now_ms)

    def left(self, now_ms: int) -> None:
        """No stream stands."""
        del now_ms
        self._execute(_LEFT)

    # ---- comparison

    def _destroyed(self) -> frozenset[int]:
        return self._library.keys(self._school, datetime.now(UTC)).destroyed

    def totals(self) -> Mapping[int, EntityTotal]:
        """See :mod:`collector.store.digests`."""
        return digests.totals(self._connection, self._school, self._destroyed())

    def buckets(self, entity: int) -> Sums:
        """See :mod:`collector.store.digests`."""
        return digests.bucket_sums(self._connection, self._school, BY_NUMBER[entity], self._destroyed())

    def leaves(self, entity: int, buckets: Sequence[int]) -> Mapping[int, Sums]:
        """See :mod:`collector.store.digests`."""
        return digests.leaf_sums(self._connection, self._school, BY_NUMBER[entity], buckets, self._destroyed())

    def contents(self, entity: int, leaves: Sequence[int]) -> Mapping[int, Sequence[tuple[str, int]]]:
        """See :mod:`collector.store.digests`."""
        return digests.leaf_rows(self._connection, self._school, BY_NUMBER[entity], leaves, self._destroyed())

    def compared(
        self, digest: sync_pb2.Digest, differing: Sequence[int], complete_ms: int | None, now_ms: int
    ) -> Stamps:
        """The signed Digest is kept as it came."""
        now, at = _moment(now_ms), digest.at
        frame = digest.SerializeToString(deterministic=True)
        self._execute(
            _DIGEST,
            now=now,
            epoch=at.epoch,
            seq=at.seq,
            equal=not differing,
            differing=_json(list(differing)),
            frame=frame,
        )
        complete = None if complete_ms is None else _past(complete_ms, now_ms)
        row = self._execute(_COMPARED, now=now, count=len(differing), complete=complete).fetchone()
        return Stamps(_ms(row[0]), _ms(row[1]), row[2])


def _state(row: tuple[Any, ...]) -> SchoolState:
    epoch, seq, hash_, current, following, until, profile_hash, identity, _revoked = row
    return SchoolState(
        Head(epoch or b"", seq, hash_ or b""),
        Lease(current or b"", following or b"", _ms(until)),
        identity or "",
        profile_hash or "",
    )


def _moment(ms: int) -> datetime:
    """The moment, or the last one that PostgreSQL and Python both know."""
    try:
        return _EPOCH_START + timedelta(milliseconds=ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _past(ms: int, now_ms: int) -> datetime | None:
    """A moment that an agent tells: none if it is 0, and never later than now."""
    return _moment(min(ms, now_ms)) if ms > 0 else None


def _ms(moment: datetime | None) -> int:
    return round((moment - _EPOCH_START).total_seconds() * 1000) if moment else 0


def _offset(agent_ms: int, now_ms: int) -> int | None:
    """How far the agent's clock is ahead, ms; None if it did not say."""
    return max(-(2**62), min(agent_ms - now_ms, 2**62)) if agent_ms else None


def _count(number: int) -> int:
    return min(number, 2**63 - 1)


def _text(text: str) -> str:
    """A text that PostgreSQL can hold."""
    return text.replace("\0", "")[:200]


def _json(value: Any) -> str:
    """JSON; its texts have gone through :func:`_text`."""
    return json.dumps(value, ensure_ascii=False)


def _texts(details: Mapping[str, str]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in details.items()}


def _problem(code: str, details: Mapping[str, str], at_ms: int) -> str:
    at = _moment(max(0, at_ms)).isoformat()
    return _json({"code": _text(code), "details": _texts(details), "at": at})
