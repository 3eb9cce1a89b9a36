"""Plans: what to do to a computer, step by step, as data; and the one place that does it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from proto.files import write_atomic
from proto.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

Ask = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]
"""Runs a program and returns what it said."""

SERVICE: Final = "gorod-agent"
_TIMEOUT_S: Final = 120
_READABLE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program; ``may_fail``: because what it does may be done already."""

    words: tuple[str, ...]
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Write a file that everybody may read."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file, if it is there."""

    path: Path


@dataclass(frozen=True, slots=True)
class Give:
    """Give a folder, with all that is in it, to a user and the group of the same name."""

    path: Path
    user: str


Step = Run | Write | Remove | Give


@dataclass(frozen=True, slots=True)
class Found:
    """How the service is."""

    installed: bool
    running: bool


class Manager(Protocol):
    """A service manager: plans for each verb, and a look at how the service is."""

    def needs(self) -> Problem | None:
        """Why nothing can be planned here, None if it can: GOR-1018."""

    def is_administrator(self) -> bool:
        """Whether this process may change services."""

    def install(self, program: Sequence[str], data: Path) -> list[Step]:
        """Make the service of this data folder start with the computer, and start it."""

    def uninstall(self) -> list[Step]:
        """Stop and forget the service; the data folder stays."""

    def start(self) -> list[Step]:
        """Start it."""

    def stop(self) -> list[Step]:
        """Stop it."""

    def look(self, ask: Ask) -> Found:
        """How it is."""


def ask(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it said; Problem GOR-1019 if it cannot be run at all."""
    try:
        return subprocess.run(  # noqa: S603  our own words, no shell
            list(words), capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem("GOR-1019", command=" ".join(words), cause=getattr(error, "strerror", None) or error) from error


def carry_out(steps: Sequence[Step], runs: Ask = ask) -> None:
    """Do every step in order.

    Raises:
        Problem: GOR-1019 at the first that fails; the ones before it stay done, and may be repeated.
    """
    for step in steps:
        match step:
            case Run(words, may_fail):
                done = runs(words)
                if done.returncode and not may_fail:
                    raise Problem("GOR-1019", command=" ".join(words), cause=_said(done))
            case Write(path, text):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(path, text.encode(), _READABLE)
            case Remove(path):
                path.unlink(missing_ok=True)
            case Give(path, user):
                for one in (path, *path.rglob("*")):
                    shutil.chown(one, user, user)


def _said(done: subprocess.CompletedProcess[str]) -> str:
    """The program's own words: its last line, or its exit code."""
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"
