"""How much work a look at the source was: what the shares of a core are reckoned by."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

_SOURCE: Final = 3.0
"""A source in another process works about twice as long as we do for the small statements that look for changes."""


@dataclass(frozen=True, slots=True)
class Effort:
    """A stop watch of the calling thread, running from the start."""

    wall: float = field(default_factory=time.monotonic)
    cpu: float = field(default_factory=time.thread_time)

    def seconds(self) -> float:
        """Seconds of a core, ours and the source's together, at most the time that passed: on a busy machine most of that is waiting."""
        return min(time.monotonic() - self.wall, _SOURCE * (time.thread_time() - self.cpu))
