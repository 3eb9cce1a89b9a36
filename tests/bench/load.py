"""``load``: an empty department, an enrolled agent starts; until the centre has every row and has proven it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from tests.bench.floor import checkpoint, floor_seconds
from tests.bench.ground import ground
from tests.bench.relay import Relay
from tests.bench.usage import cpu_s, peak_mb

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.ground import Ground, Size

_STAGED = "tests.bench.staged"


def load(size: Size, folder: Path) -> dict[str, Any]:
    """Floor, then ours; raw figures of both."""
    files = [folder / "agent.json", folder / "collector.json"]
    with Relay() as relay, ground(size, collector=(_STAGED, str(files[1])), public=relay.address) as here:
        relay.target = _port(here)
        floor = floor_seconds(here)
        checkpoint(here)
        before = _cpu(here)
        began, started = datetime.now(UTC), monotonic()
        agent = here.start_agent((_STAGED, str(files[0])))
        seconds = here.wait_complete(began) - started
        pid = agent.process.pid
        peak, agent_cpu, wire = peak_mb(pid), cpu_s(pid), relay.up + relay.down
        after = _cpu(here)
        counts = here.counts()
        here.end(agent)
        here.end(here.collector)
    rows = sum(counts.source.values())
    stages = _stages(*(json.loads(file.read_text("utf-8")) for file in files))
    return {
        "equal": counts.equal,
        "rows": rows,
        "seconds": round(seconds, 2),
        "rows_per_s": round(rows / seconds),
        "floor_seconds": round(floor, 2),
        "ratio": round(seconds / floor, 2),
        "agent_peak_mb": round(peak, 1),
        "bytes_per_row": round(wire / rows, 2),
        "cpu_s": {"agent": round(agent_cpu, 2)} | {name: round(after[name] - before[name], 2) for name in after},
        **stages,
    }


def _cpu(here: Ground) -> dict[str, float]:
    return {
        "collector": cpu_s(here.collector.process.pid),
        "source": cpu_s(here.postmaster(here.source)),
        "centre": cpu_s(here.postmaster(here.centre)),
    }


def _port(here: Ground) -> tuple[str, int]:
    host, _, port = here.department.values["sync_listen"].rpartition(":")
    return host, int(port)


def _stages(agent: dict[str, Any], collector: dict[str, Any]) -> dict[str, Any]:
    """Seconds in which each stage was at work, and its share of their sum. Stages run beside each other: the sum exceeds the time."""
    wall = agent["wall"] | collector["wall"]
    cpu = agent["cpu"] | collector["cpu"]
    total = sum(wall.values())
    return {
        "stages": {name: round(seconds / total, 3) for name, seconds in wall.items()},
        "stage_seconds": {name: round(seconds, 2) for name, seconds in wall.items()},
        "stage_cpu_s": {name: round(seconds, 2) for name, seconds in cpu.items()},
    }
