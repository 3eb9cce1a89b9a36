"""NetSchool in an SQLite file, read without a trace: ``mode=ro``, an authorizer that allows nothing but reading, short transactions."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from agent.core.drift import Column
from agent.core.origin import Origin
from agent.sources import query
from agent.sources.base import Options, Plan
from agent.sources.page import TupleRows
from agent.sources.sql import SqlSource
from agent.sources.sqlite_file import SourceFile, filesystem_of, path_of, uri_of
from agent.sources.survey import SchemaSurvey, survey
from agent.sources.typed_keys import sqlite_rows
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agent.profile import EntityProfile
    from agent.sources.page import Rows
    from agent.sources.query import Part
    from agent.sources.sql import Bound
    from agent.sources.watch import FileWatch

T = TypeVar("T")

_ALLOWED: Final = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_TRANSACTION,
    }
)
_ATTEMPTS: Final = 3
_POLL_S: Final = 1.0


class _Parameters:
    """Collects the values of a statement under names of their own."""

    def __init__(self, organisation: str) -> None:
        self.values: dict[str, Part] = {"organisation": organisation}

    def __call__(self, value: Part) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def plan_faults(steps: Sequence[str]) -> tuple[str, ...]:
    """The steps of a query plan that make it no index seek: scans, full sorts, results laid up."""
    return tuple(step for step in steps if query.KEYS not in step and _is_fault(step))


def _is_fault(step: str) -> bool:
    if step.startswith("USE TEMP B-TREE"):
        return not ("LAST" in step or "RIGHT PART" in step)
    return step.startswith(("SCAN", "MATERIALIZE", "CO-ROUTINE")) and "CONSTANT ROW" not in step


_PROBLEMS: Final = {
    sqlite3.SQLITE_BUSY: "GOR-1304",
    sqlite3.SQLITE_LOCKED: "GOR-1304",
    sqlite3.SQLITE_NOTADB: "GOR-1302",
    sqlite3.SQLITE_CORRUPT: "GOR-1302",
    sqlite3.SQLITE_PERM: "GOR-1305",
    sqlite3.SQLITE_CANTOPEN: "GOR-1305",
    sqlite3.SQLITE_AUTH: "GOR-1404",
}


class SqliteSource(SqlSource):
    """See :class:`agent.sources.base.Source`."""

    engine: ClassVar[str] = "sqlite"

    def __init__(self, options: Options, filesystem: Callable[[Path], str] = filesystem_of) -> None:
        super().__init__(options)
        self._file = SourceFile(path_of(options.url), filesystem)
        self._connection: sqlite3.Connection | None = None
        self._kinds: dict[int, tuple[str, ...]] = {}
        self._reads: set[tuple[str, str]] = set()
        self._openings = 0
        self._seen: str | None = None
        self._watch: FileWatch | None = None

    # -- connection

    def connect(self) -> None:
        """See :meth:`agent.sources.base.Source.connect`."""
        if self._connection is not None and not self._file.replaced():
            return
        self._disconnect()
        self._file.open()
        try:
            with self._translated(None):
                self._connection = self._open()
                self._openings += 1
                self._check_tables(self._connection)
        except Problem:
            self._disconnect()
            raise

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri_of(self._file.path),
            uri=True,
            timeout=self._options.lock_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA query_only = 1")
        connection.set_authorizer(self._authorize)
        return connection

    def _check_tables(self, connection: sqlite3.Connection) -> None:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' LIMIT 1").fetchone():
            raise Problem("GOR-1303", path=self._file.path)

    def _authorize(self, action: int, first: str | None, second: str | None, *_rest: str | None) -> int:
        if action == sqlite3.SQLITE_READ:
            self._reads.add((first or "", second or ""))
        return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._file.close()
        self._shapes.clear()
        self._kinds.clear()

    def close(self) -> None:
        """See :meth:`agent.sources.base.Source.close`."""
        self._disconnect()
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    @contextmanager
    def _translated(self, entity: str | None) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._problem(error, entity) from error

    def _problem(self, error: sqlite3.Error, entity: str | None) -> Problem:
        code = getattr(error, "sqlite_errorcode", None) or 0
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:  # a writer died in mid-commit; only a writer can undo it
            return Problem("GOR-1310", path=self._file.path)
        if (
            entity
            and code & 0xFF == sqlite3.SQLITE_ERROR
            and str(error).startswith(("no such column", "no such table"))
        ):
            return Problem("GOR-1403", entity=entity, missing=str(error).partition(": ")[2])
        known = _PROBLEMS.get(code & 0xFF, "GOR-1309")
        details = {"path": self._file.path, "entity": entity or "?", "seconds": f"{self._options.lock_timeout_s:g}"}
        return Problem(known, cause=getattr(error, "sqlite_errorname", None) or type(error).__name__, **details)

    # -- running statements

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.connect()
        if self._connection is None:
            raise Problem("GOR-1301", path=self._file.path)
        return self._connection

    def _bound(self) -> _Parameters:
        return _Parameters(self._options.organisation)

    def _inner(self, sql: str) -> str:
        return sql

    def _limited(self, limit: int) -> str:
        return f"\nLIMIT {limit}"

    def _values(self, entity: str, sql: str, bound: Bound) -> list[tuple[Any, ...]]:
        connection = self._connected()
        values = bound.values if isinstance(bound, _Parameters) else {}
        with self._translated(entity):
            try:
                return connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if hasattr(error, "sqlite_errorcode"):
                    raise
                return self._leniently(connection, sql, values)

    def _leniently(self, connection: sqlite3.Connection, sql: str, values: dict[str, Part]) -> list[tuple[Any, ...]]:
        """Some text is not UTF-8: its bytes become lone surrogates, which have no canonical form, so that only these rows are unfit."""
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.text_factory = str

    def _rows(self, entity: str, sql: str, bound: Bound) -> Rows:
        return TupleRows(self._values(entity, sql, bound))

    def _together(self, read: Callable[[], T]) -> tuple[T, Origin]:
        """One short transaction; once more if the file was replaced meanwhile, because what was read is then nobody's."""
        for _attempt in range(_ATTEMPTS):
            connection = self._connected()
            with self._translated(None):
                connection.execute("BEGIN")
            try:
                found, origin = read(), self._origin()
            finally:
                connection.rollback()
            if not self._file.replaced():
                return found, origin
            self.connect()
        raise Problem("GOR-1309", cause="replaced")

    def _with_ties(self, profile: EntityProfile, names: Sequence[str], order: Sequence[str], rows: Rows) -> Rows:
        bound = self._bound()
        last = rows.cells(len(rows) - 1, [names.index(name) for name in order])
        same = [f"q.{query.quote(name)} = {bound(part)}" for name, part in zip(order, last, strict=True)]
        ties = self._values(profile.name, query.select(names, profile.select(self.engine), same), bound)
        found = list(rows.raw)
        while found and found[-1] in ties:
            found.pop()
        return TupleRows(found + ties)

    # -- what it is

    def origin(self) -> Origin:
        """See :meth:`agent.sources.base.Source.origin`."""
        self.connect()
        return self._origin()

    def _origin(self) -> Origin:
        return Origin(f"sqlite:{self._options.organisation}", self._file.incarnation, self._file.header().counter)

    def version(self) -> str | None:
        """See :meth:`agent.sources.base.Source.version`. None while the file is being written."""
        self.connect()
        try:
            return f"{self._openings} {self._values('', 'PRAGMA data_version', self._bound())[0][0]}"
        except Problem as problem:
            if problem.code != "GOR-1304":
                raise
            return None

    def columns(self, profile: EntityProfile) -> tuple[Column, ...]:
        """See :meth:`agent.sources.base.Source.columns`. SQLite types tables, not results: the columns that the SELECT reads count."""
        self.connect()
        found = [Column(name, "") for name in self._names(profile)]
        reads = {(table, column) for table, column in self._reads if column}
        for table in dict.fromkeys([*profile.tables, *sorted(table for table, _column in reads)]):
            described = self._values(profile.name, f"PRAGMA table_xinfo({query.quote(table)})", self._bound())
            found += [Column(f"{table}.{row[1]}", row[2].upper(), used=(table, row[1]) in reads) for row in described]
        return tuple(found)

    def _names(self, profile: EntityProfile) -> tuple[str, ...]:
        connection = self._connected()
        connection.set_authorizer(self._authorize)  # prepares every statement anew, so that what it reads is seen
        self._reads = set()
        with self._translated(profile.name):
            sql = f"SELECT * FROM ({profile.select(self.engine)}) AS q LIMIT 0"  # noqa: S608  the SELECT of a checked profile
            cursor = connection.execute(sql, self._bound().values)
        return tuple(column[0] for column in cursor.description)

    # -- keys

    def _key_type(self, profile: EntityProfile) -> str:
        return profile.key_type

    def _wanted(self, profile: EntityProfile, keys: Sequence[str]) -> list[tuple[Part, ...]]:
        return sqlite_rows(profile.key_type, self._stored_kinds(profile), keys)

    def _stored_kinds(self, profile: EntityProfile) -> tuple[str, ...]:
        """How the key's columns are stored, by a look at one row: SQLite takes an integer and its text for different."""
        number = profile.entity.number
        if number not in self._kinds:
            texts = ", ".join(f"typeof(q.{query.quote(name)})" for name in profile.key)
            where = " AND ".join(query.present(profile.key))
            sql = f"SELECT {texts} FROM ({profile.select(self.engine)}) AS q WHERE {where} LIMIT 1"  # noqa: S608  names of a checked profile
            found = self._values(profile.name, sql, self._bound())
            if not found:
                return ()
            self._kinds[number] = found[0]
        return self._kinds[number]

    # -- plans, waiting

    def _explain(self, name: str, sql: str, bound: Bound) -> Plan:
        steps = tuple(row[3] for row in self._values(name, f"EXPLAIN QUERY PLAN {sql}", bound))
        return Plan(name, steps, plan_faults(steps))

    def wait(self, timeout_s: float) -> bool:
        """See :meth:`agent.sources.base.Source.wait`: file events shorten the wait, the file's data version decides."""
        if self._watch is None:
            from agent.sources.watch import FileWatch

            self._watch = FileWatch(self._file.path)
        until = time.monotonic() + timeout_s
        while not self._changed():
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._watch.wait(min(left, _POLL_S))
        return True

    def _changed(self) -> bool:
        version = self.version()
        if version is None:
            return False  # being written right now: the change is seen when it is done
        seen, self._seen = self._seen, version
        return seen != self._seen

    def describe(self, *, counts: bool = True) -> SchemaSurvey:
        """See :meth:`agent.sources.base.Source.describe`."""
        self.connect()
        with self._translated(None):
            return survey("sqlite://", self._open, counts=counts)
