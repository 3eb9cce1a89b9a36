"""``python -m tests.acceptance.clock SECONDS COMMAND …``: ``gorod-agent`` on a machine whose clock is off by so many seconds."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
import time

MODULES = ("reader", "service", "health", "enrolling", "doctor", "offline", "sources.sql", "transport.client")


def shift(seconds: float) -> None:
    """From now on the agent's modules read a clock that is off; gRPC, whose deadlines compare two readings, keeps its own."""
    true_ns = time.time_ns
    time.time_ns = lambda: true_ns() + round(seconds * 1e9)

    class Shifted(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]  # a plain one, so that sums stay plain
            return dt.datetime.now(tz) + dt.timedelta(seconds=seconds)

    for name in MODULES:
        importlib.import_module(f"agent.{name}").datetime = Shifted  # type: ignore[attr-defined]  # what the module imported


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    from agent.cli import main

    raise SystemExit(main(sys.argv[2:]))
