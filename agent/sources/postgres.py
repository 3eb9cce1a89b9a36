"""NetSchool in PostgreSQL 13 or newer: a session that can only read, pages by COPY, marks that no late commit can slip behind."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg.sql import Literal

from agent.core.drift import Column
from agent.core.origin import Origin
from agent.sources import marks, pg_connect, query, sqltext
from agent.sources.base import Options, Plan
from agent.sources.pg_plan import FORCED, plan_faults, plan_steps
from agent.sources.pgcopy import CopyRows, Prepared, ask, begin_copy, copy_rows, finish_copy
from agent.sources.sql import SqlSource
from agent.sources.survey import SchemaSurvey, survey
from agent.sources.typed_keys import postgres_rows
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.profile import EntityProfile
    from agent.sources.query import Key, Part, Window
    from agent.sources.sql import Bound

T = TypeVar("T")

_ORIGIN: Final = """
SELECT (pg_control_system()).system_identifier,
       CASE WHEN pg_is_in_recovery() THEN (pg_control_checkpoint()).timeline_id
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END,
       (SELECT oid FROM pg_database WHERE datname = current_database()),
       (SELECT left(md5(string_agg(coalesce(to_regclass(a), to_regclass(b))::oid::text, ',' ORDER BY a)), 8)
          FROM unnest($1::text[], $2::text[]) AS names (a, b)),
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::bigint
"""
_STAMPS: Final = """
SELECT (SELECT string_agg(DISTINCT transactionid::text, ',') FROM pg_locks WHERE locktype = 'transactionid' AND granted){stamps}
"""
_PROBE: Final = """
SELECT pg_current_snapshot()::text, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END
"""
_TABLE: Final = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = coalesce(to_regclass($1), to_regclass($2)) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_SETTLED: Final = frozenset({"int2", "int4", "int8", "uuid", "date"})
"""Types whose text in PostgreSQL is canonical already."""
_PATIENCE: Final = 50
"""The longer nothing changes, the longer the pause between two probes: a fiftieth of it, within the bounds of the options."""


class _Literals:
    """Puts values into the statement as literals of unknown type, which PostgreSQL reads as the type they are compared with."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __call__(self, value: Part) -> str:
        return Literal(str(value)).as_string(self._connection)


class PostgresSource(SqlSource):
    """See :class:`agent.sources.base.Source`."""

    engine: ClassVar[str] = "postgres"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._parameters = pg_connect.parameters(options)
        spelled = list(map(_spellings, options.tables))
        self._table_names = [_array([names[place] for names in spelled]) for place in (0, 1)]
        self._connection: psycopg.Connection[Any] | None = None
        self._types: dict[int, tuple[str, ...]] = {}
        self._waiting: dict[int, marks.Waiting] = {}
        self._inners: dict[str, str] = {}
        self._running: frozenset[str] = frozenset()
        self._ahead: tuple[str, Origin] | None = None
        self._connections = 0
        self._seen: object = None
        self._changed_at = 0.0

    # -- connection

    def connect(self) -> None:
        """See :meth:`agent.sources.base.Source.connect`."""
        if self._connection is None or self._connection.closed:
            self._connection = pg_connect.connect(self._options)
            self._prepared = Prepared(self._connection)
            self._connections += 1

    def close(self) -> None:
        """See :meth:`agent.sources.base.Source.close`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._ahead = None
        self._shapes.clear()

    def _link(self) -> psycopg.Connection[Any]:
        self.connect()
        if self._connection is None:
            raise Problem("GOR-1312", address=pg_connect.address(self._parameters))
        return self._connection

    def _connected(self) -> psycopg.Connection[Any]:
        """The connection, ready for a statement: a page that was begun and is not what is asked for is read and thrown away."""
        connection = self._link()
        if self._ahead is not None:
            self._ahead = None
            with suppress(psycopg.Error):
                finish_copy(connection)
            return self._link()
        return connection

    @contextmanager
    def _translated(self, entity: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise self._problem(error, entity) from error

    def _problem(self, error: psycopg.Error, entity: str) -> Problem:
        if isinstance(error, errors.LockNotAvailable):
            return Problem("GOR-1304", seconds=f"{self._options.lock_timeout_s:g}")
        if isinstance(error, errors.InsufficientPrivilege):
            return Problem("GOR-1314", user=self._parameters.get("user", ""), object=entity)
        if isinstance(error, errors.UndefinedColumn | errors.UndefinedTable):
            return Problem("GOR-1403", entity=entity, missing=error.diag.message_primary)
        if isinstance(error, errors.ReadOnlySqlTransaction | errors.SyntaxError):
            return Problem("GOR-1404", entity=entity, cause=error.sqlstate)
        if self._connection is None or self._connection.closed or self._connection.broken:
            self.close()
            return Problem("GOR-1312", address=pg_connect.address(self._parameters))
        slow = isinstance(error, errors.QueryCanceled)
        cause = f"> {self._options.statement_timeout_s:g} s" if slow else error.sqlstate or type(error).__name__
        return Problem("GOR-1309", cause=cause)

    # -- running statements

    def _bound(self) -> _Literals:
        return _Literals(self._link())

    def _inner(self, sql: str) -> str:
        if sql not in self._inners:
            literal = self._bound()(self._options.organisation)
            self._inners[sql] = sqltext.substitute(sql, lambda _name: literal)
        return self._inners[sql]

    def _limited(self, limit: int) -> str:
        return f"\nFETCH FIRST {limit} ROWS WITH TIES"

    def _rows(self, entity: str, sql: str, bound: Bound) -> CopyRows:
        del bound
        if self._ahead is not None and self._ahead[0] == sql:
            self._ahead = None
            with self._translated(entity):
                return CopyRows(finish_copy(self._link()))
        connection = self._connected()
        with self._translated(entity):
            return CopyRows(copy_rows(connection, sql))

    def expect(self, profile: EntityProfile, after: Key | None, limit: int, window: Window) -> None:
        """See :meth:`agent.sources.base.Source.expect`: the server works while we do."""
        order, bound = query.order_of(profile, window), self._bound()
        sql = self._ordered(profile, order, self._window(profile, window, bound), bound, after, limit)
        origin = self.origin()
        with self._translated(profile.name):
            begin_copy(self._link(), sql)
        self._ahead = (sql, origin)

    def _values(self, entity: str, sql: str, bound: Bound) -> list[tuple[Any, ...]]:
        del bound
        connection = self._connected()
        with self._translated(entity):
            return list(ask(connection, sql))

    def _ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Run a statement of our own."""
        self._connected()
        with self._translated(""):
            return list(self._prepared.ask(sql, values))

    def _together(self, read: Callable[[], T]) -> tuple[T, Origin]:
        """The connection is to one server process of one database: what it is cannot change under it, only its position grows."""
        origin = self._ahead[1] if self._ahead is not None else self.origin()
        return read(), origin

    # -- what it is

    def origin(self) -> Origin:
        """See :meth:`agent.sources.base.Source.origin`. A login with nothing but SELECT may read all of this.

        Tables made anew (``pg_restore --clean`` into the same database) are another incarnation, as another database oid is.
        """
        system, timeline, database, tables, position = self._ask(_ORIGIN, *self._table_names)[0]
        return Origin(
            f"postgres:{system}:{self._options.organisation}", f"{timeline}.{database}.{tables or 0}", int(position)
        )

    def version(self) -> str | None:
        """See :meth:`agent.sources.base.Source.version`. Every commit that wrote moves the snapshot; a standby's does not tell them all."""
        self.connect()  # first: behind another connection may be a restored cluster that comes by the same numbers again
        connection, (snapshot, replayed) = self._connections, self._ask(_PROBE)[0]
        return f"{connection} {snapshot}" if replayed is None else None

    def columns(self, profile: EntityProfile) -> tuple[Column, ...]:
        """See :meth:`agent.sources.base.Source.columns`."""
        found = [Column(name, kind) for name, kind in self._described(profile)]
        for table in profile.tables:
            rows = self._ask(_TABLE, *_spellings(table))
            found += [Column(f"{table}.{name}", kind, used=False) for name, kind in rows]
        return tuple(found)

    def _described(self, profile: EntityProfile) -> list[tuple[str, str]]:
        connection = self._connected()
        statement = f"SELECT * FROM (\n{self._inner(profile.select(self.engine))}\n) AS q LIMIT 0"  # noqa: S608  the SELECT of a checked profile
        with self._translated(profile.name):
            described = connection.execute(statement.encode()).description or []
        known = connection.adapters.types
        kinds = {column.name: kind.name if (kind := known.get(column.type_code)) else "text" for column in described}
        self._types[profile.entity.number] = tuple(kinds.get(name, "text") for name in profile.key)
        return [(column.name, column.type_display) for column in described]

    def _names(self, profile: EntityProfile) -> tuple[str, ...]:
        return tuple(name for name, _type in self._described(profile))

    # -- keys

    def _key_types(self, profile: EntityProfile) -> tuple[str, ...]:
        self._shape(profile)
        return self._types[profile.entity.number]

    def _key_type(self, profile: EntityProfile) -> str:
        return "text" if set(self._key_types(profile)) <= _SETTLED else profile.key_type

    def _wanted(self, profile: EntityProfile, keys: Sequence[str]) -> list[tuple[Part, ...]]:
        return list(postgres_rows(profile.key_type, self._key_types(profile), keys))

    def _bind_keys(self, profile: EntityProfile, rows: Sequence[tuple[Part, ...]], bound: Bound) -> list[list[str]]:
        texts = super()._bind_keys(profile, rows, bound)
        if len(profile.key) > 1 and texts:  # the first row of VALUES types the others
            texts[0] = [f"{text}::{kind}" for text, kind in zip(texts[0], self._key_types(profile), strict=True)]
        return texts

    # -- hints

    def _newest(self, profiles: Sequence[EntityProfile]) -> dict[str, marks.Mark]:
        """All stamps by one statement, with the transactions that ran when they were read; one by one if that fails, to see which."""
        stamps = [
            (profile, name, query.newest(column, self._inner(sql)))
            for profile in profiles
            for name, column, sql in self._stamps(profile)
        ]
        try:
            row = self._ask(_STAMPS.format(stamps="".join(f",\n({text})::text" for _profile, _name, text in stamps)))[0]
        except Problem:
            super()._newest(profiles)
            raise
        self._running = frozenset((row[0] or "").split(",")) - {""}
        found: dict[str, marks.Mark] = {}
        for (profile, name, _text), stamp in zip(stamps, row[1:], strict=True):
            found.setdefault(profile.name, {})[name] = stamp
        return found

    def _safe(self, profile: EntityProfile, newest: marks.Mark) -> marks.Mark:
        """The newest mark whose transactions have all ended.

        A transaction that wrote before a mark was taken and commits after it would be skipped. Until there is such a mark it is the
        present one less ``long_transaction_s``. What a transaction stamps with the time of its beginning, long before its first write, only
        the overlap covers, and after it the hot and full sweeps.
        """
        waiting = self._waiting.setdefault(profile.entity.number, marks.Waiting())
        waiting.add(newest, self._running)
        return waiting.safe(self._running) or marks.moved_back(newest, self._options.long_transaction_s)

    # -- plans, waiting

    def _explain(self, name: str, sql: str, bound: Bound) -> Plan:
        """Whether index seeks exist: asked with scans and sorts switched off, since small tables are rightly scanned."""
        del bound
        connection = self._connected()
        with self._translated(name), connection.transaction():
            for setting in FORCED:
                connection.execute(f"SET LOCAL {setting} = off".encode())
            found = connection.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {sql}".encode()).fetchone()
        plan = found[0][0]["Plan"] if found else {}
        return Plan(name, tuple(plan_steps(plan)), tuple(plan_faults(plan)))

    def wait(self, timeout_s: float) -> bool:
        """See :meth:`agent.sources.base.Source.wait`."""
        until = time.monotonic() + timeout_s
        while True:
            self.connect()
            found = (self._connections, *self._ask(_PROBE)[0])
            now = time.monotonic()
            if found != self._seen:
                self._seen, self._changed_at = found, now
                return True
            if now >= until:
                return False
            quiet = (now - self._changed_at) / _PATIENCE
            time.sleep(min(until - now, max(self._options.probe_s, min(quiet, self._options.probe_idle_s))))

    def describe(self, *, counts: bool = True) -> SchemaSurvey:
        """See :meth:`agent.sources.base.Source.describe`."""
        with self._translated("survey"):
            return survey("postgresql+psycopg://", lambda: pg_connect.connect(self._options), counts=counts)


def _array(texts: Sequence[str]) -> str:
    """An array of texts in PostgreSQL's own notation."""
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in escaped) + "}"


def _spellings(name: str) -> tuple[str, str]:
    """A table's name, with its schema if it has one, as PostgreSQL folds it when unquoted, and as it stands."""
    folded, kept = ([query.quote(part) for part in text.split(".")] for text in (name.lower(), name))
    return ".".join(folded), ".".join(kept)
