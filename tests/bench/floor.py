"""The floor of a load: ``psql COPY TO STDOUT | psql COPY FROM STDIN``, table by table, the same rows, keys and nothing else on the target."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.engine import make_url

from install.demo import schema
from install.demo.counts import TIMELESS, YEARLY

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.bench.ground import Ground

_DATABASE = "floor"
_OPEN = "SELECT YearId FROM SchoolYears WHERE OrgCode = '{code}' AND NOT ClosedFlag"


def floor_seconds(ground: Ground, times: int = 3) -> float:
    """Median time of copying all that the agent would carry."""
    return statistics.median(_once(ground) for _turn in range(times))


def _once(ground: Ground) -> float:
    target = ground.centre.create_database(_DATABASE)
    try:
        make_tables(target)
        checkpoint(ground)
        started = time.monotonic()
        for table, rows in _selects(ground.school.spec.organisation):
            _copy(ground, table, rows, target)
        return time.monotonic() - started
    finally:
        ground.centre.drop_database(_DATABASE)


def checkpoint(ground: Ground) -> None:
    """Let neither side pay for what was written before."""
    for server in (ground.source, ground.centre):
        with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")


def make_tables(target: str, names: Collection[str] = (*TIMELESS.values(), *YEARLY.values())) -> None:
    """Tables with their primary keys and nothing else."""
    wanted = tuple(f"CREATE TABLE {name} (" for name in names)
    with psycopg.connect(target, autocommit=True) as connection:
        for statement in schema.statements(schema.POSTGRES):
            if statement.startswith(wanted):
                connection.execute(statement.encode())


def _selects(code: str) -> list[tuple[str, str]]:
    opened = _OPEN.format(code=code)
    found = [(table, f"SELECT * FROM {table} WHERE OrgCode = '{code}'") for table in TIMELESS.values()]
    return found + [
        (table, f"SELECT * FROM {table} WHERE OrgCode = '{code}' AND YearId IN ({opened})") for table in YEARLY.values()
    ]


def _copy(ground: Ground, table: str, rows: str, target: str) -> None:
    psql = str(ground.source._binaries() / "psql")
    reading = subprocess.Popen(
        [psql, "-Xqc", f"COPY ({rows}) TO STDOUT"], stdout=subprocess.PIPE, env=_environ(ground.school.write_url)
    )
    done = subprocess.run(
        [psql, "-Xqc", f"COPY {table} FROM STDIN"], stdin=reading.stdout, env=_environ(target), check=False
    )
    if reading.wait() or done.returncode:
        raise RuntimeError(table)


def _environ(url: str) -> dict[str, str]:
    at = make_url(url)
    named = {
        "PGHOST": at.host,
        "PGPORT": at.port,
        "PGUSER": at.username,
        "PGPASSWORD": at.password,
        "PGDATABASE": at.database,
    }
    return {**os.environ, **{name: str(value) for name, value in named.items()}}
