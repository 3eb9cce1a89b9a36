"""The tables of people's accounts: accounts and what they may see, sessions, back-off, and the record of sign-ins.

account ──< account_scope      nothing here for a role of the city; a school; or one person of a school
   ├──────< session            an open browser; only the hash of its token is kept
   └ ─ ─ ─< sign_in            what happened, for ever
sign_in_backoff                failures in a row per login (known or not) and per address
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from collector.store.tables import METADATA

CITY_ROLES: Final = ("operator", "analyst", "security", "admin")
SCHOOL_ROLES: Final = ("teacher", "class_teacher", "deputy", "secretary", "head", "sysadmin")
PERSON_ROLES: Final = ("pupil", "parent")
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

GRANTS: Final = """
GRANT SELECT ON gorod.account, gorod.account_scope TO gorod_portal;
GRANT UPDATE (factor_secret, factor_step, signed_in_at) ON gorod.account TO gorod_portal;
GRANT SELECT, INSERT, UPDATE, DELETE ON gorod.session, gorod.sign_in_backoff TO gorod_portal;
GRANT INSERT ON gorod.sign_in TO gorod_portal;
"""
"""What the portal's login role may do here: it can sign people in, but neither make an account nor change a role or a password."""
