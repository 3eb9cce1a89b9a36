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

from collector.ca.listeners import listen_enrolment, sync_credentials
from collector.ca.registry import PostgresRegistry
from collector.ca.servicer import EnrolmentServicer
from collector.card import SchoolCards
from collector.department import ADDRESSES_FILE, Department, database_settings, public_address, utc_now
from collector.ingest.admission import Admission
from collector.ingest.books_postgres import PostgresLibrary
from collector.ingest.desk import Desk, DeskSettings
from collector.ingest.notify import HealthNotifier
from collector.ingest.servicer import SyncServicer, listen_sync
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
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from collector.ca.listeners import Listener

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
        """Listen, announce, work, end. Whatever was begun is ended, also when a listener cannot start (Problem GOR-1007)."""
        self._handle_signals()
        async with contextlib.AsyncExitStack() as ends:
            for threads in (self.database_threads, self.processors):
                ends.callback(threads.shutdown)
            servicer = self._servicer()
            ends.push_async_callback(servicer.gone, _GRACE_S)
            listeners: list[Listener] = []
            ends.push_async_callback(_stop, listeners)
            listeners.append(sync := await self._listen_sync(servicer))
            listeners.append(enrol := await self._listen_enrolment(sync.address))
            metrics = MetricsListener(self.department.database, self.values["metrics_listen"], servicer)
            told = metrics.start()
            ends.callback(metrics.stop)
            settle()
            ends.callback((self.department.data / ADDRESSES_FILE).unlink, missing_ok=True)
            self._announce(Addresses(sync.address, enrol.address, told))
            ends.callback(servicer.cut_all)
            await self._work()

    async def _work(self) -> None:
        """Jobs beside the listeners until a signal ends us; what fails in one of them is raised."""
        jobs = Jobs(self.department, self.jobs, self.notifier)
        tasks = [asyncio.create_task(work) for work in (self.notifier.run(), jobs.run(), self._ending.wait())]
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen_sync(self, servicer: SyncServicer) -> Listener:
        authority = self.department.authority
        certificate = authority.server_certificate("sync", self.department.certificate_hosts("sync"))
        with self._binding("sync_listen") as listen:
            return await listen_sync(servicer, sync_credentials(certificate, authority.pem), listen)

    async def _listen_enrolment(self, sync_listen: str) -> Listener:
        values, department = self.values, self.department
        cards = SchoolCards(
            department,
            self.settings,
            values["sync_public"] or public_address(sync_listen),
            values["enrol_public"] or public_address(values["enrol_listen"]),
        )
        servicer = EnrolmentServicer(department.office, cards, utc_now, self._audit)
        certificate = department.authority.server_certificate("enrol", department.certificate_hosts("enrol"))
        with self._binding("enrol_listen") as listen:
            listener = await listen_enrolment(servicer, certificate, listen)
        if not values["enrol_public"]:
            cards.use_enrol_address(public_address(listener.address))
        return listener

    @contextlib.contextmanager
    def _binding(self, key: str) -> Iterator[str]:
        """The address that the setting names; a taken one is Problem GOR-1007."""
        try:
            yield self.values[key]
        except (OSError, RuntimeError) as error:
            raise Problem("GOR-1007", address=self.values[key], key=key) from error

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


async def _stop(listeners: list[Listener]) -> None:
    """Let calls in work finish, then close the ports."""
    await asyncio.gather(*(one.server.stop(_GRACE_S) for one in listeners))
