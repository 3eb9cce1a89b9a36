"""A login without any write right, as the agent gets it: a PostgreSQL role that may SELECT, or files that may only be read."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url

from install.demo import schema
from install.demo.database import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL

_FILE_READ, _FOLDER_READ = 0o444, 0o555
_FILE_SHARED: Final = 0o644


def make_readonly(url: str, password: str | None = None) -> str:
    """Give the URL by which an agent reads what ``url`` writes. Safe to repeat; a given ``password`` stays the same.

    PostgreSQL: a role ``<database>_reader`` with SELECT and nothing else; PUBLIC loses TEMP and CREATE. SQLite: the same file,
    readable for every account of the machine and writable for its owner only; the agent opens it read-only anyway.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == schema.SQLITE:
        Path(parsed.database or "").chmod(_FILE_SHARED)
        return url
    password = password or secrets.token_urlsafe(18)
    role = f"{parsed.database}_reader"
    _grant(parsed, role, password)
    return parsed.set(username=role, password=password).render_as_string(hide_password=False)


def _grant(url: URL, role: str, password: str) -> None:
    import psycopg
    from psycopg import sql

    words = {
        "role": sql.Identifier(role),
        "database": sql.Identifier(str(url.database)),
        "password": sql.Literal(password),
    }
    with psycopg.connect(conninfo(url)) as connection:
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        verb = "ALTER" if found else "CREATE"
        for statement in (
            f"{verb} ROLE {{role}} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION PASSWORD {{password}}",
            "REVOKE TEMP ON DATABASE {database} FROM PUBLIC",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {database} TO {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
        ):
            connection.execute(sql.SQL(statement).format(**words))


@contextmanager
def sealed(path: Path) -> Iterator[None]:
    """A database file that cannot be written, in a folder that nobody can add to, while the block lasts."""
    folder = path.parent
    before = {folder: folder.stat().st_mode, **{item: item.stat().st_mode for item in folder.iterdir()}}
    try:
        for item in folder.iterdir():
            item.chmod(_FILE_READ)
        folder.chmod(_FOLDER_READ)
        yield
    finally:
        for item, mode in before.items():
            item.chmod(mode)
