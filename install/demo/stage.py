"""Setting the stage: databases of the schools, the collector, accounts, enrolled agents, the portal. Each step may find its work done."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine import URL, make_url

from collector.config import SETTINGS
from collector.department import PORTAL_FILE, Department, utc_now
from collector.store import accounts, schools
from collector.store.embedded import EmbeddedServer
from install.demo.access import make_readonly
from install.demo.generate import build_school
from install.demo.members import MEMBERS, members
from install.demo.processes import Children, free_port, run_once
from proto.files import write_atomic
from proto.problems import Problem
from proto.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from install.demo.folder import City, Folder
    from install.demo.spec import SchoolSpec

_PORTS: Final = {"sync_listen": 7443, "enrol_listen": 7444, "metrics_listen": 9464}
_PORTAL_PORTS: Final = {"listen": 8080, "metrics_listen": 9465}
_AGENT_PACE: Final = {
    "GOROD_AGENT_HEARTBEAT_S": "2",
    "GOROD_AGENT_DIGEST_S": "20",
    "GOROD_AGENT_SWEEP_HOT_S": "30",
    "GOROD_AGENT_RETRY_CAP_S": "5",
}
_OF_SCHOOL: Final = frozenset(
    {"pupil", "parent", "teacher", "class_teacher", "deputy", "secretary", "head", "sysadmin"}
)
ROLES: Final = (*sorted(_OF_SCHOOL), "operator", "analyst", "security", "admin")
_SECRET_BYTES: Final = 20
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class SchoolStage:
    """One school: its specification and the two addresses of its database."""

    spec: SchoolSpec
    write_url: str
    read_url: str


class Stage:
    """Builds a demo in a folder. ``say`` tells people what is being done."""

    def __init__(self, folder: Folder, city: City, children: Children, say: Callable[[str], None]) -> None:
        self.folder, self.city, self.children, self._say = folder, city, children, say
        self.source_server: EmbeddedServer | None = None
        self.schools: list[SchoolStage] = []
        self.portal = ""

    def close(self) -> None:
        """Stop the schools' own PostgreSQL."""
        if self.source_server:
            self.source_server.stop()

    # ---- the schools' databases

    def build_sources(self, built: Callable[[str], None]) -> None:
        """Every school's NetSchool database, and a login for its agent that can only read."""
        if self.city.source == "postgres":
            self.source_server = EmbeddedServer(self.folder.source_cluster)
            self.source_server.start()
        known = {one["id"]: one for one in self.folder.demo().get("schools", [])}
        for spec in self.city.spec.organisations():
            url = self._source_url(spec)
            build_school(spec, url)
            password = make_url(known[spec.id]["source_url"]).password if spec.id in known else None
            self.schools.append(SchoolStage(spec, url, make_readonly(url, str(password) if password else None)))
            built(spec.id)

    def _source_url(self, spec: SchoolSpec) -> str:
        if self.source_server is None:
            path = self.folder.school(spec.id)
            path.mkdir(parents=True, exist_ok=True)
            return f"sqlite:///{path / 'netschool.db'}"
        return self.source_server.create_database(f"netschool_{spec.organisation}")

    # ---- the department

    def prepare_collector(self) -> Department:
        """Initialise the collector on free ports; a second run keeps its ports if they are still free."""
        data = self.folder.collector
        data.mkdir(parents=True, exist_ok=True)
        config = data / "collector.toml"
        values = load("collector", SETTINGS, config if config.exists() else None, os.environ)
        ports = {key: free_port(_port_of(values[key]) if config.exists() else port) for key, port in _PORTS.items()}
        lines = {key: f"127.0.0.1:{port}" for key, port in ports.items()}
        lines |= {"sync_public": lines["sync_listen"], "enrol_public": lines["enrol_listen"]}
        write_atomic(config, "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()).encode())
        return Department.initialise(data, load("collector", SETTINGS, config, os.environ))

    def add_schools(self, department: Department) -> None:
        """Every school of the city, known to the department."""
        with department.database.begin(scope="*") as connection:
            known = {school.id for school in schools.every(connection)}
        for stage in self.schools:
            spec = stage.spec
            if spec.id not in known:
                with department.database.begin(scope="*", school=spec.id) as connection:
                    schools.add(
                        connection,
                        schools.NewSchool(spec.id, spec.name, spec.kind, organisation=spec.organisation),
                        utc_now(),
                    )
                    department.keys.add_school(spec.id)

    def add_accounts(self, department: Department) -> list[dict[str, Any]]:
        """One account per role, with its second factor ready; passwords are made once and kept in ``demo.json``.

        Pupil, parent and teachers are people of the first school; the parent has children in the second one too, if there is one.
        """
        from collector.core.credentials import secret_text

        known = {one["role"]: one for one in self.folder.demo().get("accounts", [])}
        home = self.schools[0].spec.id
        for role in ROLES:
            if role in known:
                continue
            password, secret = secrets.token_urlsafe(12), secrets.token_bytes(_SECRET_BYTES)
            people = self._people_of(role)
            place = tuple(school for school, _person in people) or ((home,) if role in _OF_SCHOOL else ())
            new = accounts.NewAccount(role.replace("_", "-"), role, password, place, secret, people)
            with department.database.begin(scope="*") as connection:
                accounts.add(connection, new, utc_now(), accounts.factor_key(department.keys.master_key()))
            known[role] = {
                "role": role,
                "school": home if place else None,
                "login": new.login,
                "password": password,
                "totp": secret_text(secret),
            }
        return list(known.values())

    def _people_of(self, role: str) -> tuple[tuple[str, str], ...]:
        """Who an account of the role is: (school, person)."""
        if role not in MEMBERS:
            return ()
        homes = self.schools[: 2 if role == "parent" else 1]
        found = ((one.spec.id, members(one.read_url, one.spec.organisation).get(role)) for one in homes)
        return tuple((school, person) for school, person in found if person)

    def start_collector(self, department: Department) -> Department:
        """The collector's program; the department with the addresses that it has now.

        Between our look at the ports and its start another program, another city perhaps, may take one: then others are sought.
        """
        for left in reversed(range(_TRIES)):
            try:
                self.children.start_ready("collector", "collector", ["serve", "--data", str(self.folder.collector)], {})
            except Problem:
                if not left or not self._lost_a_port(department):
                    raise
                department.close()
                department = self.prepare_collector()
            else:
                break
        return department

    @staticmethod
    def _lost_a_port(department: Department) -> bool:
        ports = [_port_of(department.values[key]) for key in _PORTS]
        return any(free_port(port) != port for port in ports)

    # ---- the agents

    def enrol(self, department: Department) -> None:
        """Each agent by a real one-time code, unless it is enrolled at these very addresses."""
        for stage in self.schools:
            if self._is_enrolled(stage, (department.sync_address, department.enrol_address)):
                continue
            code, _ends = department.office.new_code(stage.spec.id, department.enrol_address, utc_now())
            file = self.folder.school(stage.spec.id) / "code"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, code.encode())
            try:
                self._enrol(stage, file)
            finally:
                file.unlink()

    def _enrol(self, stage: SchoolStage, code: Path) -> None:
        """The program that a school runs; the source's password goes by the environment, as no secret stands in argv."""
        url = make_url(stage.read_url)
        bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
        source = bare.render_as_string() if url.password else stage.read_url
        data = self.folder.agent(stage.spec.id)
        arguments = ["enrol", "--data", str(data), "--code-file", str(code), "--source", source]
        run_once("agent", arguments, {"GOROD_AGENT_SOURCE_PASSWORD": url.password} if url.password else {})

    def _is_enrolled(self, stage: SchoolStage, addresses: tuple[str, str]) -> bool:
        from agent.transport.identity import IdentityFolder

        try:
            facts = IdentityFolder(self.folder.agent(stage.spec.id) / "identity").load().facts
        except Problem:
            return False
        return (facts.sync_address, facts.enrol_address) == addresses

    def start_agents(self) -> None:
        """One process per school."""
        for stage in self.schools:
            data = self.folder.agent(stage.spec.id)
            pace = {name: value for name, value in _AGENT_PACE.items() if name not in os.environ}
            self.children.start(f"agent-{stage.spec.id}", "agent", ["run", "--data", str(data)], pace)

    # ---- the portal

    def start_portal(self) -> None:
        """The portal, on a port of its own."""
        config = self.folder.collector / PORTAL_FILE
        ports = {key: free_port(port) for key, port in _PORTAL_PORTS.items()}
        environ = {f"GOROD_PORTAL_{key.upper()}": f"127.0.0.1:{port}" for key, port in ports.items()}
        environ = {name: os.environ.get(name, value) for name, value in environ.items()}
        ready = self.children.start_ready("portal", "portal", ["serve", "--config", str(config)], environ)
        self.portal = ready["portal"]

    def tell(self, department: Department, known_accounts: list[dict[str, Any]]) -> dict[str, Any]:
        """``demo.json``."""
        return {
            "portal": self.portal,
            "database_url": department.owner_url,
            "collector": {"config": str(self.folder.collector / "collector.toml"), "data": str(self.folder.collector)},
            "accounts": known_accounts,
            "schools": [
                {
                    "id": stage.spec.id,
                    "source_url": stage.read_url,
                    "source_write_url": stage.write_url,
                    "agent_data": str(self.folder.agent(stage.spec.id)),
                    "config": str(self.folder.agent(stage.spec.id) / "agent.toml"),
                }
                for stage in self.schools
            ],
        }


def _port_of(listen: str) -> int:
    return int(listen.rpartition(":")[2])
