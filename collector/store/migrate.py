"""From any earlier schema to this program's: Alembic migrations, then history triggers and row-level security, which are code.

A migration must run under the previous release: collectors are upgraded one after another. Locks are waited for briefly, so that a
migration never stands in front of everybody else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from collector.store import account_tables as _account_tables  # noqa: F401 - they register themselves in METADATA
from collector.store import family_tables, rights
from collector.store import office_tables as _office_tables  # noqa: F401 - they register themselves in METADATA
from collector.store.engine import sqlalchemy_engine
from collector.store.problems import translated
from collector.store.tables import METADATA, SCHEMA
from proto.problems import Problem

if TYPE_CHECKING:
    from sqlalchemy import Connection

HERE: Final = Path(__file__).parent
VERSION_TABLE: Final = "alembic_version"
_MIGRATION_LOCK: Final = 0x676F726F64


def migrate(owner_url: str, lock_timeout_s: float = 4.0) -> str:
    """Bring the database to the newest schema in one transaction; returns its version. Safe to repeat, and by several at once.

    The login roles must exist (see :mod:`collector.store.roles`).

    Raises:
        Problem: GOR-1810, the schema is newer than this program; 1808, somebody holds a lock; 1809, not the owner.
    """
    engine = sqlalchemy_engine(owner_url)
    try:
        with translated(), engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = {round(lock_timeout_s * 1000)}"))
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            _refuse_newer(current(connection))
            command.upgrade(alembic_config(connection), "head")
            apply_policies(connection)
    finally:
        engine.dispose()
    return newest()


def apply_policies(connection: Connection) -> None:
    """History triggers, rights, policies and grants, as this program knows them."""
    _run(connection, rights.as_sql())
    for name in ("history.sql", "reach.sql", "policies.sql", "audit.sql", "accounts.sql", "office.sql"):
        _run(connection, (HERE / name).read_text("utf-8"))
    _run(connection, family_tables.GRANTS)


def newest() -> str:
    """The version that this program works with."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise RuntimeError("no migration is installed")
    return head


def current(connection: Connection) -> str | None:
    """The version of the database, None before the first migration."""
    return _context(connection).get_current_revision()


def check_schema(connection: Connection) -> None:
    """Raise Problem GOR-1806 when migrations are due, GOR-1810 when the schema is newer than this program."""
    found = current(connection)
    _refuse_newer(found)
    if found != newest():
        raise Problem("GOR-1806", version=found or "—")


def differences(connection: Connection) -> list[object]:
    """What the database has and the tables of the code have not, or the other way round."""
    return list(compare_metadata(_context(connection), METADATA))


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings: no file, the connection is handed over."""
    config = Config()
    config.set_main_option("script_location", str(HERE / "migrations"))
    config.attributes["connection"] = connection
    return config


def context_options() -> dict[str, Any]:
    """What Alembic is to compare: our schema only."""
    return {
        "target_metadata": METADATA,
        "version_table": VERSION_TABLE,
        "version_table_schema": SCHEMA,
        "include_schemas": True,
        "include_name": lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
        "compare_type": True,
    }


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts=context_options())


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if found is not None and found not in known:
        raise Problem("GOR-1810", version=found)


def _run(connection: Connection, statements: str) -> None:
    """Several statements as they stand: the driver sees no parameters in them."""
    cursor = connection.connection.cursor()
    cursor.execute(statements)
    cursor.close()
