"""``idle``: an agent that has nothing to do: how soon it is there, what it weighs, what it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.bench.ground import ground
from tests.bench.usage import cpu_s, rss_pss_mb

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.ground import Size

_SETTLE_S = 5.0


def idle(size: Size, folder: Path) -> dict[str, Any]:
    """A loaded agent starts anew, comes to rest, and is watched."""
    del folder
    with ground(size) as here:
        here.end(here.load())
        here.wait_left()
        started = time.monotonic()
        agent = here.start_agent()
        start = here.wait_connected() - started
        time.sleep(_SETTLE_S)
        pid, source = agent.process.pid, here.postmaster(here.source)
        before, asked = cpu_s(pid), cpu_s(source)
        time.sleep(size.seconds)
        used, asked = cpu_s(pid) - before, cpu_s(source) - asked
        rss, pss = rss_pss_mb(pid)
        here.end(agent)
    return {
        "agent_rss_mb": round(rss, 1),
        "agent_pss_mb": round(pss, 1),
        "cpu_percent": round(used / size.seconds * 100, 2),
        "source_cpu_percent": round(asked / size.seconds * 100, 2),
        "start_s": round(start, 2),
        "seconds": size.seconds,
    }
