"""Runs a program of ours as it is, with stop watches around its stages; writes what they showed at the end.

    python -m tests.bench.staged OUT agent run --data …

The product holds no timers for this. A stage's time leaves out the stages inside it; ``cpu`` is the thread's own. What the uplink does
between the outbox and the wire is the whole of its event loop's thread, less its start.
"""

from __future__ import annotations

import functools
import importlib
import json
import runpy
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = {
    "agent": {
        "read": ["agent.sources.postgres:PostgresSource.page", "agent.sources.postgres:PostgresSource.by_keys"],
        "fingerprint": [
            "agent.state.fingerprints:IntegerTable.between",
            "agent.state.fingerprints:Table.known",
            "agent.capture:Capture.natives",
            "agent.capture:Capture.examine",
        ],
        "seal": ["agent.seal:EnvelopeSealer.__call__"],
        "store": ["agent.state.store:StateStore.commit"],
    },
    "collector": {
        "open": ["collector.ingest.stream:Stream._unseal"],
        "apply": ["collector.ingest.desk:Desk.envelope"],
    },
}

_wall: defaultdict[str, float] = defaultdict(float)
_cpu: defaultdict[str, float] = defaultdict(float)
_inner = threading.local()


def _watched(stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call with its time added to the stage's."""

    @functools.wraps(call)
    def timed(*arguments: Any, **named: Any) -> Any:
        outer = getattr(_inner, "spent", (0.0, 0.0))
        _inner.spent = (0.0, 0.0)
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return call(*arguments, **named)
        finally:
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            _wall[stage] += wall - _inner.spent[0]
            _cpu[stage] += cpu - _inner.spent[1]
            _inner.spent = (outer[0] + wall, outer[1] + cpu)

    return timed


def _watch(stage: str, place: str) -> None:
    module, _, path = place.partition(":")
    owner = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, name, _watched(stage, getattr(owner, name)))


def main() -> None:
    """Watch, run, write."""
    out, program, *arguments = sys.argv[1:]
    for stage, places in STAGES[program].items():
        for place in places:
            _watch(stage, place)
    started = time.thread_time()
    sys.argv = [program, *arguments]
    try:
        runpy.run_module(program, run_name="__main__")
    finally:
        if program == "agent":
            _wall["send"] = _cpu["send"] = time.thread_time() - started
        told = {"wall": _wall, "cpu": _cpu, "process": time.process_time()}
        Path(out).write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main()
