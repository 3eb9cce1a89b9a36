"""Schools: who they are, which source is theirs, and the department's word about what waits for it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from collector.store.tables import event, release, school, school_state
from proto.entities import BY_NAME
from proto.identity import SCHOOL_ID
from proto.problems import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

KINDS: Final = ("school", "addl_edu")
DEFAULT_ZONE: Final = "Europe/Moscow"


@dataclass(frozen=True, slots=True)
class NewSchool:
    """What the department tells of a school. ``organisation``: its code in the NetSchool database, by default the id."""

    id: str
    name: str
    kind: str = "school"
    zone: str = DEFAULT_ZONE
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class School:
    """A school as the store knows it. ``identity``: the source that it was enrolled with; ``offered``: another one that waits."""

    id: str
    name: str
    kind: str
    zone: str
    organisation: str
    uuid: str
    identity: str | None
    offered: str | None
    profile: str | None
    resync: int
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Release:
    """Held rows that the department let go: used once, by its number."""

    number: int
    entity: int
    rows: int


def add(connection: Connection, new: NewSchool, now: datetime) -> School:
    """Add a school. Raises Problem GOR-1010 when something does not fit, GOR-1012 when it exists."""
    check(new)
    values = {
        "school_id": new.id,
        "name": new.name.strip(),
        "kind": new.kind,
        "zone": new.zone,
        "organisation": new.organisation or new.id,
        "uuid": str(uuid.uuid4()),
        "created_at": now,
    }
    made = connection.execute(upsert(school).values(values).on_conflict_do_nothing().returning(school.c.school_id))
    if made.first() is None:
        raise Problem("GOR-1012", school=new.id)
    connection.execute(insert(school_state).values(school_id=new.id))
    return get(connection, new.id)


def get(connection: Connection, school_id: str) -> School:
    """The school. Raises Problem GOR-1011 when there is none."""
    row = connection.execute(select(school).where(school.c.school_id == school_id)).first()
    if row is None:
        raise Problem("GOR-1011", school=school_id)
    return _school(row)


def every(connection: Connection) -> list[School]:
    """All schools in order of their ids."""
    return [_school(row) for row in connection.execute(select(school).order_by(school.c.school_id))]


def revoke(connection: Connection, school_id: str, now: datetime) -> None:
    """Note that the school's access has ended; its certificates are revoked by the certificate authority."""
    _change(connection, school_id, revoked_at=func.coalesce(school.c.revoked_at, now))
    _event(connection, school_id, now, "revoked")


def request_resync(connection: Connection, school_id: str, now: datetime) -> None:
    """Make the school's next full sweep due now."""
    _change(connection, school_id, resync=school.c.resync + 1)
    _event(connection, school_id, now, "resync")


def set_profile(connection: Connection, school_id: str, name: str) -> None:
    """Name the profile that the school is to use."""
    _change(connection, school_id, profile=name)


def record_identity(connection: Connection, school_id: str, identity: str) -> bool:
    """Record the source's identity at enrolment, if none is; whether it now is the recorded one."""
    statement = update(school).where(school.c.school_id == school_id, school.c.identity.is_(None))
    connection.execute(statement.values(identity=identity))
    return get(connection, school_id).identity == identity


def offer_identity(connection: Connection, school_id: str, identity: str) -> None:
    """Note another source that the agent now reads; it holds everything until the department confirms it."""
    _change(connection, school_id, offered_identity=identity)


def confirm_identity(connection: Connection, school_id: str, now: datetime) -> School:
    """Take the offered source for the school's own. Raises Problem GOR-1010 when none is offered."""
    found = get(connection, school_id)
    if found.offered is None:
        raise Problem("GOR-1010", value=school_id, cause="no other source was offered")
    _change(connection, school_id, identity=found.offered, offered_identity=None)
    _event(connection, school_id, now, "identity_confirmed")
    return get(connection, school_id)


def confirm_rows(connection: Connection, school_id: str, entity: str, rows: int, by: str, now: datetime) -> Release:
    """Let a number of held rows of an entity go. Raises Problem GOR-1010 on an unknown entity or no rows."""
    if entity not in BY_NAME:
        raise Problem("GOR-1010", value=entity, cause="there is no such entity")
    if rows <= 0:
        raise Problem("GOR-1010", value=rows, cause="a number of rows is expected")
    get(connection, school_id)
    # The row of the school is locked, so that two confirmations cannot take one number.
    connection.execute(select(school.c.school_id).where(school.c.school_id == school_id).with_for_update())
    number = 1 + (connection.scalar(select(func.max(release.c.number)).where(release.c.school_id == school_id)) or 0)
    made = Release(number, BY_NAME[entity].number, rows)
    connection.execute(
        insert(release).values(
            school_id=school_id, number=made.number, entity=made.entity, rows=made.rows, by=by, created_at=now
        )
    )
    _event(connection, school_id, now, "rows_confirmed", entity=entity, rows=str(rows))
    return made


def releases(connection: Connection, school_id: str, newest: int = 100) -> list[Release]:
    """The newest releases, oldest of them first: agents use each number once, so repeating them is harmless."""
    statement = select(release).where(release.c.school_id == school_id).order_by(release.c.number.desc()).limit(newest)
    return [Release(row.number, row.entity, row.rows) for row in connection.execute(statement)][::-1]


def check(new: NewSchool) -> None:
    """Whether the words for a school fit. Raises Problem GOR-1010."""
    if not SCHOOL_ID.fullmatch(new.id):
        raise Problem("GOR-1010", value=new.id, cause="letters, digits and . _ - are allowed, 64 of them")
    if not new.name.strip() or "\0" in new.name:
        raise Problem("GOR-1010", value=new.name, cause="a school needs a name")
    if new.kind not in KINDS:
        raise Problem("GOR-1010", value=new.kind, cause=" | ".join(KINDS))
    try:
        ZoneInfo(new.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Problem("GOR-1010", value=new.zone, cause="no such time zone") from error


def _change(connection: Connection, school_id: str, **values: Any) -> None:
    done = connection.execute(update(school).where(school.c.school_id == school_id).values(values))
    if done.rowcount == 0:
        raise Problem("GOR-1011", school=school_id)


def _event(connection: Connection, school_id: str, now: datetime, kind: str, **details: str) -> None:
    connection.execute(insert(event).values(school_id=school_id, at=now, kind=kind, details=details))


def _school(row: Row[Any]) -> School:
    return School(
        row.school_id,
        row.name,
        row.kind,
        row.zone,
        row.organisation,
        row.uuid,
        row.identity,
        row.offered_identity,
        row.profile,
        row.resync,
        row.created_at,
        row.revoked_at,
    )
