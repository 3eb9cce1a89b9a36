"""Which announcements an account has read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from psycopg import Connection

    from collector.store.reader import Reader

_NOTE: Final = """
INSERT INTO gorod.announcement_read (account_id, school_id, announcement_id, read_at)
SELECT %(account)s, k.school_id, k.announcement_id, %(now)s
FROM unnest(%(schools)s::text[], %(keys)s::text[]) AS k (school_id, announcement_id)
ON CONFLICT DO NOTHING"""
_READ: Final = "SELECT school_id, announcement_id FROM gorod.announcement_read WHERE account_id = %(account)s"


def note(connection: Connection[Any], account: int, keys: Iterable[tuple[str, str]], now: datetime) -> None:
    """The account has read these (school, announcement). That it may see them was checked; noting twice is no matter."""
    schools, announcements = zip(*keys, strict=True) if (keys := list(keys)) else ((), ())
    connection.execute(_NOTE, {"account": account, "now": now, "schools": list(schools), "keys": list(announcements)})


def of_reader(reader: Reader) -> frozenset[tuple[str, str]]:
    """What the reader has read: (school, announcement)."""
    return frozenset((school, key) for school, key in reader.rows(_READ, account=reader.account))
