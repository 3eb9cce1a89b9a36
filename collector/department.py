"""The composition of a collector: what its data folder, its settings and its database are made into. Nothing else builds these.

DATA/ca                 authority, listeners' keys, the log of what it issued
DATA/keys               key ring: seal, data, master (the last may stand elsewhere)
DATA/postgres           the embedded server, when no database_url is given
DATA/roles.json         passwords of the login roles gorod_ingest, gorod_portal, gorod_jobs
DATA/portal.toml        settings for gorod-portal
DATA/addresses.json     where the running collector really listens
"""

from __future__ import annotations

import json
import logging
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Self

from collector.ca.authority import LOG_FILE, Authority
from collector.ca.log import IssueLog
from collector.ca.office import Office
from collector.ca.registry import PostgresRegistry
from collector.config import master_key_file
from collector.core.issuance import Policy
from collector.store import profiles, roles
from collector.store.embedded import EmbeddedServer
from collector.store.engine import Database, DatabaseSettings, check_url
from collector.store.keys import KeyRing
from collector.store.migrate import migrate
from proto.files import private_folder, write_atomic
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_ANY_HOST: Final = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104  compared with, not bound to
PORTAL_FILE: Final = "portal.toml"
ADDRESSES_FILE: Final = "addresses.json"
SHIPPED_PROFILES: Final = ("demo",)


def utc_now() -> datetime:
    """The department's clock: the one place that asks for it."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Department:
    """An opened collector. ``database`` is the owner's, for commands; ``ingest`` is what the daemon works with."""

    data: Path
    values: Mapping[str, Any]
    server: EmbeddedServer | None
    owner_url: str
    role_urls: roles.RoleUrls
    database: Database
    keys: KeyRing
    authority: Authority
    office: Office

    @classmethod
    def initialise(cls, data: Path, values: Mapping[str, Any]) -> Self:
        """Make whatever is missing: folders, authority, keys, database, roles, tables, shipped profiles. Safe to repeat."""
        _make_folder(data)
        Authority.create(data / "ca")
        KeyRing.create(data / "keys", master_key_file(values, data)).sealing_key(utc_now(), values["seal_days"])
        with ExitStack() as failing:
            server, owner_url = _database(data, values, failing)
            role_urls = roles.prepare_roles(owner_url, data)
            migrate(owner_url, values["lock_timeout_s"])
            _write_portal_file(data, values, role_urls)
            opened = cls._open(data, values, server, owner_url, role_urls)
            failing.pop_all()
        opened.ship_profiles()
        return opened

    @classmethod
    def open(cls, data: Path, values: Mapping[str, Any]) -> Self:
        """Open what :meth:`initialise` made; Problem GOR-1009 if it did not."""
        if not (data / "roles.json").exists():
            raise Problem("GOR-1009", path=data)
        with ExitStack() as failing:
            server, owner_url = _database(data, values, failing)
            opened = cls._open(data, values, server, owner_url, roles.load_roles(owner_url, data))
            failing.pop_all()
        return opened

    @classmethod
    def _open(
        cls,
        data: Path,
        values: Mapping[str, Any],
        server: EmbeddedServer | None,
        owner_url: str,
        role_urls: roles.RoleUrls,
    ) -> Self:
        database = Database(owner_url, database_settings(values)).open()
        authority = Authority.load(data / "ca")
        office = Office(
            authority, PostgresRegistry(database.plain), IssueLog(authority.folder / LOG_FILE), policy(values)
        )
        keys = KeyRing(data / "keys", master_key_file(values, data))
        return cls(data, values, server, owner_url, role_urls, database, keys, authority, office)

    def close(self) -> None:
        """Let go of the database; an embedded server that nobody else uses stops."""
        self.database.close()
        if self.server:
            self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- addresses

    @property
    def sync_address(self) -> str:
        """host:port that agents dial for the stream."""
        return self._public("sync")

    @property
    def enrol_address(self) -> str:
        """host:port that stands in one-time codes."""
        return self._public("enrol")

    def _public(self, listener: str) -> str:
        if self.values[f"{listener}_public"]:
            return str(self.values[f"{listener}_public"])
        file = self.data / ADDRESSES_FILE
        listening = json.loads(file.read_text("utf-8")).get(listener) if file.exists() else None
        return public_address(listening or self.values[f"{listener}_listen"])

    def certificate_hosts(self, listener: str) -> list[str]:
        """Names and addresses that the listener's certificate is for."""
        hosts = [self._public(listener).rpartition(":")[0].strip("[]"), socket.gethostname(), "localhost", "127.0.0.1"]
        return list(dict.fromkeys(hosts))

    # ---- profiles

    def add_profile(self, toml: bytes) -> profiles.StoredProfile:
        """Sign a profile and keep it."""
        stored = profiles.read(toml, self.authority.sign(toml))
        with self.database.begin() as connection:
            profiles.put(connection, stored, utc_now())
        return stored

    def ship_profiles(self) -> None:
        """Register the profiles that ship with the agent, unless the department has a newer version."""
        for name in SHIPPED_PROFILES:
            toml = (resources.files("agent") / "profiles" / f"{name}.toml").read_bytes()
            with self.database.begin() as connection:
                known = profiles.get(connection, name)
            if known is None or int(known.version) < int(profiles.read(toml, b"").version):
                self.add_profile(toml)


def public_address(listen: str) -> str:
    """Where others reach a listener: its own host, or this machine's name if it listens everywhere."""
    host, _, port = listen.rpartition(":")
    return f"{socket.gethostname() if host in _ANY_HOST else host}:{port}"


def database_settings(values: Mapping[str, Any], application: str = "gorod-collector") -> DatabaseSettings:
    """Settings of the database's doors."""
    return DatabaseSettings(
        connections=values["database_connections"],
        wait_s=values["database_wait_s"],
        statement_timeout_s=values["statement_timeout_s"],
        lock_timeout_s=values["lock_timeout_s"],
        application=application,
    )


def policy(values: Mapping[str, Any]) -> Policy:
    """The certificate office's policy."""
    return Policy(
        certificate_life=timedelta(days=values["cert_days"]),
        code_life=timedelta(seconds=values["code_ttl_s"]),
        grace=timedelta(days=values["renew_grace_days"]),
    )


def _make_folder(data: Path) -> None:
    try:
        private_folder(data)
    except OSError as error:
        raise Problem("GOR-1005", path=data, cause=error.strerror) from error


def _database(data: Path, values: Mapping[str, Any], failing: ExitStack) -> tuple[EmbeddedServer | None, str]:
    """The database that the settings name, else the embedded one, started; ``failing`` lets go of it again."""
    if values["database_url"]:
        check_url(values["database_url"])
        return None, str(values["database_url"])
    server = EmbeddedServer(data)
    url = server.start()
    failing.callback(server.stop)
    return server, url


def _write_portal_file(data: Path, values: Mapping[str, Any], role_urls: roles.RoleUrls) -> None:
    """Settings for the portal: its database login, and where the keys are."""
    lines = {
        "database_url": role_urls.portal,
        "keys": str((data / "keys").resolve()),
        "master_key_file": str(master_key_file(values, data).resolve()),
        "late_s": round(values["late_s"]),
        "silent_s": round(values["silent_s"]),
    }
    text = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in lines.items())
    write_atomic(data / PORTAL_FILE, text.encode())
