"""How every school stands, for ``gorod-collector status`` and the portal: read in one statement, told in dataclasses or JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from collector.core.sync_health import LEVELS, Limits, Signs, level_of
from collector.store.tables import certificate, event, ledger, quarantine, school, school_state
from proto.entities import BY_NUMBER
from proto.problems import CATALOGUE, as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row, Select


@dataclass(frozen=True, slots=True)
class HeldEntity:
    """Changes of an entity that wait for the department's word."""

    entity: str
    deletes: int
    updates: int


@dataclass(frozen=True, slots=True)
class PausedEntity:
    """An entity that is not read for now: the problem's code, and the tables or columns that it is about."""

    entity: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class SchoolProblem:
    """The last problem of a school's agent or stream."""

    code: str
    details: Mapping[str, str]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SchoolHealth:
    """How a school's synchronisation stands. Moments are in UTC, None where there was none yet."""

    school: str
    name: str
    kind: str
    zone: str
    level: str  # ok | late | silent | error
    state: str | None  # as the agent says: ok | syncing | adopting | paused | offline | error
    connected: bool
    last_seen: datetime | None
    agent_version: str | None
    epoch: str | None
    acked_seq: int
    rows: int
    source_rows: int | None
    sweep_permille: int | None
    outbox_rows: int
    outbox_bytes: int
    last_change_seen: datetime | None
    fresh_at: datetime | None
    complete_at: datetime | None
    stored_at: datetime | None
    delay_ms: int | None
    differences: int
    quarantined: int
    held: tuple[HeldEntity, ...]
    paused: tuple[PausedEntity, ...]
    offered_identity: str | None
    certificate_days: int | None
    clock_offset_s: float | None
    problem: SchoolProblem | None


@dataclass(frozen=True, slots=True)
class Health:
    """All schools of a scope, and how many stand at each level."""

    schools: tuple[SchoolHealth, ...]
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SchoolEvent:
    """Something that happened at a school or to its stream."""

    at: datetime
    kind: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReceivedBatch:
    """An envelope that was applied."""

    seq: int
    at: datetime
    rows: int
    applied: int
    unchanged: int
    quarantined: int


def read_health(connection: Connection, now: datetime, late_s: float, silent_s: float) -> Health:
    """How the schools that the transaction's scope shows stand, in order of their ids."""
    limits = Limits(late_s, silent_s)
    schools = tuple(_health(row, now, limits) for row in connection.execute(_query()))
    levels = Counter(one.level for one in schools)
    return Health(schools, {level: levels[level] for level in LEVELS})


def read_school(
    connection: Connection, school_id: str, now: datetime, late_s: float, silent_s: float
) -> SchoolHealth | None:
    """One school, None if there is none or the scope does not show it."""
    row = connection.execute(_query().where(school.c.school_id == school_id)).first()
    return _health(row, now, Limits(late_s, silent_s)) if row else None


def read_events(connection: Connection, school_id: str, newest: int = 50) -> list[SchoolEvent]:
    """The newest events of a school, newest first."""
    statement = select(event).where(event.c.school_id == school_id).order_by(event.c.id.desc()).limit(newest)
    return [SchoolEvent(row.at, row.kind, row.details) for row in connection.execute(statement)]


def read_batches(connection: Connection, school_id: str, newest: int = 20) -> list[ReceivedBatch]:
    """The newest envelopes of a school, newest first, whatever epochs they belong to."""
    current = select(school_state.c.epoch).where(school_state.c.school_id == school_id).scalar_subquery()
    statement = (
        select(ledger)
        .where(ledger.c.school_id == school_id, ledger.c.epoch == current)
        .order_by(ledger.c.seq.desc())
        .limit(newest)
    )
    return [
        ReceivedBatch(row.seq, row.received_at, row.rows, row.applied, row.unchanged, row.quarantined)
        for row in connection.execute(statement)
    ]


def status_json(health: Health, lang: str) -> dict[str, Any]:
    """What ``gorod-collector status --json`` prints."""
    return {
        "schools": [school_json(one, lang) for one in health.schools],
        "totals": dict(health.totals),
        "last_good_restore": None,
    }


def school_json(one: SchoolHealth, lang: str) -> dict[str, Any]:
    """One school as contracts write it: the keys of ``gorod-agent status``, then what only the centre knows."""
    found = one.problem
    return {
        "school": one.school,
        "state": one.state or "offline",
        "connected": one.connected,
        "epoch": one.epoch,
        "acked_seq": one.acked_seq,
        "outbox_rows": one.outbox_rows,
        "outbox_bytes": one.outbox_bytes,
        "last_change_seen": _iso(one.last_change_seen),
        "fresh_at": _iso(one.fresh_at),
        "complete_at": _iso(one.complete_at),
        "stored_at": _iso(one.stored_at),
        "differences": one.differences,
        "held": sum(entity.deletes + entity.updates for entity in one.held),
        "quarantined": one.quarantined,
        "paused_entities": [entity.entity for entity in one.paused],
        "certificate_days": one.certificate_days,
        "clock_offset_s": one.clock_offset_s,
        "problem": as_json(found.code, lang, found.details, found.at) if found else None,
        "name": one.name,
        "level": one.level,
        "rows": one.rows,
        "agent_version": one.agent_version,
        "last_seen": _iso(one.last_seen),
    }


def _query() -> Select[Any]:
    """Schools that have not been revoked, their state, quarantined rows, and the end of their newest good certificate."""
    held = select(quarantine.c.school_id, func.count().label("quarantined")).group_by(quarantine.c.school_id).subquery()
    valid = (
        select(certificate.c.school_id, func.max(certificate.c.not_after).label("certificate_until"))
        .where(certificate.c.revoked_at.is_(None))
        .group_by(certificate.c.school_id)
        .subquery()
    )
    state_columns = [column for column in school_state.columns if column.name not in ("school_id", "profile")]
    return (
        select(
            school.c.school_id,
            school.c.name,
            school.c.kind,
            school.c.zone,
            school.c.offered_identity,
            held.c.quarantined,
            valid.c.certificate_until,
            *state_columns,
        )
        .join(school_state, school_state.c.school_id == school.c.school_id)
        .outerjoin(held, held.c.school_id == school.c.school_id)
        .outerjoin(valid, valid.c.school_id == school.c.school_id)
        .where(school.c.revoked_at.is_(None))
        .order_by(school.c.school_id)
    )


def _health(row: Row[Any], now: datetime, limits: Limits) -> SchoolHealth:
    problem = _problem(row.problem)
    held = tuple(HeldEntity(_name(one["entity"]), one["deletes"], one["updates"]) for one in row.held)
    paused = tuple(PausedEntity(_name(one["entity"]), one["code"], one["detail"]) for one in row.paused)
    heard = row.last_seen is not None and now - row.last_seen <= timedelta(seconds=limits.late_s)
    return SchoolHealth(
        school=row.school_id,
        name=row.name,
        kind=row.kind,
        zone=row.zone,
        level=level_of(_signs(row, problem), now, limits),
        state=row.state,
        connected=row.connected and heard,
        last_seen=row.last_seen,
        agent_version=row.agent_version,
        epoch=row.epoch.hex() if row.epoch else None,
        acked_seq=row.seq,
        rows=row.rows,
        source_rows=row.source_rows,
        sweep_permille=row.sweep_permille,
        outbox_rows=row.outbox_rows,
        outbox_bytes=row.outbox_bytes,
        last_change_seen=row.last_change_at,
        fresh_at=row.fresh_at,
        complete_at=row.complete_at,
        stored_at=row.stored_at,
        delay_ms=_delay(row),
        differences=row.differences,
        quarantined=row.quarantined or 0,
        held=held,
        paused=paused,
        offered_identity=row.offered_identity,
        certificate_days=(row.certificate_until - now).days if row.certificate_until else None,
        clock_offset_s=row.clock_offset_ms / 1000 if row.clock_offset_ms is not None else None,
        problem=problem,
    )


def _signs(row: Row[Any], problem: SchoolProblem | None) -> Signs:
    entry = CATALOGUE.get(problem.code) if problem else None
    return Signs(
        last_seen=row.last_seen,
        fresh_at=row.fresh_at,
        complete_at=row.complete_at,
        state=row.state,
        problem_kind=entry.kind if entry else "transient" if problem else None,
        problem_at=problem.at if problem else None,
        differences=row.differences,
        held=len(row.held),
        paused=len(row.paused),
        waits_for_word=row.offered_identity is not None,
    )


def _problem(content: dict[str, Any] | None) -> SchoolProblem | None:
    if not content:
        return None
    at = content.get("at")
    return SchoolProblem(content["code"], content.get("details") or {}, datetime.fromisoformat(at) if at else None)


def _delay(row: Row[Any]) -> int | None:
    """From the capture of the newest envelope to its commit here, the clocks' difference taken out."""
    if row.applied_at is None or row.captured_at is None:
        return None
    measured = (row.applied_at - row.captured_at) / timedelta(milliseconds=1)
    return max(0, round(float(measured) + (row.clock_offset_ms or 0)))


def _name(entity: Any) -> str:
    """Entities are stored by number; by name they are told."""
    return BY_NUMBER[entity].name if entity in BY_NUMBER else str(entity)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
