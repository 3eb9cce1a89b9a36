"""The peer of the stream: PostgreSQL's own logical replication of the journal's tables, from the school's cluster to the centre's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

import psycopg
from sqlalchemy.engine import make_url

from install.demo.database import conninfo
from tests.bench.floor import make_tables

if TYPE_CHECKING:
    from tests.bench.ground import Ground

_DATABASE = "native"
_TABLES = ("Marks", "JournalLog")
_NOT_READY = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
_NOW = "SELECT MarkId::text, MarkText FROM Marks WHERE OrgCode = %s AND MarkId = ANY (%s)"
_LOOK_S = 0.05


class Replication:
    """A context manager; inside it the tables are copied and every change follows."""

    def __init__(self, here: Ground) -> None:
        self._here = here
        self._code = here.school.spec.organisation

    def __enter__(self) -> Self:
        target = self._here.centre.create_database(_DATABASE)
        make_tables(target, _TABLES)
        with self._here.at_source() as source:
            source.execute(f"CREATE PUBLICATION bench FOR TABLE {', '.join(_TABLES)}".encode())
        self.connection: psycopg.Connection[Any] = psycopg.connect(target, autocommit=True)
        words = conninfo(make_url(self._here.school.write_url)).replace("'", "''")
        self.connection.execute(f"CREATE SUBSCRIPTION bench CONNECTION '{words}' PUBLICATION bench".encode())
        while self._not_ready():
            time.sleep(_LOOK_S)
        return self

    def __exit__(self, *_raised: object) -> None:
        self.connection.execute("DROP SUBSCRIPTION bench")
        self.connection.close()

    def _not_ready(self) -> int:
        row = self.connection.execute(_NOT_READY).fetchone()
        return int(row[0]) if row else 1

    def moved(self) -> bool:
        """It answers within milliseconds: always worth a look."""
        return True

    def now(self, keys: list[str]) -> dict[str, str]:
        """The marks of these keys that are visible."""
        return dict(self.connection.execute(_NOW, [self._code, list(map(int, keys))], prepare=True).fetchall())
