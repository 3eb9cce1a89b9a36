"""``stream``: 200 one-row transactions a second; from the return of the commit at the school to the row's being visible at the centre.

Then the same writer, with native logical replication between the same two clusters, agent and collector at rest. CPU is that of everything:
writer, both clusters, agent, collector; only the session that looks whether rows are visible is left out of its cluster's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from tests.bench.ground import ground
from tests.bench.native import Replication
from tests.bench.usage import cpu_s, own_cpu_s, percentile
from tests.bench.writer import start_writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import psycopg

    from tests.bench.ground import Ground, Size
    from tests.bench.writer import Writing, Written

RATE = 200
_LOOK_S = 0.001
_PATIENCE_S = 60.0
_OURS = "SELECT source_id, raw FROM gorod.mark WHERE source_id = ANY (%s) AND school_id = %s"
_MOVED = "SELECT seq FROM gorod.school_state WHERE school_id = %s"


class Target(Protocol):
    """The side on which rows appear."""

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The session that looks."""

    def moved(self) -> bool:
        """Whether it is worth looking."""

    def now(self, keys: list[str]) -> dict[str, str]:
        """The marks of these keys that are visible."""


@dataclass
class Centre:
    """The department's store; a look at the school's place in the chain tells cheaply whether anything came."""

    connection: psycopg.Connection[Any]
    school: str
    seq: int = -1

    def moved(self) -> bool:
        """See :class:`Target`."""
        row = self.connection.execute(_MOVED, [self.school], prepare=True).fetchone()
        before, self.seq = self.seq, row[0] if row else 0
        return self.seq != before

    def now(self, keys: list[str]) -> dict[str, str]:
        """See :class:`Target`."""
        return dict(self.connection.execute(_OURS, [keys, self.school], prepare=True).fetchall())


@dataclass(frozen=True)
class Window:
    """What one stretch of writing showed: milliseconds until visible, CPU seconds by part."""

    latencies: list[float]
    cpu: dict[str, float]
    lost: int

    @property
    def cpu_s_per_1000(self) -> float:
        """CPU of all parts for a thousand transactions."""
        return sum(self.cpu.values()) / len(self.latencies) * 1000

    def per_1000(self) -> dict[str, float]:
        """The same by part."""
        return {name: round(seconds / len(self.latencies) * 1000, 3) for name, seconds in self.cpu.items()}

    def percentiles(self) -> dict[str, float]:
        """Milliseconds."""
        return {f"p{share}_ms": round(percentile(self.latencies, share / 100), 1) for share in (50, 95, 99)}


def stream(size: Size, folder: Path) -> dict[str, Any]:
    """Ours, then the peer in the same run."""
    del folder
    with ground(size) as here:
        agent = here.load()
        pids = {"agent": agent.process.pid, "collector": here.collector.process.pid}
        with here.at_centre() as connection:
            ours = measure(here, Centre(connection, here.school.spec.id), size, pids)
        here.end(agent)
        here.end(here.collector)
        with Replication(here) as peer:
            native = measure(here, peer, replace(size, seed=size.seed + 1), {})
    return {
        "transactions": len(ours.latencies),
        **ours.percentiles(),
        "cpu_s_per_1000": round(ours.cpu_s_per_1000, 2),
        **{f"native_{name}": value for name, value in native.percentiles().items()},
        "native_cpu_s_per_1000": round(native.cpu_s_per_1000, 2),
        "equal": not ours.lost and not native.lost,
        "cpu": ours.per_1000(),
        "native_cpu": native.per_1000(),
    }


def measure(here: Ground, target: Target, size: Size, pids: Mapping[str, int]) -> Window:
    """Let the school work and watch its rows appear."""
    pids = {**pids, "source": here.postmaster(here.source), "centre": here.postmaster(here.centre)}
    looking = target.connection.info.backend_pid
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    looked = own_cpu_s(looking)
    writing = start_writer(here, int(RATE * size.seconds), RATE, size.seed)
    latencies, lost = _watch(writing, target)
    cpu = {name: cpu_s(pid) - before[name] for name, pid in pids.items()}
    cpu["centre"] -= own_cpu_s(looking) - looked
    return Window(latencies, cpu | {"writer": writing.cpu_s}, lost)


def _watch(writing: Writing, target: Target) -> tuple[list[float], int]:
    """Milliseconds from commit to sight of each transaction, and how many were never seen."""
    following = writing.follow()
    waiting: dict[str, Written] = {}
    latencies: list[float] = []
    taken, last = 0, time.monotonic()
    while (following.is_alive() or waiting or taken < len(writing.done)) and time.monotonic() - last < _PATIENCE_S:
        fresh = writing.done[taken:]
        taken += len(fresh)
        waiting |= {one.key: one for one in fresh}
        if waiting and (target.moved() or fresh):
            seen = target.now(list(waiting))
            now = time.monotonic()
            for key in [key for key, one in waiting.items() if seen.get(key, "") == one.mark]:
                latencies.append((now - waiting.pop(key).at) * 1000)
                last = now
        time.sleep(_LOOK_S)
    return latencies, len(waiting)
