"""Child processes of the demo: the real programs, each with a log of its own, ended in the order opposite to their start."""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Self

from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_END_S: Final = 20.0
_READY_S: Final = 120.0
_TAIL: Final = 300
# -P: a folder named "agent" where the person stands must not be taken for our package.
_PYTHON: Final = (sys.executable, "-P", "-m")
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(slots=True)
class Child:
    """A running program."""

    name: str
    process: subprocess.Popen[str]
    log: Path

    def check(self) -> None:
        """Problem GOR-1099 if it has ended by itself."""
        if self.process.poll() is not None:
            last = self.log.read_text("utf-8", "replace").strip()[-_TAIL:]
            raise Problem("GOR-1099", cause=f"{self.name}: {last}")


class Children:
    """All children of one demo. A context manager: whatever happens, they are ended."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self.running: list[Child] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_raised: object) -> None:
        self.stop()

    def start(self, name: str, module: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Child:
        """Start ``python -m module arguments``; stdout and stderr go to the log."""
        child, _lines = self._start(name, module, arguments, environ)
        return child

    def start_ready(
        self, name: str, module: str, arguments: Sequence[str], environ: Mapping[str, str]
    ) -> dict[str, Any]:
        """Start, and wait for the line ``ready {json}``; Problem GOR-1099 when it ends or stays silent."""
        child, lines = self._start(name, module, arguments, environ)
        try:
            found = lines.get(timeout=_READY_S)
        except queue.Empty as error:
            raise Problem("GOR-1099", cause=f"{name}: no answer") from error
        if found is None:
            child.process.wait(_END_S)
            self.running.remove(child)
            child.check()
        told: dict[str, Any] = json.loads((found or "ready {}").removeprefix("ready "))
        return told

    def _start(
        self, name: str, module: str, arguments: Sequence[str], environ: Mapping[str, str]
    ) -> tuple[Child, queue.Queue[str | None]]:
        path = self._logs / f"{name}.log"
        log = path.open("a", encoding="utf-8")
        # A session of its own: Ctrl-C in the terminal reaches the demo alone, which then ends its children in order.
        process = subprocess.Popen(  # noqa: S603  our own programs
            [*_PYTHON, module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environ},
            text=True,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509  one system call of a library that is loaded already
        )
        child = Child(name, process, path)
        self.running.append(child)
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process, log, lines), name=f"log-{name}", daemon=True).start()
        return child, lines

    def check(self) -> None:
        """Problem GOR-1099 if any child has ended by itself."""
        for child in self.running:
            child.check()

    def stop(self) -> None:
        """End every child, the last one first; one that does not end is killed."""
        for child in reversed(self.running):
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
            try:
                child.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self.running.clear()


def _end_with_parent() -> None:
    """In the child, before its program: even a demo that is killed leaves nothing running (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _read(process: subprocess.Popen[str], log: IO[str], lines: queue.Queue[str | None]) -> None:
    """Copy stdout to the log; lines that begin with ``ready`` are handed on, and None at the end."""
    with log, process.stdout or nullcontext(()) as stdout:
        for line in stdout:
            log.write(line)
            log.flush()
            if line.startswith("ready "):
                lines.put(line)
    lines.put(None)


def run_once(module: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run a command to its end; its problem becomes ours."""
    done = subprocess.run(  # noqa: S603  our own programs
        [*_PYTHON, module, *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **environ},
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem("GOR-1099", cause=f"{module} {arguments[0]}: {(done.stderr or done.stdout).strip()[-_TAIL:]}")


def free_port(wanted: int) -> int:
    """The wanted port if nobody has it, else one that the system finds."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Problem("GOR-1007", address=f"127.0.0.1:{wanted}", key="listen")
