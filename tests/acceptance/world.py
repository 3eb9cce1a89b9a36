"""A department and its schools for acceptance tests: real processes, real certificates, real databases, short times.

vendor writes ──▶ source ──read only──▶ agent ──▶ relay ──▶ collector ──▶ PostgreSQL
                      └────────── compared by plain SQL (reference.py) ──────┘
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from collector.config import SETTINGS
from collector.department import Department, utc_now
from collector.store import schools
from install.demo import database
from install.demo.live import LiveSchool
from proto.settings import load
from tests.acceptance import reference
from tests.acceptance.processes import CLOCK, PATIENCE_S, Done, Program, run, wait_for

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from install.demo.database import Database
    from tests.relay import Relay

COLLECTOR_PACE = {
    "GOROD_COLLECTOR_SYNC_LISTEN": "127.0.0.1:0",
    "GOROD_COLLECTOR_ENROL_LISTEN": "127.0.0.1:0",
    "GOROD_COLLECTOR_METRICS_LISTEN": "127.0.0.1:0",
    "GOROD_COLLECTOR_LEASE_S": "3",
    "GOROD_COLLECTOR_REVOCATION_CHECK_S": "0.5",
    "GOROD_COLLECTOR_DATABASE_CONNECTIONS": "4",
    "GOROD_COLLECTOR_DEEP_S": "600",
}
AGENT_PACE = {
    "GOROD_AGENT_HEARTBEAT_S": "0.3",
    "GOROD_AGENT_DIGEST_S": "0.5",
    "GOROD_AGENT_RETRY_CAP_S": "0.4",
    "GOROD_AGENT_SWEEP_HINT_MS": "20",
    "GOROD_AGENT_SWEEP_HOT_S": "1",
    "GOROD_AGENT_LOCK_TIMEOUT_S": "0.3",
    "GOROD_AGENT_DISK_FLOOR_MB": "1",
}
_FILE, _FOLDER = 0o444, 0o555


@dataclass
class City:
    """The department: a collector's data folder and its database, behind a relay."""

    data: Path
    database_url: str
    relay: Relay
    environ: dict[str, str]
    program: Program | None = None
    schools: list[School] = field(default_factory=list)
    founded: int = 0

    @classmethod
    def found(cls, data: Path, database_url: str, relay: Relay, **settings: str) -> City:
        """A new department; ``settings`` go over the short times of tests."""
        environ = {
            **COLLECTOR_PACE,
            "GOROD_COLLECTOR_DATABASE_URL": database_url,
            "GOROD_COLLECTOR_SYNC_PUBLIC": relay.address,
            **{f"GOROD_COLLECTOR_{name.upper()}": value for name, value in settings.items()},
        }
        city = cls(data, database_url, relay, environ)
        Department.initialise(data, load("collector", SETTINGS, None, environ)).close()
        return city

    @property
    def log(self) -> Path:
        return self.data / "collector.log"

    def start(self) -> None:
        """Serve."""
        arguments = ("serve", "--data", str(self.data))
        self.program = Program.start("collector", *arguments, environ=self.environ, log=self.log)
        ready = self.program.ready()
        self.relay.target = ready["sync"]

    def stop(self) -> None:
        """End as a service manager does."""
        if self.program:
            self.program.stop()

    def kill(self) -> None:
        """End as a power cut does."""
        if self.program:
            self.program.kill()

    def close(self) -> None:
        """End everything; look for traces at the sources."""
        with ExitStack() as ends:
            ends.callback(self.stop)
            self.close_schools(ends)

    def close_schools(self, ends: ExitStack) -> None:
        """All of them, whatever one of them says."""
        for school in self.schools:
            ends.callback(school.close)
        self.schools.clear()

    def command(self, *words: str, lang: str = "ru") -> Done:
        """Run a command of gorod-collector."""
        return run("collector", *words, "--data", str(self.data), "--lang", lang, environ=self.environ)

    def opened(self) -> Department:
        """The department for this process: quicker than a command where the command is not what is tested."""
        return Department.open(self.data, load("collector", SETTINGS, None, self.environ))

    def query(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows, as the owner sees them."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def value(self, sql: str, **values: object) -> Any:
        """First column of the first row; None if there is none."""
        rows = self.query(sql, **values)
        return rows[0][0] if rows else None

    def state(self, school: str) -> dict[str, Any]:
        """The school's line of ``gorod-collector status``."""
        told = self.command("status").ok()
        return next(one for one in told["schools"] if one["school"] == school)

    def add_school(self, source: Source, folder: Path) -> School:
        """A school that the department knows; its agent is not enrolled yet."""
        self.founded += 1
        school = School(self, f"23-{self.founded:03d}", source, folder)
        new = schools.NewSchool(school.id, f"Школа {school.id}", organisation=source.organisation)
        with self.opened() as department, department.database.begin(scope="*", school=school.id) as connection:
            schools.add(connection, new, utc_now())
            department.keys.add_school(school.id)
        self.schools.append(school)
        return school

    def code(self, school: str) -> str:
        """A one-time code."""
        with self.opened() as department:
            return department.office.new_code(school, department.enrol_address, utc_now())[0]


@dataclass
class Source:
    """A school's NetSchool database: the vendor's program writes by ``write_url``, the agent may only read by ``read_url``."""

    write_url: str
    read_url: str
    organisation: str
    path: Path | None = None  # of an SQLite file
    password: str = ""
    listing: list[str] = field(default_factory=list)

    @classmethod
    def file(cls, template: Path, path: Path, organisation: str) -> Source:
        """A copy of an SQLite file, sealed: 0444 in a folder 0555."""
        path.parent.mkdir(parents=True)
        shutil.copyfile(template, path)
        plain = path.parent.with_suffix(".vendor")  # the simulator's addresses are plain, whatever the file is called
        plain.symlink_to(path)
        source = cls(f"sqlite:///{plain}", f"sqlite:///{path}", organisation, path)
        path.with_name(path.name + "-journal").touch()  # the vendor's program leaves it there, truncated
        source.seal()
        return source

    def seal(self) -> None:
        """Nothing here can be written without rights, and nothing new can be made."""
        if self.path:
            for item in self.path.parent.iterdir():
                item.chmod(_FILE)
            self.path.parent.chmod(_FOLDER)
            self.listing = self._names()

    def unseal(self) -> None:
        """As it was."""
        if self.path and self.path.parent.exists():
            self.path.parent.chmod(_FOLDER | stat.S_IWUSR)
            for item in self.path.parent.iterdir():
                item.chmod(_FILE | stat.S_IWUSR)

    @contextmanager
    def unsealed(self) -> Iterator[None]:
        """Root may write anyway; others need the right for as long as the vendor's program writes."""
        sealed = bool(self.listing) and os.geteuid() != 0
        if sealed:
            self.unseal()
        try:
            yield
        finally:
            if sealed:
                self.seal()

    @contextmanager
    def vendor(self) -> Iterator[Database]:
        """A connection of the vendor's program."""
        with self.unsealed(), database.connect(self.write_url) as opened:
            yield opened

    @contextmanager
    def people(self) -> Iterator[LiveSchool]:
        """The people of the school, acting through the vendor's program."""
        with self.unsealed(), LiveSchool(self.write_url, self.organisation) as people:
            yield people

    def live(self, rng: random.Random, steps: int, pause_s: float = 0.0) -> None:
        """So many things happen."""
        with self.people() as people:
            for _step in range(steps):
                people.step(rng, datetime.now(UTC))
                time.sleep(pause_s)

    def replace(self, older: Path) -> None:
        """Put an older copy in the file's place, as a restore does."""
        assert self.path
        with self.unsealed():
            beside = self.path.with_name("restored.tmp")
            shutil.copyfile(older, beside)
            beside.chmod(_FILE)
            beside.replace(self.path)

    def copy(self, target: Path) -> Path:
        """A backup."""
        assert self.path
        with (
            closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as here,
            closing(sqlite3.connect(target)) as there,
        ):
            here.backup(there)
        return target

    def traces(self) -> list[str]:
        """Files that were not there before the agent came."""
        return sorted(set(self._names()) ^ set(self.listing)) if self.listing else []

    def _names(self) -> list[str]:
        return [item.name for item in self.path.parent.iterdir()] if self.path else []


@dataclass
class School:
    """A school of the city and its agent."""

    city: City
    id: str
    source: Source
    data: Path
    program: Program | None = None
    environ: dict[str, str] = field(default_factory=dict)
    clock_s: float = 0.0  # how far the clock of the school's machine is off

    @property
    def log(self) -> Path:
        return self.data.with_suffix(".log")

    def _module(self) -> tuple[str, ...]:
        return (CLOCK, str(self.clock_s)) if self.clock_s else ("agent",)

    def settings(self, **settings: str) -> dict[str, str]:
        """The environment of the agent's programs; what is given stays for later ones."""
        self.environ |= {f"GOROD_AGENT_{name.upper()}": value for name, value in settings.items()}
        password = {"GOROD_AGENT_SOURCE_PASSWORD": self.source.password} if self.source.password else {}
        return AGENT_PACE | password | self.environ

    def command(self, *words: str, lang: str = "ru", timeout_s: float = 60.0) -> Done:
        """Run a command of gorod-agent."""
        words = (*self._module(), *words, "--data", str(self.data), "--lang", lang)
        return run(*words, environ=self.settings(), timeout_s=timeout_s)

    def enrol(self, code: str | None = None, lang: str = "ru") -> Done:
        """``gorod-agent enrol`` with a new code or the given one."""
        file = self.data.with_suffix(".code")
        file.write_text(code or self.city.code(self.id), "utf-8")
        return self.command("enrol", "--code-file", str(file), "--source", self.source.read_url, lang=lang)

    def start(self, **settings: str) -> School:
        """Run the agent."""
        words = (*self._module(), "run", "--data", str(self.data))
        self.program = Program.start(*words, environ=self.settings(**settings), log=self.log)
        return self

    def stop(self) -> None:
        """End as a service manager does."""
        if self.program:
            self.program.stop()

    def kill(self) -> None:
        """End as a power cut does."""
        if self.program:
            self.program.kill()

    def close(self) -> None:
        """Nothing runs, and nothing of ours is left at the source."""
        self.stop()
        traces = self.source.traces()
        self.source.unseal()
        assert not traces, f"the agent changed the listing of the source: {traces}"

    # ---- looking

    def status(self) -> dict[str, Any]:
        """What the running agent last said; empty before the first word."""
        file = self.data / "status.json"
        return json.loads(file.read_text("utf-8")) if file.exists() else {}

    def problem(self) -> str:
        """Code of the problem that the agent shows; empty if there is none."""
        found = self.status().get("problem")
        return str(found["code"]) if found else ""

    def until(self, look: Any, what: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait, see :func:`wait_for`; failing shows the logs of both ends."""
        return wait_for(look, f"{self.id}: {what}", patience_s=patience_s, logs=[self.log, self.city.log])

    def until_problem(self, code: str) -> None:
        """Wait until the agent shows this problem."""
        self.until(lambda: self.problem() == code, f"problem {code}, now {self.status().get('problem')}")

    def differences(self, besides: set[tuple[str, str]] | None = None) -> dict[str, str]:
        """Where centre and source are not the same now."""
        source = reference.at_source(self.source.write_url, self.source.organisation)
        with psycopg.connect(self.city.database_url) as connection:
            return reference.differences(source, reference.at_centre(connection, self.id), besides or ())

    def differences_but(self, entity: str) -> dict[str, str]:
        """The same for all other entities."""
        source = reference.at_source(self.source.write_url, self.source.organisation, without=entity)
        with psycopg.connect(self.city.database_url) as connection:
            return reference.differences(source, reference.at_centre(connection, self.id))

    def until_same(self, patience_s: float = PATIENCE_S, besides: set[tuple[str, str]] | None = None) -> None:
        """Wait until both sides are the same by our own reading, the product says so too, and nothing was applied twice."""

        def settled() -> bool:
            return self.agrees() and not self.differences(besides)

        try:
            self.until(settled, "same", patience_s)
        except AssertionError as error:
            raise AssertionError(f"{self.differences(besides)}\n{self.status()}\n{error}") from error
        with psycopg.connect(self.city.database_url) as connection:
            reference.audit(connection, self.id)

    def agrees(self) -> bool:
        """The newest comparison of both sides, at the head, found no difference."""
        sql = """
SELECT d.equal AND d.epoch = s.epoch AND d.seq = s.seq FROM gorod.digest d JOIN gorod.school_state s USING (school_id)
WHERE school_id = %(school)s ORDER BY d.id DESC LIMIT 1"""
        return bool(self.city.value(sql, school=self.id))

    def head(self) -> tuple[bytes, int]:
        """Epoch and number of the newest envelope that the department applied."""
        (row,) = self.city.query(
            "SELECT epoch, seq FROM gorod.school_state WHERE school_id = %(school)s", school=self.id
        )
        return bytes(row[0] or b""), row[1]

    def state_of_centre(self) -> dict[str, Any]:
        """The school's line of ``gorod-collector status``."""
        return self.city.state(self.id)

    def events(self) -> list[str]:
        """Kinds of what the department noted about the school."""
        rows = self.city.query("SELECT kind FROM gorod.event WHERE school_id = %(school)s ORDER BY id", school=self.id)
        return [kind for (kind,) in rows]

    def complete(self) -> School:
        """Run until both sides are the same and the agent says ok."""
        self.until_same()
        self.until(lambda: self.status().get("state") == "ok", f"ok, now {self.status()}")
        return self
