"""Calendar feeds, and announcements that were read. Additive: the previous release neither needs nor notices them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    key = sa.Text(collation="C")
    op.create_table(
        "feed",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("school_id", key, nullable=False),
        sa.Column("pupil_id", key, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["gorod.account.id"], name=op.f("fk_feed_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_feed_token_hash")),
        schema="gorod",
    )
    op.create_index(op.f("ix_feed_account_id"), "feed", ["account_id"], unique=False, schema="gorod")
    op.create_table(
        "announcement_read",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("school_id", key, nullable=False),
        sa.Column("announcement_id", key, nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["gorod.account.id"],
            name=op.f("fk_announcement_read_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "school_id", "announcement_id", name=op.f("pk_announcement_read")),
        schema="gorod",
    )
