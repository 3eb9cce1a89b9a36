"""Doors to the database: a pool of plain psycopg connections for the path of bulk data, an SQLAlchemy engine for queries by subject.

Every transaction states whose rows it is about, in settings of the transaction that row-level security reads: ``gorod.school`` when a
school's data are written, ``gorod.scope`` when jobs or health pages read, and what an account reaches when a person's page reads
(:meth:`Database.reader`). Without it nothing is seen.
"""

from __future__ import annotations

import contextlib
import re
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import ArgumentError

from collector.store.problems import translated
from collector.store.reader import Reader
from proto.identity import SCHOOL_ID
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine

OLDEST_SERVER: Final = 150_000
WHOLE_CITY: Final = "*"
_TRUSTED_S: Final = 2.0
"""A connection that was used so lately is handed out without asking whether it still lives."""
_SCOPE: Final = re.compile(rf"\*|(?:{SCHOOL_ID.pattern}(?:,{SCHOOL_ID.pattern})*)?")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Sizes and limits of one program's doors."""

    connections: int = 8
    wait_s: float = 10.0  # for a free connection, and for a new one
    statement_timeout_s: float = 60.0
    lock_timeout_s: float = 10.0
    application: str = "gorod"


class _Connection(psycopg.Connection[Any]):
    """A pooled connection that knows when it was last used well (steady clock)."""

    used_at = 0.0


def _check(connection: _Connection) -> None:
    """Ask a connection whether it still lives; the pool replaces one that raises.

    One that answered a moment ago is not asked, unless something has come of it meanwhile: the server says good-bye when it cuts.
    """
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    if look.poll(0) or time.monotonic() - connection.used_at > _TRUSTED_S:
        ConnectionPool.check_connection(connection)


class Database:
    """Both doors of one database URL. Open it before use; closing ends every connection."""

    def __init__(self, url: str, settings: DatabaseSettings | None = None) -> None:
        self.url = url
        self.settings = settings or DatabaseSettings()
        self._pool: ConnectionPool[_Connection] | None = None
        self._engine: Engine | None = None

    def open(self) -> Self:
        """Connect. Raises Problem GOR-1801, 1802, 1803 or 1815 when the server is away, refuses us, or is too old, or the URL is none."""
        check_url(self.url)
        with translated():
            with psycopg.connect(self.url, **self._arguments()) as connection:
                check_version(connection)
            self._pool = ConnectionPool(
                self.url,
                connection_class=_Connection,
                kwargs=self._arguments(),
                min_size=1,
                max_size=self.settings.connections,
                timeout=self.settings.wait_s,
                check=_check,
                name=self.settings.application,
                open=True,
            )
            self._pool.wait(self.settings.wait_s)
        self._engine = sqlalchemy_engine(self.url, self.settings)
        return self

    def close(self) -> None:
        """End every connection."""
        if self._pool is not None:
            self._pool.close()
        if self._engine is not None:
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def school(self, school: str) -> Iterator[psycopg.Connection]:
        """A transaction on one school's data: committed at the end of the block, rolled back when it raises."""
        with self._connection() as connection:
            connection.execute(school_statement(school))
            yield connection

    @contextlib.contextmanager
    def school_row(self, school: str, statement: LiteralString) -> Iterator[tuple[psycopg.Connection, Any]]:
        """The same, with the row that a first statement about ``%(school)s`` finds (None: none); one round trip for all of it."""
        with self._connection() as connection:
            with connection.pipeline():
                connection.execute(school_statement(school))
                first = connection.execute(statement, {"school": school}, prepare=True)
            yield connection, first.fetchone()

    @contextlib.contextmanager
    def scope(self, scope: str) -> Iterator[psycopg.Connection]:
        """A transaction that sees the schools of the scope (see :func:`scope_of`)."""
        with self._connection() as connection:
            connection.execute(scope_statement(scope))
            yield connection

    @contextlib.contextmanager
    def reader(self, account: int, now: datetime) -> Iterator[Reader]:
        """A transaction that sees what the account may see at that moment, looked up anew each time.

        It writes nothing but through functions of the database that look up anew who asks (``office.sql``).

        An account that does not exist or is disabled sees nothing; its ``Reader.role`` is None.
        """
        with self._connection() as connection:
            row = connection.execute("SELECT gorod.enter(%s, %s)", (account, now), prepare=True).fetchone()
            yield Reader(connection, account, row[0] if row else None, now)

    @contextlib.contextmanager
    def plain(self) -> Iterator[psycopg.Connection]:
        """A transaction that states nothing: it sees only what belongs to no school's data (codes, certificates, profiles)."""
        with self._connection() as connection:
            yield connection

    @contextlib.contextmanager
    def begin(
        self, *, scope: str = "", school: str = "", reader: tuple[int, datetime] | None = None
    ) -> Iterator[Connection]:
        """The same for SQLAlchemy: sees the scope, writes the school, and sees what an account may see at a moment (`reader`)."""
        if self._engine is None:
            raise RuntimeError("the database is not open")
        with translated(), self._engine.begin() as connection:
            if scope:
                connection.exec_driver_sql(scope_statement(scope).as_string())
            if school:
                connection.exec_driver_sql(school_statement(school).as_string())
            if reader:
                connection.exec_driver_sql("SELECT gorod.enter(%s, %s)", reader)
            yield connection

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        if self._pool is None:
            raise RuntimeError("the database is not open")
        with translated():
            with self._pool.connection() as connection:
                yield connection
            connection.used_at = time.monotonic()

    def _arguments(self) -> dict[str, Any]:
        return connect_arguments(self.settings)


def connect_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Arguments of ``psycopg.connect`` beside the URL."""
    options = {
        "statement_timeout": round(settings.statement_timeout_s * 1000),
        "lock_timeout": round(settings.lock_timeout_s * 1000),
        "timezone": "UTC",
        "client_min_messages": "warning",
        # Every name in our statements says its schema; a login named as the schema must not change what they mean.
        "search_path": "public",
        # Every statement here is short; compiling one costs more than it saves.
        "jit": "off",
    }
    return {
        "connect_timeout": max(2, round(settings.wait_s)),
        "application_name": settings.application,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }


def sqlalchemy_engine(url: str, settings: DatabaseSettings | None = None) -> Engine:
    """An SQLAlchemy engine for a plain PostgreSQL URL."""
    settings = settings or DatabaseSettings()
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        connect_args=connect_arguments(settings),
        pool_size=settings.connections,
        max_overflow=0,
        pool_timeout=settings.wait_s,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def check_url(url: str) -> None:
    """Raise Problem GOR-1815 unless this is a URL of PostgreSQL. What is wrong with it is not told: libpq would quote the password."""
    try:
        conninfo_to_dict(url)
        fits = make_url(url).get_backend_name() == "postgresql"
    except (psycopg.ProgrammingError, ArgumentError, ValueError):
        fits = False
    if not fits:
        raise Problem("GOR-1815")


def check_version(connection: psycopg.Connection) -> None:
    """Raise Problem GOR-1803 when the server is older than PostgreSQL 15."""
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise Problem("GOR-1803", version=version // 10_000)


def scope_of(schools: Iterable[str]) -> str:
    """The scope that shows these schools; of none, nothing."""
    return ",".join(sorted(schools))


def scope_statement(scope: str) -> sql.Composed:
    """``SET LOCAL gorod.scope``; ValueError unless it is ``*`` or school ids joined by commas."""
    if not _SCOPE.fullmatch(scope):
        raise ValueError("not a scope")
    return sql.SQL("SET LOCAL gorod.scope = {}").format(sql.Literal(scope))


def school_statement(school: str) -> sql.Composed:
    """``SET LOCAL gorod.school``; ValueError unless it is a school id."""
    if not SCHOOL_ID.fullmatch(school):
        raise ValueError("not a school id")
    return sql.SQL("SET LOCAL gorod.school = {}").format(sql.Literal(school))
