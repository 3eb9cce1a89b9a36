"""Who answers for what at a school, by whose order and for how long."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Only adds: the previous release goes on working."""
    op.create_table(
        "responsible",
        sa.Column("school_id", sa.Text(collation="C"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(collation="C"), nullable=False),
        sa.Column("deputy_id", sa.Text(collation="C"), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("named_by", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "duty IN ('netschool', 'quality', 'personal_data', 'access', 'network')", name="responsible_duty_known"
        ),
        sa.PrimaryKeyConstraint("school_id", "uid", name=op.f("pk_responsible")),
        schema="gorod",
    )
    op.create_index(
        "ix_responsible_in_office",
        "responsible",
        ["school_id", "duty"],
        unique=True,
        schema="gorod",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
