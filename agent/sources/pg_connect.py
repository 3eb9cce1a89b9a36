"""A connection to NetSchool's PostgreSQL that can only read, and what is wrong when there is none.

The server writes its refusals in its own language, and libpq keeps no code for them: so they are told apart by what happens, never by text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import conninfo

from proto.problems import Problem

if TYPE_CHECKING:
    from agent.sources.base import Options

MINIMUM_VERSION: Final = 130_000
"""PostgreSQL 13: the first with snapshot functions for 64-bit transaction ids and FETCH FIRST … WITH TIES."""

_DEFAULT_PORT: Final = "5432"


def parameters(options: Options) -> dict[str, Any]:
    """Connection parameters of a URL; a password given apart wins over one inside it."""
    scheme, _, rest = options.url.partition("://")
    if scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise Problem("GOR-1308", engine=scheme)
    try:
        found: dict[str, Any] = conninfo.conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.ProgrammingError as error:
        raise Problem("GOR-1003", key="source_url", value="…", cause="URL") from error
    if options.password:
        found["password"] = options.password
    return found | {
        "connect_timeout": max(1, round(options.connect_timeout_s)),
        "application_name": "gorod-agent",
        "client_encoding": "UTF8",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }


def connect(options: Options) -> psycopg.Connection[Any]:
    """A connection whose session cannot write and writes values in one fixed form.

    Raises:
        Problem: wrong password (GOR-1311), unreachable (1312), no such database (1313), no right (1314), too old (1315).
    """
    wanted = parameters(options)
    try:
        connection = psycopg.connect(**wanted, autocommit=True)
    except psycopg.OperationalError as error:
        raise _refusal(wanted, error) from error
    try:
        _check_version(connection)
        connection.execute(_session(options))
    except (Problem, psycopg.Error):
        connection.close()
        raise
    connection.prepare_threshold = None
    return connection


def _check_version(connection: psycopg.Connection[Any]) -> None:
    if connection.info.server_version < MINIMUM_VERSION:
        shown = connection.info.parameter_status("server_version") or str(connection.info.server_version)
        raise Problem("GOR-1315", version=shown, required=MINIMUM_VERSION // 10_000)


def _session(options: Options) -> str:
    """Read only, short, modest, and one spelling of every value whatever the server's settings."""
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": round(options.statement_timeout_s * 1000),
        "lock_timeout": round(options.lock_timeout_s * 1000),
        "idle_in_transaction_session_timeout": 60_000,
        "max_parallel_workers_per_gather": 0,
        "jit": "off",
        "DateStyle": "ISO, YMD",
        "IntervalStyle": "iso_8601",
        "TimeZone": options.zone,
        "extra_float_digits": 1,
        "bytea_output": "hex",
        "xmlbinary": "base64",
        "standard_conforming_strings": "on",
    }
    return "; ".join(f"SET {name} = {_quoted(str(value))}" for name, value in settings.items())


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def address(wanted: dict[str, Any]) -> str:
    """Host and port, for people."""
    return f"{wanted.get('host') or 'localhost'}:{wanted.get('port') or _DEFAULT_PORT}"


def _refusal(wanted: dict[str, Any], error: psycopg.OperationalError) -> Problem:
    """Why there is no connection: was the server reached, did it ask for a password, does the login work for another database?"""
    asked = error.pgconn is not None and (error.pgconn.used_password or error.pgconn.needs_password)
    database, user = wanted.get("dbname") or wanted.get("user") or "", wanted.get("user") or ""
    try:
        with psycopg.connect(**wanted | {"dbname": "postgres"}, autocommit=True) as elsewhere:
            found = elsewhere.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    except psycopg.OperationalError:
        return Problem("GOR-1311", user=user) if asked else Problem("GOR-1312", address=address(wanted))
    if found is None:
        return Problem("GOR-1313", database=database)
    return Problem("GOR-1314", user=user, object=database) if asked else Problem("GOR-1312", address=address(wanted))
