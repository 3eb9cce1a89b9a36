"""Who reads: what every query of a person's page is handed. The database has already been told; see :mod:`collector.store.rights`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Reader:
    """A transaction that sees what one account may see. Get one from ``Database.reader``; it ends with its block.

    Attributes:
        connection: in a transaction that has entered; every statement on it sees the account's rows only.
        account: number of the account.
        role: its role; None if there is no such account or it is disabled: nothing is seen then.
        now: the moment of reading, UTC; publication and terms of offices are judged by it in the school's own time.
    """

    connection: Connection[Any]
    account: int
    role: str | None
    now: datetime

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a SELECT with named parameters, prepared at its first use on the connection."""
        return self.connection.execute(statement, parameters, prepare=True).fetchall()
