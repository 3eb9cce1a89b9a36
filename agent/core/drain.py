"""How fast the line takes bytes: capture queues bulk only as far as 30 s of this, so that live changes always pass. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_REMEMBERED: Final = 32
_SLOWEST: Final = 1.0


@dataclass(slots=True)
class Drain:
    """Bytes per second from the last receipts, counted only while something was in flight. Times are seconds of a steady clock."""

    waiting: dict[int, int] = field(default_factory=dict)
    _busy_since: float | None = None
    _spans: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def sent(self, seq: int, size: int, now: float) -> None:
        """An envelope of so many bytes went out."""
        if self._busy_since is None:
            self._busy_since = now
        self.waiting[seq] = size

    def receipted(self, upto: int, now: float) -> None:
        """Everything up to this seq has its receipt."""
        done = [seq for seq in self.waiting if seq <= upto]
        size = sum(self.waiting.pop(seq) for seq in done)
        if self._busy_since is not None and size:
            self._spans.append((now - self._busy_since, size))
        self._busy_since = now if self.waiting else None

    def broke(self) -> None:
        """The connection is gone: what was in flight says nothing about the line."""
        self.waiting.clear()
        self._busy_since = None

    @property
    def bytes_in_flight(self) -> int:
        """Bytes without receipt."""
        return sum(self.waiting.values())

    @property
    def bytes_per_second(self) -> float | None:
        """The measured rate; None until a receipt has come."""
        seconds = sum(span for span, _ in self._spans)
        if not self._spans:
            return None
        return max(_SLOWEST, sum(size for _, size in self._spans) / max(seconds, 1e-6))
