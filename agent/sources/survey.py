"""Tables, columns, types, keys and row counts of a database, without any value: what a profile is made from and found by."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Inspector


@dataclass(frozen=True, slots=True)
class ColumnSurvey:
    """One column; ``type`` in the engine's words."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class TableSurvey:
    """One table; ``rows`` is None where they were not counted."""

    name: str
    columns: tuple[ColumnSurvey, ...]
    key: tuple[str, ...]
    rows: int | None


@dataclass(frozen=True, slots=True)
class SchemaSurvey:
    """A database's schema. The fingerprint is of names, types and keys: the same for two schools with the same version."""

    engine: str
    version: str
    tables: tuple[TableSurvey, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256, hex, of names, types and keys."""
        words = [
            [table.name, [[column.name, column.type] for column in table.columns], list(table.key)]
            for table in self.tables
        ]
        return hashlib.sha256(json.dumps([self.engine, words], ensure_ascii=False).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What ``profile survey`` writes."""
        return {"schema_fingerprint": self.fingerprint, **asdict(self)}


def survey(url: str, connect: Callable[[], Any], *, counts: bool) -> SchemaSurvey:
    """Survey a database through SQLAlchemy's inspector.

    Args:
        url: names the dialect only.
        connect: opens a connection that can only read; it is closed afterwards.
        counts: whether to count rows, which reads every table once.
    """
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import DBAPIError, SAWarning
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # a type that is not known is told as "?"
            inspector = inspect(connection)
            names = sorted(inspector.get_table_names())
            version = ".".join(map(str, getattr(engine.dialect, "server_version_info", None) or ()))
            tables = tuple(_table(connection, inspector, name, counts=counts) for name in names)
            return SchemaSurvey(engine.dialect.name, version, tables)
    except DBAPIError as error:
        if error.orig is None:
            raise
        raise error.orig from error


def _table(connection: Connection, inspector: Inspector, name: str, *, counts: bool) -> TableSurvey:
    columns = tuple(
        ColumnSurvey(str(column["name"]), _type(connection, column["type"]), bool(column.get("nullable", True)))
        for column in inspector.get_columns(name)
    )
    key = tuple(inspector.get_pk_constraint(name)["constrained_columns"])
    return TableSurvey(name, columns, key, _count(connection, name) if counts else None)


def _type(connection: Connection, kind: Any) -> str:
    from sqlalchemy.exc import CompileError
    from sqlalchemy.types import NullType

    if isinstance(kind, NullType):
        return "?"
    try:
        return str(kind.compile(connection.dialect))
    except CompileError:
        return type(kind).__name__


def _count(connection: Connection, name: str) -> int | None:
    from sqlalchemy import func, select, table
    from sqlalchemy.exc import DBAPIError

    try:
        return connection.execute(select(func.count()).select_from(table(name))).scalar_one()
    except DBAPIError:  # no right to read this one, or too large to be counted in the time allowed
        connection.rollback()
        return None
