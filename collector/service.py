"""The running collector: two listeners, the metrics listener, and jobs; one process, any number of them beside each other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from collector.ca.listeners import listen_enrolment, sync_credentials
from collector.ca.registry import PostgresRegistry
from collector.ca.servicer import EnrolmentServicer
from collector.card import SchoolCards
from collector.department import ADDRESSES_FILE, Department, database_settings, public_address, utc_now
from collector.ingest.admission import Admission
from collector.ingest.books_postgres import PostgresLibrary
from collector.ingest.desk import Desk, DeskSettings
from collector.ingest.notify import HealthNotifier
from collector.ingest.servicer import SERVER_OPTIONS, SyncServicer
from collector.ingest.settings import DepartmentSettings, Guard
from collector.ingest.stream import Services, StreamSettings
from collector.jobs import Jobs
from collector.metrics import MetricsListener, count_receipt
from collector.store.engine import Database
from collector.store.migrate import check_schema
from proto import __version__
from proto.cli import OK
from proto.files import write_atomic
from proto.memory import settle
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_GRACE_S: Final = 2.0


def run(data: Path, values: Mapping[str, Any]) -> int:
    """Serve until SIGTERM or SIGINT. Prints one line ``ready {json}`` with the real addresses."""
    with Department.open(data, values) as department:
        with department.database.begin() as connection:
            check_schema(connection)
        department.office.merge()
        with (
            Database(department.role_urls.ingest, database_settings(values, "gorod-ingest")) as ingest,
            Database(department.role_urls.jobs, database_settings(values, "gorod-jobs")) as jobs,
        ):
            asyncio.run(Collector(department, ingest, jobs).serve())
    return OK


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the listeners really stand, host:port."""

    sync: str
    enrol: str
    metrics: str


class Collector:
    """Builds the parts over an opened department and runs them."""

    def __init__(self, department: Department, ingest: Database, jobs: Database) -> None:
        self.department, self.ingest, self.jobs, self.values = department, ingest, jobs, department.values
        self._ending = asyncio.Event()
        values = self.values
        guard = Guard(
            values["guard_delete_rows"],
            values["guard_delete_pct"],
            values["guard_update_rows"],
            values["guard_update_pct"],
        )
        self.settings = DepartmentSettings(guard, lambda now: department.keys.sealing_key(now, values["seal_days"]))
        self.library = PostgresLibrary(ingest, department.keys.school, self.settings)
        self.notifier = HealthNotifier(ingest.plain)
        self.processors = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "unseal")
        self.database_threads = ThreadPoolExecutor(values["database_connections"], "database")

    def _servicer(self) -> SyncServicer:
        values = self.values
        desk = Desk(
            self.library,
            DeskSettings(round(values["lease_s"] * 1000), values["max_in_flight"], __version__),
            os.urandom,
        )
        services = Services(
            desk=desk,
            gate=Admission(self.department.office, PostgresRegistry(self.ingest.plain)),
            keys=self.department.keys.opening_key,
            refine=self.library.refine,
            processor=self.processors,
            database=self.database_threads,
            now_ms=lambda: round(utc_now().timestamp() * 1000),
            settled=self._settled,
            settings=StreamSettings(keep_s=values["lease_s"] / 3, certificate_s=values["revocation_check_s"]),
        )
        return SyncServicer(services)

    def _settled(self, school: str) -> None:
        count_receipt(school)
        self.notifier.mark(school)

    async def serve(self) -> None:
        """Listen, announce, work, end."""
        self._handle_signals()
        servicer = self._servicer()
        sync = grpc.aio.server(options=SERVER_OPTIONS)
        servicer.add_to(sync)
        authority = self.department.authority
        port = _bound(
            sync,
            self.values["sync_listen"],
            sync_credentials(
                authority.server_certificate("sync", self.department.certificate_hosts("sync")), authority.pem
            ),
            "sync_listen",
        )
        await sync.start()
        sync_listen = f"{self.values['sync_listen'].rpartition(':')[0]}:{port}"
        enrol, enrol_listen = await self._listen_enrolment(sync_listen)
        metrics = MetricsListener(self.department.database, self.values["metrics_listen"], servicer)
        addresses = Addresses(sync_listen, enrol_listen, metrics.start())
        settle()
        self._announce(addresses)
        jobs = Jobs(self.department, self.jobs, self.notifier)
        tasks = [asyncio.create_task(self.notifier.run()), asyncio.create_task(jobs.run())]
        try:
            ending = asyncio.create_task(self._ending.wait())
            done, _pending = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ending}:
                task.result()
        finally:
            servicer.cut_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(sync.stop(_GRACE_S), enrol.stop(_GRACE_S))
            metrics.stop()
            self.processors.shutdown()
            self.database_threads.shutdown()
            (self.department.data / ADDRESSES_FILE).unlink(missing_ok=True)

    async def _listen_enrolment(self, sync_listen: str) -> tuple[Any, str]:
        values, department = self.values, self.department
        host = values["enrol_listen"].rpartition(":")[0]
        cards = SchoolCards(
            department,
            self.settings,
            values["sync_public"] or public_address(sync_listen),
            values["enrol_public"] or public_address(values["enrol_listen"]),
        )
        servicer = EnrolmentServicer(department.office, cards, utc_now, self._audit)
        certificate = department.authority.server_certificate("enrol", department.certificate_hosts("enrol"))
        try:
            listener = await listen_enrolment(servicer, certificate, values["enrol_listen"])
        except (OSError, RuntimeError) as error:
            raise Problem("GOR-1007", address=values["enrol_listen"], key="enrol_listen") from error
        if not values["enrol_public"]:
            cards.use_enrol_address(public_address(f"{host}:{listener.port}"))
        return listener.server, f"{host}:{listener.port}"

    def _audit(self, problem: Problem, caller: str) -> None:
        """A refused enrolment or renewal, as an event of the school where it is known."""
        _LOG.warning("enrolment refused: %s (%s)", problem.code, caller)
        school = problem.details.get("school")
        if not school:
            return
        with contextlib.suppress(Problem), self.library.open(school) as books:
            books.event("refused", {"code": problem.code}, round(utc_now().timestamp() * 1000))

    def _announce(self, addresses: Addresses) -> None:
        """For people and for the commands of other processes: where we listen."""
        told = {"sync": addresses.sync, "enrol": addresses.enrol, "metrics": addresses.metrics}
        write_atomic(self.department.data / ADDRESSES_FILE, json.dumps(told).encode())
        told |= {"ca_pin": self.department.authority.pin, "version": __version__}
        sys.stdout.write(f"ready {json.dumps(told)}\n")
        sys.stdout.flush()

    def _handle_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ending.set)


def _bound(server: Any, listen: str, credentials: Any, key: str) -> int:
    try:
        return int(server.add_secure_port(listen, credentials))
    except RuntimeError as error:
        raise Problem("GOR-1007", address=listen, key=key) from error
