"""Opening the state file: one holder, one writer, checked after a crash, set aside when it is damaged.

A damaged or lost file is no disaster: the centre knows what it holds, and Adopt brings the fingerprints back.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = logging.getLogger(__name__)
_VERSION: Final = 1
_CACHE_KIB: Final = 8192


class FileLock:
    """One lock per state file, so that ``once`` and the service exclude each other. Released by the kernel when the holder dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock; Problem GOR-1703 if another process has it."""
        file = self._path.open("ab")
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise Problem("GOR-1703", path=self._path.parent) from error
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file:
            self._file.close()
            self._file = None


if sys.platform == "win32":

    def _lock(file: IO[bytes]) -> None:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: IO[bytes]) -> None:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class Database:
    """A connection that several threads share: each transaction holds :attr:`lock` from BEGIN to COMMIT."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.set_aside: Path | None = None
        self.connection = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
                raise Problem("GOR-1704", cause=error, path=self.path.parent) from error
            self.set_aside = _set_aside(self.path)
            _LOG.warning("state file damaged (%s), set aside as %s", error, self.set_aside.name)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        _private(self.path)
        with ExitStack() as failing:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10.0)
            failing.callback(connection.close)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute("PRAGMA temp_store = MEMORY")
            _migrate(connection)
            _check(connection)
            failing.pop_all()
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, or part of the one that this thread already has; Problem GOR-1704 when the disk refuses."""
        with self.lock:
            if self.connection.in_transaction:
                yield self.connection
                return
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise Problem("GOR-1704", cause=error, path=self.path.parent) from error
            finally:
                self._roll_back()  # after a COMMIT there is nothing to roll back

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def close(self) -> None:
        """Mark a clean end, so that the next start needs no check."""
        with self.lock:
            self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', 1)")
            self.connection.close()


def _private(path: Path) -> None:
    """Make the file readable by its owner alone, before anything is in it."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.DatabaseError(f"state of a newer version {version}")
    if version == 0:
        script = (Path(__file__).parent / "schema.sql").read_text("utf-8")
        connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {_VERSION}; COMMIT;")


def _check(connection: sqlite3.Connection) -> None:
    """After an unclean end, look at every page: a torn file must be found now, not in the middle of a sweep."""
    clean = connection.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone()
    if not clean:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    connection.execute("DELETE FROM meta WHERE name = 'clean'")


def _set_aside(path: Path) -> Path:
    """Rename the damaged file, keeping one such copy, and drop its WAL."""
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside
