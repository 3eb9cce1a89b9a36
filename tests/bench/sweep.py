"""``sweep``: full sweeps that find nothing. The agent's own reader, in this process, on the state that a real agent left."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from agent.config import BESIDE, read_config
from agent.core.sweep import Kind
from agent.reader import Reader
from agent.wiring import build
from tests.bench.ground import ground

if TYPE_CHECKING:
    from pathlib import Path

    from agent.wiring import Parts
    from tests.bench.ground import Ground, Size

_TIMES = 5


def sweep(size: Size, folder: Path) -> dict[str, Any]:
    """Load by a real agent; then sweep again and again, and once by ``gorod-agent once``, proof included."""
    del folder
    with ground(size) as here:
        here.end(here.load())
        rows = sum(here.source_rows().values())
        times = _sweeps(here)
        once = _once(here)
    seconds = statistics.median(times)
    return {
        "rows": rows,
        "seconds": round(seconds, 3),
        "rows_per_s": round(rows / seconds),
        "rows_per_s_each": [round(rows / one) for one in times],
        "once_seconds": round(once, 2),
    }


def _sweeps(here: Ground) -> list[float]:
    config = read_config(here.agent_data, here.agent_data / BESIDE, os.environ)
    parts = build(config)
    try:
        reader = Reader(parts.capture, config, parts.identity.facts.zone, _nothing, _nothing)
        return [_one(parts, reader) for _turn in range(_TIMES)]
    finally:
        parts.close()


def _nothing() -> None:
    """Nobody is to be woken."""


def _one(parts: Parts, reader: Reader) -> float:
    """Seconds of one full sweep, page by page as the service reads."""
    before = parts.store.position().last.seq
    parts.store.put(resync_due=1, sweep_full=None)
    reader.plan.due[Kind.HOT] = reader.plan.due[Kind.HINT] = time.monotonic() + 3600
    started = time.monotonic()
    while parts.store.get("resync_due"):
        reader.step()
    seconds = time.monotonic() - started
    if parts.store.position().last.seq != before:
        raise RuntimeError("the sweep found something")
    return seconds


def _once(here: Ground) -> float:
    """Seconds of ``gorod-agent once``: start, sweep, receipts, the equal digest."""
    started = time.monotonic()
    command = [sys.executable, "-m", "agent", "once", "--data", str(here.agent_data), "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started
