"""The tables of people's accounts: accounts and what they may see, sessions, codes, back-off, and the record of what happened.

account ──< account_scope      nothing here for a role of the city; a school; or one person of a school
   ├──────< session            an open browser; only the hash of its token is kept
   ├──────< recovery_code      what opens the account once when the telephone is lost; keyed hashes
   ├──────< account_subject    who a person is at an OpenID provider
   ├ ─ ─ ─< visit              how many pages of a group on a day
   ├ ─ ─ ─< sign_in            what happened, for ever
   └ ─ ─ ─< audit              what happened, chained by hashes; see audit.sql
activation                     one-time codes that tie an account to a person of a school; keyed hashes
sign_in_backoff                failures in a row per login (known or not) and per address
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
    text,
)

from collector.store.columns import KEY_TEXT
from collector.store.tables import METADATA

CITY_ROLES: Final = ("operator", "analyst", "security", "admin")
SCHOOL_ROLES: Final = ("teacher", "class_teacher", "deputy", "secretary", "head", "sysadmin")
PERSON_ROLES: Final = ("pupil", "parent")
TIED_ROLES: Final = PERSON_ROLES + SCHOOL_ROLES
"""Roles of people whom a school knows: an activation code makes their account."""
ROLES: Final = PERSON_ROLES + SCHOOL_ROLES + CITY_ROLES
"""All roles; who sees what is decided in ``portal/security.py``, the second factor is a must for all but PERSON_ROLES."""

account = Table(
    "account",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("factor_secret", LargeBinary),  # sealed, see credentials.seal_secret; NULL until it is enrolled
    Column("factor_step", BigInteger),  # the last time step that was used up
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("password_at", DateTime(timezone=True), nullable=False),
    Column("signed_in_at", DateTime(timezone=True)),
    Column("disabled_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True)),  # the last page, to the minute
    CheckConstraint("role IN (" + ", ".join(f"'{role}'" for role in ROLES) + ")", name="account_role_known"),
)

account_scope = Table(
    "account_scope",
    METADATA,
    Column("account_id", BigInteger, ForeignKey(account.c.id, ondelete="CASCADE"), primary_key=True),
    Column("school_id", Text, primary_key=True),
    Column(
        "person_id", Text, primary_key=True, server_default=""
    ),  # "" is the whole school, else a canonical key of `person`
)

session = Table(
    "session",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("account_id", BigInteger, ForeignKey(account.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("stage", Text, nullable=False),  # "enrol": password fits, the second factor is still to be set up; "open"
    Column("csrf", LargeBinary, nullable=False),
    Column("factor_secret", LargeBinary),  # the sealed secret that is being enrolled
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("idle_s", Integer, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    Column("number", BigInteger, Identity(always=True), nullable=False),  # what pages call it by; the hash stays inside
    Column("device", Text, nullable=False, server_default=""),  # words, "Chrome, Android"; never the header itself
    Column("kept", Boolean, nullable=False, server_default=false()),  # "this is my telephone"
    Column("previous_at", DateTime(timezone=True)),  # the end of the visit before this one
    CheckConstraint("stage IN ('enrol', 'open')", name="session_stage_known"),
)

sign_in_backoff = Table(
    "sign_in_backoff",
    METADATA,
    Column(
        "subject", LargeBinary, primary_key=True
    ),  # SHA-256, so that a mistyped password in the field of the login isn't kept
    Column("failures", Integer, nullable=False),
    Column("failed_at", DateTime(timezone=True), nullable=False, index=True),
    Column("until", DateTime(timezone=True), nullable=False),
)

sign_in = Table(
    "sign_in",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("account_id", BigInteger),  # NULL: the login is unknown; no foreign key, the record outlives the account
    Column("outcome", Text, nullable=False),
    Column("address", Text, nullable=False, server_default=""),
)

activation = Table(
    "activation",
    METADATA,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("school_id", KEY_TEXT, nullable=False),
    Column("person_id", KEY_TEXT, nullable=False),
    Column("role", Text, nullable=False),
    Column("code_hash", LargeBinary, nullable=False, unique=True),  # HMAC under a key outside the database
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("issued_by", BigInteger),  # NULL: the department's command line
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Column("account_id", BigInteger),  # who used it; no foreign key, the record outlives the account
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("role IN (" + ", ".join(f"'{role}'" for role in TIED_ROLES) + ")", name="activation_role_known"),
)
Index("ix_activation_school_id_person_id", activation.c.school_id, activation.c.person_id)

recovery_code = Table(
    "recovery_code",
    METADATA,
    Column("account_id", BigInteger, ForeignKey(account.c.id, ondelete="CASCADE"), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
)

account_subject = Table(
    "account_subject",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("account_id", BigInteger, ForeignKey(account.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("linked_at", DateTime(timezone=True), nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # without gaps; given by the trigger
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", BigInteger),  # the account that did it; NULL: nobody who has signed in, or a command
    Column("subject", Text, nullable=False, server_default=""),  # "account:12", "pupil:23-001/77": ids, never names
    Column("school", Text, nullable=False, server_default=""),
    Column("details", Text, nullable=False, server_default="{}"),  # canonical JSON, hashed as it stands
    Column("hash", LargeBinary, nullable=False),
)
Index("ix_audit_subject", audit.c.subject)

visit = Table(
    "visit",
    METADATA,
    Column("school_id", KEY_TEXT, primary_key=True),  # "" for the department's own people
    Column("day", Date, primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    Column("page_group", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("pages", Integer, nullable=False, server_default=text("0")),
)
