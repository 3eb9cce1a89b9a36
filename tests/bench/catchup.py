"""``catchup``: 50 000 one-row transactions while the agent is off; from its start until the centre holds exactly what the school holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.bench.floor import checkpoint
from tests.bench.ground import ground
from tests.bench.usage import cpu_s, peak_mb
from tests.bench.writer import start_writer

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from tests.bench.ground import Ground, Size

CHANGES = 50_000
_SHARE = 0.12
_LOOK_S = 0.02
_PATIENCE_S = 300.0
# Everything that the writer can change of a mark: key, value, text. Order and deletions show here, not only numbers of rows.
_SOURCE = """
SELECT count(*), md5(string_agg(MarkId || ':' || MarkText || ':' || MarkValue::int, ',' ORDER BY MarkId)) FROM Marks
JOIN SchoolYears USING (OrgCode, YearId) WHERE OrgCode = %s AND NOT ClosedFlag"""
_CENTRE = """
SELECT count(*), md5(string_agg(source_id || ':' || raw || ':' || value::int, ',' ORDER BY source_id::int)) FROM gorod.mark m
WHERE school_id = %s AND NOT EXISTS (SELECT FROM gorod.closed_year y WHERE y.school_id = m.school_id AND y.year_id = m.year_id)"""
_STATE = "SELECT seq, rows FROM gorod.school_state WHERE school_id = %s"


def catchup(size: Size, folder: Path) -> dict[str, Any]:
    """Load, stop, write, start, wait."""
    del folder
    changes = min(CHANGES, int(size.rows * _SHARE))
    with ground(size) as here:
        here.end(here.load())
        writing = start_writer(here, changes, 0, size.seed)
        writing.follow().join()
        checkpoint(here)
        before = _cpu(here)
        started = time.monotonic()
        agent = here.start_agent()
        ended = _until_equal(here)
        pid = agent.process.pid
        cpu = {name: round(seconds - before[name], 2) for name, seconds in _cpu(here).items()}
        cpu["agent"] = round(cpu_s(pid), 2)
        peak = peak_mb(pid)
        equal = ended is not None and here.counts().equal
        here.end(agent)
    seconds = (ended or time.monotonic()) - started
    return {
        "equal": equal,
        "changes": len(writing.done),
        "deletes": sum(not one.mark for one in writing.done),
        "seconds": round(seconds, 2),
        "changes_per_s": round(len(writing.done) / seconds),
        "cpu_s": cpu,
        "agent_peak_mb": round(peak, 1),
    }


def _cpu(here: Ground) -> dict[str, float]:
    pids = {"collector": here.collector.process.pid}
    pids |= {"source": here.postmaster(here.source), "centre": here.postmaster(here.centre)}
    return {name: cpu_s(pid) for name, pid in pids.items()}


def _until_equal(here: Ground) -> float | None:
    """When the last change was visible (steady clock); None if the two sides never became equal."""
    school, end = here.school.spec, time.monotonic() + _PATIENCE_S
    with here.at_source() as source, here.at_centre() as centre:
        wanted = _one(source, _SOURCE, school.organisation)
        position, moved = _one(centre, _STATE, school.id), time.monotonic()
        looked = False
        while time.monotonic() < end:
            now = _one(centre, _STATE, school.id)
            if now != position:
                position, moved, looked = now, time.monotonic(), False
            elif (
                not looked and time.monotonic() - moved > _LOOK_S * 10
            ):  # at rest: a look at everything is worth its price
                looked = True
                if _one(centre, _CENTRE, school.id) == wanted:
                    return moved
            time.sleep(_LOOK_S)
    return None


def _one(connection: psycopg.Connection[Any], sql: str, *values: object) -> tuple[Any, ...] | None:
    return connection.execute(sql.encode(), values).fetchone()
