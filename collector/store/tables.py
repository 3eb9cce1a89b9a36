"""Every table of the store, schema ``gorod``. One table per canonical entity is derived from :mod:`proto.entities`.

Living rows stand in the entity's table, and only they: a reader cannot forget to leave out what is gone. Deletions are kept in
``tombstone``, and the last state of marks, attendance and results in ``<entity>_history`` (written by triggers, so that no path of
writing can forget it). ``school_id`` is first in every key, so that tables can be distributed by it later.
There are no foreign keys among synced tables: orphans of a school are a figure of quality, never a refusal.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from collector.store.columns import KEY_TEXT, blind_name, column_name, has_blind_index, sealed_fields, stored_type
from proto.entities import ENTITIES, Entity

SCHEMA: Final = "gorod"
CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA: Final = MetaData(schema=SCHEMA, naming_convention=CONVENTION)


def _key(name: str, **options: Any) -> Column[Any]:
    return Column(name, KEY_TEXT, nullable=False, **options)


def _instant(name: str, *, required: bool = False, default: bool = False) -> Column[Any]:
    """A moment in UTC."""
    return Column(
        name,
        DateTime(timezone=True),
        nullable=not (required or default),
        server_default=func.now() if default else None,
    )


def _count(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _entity_columns(entity: Entity) -> list[Column[Any]]:
    """Columns of the entity's own table, in an order that its history table repeats."""
    columns = [_key("school_id")]
    columns += [
        Column(column_name(field), stored_type(field), nullable=column_name(field) != "source_id")
        for field in entity.fields
    ]
    columns += [Column(blind_name(field), LargeBinary) for field in entity.fields if has_blind_index(field)]
    if sealed_fields(entity):
        columns.append(Column("key_year", SmallInteger, nullable=False))
    columns += [
        Column("row_hash", BigInteger, nullable=False),
        Column("leaf", Integer, nullable=False),
        Column("applied_seq", BigInteger, nullable=False),
        _instant("applied_at", required=True),
        Column("archived", Boolean, nullable=False, server_default=false()),
    ]
    return columns


# What readers look rows up by, after the school. Each slows the first load, those of marks and attendance most: one each, and it begins
# with what grows in order of time. Migration 0002 says which page needs which.
_LOOKED_UP_BY: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "mark": (("assignment_id", "pupil_id"),),
    "attendance_event": (("lesson_id", "pupil_id"),),
    "period_result": (("pupil_id",),),
    "lesson": (("teaching_group_id", "date"), ("staff_id", "date")),
    "assignment": (("lesson_id",),),
    "teaching_assignment": (("staff_id",), ("teaching_group_id",)),
    "group_membership": (("pupil_id",), ("teaching_group_id",)),
    "enrollment": (("pupil_id",), ("class_id",)),
    "timetable_slot": (("teaching_group_id",),),
    "pupil": (("person_id",),),
    "staff": (("person_id",),),
    "legal_representative": (("person_id",),),
    "representation": (("representative_id",), ("pupil_id",)),
    "journal_change": (("at",),),
}


def _entity_table(entity: Entity) -> Table:
    made = Table(
        entity.name,
        METADATA,
        *_entity_columns(entity),
        PrimaryKeyConstraint("school_id", "source_id"),
        *(Index(None, "school_id", *columns) for columns in _LOOKED_UP_BY.get(entity.name, ())),
        info={"entity": entity.number},
    )
    if entity.name == "mark":  # debts of a school: one mark in a hundred
        Index("ix_mark_duty", made.c.school_id, made.c.pupil_id, postgresql_where=made.c.value_kind == "duty")
    return made


def _history_table(entity: Entity) -> Table:
    """What a row was before: columns of its own first, then those of the entity's table in their order."""
    return Table(
        f"{entity.name}_history",
        METADATA,
        Column("id", BigInteger, Identity(always=True), nullable=False),
        _instant("replaced_at", required=True),
        Column("replaced_seq", BigInteger),
        Column("gone", Boolean, nullable=False),
        *_entity_columns(entity),
        PrimaryKeyConstraint("school_id", "source_id", "id"),
    )


ENTITY_TABLES: Final[dict[str, Table]] = {entity.name: _entity_table(entity) for entity in ENTITIES}
HISTORY_TABLES: Final[dict[str, Table]] = {entity.name: _history_table(entity) for entity in ENTITIES if entity.history}

school = Table(
    "school",
    METADATA,
    Column("school_id", KEY_TEXT, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", KEY_TEXT, nullable=False, server_default="school"),  # school | addl_edu
    Column("zone", KEY_TEXT, nullable=False),  # IANA name of the school's local time
    Column("organisation", KEY_TEXT, nullable=False),  # scope of the profile's SELECTs
    Column("uuid", KEY_TEXT, nullable=False),  # space of the school's rows in uids for outsiders
    Column("identity", Text),  # of the source, as recorded; NULL until the first enrolment
    Column("offered_identity", Text),  # another one that waits for the department's word
    Column("profile", Text),  # name of the profile that the school is to use
    _count("resync"),  # grows by one at each `school resync`
    _instant("created_at", default=True),
    _instant("revoked_at"),
)

# One row per school, locked by whoever applies: head of the chain, lease, stamps, last heartbeat.
school_state = Table(
    "school_state",
    METADATA,
    Column("school_id", KEY_TEXT, primary_key=True),
    Column("epoch", LargeBinary),
    _count("seq"),
    Column("hash", LargeBinary),
    Column("lease", LargeBinary),
    Column("lease_next", LargeBinary),
    _instant("lease_until"),
    _instant("fresh_at"),
    _instant("complete_at"),
    _instant("stored_at"),
    _instant("applied_at"),  # last envelope that was applied
    _instant("captured_at"),  # when the agent had captured it
    _instant("compared_at"),  # last digest
    _count("rows"),  # living rows, kept by the applier
    _count("differences"),  # entities that the last digest found unequal
    Column("connected", Boolean, nullable=False, server_default=false()),
    _instant("last_seen"),
    Column("agent_version", Text),
    Column("state", KEY_TEXT),  # as the agent says: ok | syncing | adopting | paused | offline | error
    Column("clock_offset_ms", BigInteger),
    _count("outbox_rows"),
    _count("outbox_bytes"),
    _instant("last_change_at"),
    Column("sweep_permille", Integer),
    Column("source_rows", BigInteger),
    Column("held", JSONB, nullable=False, server_default=text("'[]'")),  # [{"entity", "deletes", "updates"}]
    Column("paused", JSONB, nullable=False, server_default=text("'[]'")),  # [{"entity", "code", "detail"}]
    Column("problem", JSONB),  # {"code", "details", "at"}
    Column("incarnation", Text),
    Column("health_mode", KEY_TEXT),
    Column("profile", Text),
    Column("profile_hash", KEY_TEXT),
    Column("schema_fingerprint", KEY_TEXT),
    Column("deep_cursor", JSONB),  # where the rolling deep check stands
)

ledger = Table(
    "ledger",
    METADATA,
    _key("school_id"),
    Column("epoch", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _instant("received_at", default=True),
    Column("header", LargeBinary, nullable=False),
    Column("certificate_serial", LargeBinary),
    Column("rows", Integer, nullable=False),
    Column("applied", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    PrimaryKeyConstraint("school_id", "epoch", "seq"),
)

# What was applied in an hour; the guard counts over 24 of them. Counted in the transaction that applies.
guard_hour = Table(
    "guard_hour",
    METADATA,
    _key("school_id"),
    Column("entity", Integer, nullable=False),
    _instant("hour", required=True),
    _count("inserts"),
    _count("updates"),
    _count("deletes"),
    PrimaryKeyConstraint("school_id", "entity", "hour"),
)

# Held states, at most one per key. The key is found by its hash: what is quarantined may be a key that no index can hold.
quarantine = Table(
    "quarantine",
    METADATA,
    _key("school_id"),
    Column("entity", Integer, nullable=False),
    Column("key_hash", LargeBinary, nullable=False),
    _key("source_id"),
    Column("year_id", KEY_TEXT),
    Column("cause", KEY_TEXT, nullable=False),
    Column("row_hash", BigInteger, nullable=False),
    Column("leaf", Integer, nullable=False),
    Column("sealed", LargeBinary),  # the row, sealed under the school's key; NULL: the agent sent no values
    Column("seq", BigInteger, nullable=False),
    _instant("since", required=True),
    PrimaryKeyConstraint("school_id", "entity", "key_hash"),
)

tombstone = Table(
    "tombstone",
    METADATA,
    _key("school_id"),
    Column("entity", Integer, nullable=False),
    _key("source_id"),
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("row_hash", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    _instant("deleted_at", required=True),
    PrimaryKeyConstraint("school_id", "entity", "source_id", "id"),
)

closed_year = Table(
    "closed_year",
    METADATA,
    _key("school_id"),
    _key("year_id"),
    Column("seq", BigInteger, nullable=False),
    _instant("closed_at", required=True),
    PrimaryKeyConstraint("school_id", "year_id"),
)

digest = Table(
    "digest",
    METADATA,
    _key("school_id"),
    Column("id", BigInteger, Identity(always=True), nullable=False),
    _instant("at", default=True),
    Column("epoch", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("equal", Boolean, nullable=False),
    Column("differing", JSONB, nullable=False, server_default=text("'[]'")),  # numbers of entities
    Column("frame", LargeBinary, nullable=False),  # the signed Digest as it came
    PrimaryKeyConstraint("school_id", "id"),
)

event = Table(
    "event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("school_id", KEY_TEXT),
    _instant("at", default=True),
    Column("kind", KEY_TEXT, nullable=False),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Index(None, "school_id", "id"),
)

release = Table(
    "release",
    METADATA,
    _key("school_id"),
    Column("number", BigInteger, nullable=False),
    Column("entity", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("by", Text),
    _instant("created_at", default=True),
    PrimaryKeyConstraint("school_id", "number"),
)

code = Table(
    "code",
    METADATA,
    Column("hash", LargeBinary, primary_key=True),
    _key("school_id"),
    _instant("created_at", default=True),
    _instant("expires_at", required=True),
    _instant("used_at"),
    Column("csr_key", LargeBinary),  # public key of the request that used it: a repeated request gets the same answer
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Index(None, "school_id"),
)

certificate = Table(
    "certificate",
    METADATA,
    Column("serial", KEY_TEXT, primary_key=True),
    _key("school_id"),
    Column("der", LargeBinary, nullable=False),
    _instant("not_after", required=True),
    _instant("issued_at", required=True),
    _instant("revoked_at"),
    Column("successor", KEY_TEXT),
    Index(None, "school_id"),
)

profile = Table(
    "profile",
    METADATA,
    Column("name", KEY_TEXT, primary_key=True),
    Column("version", KEY_TEXT, nullable=False),
    Column("toml", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("schema_fingerprint", KEY_TEXT),
    _instant("created_at", default=True),
    Index(None, "schema_fingerprint"),
)
