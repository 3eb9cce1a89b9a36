"""What families note for themselves: calendar feeds and announcements that were read. They name schools, and are no data of them.

Rows belong to an account; pages ask for those of the account that has signed in. A feed shows what its account may see when it is asked.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, LargeBinary, Table, Text

from collector.store.account_tables import account
from collector.store.columns import KEY_TEXT
from collector.store.tables import METADATA

feed = Table(
    "feed",
    METADATA,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", BigInteger, ForeignKey(account.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("school_id", KEY_TEXT, nullable=False),
    Column("pupil_id", KEY_TEXT, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("lang", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
)

announcement_read = Table(
    "announcement_read",
    METADATA,
    Column("account_id", BigInteger, ForeignKey(account.c.id, ondelete="CASCADE"), primary_key=True),
    Column("school_id", KEY_TEXT, primary_key=True),
    Column("announcement_id", KEY_TEXT, primary_key=True),
    Column("read_at", DateTime(timezone=True), nullable=False),
)

GRANTS: Final = """
GRANT SELECT, INSERT ON gorod.feed, gorod.announcement_read TO gorod_portal;
GRANT UPDATE (revoked_at) ON gorod.feed TO gorod_portal;
"""
"""What the portal's login role may do here: note, and revoke; never take away a note."""
