"""``idle``: an agent that has nothing to do: how soon it is there, what it weighs, what it takes.

The collector on the same machine shares libraries with it, so PSS is lower here than on a school's server; RSS is the upper bound.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.bench.ground import ground
from tests.bench.usage import cpu_s, sizes_mb

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
        sizes = sizes_mb(pid)
        here.end(agent)
    return {
        **{f"agent_{name}_mb": round(mb, 1) for name, mb in sizes.items()},
        "cpu_percent": round(used / size.seconds * 100, 2),
        "source_cpu_percent": round(asked / size.seconds * 100, 2),
        "start_s": round(start, 2),
        "seconds": size.seconds,
    }
