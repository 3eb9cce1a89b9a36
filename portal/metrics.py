"""What the portal counts about itself, for monitoring; no logins, no addresses of readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counters of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._pages = Histogram(
            "gorod_portal_request_seconds",
            "Time to answer, by route and status",
            ("route", "method", "status"),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._sign_ins = Counter(
            "gorod_portal_sign_ins", "Attempts to sign in, by outcome", ("outcome",), registry=self.registry
        )
        self._viewers = Gauge("gorod_portal_open_pages", "Open pages that update themselves", registry=self.registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._pages.labels(route, method, str(status)).observe(seconds)

    def signed_in(self, outcome: str) -> None:
        """An attempt to sign in ended."""
        self._sign_ins.labels(outcome).inc()

    def watch_viewers(self, count: Callable[[], int]) -> None:
        """Ask for the number of open pages whenever the figures are read."""
        self._viewers.set_function(count)

    def text(self) -> bytes:
        """All figures in the format of Prometheus."""
        return generate_latest(self.registry)
