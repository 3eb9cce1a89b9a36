"""What a head says of the own school, beside what the school sends: who answers for what."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, DateTime, Index, LargeBinary, Table, Text

from collector.store.columns import KEY_TEXT
from collector.store.tables import METADATA

DUTIES: Final = ("netschool", "quality", "personal_data", "access", "network")
"""For what a school names somebody: keeping NetSchool, timely and true data, personal data, access and codes, the server and the network."""

responsible = Table(
    "responsible",
    METADATA,
    Column("school_id", KEY_TEXT, primary_key=True),
    Column("uid", Text, primary_key=True),
    Column("duty", Text, nullable=False),
    Column("person_id", KEY_TEXT, nullable=False),  # canonical keys of `person`; names stand there, sealed
    Column("deputy_id", KEY_TEXT),
    Column("phone", LargeBinary),  # sealed with the school's key of the year
    Column("order_number", Text, nullable=False),
    Column("order_date", Date, nullable=False),
    Column("from_date", Date, nullable=False),
    Column("to_date", Date),  # inclusive; NULL: until another order
    Column("named_at", DateTime(timezone=True), nullable=False),
    Column("named_by", BigInteger, nullable=False),
    Column("ended_at", DateTime(timezone=True)),  # somebody else was named
    CheckConstraint("duty IN (" + ", ".join(f"'{duty}'" for duty in DUTIES) + ")", name="responsible_duty_known"),
)
Index(
    "ix_responsible_in_office",
    responsible.c.school_id,
    responsible.c.duty,
    unique=True,
    postgresql_where=responsible.c.ended_at.is_(None),
)
