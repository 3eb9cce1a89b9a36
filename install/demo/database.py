"""The vendor's side of a demo database: the one place of the simulator that knows two engines. It writes; the agent never does."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy.engine import make_url

from install.demo import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from psycopg import Connection
    from sqlalchemy.engine import URL

_BUSY_S: Final = 30.0


class Database(ABC):
    """One connection of the vendor's program. SQL has ``?`` for parameters; values are numbers, texts and flags."""

    engine: str

    @abstractmethod
    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""

    @abstractmethod
    def execute(self, sql: str, *values: object) -> int:
        """Run one statement and tell how many rows it touched."""

    @abstractmethod
    def bulk(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Write many rows of a table, all its columns in order."""

    @abstractmethod
    def transaction(self) -> Any:
        """A ``with`` block that is committed as a whole, or not at all."""

    @abstractmethod
    def has_schema(self) -> bool:
        """Whether the vendor's tables are there already."""

    @abstractmethod
    def finish(self) -> None:
        """What an installer does after a big load: fresh statistics for the planner."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    def value(self, sql: str, *values: object) -> Any:
        """First column of the first row, None when there is no row."""
        rows = self.query(sql, *values)
        return rows[0][0] if rows else None

    def insert(self, table: str, **values: object) -> None:
        """Write one row; columns that are not named stay NULL."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def create_schema(self) -> None:
        """Make the vendor's tables and indexes."""
        for statement in schema.statements(self.engine):
            self.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SqliteDatabase(Database):
    """A file with a rollback journal that is truncated, not removed.

    A process that may only read can follow such a file while the vendor's program writes: readers need no shared-memory file (as WAL
    does) and the folder's listing does not change. A writer waits for the short statements of readers, and they for its commit.
    """

    engine = schema.SQLITE

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = TRUNCATE")
        self._connection.execute("PRAGMA synchronous = FULL")

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement and tell how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def bulk(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Write many rows of a table, all its columns in order."""
        marks = ", ".join("?" * len(schema.columns()[table]))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A ``with`` block that is committed as a whole, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield

    def has_schema(self) -> bool:
        """Whether the vendor's tables are there already."""
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Organisations'"))

    def finish(self) -> None:
        """Fresh statistics for the planner."""
        self._connection.execute("ANALYZE")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class PostgresDatabase(Database):
    """A PostgreSQL database."""

    engine = schema.POSTGRES

    def __init__(self, words: str) -> None:
        import psycopg

        self._connection: Connection[Any] = psycopg.connect(words, autocommit=True)

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        return self._connection.execute(self._text(sql), values).fetchall()

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement and tell how many rows it touched."""
        return self._connection.execute(self._text(sql), values).rowcount

    @staticmethod
    def _text(sql: str) -> bytes:
        return sql.replace("?", "%s").encode()

    def bulk(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Write many rows of a table, all its columns in order."""
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
            for start in range(0, len(rows), 1000):
                copy.write(_copy_text(rows[start : start + 1000]))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A ``with`` block that is committed as a whole, or not at all."""
        with self._connection.transaction():
            yield

    def has_schema(self) -> bool:
        """Whether the vendor's tables are there already."""
        return self.value("SELECT to_regclass('Organisations')") is not None

    def finish(self) -> None:
        """Fresh statistics for the planner, and the visibility map that index-only reads need."""
        self._connection.execute("VACUUM (ANALYZE)")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_text(rows: Sequence[Sequence[object]]) -> bytes:
    """Rows in the text form of COPY. Flags need no translation: PostgreSQL reads 0, 1, True and False as booleans."""
    lines = []
    for row in rows:
        cells = [
            "\\N" if cell is None else cell.translate(_ESCAPES) if type(cell) is str else str(cell) for cell in row
        ]
        lines.append("\t".join(cells))
    return ("\n".join(lines) + "\n").encode()


def conninfo(url: URL) -> str:
    """A PostgreSQL URL in libpq's own words, whatever stands in the password."""
    from psycopg.conninfo import make_conninfo

    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    options = {name: str(value) for name, value in {**named, **url.query}.items() if value is not None}
    return make_conninfo("", **options)


def connect(url: str) -> Database:
    """Open the database behind a write URL: ``sqlite:////path/to/file`` or ``postgresql://user:password@host:port/name``."""
    parsed = make_url(url)
    if parsed.get_backend_name() == schema.SQLITE:
        return SqliteDatabase(parsed.database or "")
    return PostgresDatabase(conninfo(parsed))
