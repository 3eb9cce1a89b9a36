"""Settings of the agent: one table; ``enrol`` writes the file, the environment overrides it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.core.minimise import COLLAPSE, FULL
from agent.core.sweep import Periods
from proto.problems import Problem
from proto.settings import Setting, load

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM: Final = "agent"
BESIDE: Final = "agent.toml"
if os.name == "nt":
    _BASE = Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Gorod"
    DEFAULT_FILE, DEFAULT_DATA = _BASE / BESIDE, _BASE / "agent"
else:
    DEFAULT_FILE, DEFAULT_DATA = Path("/etc/gorod") / BESIDE, Path("/var/lib/gorod/agent")

SETTINGS: Final = (
    Setting("source_url", "", "Address of the NetSchool database, without the password", secret=False),
    Setting(
        "source_password", "", "Password of the database login; better in a file (source_password_file)", secret=True
    ),
    Setting("source_password_file", "", "File that holds the password of the database login"),
    Setting(
        "source_organisation",
        "",
        "Code of the organisation in the database; empty: as the department told at enrolment",
    ),
    Setting("profile", "", "Name or file of the profile; empty: the one that fits the schema"),
    Setting(
        "health_mode",
        COLLAPSE,
        "What leaves about illness: collapse (default) or full (declared by the department)",
        choices=(COLLAPSE, FULL),
    ),
    Setting(
        "sweep_full_s", 86_400.0, "A full comparison with the source is due after this time", "s", float, minimum=0.1
    ),
    Setting("sweep_hot_s", 300.0, "Rows of the last days are compared after this time", "s", float, minimum=0.1),
    Setting("sweep_hint_ms", 200, "Pause between looks at what the source marks as changed", "ms", int, minimum=1),
    Setting(
        "sweep_gather_ms",
        80,
        "After a look that found changes, the next ones gather for so long; in a stream of them 2.5 times as long",
        "ms",
        int,
        minimum=0,
    ),
    Setting("hot_days", 14, "How many days count as the last days", "d", int, minimum=1),
    Setting(
        "small_rows",
        5000,
        "An entity without dates is read whole with the last days up to this size",
        "rows",
        int,
        minimum=0,
    ),
    Setting("page_rows", 5000, "Rows of the first page; the size then adapts", "rows", int, minimum=1),
    Setting(
        "hint_overlap_s", 10.0, "Marks are read again this far back: transactions commit late", "s", float, minimum=0
    ),
    Setting("lock_timeout_s", 1.0, "How long a read waits for a lock of the source", "s", float, minimum=0.01),
    Setting(
        "statement_timeout_s", 30.0, "A read that takes longer is given up and made smaller", "s", float, minimum=0.1
    ),
    Setting("digest_s", 300.0, "How often equality with the department is checked", "s", float, minimum=0.1),
    Setting("heartbeat_s", 15.0, "How often the department is told how the agent is", "s", float, minimum=0.1),
    Setting("retry_cap_s", 900.0, "Longest pause between attempts to connect", "s", float, minimum=0.1),
    Setting("outbox_bytes", 64 << 20, "When so much waits to be sent, reading pauses", "bytes", int, minimum=1),
    Setting("envelope_bytes", 1 << 20, "Largest envelope; 131072 suits a slow line", "bytes", int, minimum=4096),
    Setting("bulk_envelopes", 12, "When so many envelopes wait, only live changes are read", kind=int, minimum=1),
    Setting("disk_floor_mb", 256, "When less disk space is free, reading pauses", "MB", int, minimum=0),
    Setting("proxy", "", "HTTP proxy for the connection to the department; empty: the system's; none: no proxy"),
    Setting("log_level", "info", "What is logged", choices=("debug", "info", "warning", "error")),
)


@dataclass(frozen=True, slots=True)
class Config:
    """Checked settings of a running agent. Times in seconds."""

    data: Path
    values: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def periods(self) -> Periods:
        """When the sweeps are due."""
        values = self.values
        return Periods(
            values["sweep_hint_ms"] / 1000,
            values["sweep_gather_ms"] / 1000,
            values["sweep_hot_s"],
            values["sweep_full_s"],
        )

    @property
    def password(self) -> str:
        """Of the database login: from the setting, else from its file; empty if there is neither."""
        if self.values["source_password"] or not self.values["source_password_file"]:
            return str(self.values["source_password"])
        path = Path(self.values["source_password_file"])
        try:
            return path.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Problem("GOR-1013", path=path, cause=error) from error


def read_config(data: Path, file: Path | None, environ: Mapping[str, str]) -> Config:
    """Settings from the file and the environment.

    Raises:
        Problem: GOR-1001…1003 on a mistake in them.
    """
    return Config(data, load(PROGRAM, SETTINGS, file, environ))
