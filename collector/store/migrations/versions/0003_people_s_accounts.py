"""Accounts tied to people: activation codes, recovery codes, providers' subjects, audit, visits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Only adds: the previous release goes on working."""
    op.add_column("account", sa.Column("seen_at", sa.DateTime(timezone=True)), schema="gorod")
    op.add_column(
        "session", sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False), schema="gorod"
    )
    op.add_column("session", sa.Column("device", sa.Text(), server_default="", nullable=False), schema="gorod")
    op.add_column(
        "session", sa.Column("kept", sa.Boolean(), server_default=sa.text("false"), nullable=False), schema="gorod"
    )
    op.add_column("session", sa.Column("previous_at", sa.DateTime(timezone=True)), schema="gorod")
    _codes()
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("school", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.Text(), server_default="{}", nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
        schema="gorod",
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], schema="gorod")
    op.create_table(
        "visit",
        sa.Column("school_id", sa.Text(collation="C"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("page_group", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "day", "account_id", "page_group", name=op.f("pk_visit")),
        schema="gorod",
    )


def _codes() -> None:
    """What proves who a person is."""
    op.create_table(
        "activation",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("school_id", sa.Text(collation="C"), nullable=False),
        sa.Column("person_id", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('pupil', 'parent', 'teacher', 'class_teacher', 'deputy', 'secretary', 'head', 'sysadmin')",
            name="activation_role_known",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_activation")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_activation_code_hash")),
        schema="gorod",
    )
    op.create_index(
        "ix_activation_school_id_person_id", "activation", ["school_id", "person_id"], unique=False, schema="gorod"
    )
    op.create_table(
        "recovery_code",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gorod.account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("pk_recovery_code")),
        schema="gorod",
    )
    op.create_table(
        "account_subject",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gorod.account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_account_subject")),
        schema="gorod",
    )
    op.create_index(
        op.f("ix_account_subject_account_id"), "account_subject", ["account_id"], unique=False, schema="gorod"
    )
