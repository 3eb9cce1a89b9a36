"""Figures for monitoring, and ``/healthz`` and ``/readyz``, on a listener of their own (loopback by default)."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily

from collector.department import utc_now
from collector.store import health
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.ingest.servicer import SyncServicer
    from collector.store.engine import Database

_LATE_S: Final = 900.0
_SILENT_S: Final = 3600.0
_FIGURES: Final = {
    "rows": "Living rows",
    "quarantined": "Rows in quarantine",
    "differences": "Entities that the last comparison found unequal",
    "outbox_rows": "Rows that wait at the school",
}
REGISTRY: Final = CollectorRegistry()
RECEIPTS: Final = Counter(
    "gorod_commits", "Commits that changed a school's data or state", ["school"], registry=REGISTRY
)


def count_receipt(school: str) -> None:
    """A transaction of a school was committed."""
    RECEIPTS.labels(school).inc()


class _SchoolFigures:
    """Read from the database at each scrape, so that every collector of a city tells the same."""

    def __init__(self, database: Database, servicer: SyncServicer) -> None:
        self._database, self._servicer = database, servicer

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Gauges per school, without names."""
        with self._database.begin(scope="*") as connection:
            found = health.read_health(connection, utc_now(), _LATE_S, _SILENT_S)
        for name, words in _FIGURES.items():
            gauge = GaugeMetricFamily(f"gorod_school_{name}", words, labels=["school"])
            for one in found.schools:
                gauge.add_metric([one.school], float(getattr(one, name) or 0))
            yield gauge
        streams = GaugeMetricFamily("gorod_streams", "Open streams of this process")
        streams.add_metric([], len(self._servicer.connected))
        yield streams


class MetricsListener:
    """A small HTTP server in a thread of its own."""

    def __init__(self, database: Database, listen: str, servicer: SyncServicer) -> None:
        self._database = database
        self._host, _, port = listen.rpartition(":")
        self._port = int(port)
        self._figures = _SchoolFigures(database, servicer)
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> str:
        """Listen; host:port. Problem GOR-1007 when the port is taken."""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = listener.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Scrapes are not news."""

        try:
            self._server = ThreadingHTTPServer((self._host, self._port), Handler)
        except OSError as error:
            raise Problem("GOR-1007", address=f"{self._host}:{self._port}", key="metrics_listen") from error
        REGISTRY.register(self._figures)
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        return f"{self._host}:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop listening."""
        REGISTRY.unregister(self._figures)
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a path."""
        if path == "/healthz":
            return 200, "text/plain", b"ok\n"
        if path not in ("/readyz", "/metrics"):
            return 404, "text/plain", b"/metrics /healthz /readyz\n"
        try:
            if path == "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
            with self._database.plain() as connection:
                connection.execute("SELECT 1")
        except Problem as problem:
            return 503, "text/plain; charset=utf-8", f"{problem}\n".encode()
        return 200, "text/plain", b"ready\n"
