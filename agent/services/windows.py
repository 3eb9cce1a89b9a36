"""Windows: the service manager through ``sc.exe``; the service itself is :mod:`agent.services.windows_host`."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from agent.services.plan import SERVICE, Found, Run
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.services.plan import Ask, Step

ACCOUNT: Final = rf"NT SERVICE\{SERVICE}"
"""A virtual account: Windows makes it with the service, it has no password and no rights but those given here."""

_KEEPERS: Final = ("*S-1-5-32-544:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F")
"""Administrators and the system by number: their names differ from language to language."""

_MISSING: Final = 1060  # ERROR_SERVICE_DOES_NOT_EXIST
_RESTART_MS: Final = 5000


class Windows:
    """The manager on Windows."""

    def needs(self) -> Problem | None:
        """pywin32 must be there: it joins Python to the service manager."""
        try:
            import servicemanager  # noqa: F401  only whether it is there
        except ImportError:
            return Problem("GOR-1014", part="windows")
        return None

    def is_administrator(self) -> bool:
        """Whether this process runs elevated."""
        return sys.platform == "win32" and bool(ctypes.windll.shell32.IsUserAnAdmin())

    def install(self, program: Sequence[str], data: Path) -> list[Step]:
        """The service under its own account, its right on the data folder alone, a restart after every failure."""
        again = "/".join(f"restart/{_RESTART_MS}" for _ in range(3))
        line = subprocess.list2cmdline([*program, "--data", str(data)])
        described = "Gorod: this school's journal to the department"
        return [
            Run(("sc.exe", "stop", SERVICE), may_fail=True),
            Run(("sc.exe", "delete", SERVICE), may_fail=True),
            Run(
                (
                    *("sc.exe", "create", SERVICE, "binPath=", line),
                    *("start=", "delayed-auto", "obj=", ACCOUNT, "DisplayName=", "Gorod agent"),
                )
            ),
            Run(("sc.exe", "description", SERVICE, described)),
            Run(("sc.exe", "failure", SERVICE, "reset=", "86400", "actions=", again)),
            Run(("sc.exe", "failureflag", SERVICE, "1")),
            Run(("icacls.exe", str(data), "/grant:r", f"{ACCOUNT}:(OI)(CI)M", *_KEEPERS, "/T", "/Q")),
            Run(("icacls.exe", str(data), "/inheritance:r", "/Q")),
            *self.start(),
        ]

    def uninstall(self) -> list[Step]:
        """The service goes, the data folder stays."""
        return [Run(("sc.exe", "stop", SERVICE), may_fail=True), Run(("sc.exe", "delete", SERVICE))]

    def start(self) -> list[Step]:
        """Start it."""
        return [Run(("sc.exe", "start", SERVICE))]

    def stop(self) -> list[Step]:
        """Stop it; with the computer it starts again."""
        return [Run(("sc.exe", "stop", SERVICE))]

    def look(self, ask: Ask) -> Found:
        """What the service manager says; its words may be in any language, its numbers are not: 4 is running."""
        done = ask(("sc.exe", "query", SERVICE))
        states = (line.split(":", 1)[1].split()[0] for line in done.stdout.splitlines() if "STATE" in line)
        return Found(done.returncode != _MISSING, next(states, "") == "4")
