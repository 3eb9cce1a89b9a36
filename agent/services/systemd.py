"""systemd: the unit of ``install/linux``, with this installation's program and data folder in it."""

from __future__ import annotations

import os
import shlex
import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.services.plan import SERVICE, Found, Give, Remove, Run, Write
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.services.plan import Ask, Step

USER: Final = "gorod"
UNIT: Final = f"{SERVICE}.service"
UNIT_FILE: Final = Path("/etc/systemd/system") / UNIT
_RUNS: Final = Path("/run/systemd/system")
_PROGRAM: Final = "/opt/gorod/bin/gorod-agent"
_DATA: Final = "/var/lib/gorod/agent"
_CONDITION: Final = "ConditionPathExists="
_STATE: Final = "StateDirectory=gorod/agent\nStateDirectoryMode=0700\n"


def unit_text(program: Sequence[str], data: Path) -> str:
    """The unit for a program and a data folder. systemd itself makes a folder below /var/lib only; another is opened to writing."""
    text = (resources.files("agent.services") / UNIT).read_text("utf-8")
    if data.as_posix() != _DATA:
        text = text.replace(_STATE, f"ReadWritePaths={_quoted(str(data))}\n")
    condition = f"{_CONDITION}{_DATA}/"
    text = text.replace(
        condition, condition.replace(_DATA, str(data).replace("%", "%%"))
    )  # a path here is never quoted
    command = " ".join(_quoted(word) for word in (*program, "run", "--data", str(data)))
    return text.replace(f"ExecStart={_PROGRAM} run --data {_DATA}\n", f"ExecStart={command}\n")


def _quoted(word: str) -> str:
    """As systemd reads a word: quotes around blanks, % doubled, no variables."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if shlex.quote(word) != word and any(sign.isspace() for sign in word) else plain


class Systemd:
    """The manager on Linux."""

    def needs(self) -> Problem | None:
        """Only where systemd is what started this computer."""
        return None if _RUNS.is_dir() and shutil.which("systemctl") else Problem("GOR-1018", needed="systemd")

    def is_administrator(self) -> bool:
        """Whether this is root."""
        return os.geteuid() == 0

    def install(self, program: Sequence[str], data: Path) -> list[Step]:
        """The user, the rights on the data folder, the unit. A unit that ran before is started anew."""
        return [
            Run(
                (
                    *("useradd", "--system", "--user-group", "--no-create-home"),
                    *("--home-dir", "/var/lib/gorod", "--shell", "/usr/sbin/nologin", USER),
                ),
                may_fail=True,
            ),
            Give(data, USER),
            Write(UNIT_FILE, unit_text(program, data)),
            Run(("systemctl", "daemon-reload")),
            Run(("systemctl", "enable", UNIT)),
            Run(("systemctl", "restart", UNIT)),
        ]

    def uninstall(self) -> list[Step]:
        """The unit goes, user and data stay."""
        return [
            Run(("systemctl", "disable", "--now", UNIT), may_fail=True),
            Remove(UNIT_FILE),
            Run(("systemctl", "daemon-reload")),
        ]

    def start(self) -> list[Step]:
        """Start it."""
        return [Run(("systemctl", "start", UNIT))]

    def stop(self) -> list[Step]:
        """Stop it; with the computer it starts again."""
        return [Run(("systemctl", "stop", UNIT))]

    def look(self, ask: Ask) -> Found:
        """What systemd says of the unit."""
        done = ask(("systemctl", "show", UNIT, "--property=LoadState,ActiveState"))
        told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        return Found(told.get("LoadState") == "loaded", told.get("ActiveState") in ("active", "reloading"))
