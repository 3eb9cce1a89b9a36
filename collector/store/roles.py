"""Login roles of our programs. None of them owns a table, so that row-level security always applies to them.

gorod_ingest   writes one school's data at a time          gorod_portal   reads the scope of a person, writes accounts' own tables
gorod_jobs     rollups, checks and status over all schools
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from collector.store.problems import translated
from proto.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

INGEST: Final = "gorod_ingest"
PORTAL: Final = "gorod_portal"
JOBS: Final = "gorod_jobs"
ROLES: Final = (INGEST, PORTAL, JOBS)


@dataclass(frozen=True, slots=True)
class RoleUrls:
    """Address of the database for each of our programs' parts, passwords included."""

    ingest: str = field(repr=False)
    portal: str = field(repr=False)
    jobs: str = field(repr=False)


def prepare_roles(owner_url: str, data: Path) -> RoleUrls:
    """Make the login roles, or set the passwords that ``DATA/roles.json`` (0600) holds; safe to repeat.

    Raises:
        Problem: GOR-1809, the owner may not make roles.
    """
    path = data / "roles.json"
    known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    passwords = {role: known.get(role) or secrets.token_urlsafe(24) for role in ROLES}
    if passwords != known:
        write_atomic(path, (json.dumps(passwords, indent=1) + "\n").encode())
    with translated(), psycopg.connect(owner_url) as connection:
        for role, password in passwords.items():
            _prepare(connection, role, password)
    return role_urls(owner_url, passwords)


def load_roles(owner_url: str, data: Path) -> RoleUrls:
    """Addresses with the passwords of an earlier :func:`prepare_roles`."""
    return role_urls(owner_url, json.loads((data / "roles.json").read_text("utf-8")))


def role_urls(owner_url: str, passwords: dict[str, str]) -> RoleUrls:
    """The owner's address, with other logins."""
    return RoleUrls(*(_with_login(owner_url, role, passwords[role]) for role in ROLES))


def _prepare(connection: psycopg.Connection, role: str, password: str) -> None:
    # One program at a time makes roles: PostgreSQL has no CREATE ROLE IF NOT EXISTS.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('gorod roles'))")
    name = sql.Identifier(role)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    # Hashed here, so that the password itself stands in no log of the server.
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(hashed)))


def _with_login(url: str, role: str, password: str) -> str:
    parts = conninfo_to_dict(url)
    query = {
        key: str(value) for key, value in parts.items() if key not in ("user", "password", "host", "port", "dbname")
    }
    made = URL.create(
        "postgresql",
        username=role,
        password=password,
        host=str(parts["host"]) if parts.get("host") else None,
        port=int(str(parts["port"])) if parts.get("port") else None,
        database=str(parts["dbname"]) if parts.get("dbname") else None,
        query=query,
    )
    return made.render_as_string(hide_password=False)
