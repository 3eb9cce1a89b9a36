"""Our programs as a test runs them: real processes with a log each, commands with their JSON, and waiting that says why it failed."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from proto.problems import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
CLOCK = "tests.acceptance.clock"
_POLL_S = 0.1
_TAIL = 4000
Result = TypeVar("Result")


def without_rights() -> list[str]:
    """What stands before a command of the agent so that file modes bind it too: as root it loses every capability.

    The user stays the same, so that the interpreter and the test's folders can be read wherever they are.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv, "setpriv of util-linux is needed to run the agent without root's rights"
    return [setpriv, "--bounding-set=-all", "--inh-caps=-all"]


def _command(module: str, arguments: tuple[str, ...]) -> list[str]:
    agent = module in ("agent", CLOCK)
    return [*(without_rights() if agent else []), sys.executable, "-m", module, *arguments]


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **environ, "PYTHONWARNINGS": "default", "TZ": "UTC"}


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """The JSON of the last line."""
        assert self.out.strip(), f"exit {self.code}, nothing on stdout\n{self.err[-_TAIL:]}"
        return json.loads(self.out.strip().splitlines()[-1])

    def ok(self) -> Any:
        """The JSON, and the command succeeded."""
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err[-_TAIL:]}"
        return self.told


def run(module: str, *arguments: str, environ: Mapping[str, str], timeout_s: float = 60.0) -> Done:
    """A command with ``--json``, to its end."""
    done = subprocess.run(
        _command(module, (*arguments, "--json")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=_environ(environ),
        cwd=ROOT,
        timeout=timeout_s,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def refused(told: Mapping[str, Any] | None, code: str) -> None:
    """A problem as contracts write it: this code, its class, and words that name everything (no ellipsis left)."""
    assert told is not None
    assert told["code"] == code, told
    assert told["class"] == CATALOGUE[code].kind
    assert told["text"], told
    assert told["next"], told
    assert "…" not in told["text"], told
    assert set(told) == {"code", "class", "text", "next", "at"}


def refused_in_both_languages(command: Callable[[str], Done], code: str, exit_code: int = 1) -> None:
    """The command, given a language, fails with this problem in its words."""
    for lang in ("ru", "en"):
        done = command(lang)
        assert done.code == exit_code, done
        refused(done.told, code)
        assert _is_russian(done.told["text"]) == (lang == "ru")
        assert done.told["text"] in done.err


def _is_russian(text: str) -> bool:
    return "а" <= text[0].lower() <= "я"


@dataclass
class Program:
    """A program that keeps running: ``python -m module …``, its log in a file."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    lines: queue.Queue[str] = field(default_factory=queue.Queue)

    @classmethod
    def start(cls, module: str, *arguments: str, environ: Mapping[str, str], log: Path) -> Program:
        """Start it in a session of its own."""
        with log.open("a") as errors:
            process = subprocess.Popen(
                _command(module, arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=_environ(environ),
                cwd=ROOT,
                start_new_session=True,
            )
        program = cls(log.stem, process, log)
        threading.Thread(target=program._read, daemon=True).start()
        return program

    def _read(self) -> None:
        with self.process.stdout or open(os.devnull) as stdout:  # noqa: PTH123  no file of ours
            for line in stdout:
                self.lines.put(line)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self) -> dict[str, Any]:
        """What the line ``ready {json}`` says."""
        line = wait_for(self._line, f"{self.name} is ready", logs=[self.log])
        told: dict[str, Any] = json.loads(line.removeprefix("ready "))
        return told

    def _line(self) -> str | None:
        assert self.alive or not self.lines.empty(), f"{self.name} ended\n{self.said()[-_TAIL:]}"
        return None if self.lines.empty() else self.lines.get()

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As a service manager does; a program that does not end is a failure."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.alive:
            self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def said(self) -> str:
        """The log so far."""
        return self.log.read_text("utf-8", "replace")


def wait_for(
    look: Callable[[], Result | None], what: str, *, patience_s: float = PATIENCE_S, logs: list[Path] | None = None
) -> Result:
    """The first answer of ``look`` that is true; when it stays false, what was waited for, its last answer, and the ends of the logs."""
    end, answer = time.monotonic() + patience_s, look()
    while not answer:
        if time.monotonic() > end:
            ends = [f"---- {log.name}\n{log.read_text('utf-8', 'replace')[-_TAIL:]}" for log in logs or []]
            raise AssertionError("\n".join([f"after {patience_s:g} s still not: {what} ({answer!r})", *ends]))
        time.sleep(_POLL_S)
        answer = look()
    return answer
