"""What every benchmark stands on: a school's PostgreSQL and the department's (two clusters, fsync on), a collector, an enrolled agent.

    source cluster ── netschool_42001, full of the demo's rows ──▶ agent ──▶ collector ──▶ centre cluster
       (the agent's login may only SELECT)

Everything is thrown away at the end.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from collector.store.embedded import EmbeddedServer, EmbeddedSettings
from install.demo import equality
from install.demo.counts import rows_by_entity
from install.demo.folder import City, Folder
from install.demo.processes import Children
from install.demo.spec import FULL_YEAR_ROWS
from install.demo.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.department import Department
    from install.demo.processes import Child
    from install.demo.stage import SchoolStage

SYNC_PUBLIC = "GOROD_COLLECTOR_SYNC_PUBLIC"
# The peers' figures have these too: without them native replication starts its workers seconds late.
CLUSTER = {"wal_level": "logical", "wal_retrieve_retry_interval": "100ms"}
# A benchmark writes in a minute what a school writes in weeks: the guard counts, but does not hold.
_NO_HOLD = {"GOROD_COLLECTOR_GUARD_DELETE_ROWS": "100000000", "GOROD_COLLECTOR_GUARD_UPDATE_ROWS": "100000000"}
ROOT = Path(__file__).parents[2]
_STOP_S = 30.0
# On a day in November a "full" school has a seventh less than its nominal number.
_SHORT = 1.145
_PATIENCE_S = 900.0


@dataclass(frozen=True)
class Size:
    """How much: rows of the school, seconds of the measurement, seed of all that is drawn."""

    rows: int
    seconds: float
    seed: int


@dataclass
class Ground:
    """A running department with one enrolled school whose agent has not yet run."""

    stage: Stage
    department: Department
    source: EmbeddedServer
    centre: EmbeddedServer
    collector: Child

    @property
    def school(self) -> SchoolStage:
        """The school."""
        return self.stage.schools[0]

    @property
    def agent_data(self) -> Path:
        """Data folder of its agent."""
        return self.stage.folder.agent(self.school.spec.id)

    def postmaster(self, server: EmbeddedServer) -> int:
        """Pid of a cluster's first process; all others are its children."""
        return int((server.cluster / "postmaster.pid").read_text("ascii").split()[0])

    def at_centre(self) -> psycopg.Connection[Any]:
        """A connection of the centre's owner, who sees every row."""
        return psycopg.connect(self.department.owner_url, autocommit=True)

    def at_source(self) -> psycopg.Connection[Any]:
        """A connection of the vendor's program."""
        return psycopg.connect(self.school.write_url, autocommit=True)

    def source_rows(self) -> dict[str, int]:
        """Rows of the school by entity, counted from the vendor's tables."""
        return rows_by_entity(self.school.read_url, self.school.spec.organisation)

    # ---- the agent

    def start_agent(self, wrapper: tuple[str, ...] = ()) -> Child:
        """Start the agent; ``wrapper`` is a module and its arguments that run it."""
        module, *before = (*wrapper, "agent")
        return self.stage.children.start("agent", module, [*before, "run", "--data", str(self.agent_data)], {})

    def end(self, child: Child) -> None:
        """End a program in order and wait for it."""
        child.process.send_signal(signal.SIGTERM)
        child.process.wait(_STOP_S)
        self.stage.children.running.remove(child)

    def wait_complete(self, since: datetime) -> float:
        """When (steady clock) the centre proved equality with a full sweep that began after ``since``."""
        sql = "SELECT complete_at > %s AND differences = 0 FROM gorod.school_state"
        return self._wait(sql, since)

    def wait_connected(self) -> float:
        """When (steady clock) the agent's stream was welcomed."""
        return self._wait("SELECT connected FROM gorod.school_state")

    def wait_left(self) -> float:
        """When (steady clock) the centre knew that the agent had gone."""
        return self._wait("SELECT NOT connected FROM gorod.school_state")

    def _wait(self, sql: str, *values: object) -> float:
        end = time.monotonic() + _PATIENCE_S
        with self.at_centre() as centre:
            while time.monotonic() < end:
                row = centre.execute(sql.encode(), values, prepare=True).fetchone()
                if row and row[0]:
                    return time.monotonic()
                self.stage.children.check()
                time.sleep(0.01)
        raise TimeoutError(sql)

    def load(self) -> Child:
        """Start the agent and wait for the proof that both sides are equal."""
        began = datetime.now(UTC)
        agent = self.start_agent()
        self.wait_complete(began)
        return agent

    def counts(self) -> equality.Counts:
        """Rows on both sides, counted apart."""
        return equality.count(self.department, self.stage.schools)


@contextmanager
def ground(size: Size, *, collector: tuple[str, ...] = (), public: str = "") -> Iterator[Ground]:
    """Build everything; ``collector`` is a wrapper as of the agent, ``public`` the address that agents dial (default: the real one)."""
    os.environ.update(_NO_HOLD)
    if public:
        os.environ[SYNC_PUBLIC] = public
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gorod-bench-")))
        folder = Folder(path)
        source = _cluster(stack, folder.source_cluster)
        centre = _cluster(stack, folder.collector)
        children = stack.enter_context(Children(folder.logs))
        today = datetime.now(UTC).date().isoformat()
        city = City(size.seed, size.rows * _SHORT / FULL_YEAR_ROWS, "postgres", today, 1)
        stage = Stage(folder, city, children, lambda _line: None)
        stage.build_sources(lambda _school: None)
        department = stage.prepare_collector()
        stack.callback(department.close)
        stage.add_schools(department)
        module, *before = (*collector, "collector")
        children.start_ready("collector", module, [*before, "serve", "--data", str(folder.collector)], {})
        stage.enrol(department)
        yield Ground(stage, department, source, centre, children.running[0])


def _cluster(stack: ExitStack, data: Path) -> EmbeddedServer:
    server = EmbeddedServer(data, EmbeddedSettings(options=CLUSTER))
    server.start()
    stack.callback(server.remove)
    return server


def warm_bytecode() -> None:
    """Children start as installed programs do: with their byte code at hand."""
    import compileall

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPATH"] = str(
        ROOT
    )  # ``tests.bench.staged`` is found from any folder, and this tree is what is measured
    for package in ("proto", "agent", "collector", "install"):
        compileall.compile_dir(ROOT / package, quiet=2)
