"""Held rows, listed. Judging them again is :mod:`collector.ingest.replay`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from proto.entities import BY_NUMBER

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

_LIST: Final = (
    "SELECT school_id, entity, source_id, cause, seq, since FROM gorod.quarantine ORDER BY school_id, entity, source_id"
)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One key in quarantine. ``cause`` is a word of :data:`proto.values.CAUSES`."""

    school: str
    entity: str
    key: str
    cause: str
    seq: int
    since: datetime

    def as_json(self) -> dict[str, Any]:
        """A row of the contract."""
        return {
            "school": self.school,
            "entity": self.entity,
            "key": self.key,
            "cause": self.cause,
            "seq": self.seq,
            "since": self.since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


def every(connection: Connection[Any]) -> list[HeldRow]:
    """All held rows that the connection's scope shows."""
    return [
        HeldRow(school, BY_NUMBER[entity].name, key, cause, seq, since)
        for school, entity, key, cause, seq, since in connection.execute(_LIST)
    ]
