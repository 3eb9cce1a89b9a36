"""Settings of the collector: one table, and how the program's parts take theirs from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from proto.settings import Setting, load

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM: Final = "collector"
DEFAULT_FILE: Final = Path("/etc/gorod/collector.toml")
DEFAULT_DATA: Final = Path("/var/lib/gorod/collector")

SETTINGS: Final = (
    Setting(
        "database_url",
        "",
        "PostgreSQL 15+ of the department, as the owner of its tables; empty: the embedded one",
        secret=True,
    ),
    Setting("database_connections", 16, "Most connections to the database at a time", kind=int, minimum=2),
    Setting("database_wait_s", 10.0, "How long to wait for a connection", "s", float, minimum=0.1),
    Setting("statement_timeout_s", 60.0, "A statement that runs longer is cancelled", "s", float, minimum=1),
    Setting("lock_timeout_s", 10.0, "How long to wait for a lock in the database", "s", float, minimum=0.1),
    Setting("sync_listen", "0.0.0.0:7443", "Where agents' streams are accepted (mutual TLS)"),
    Setting("sync_public", "", "host:port at which agents reach sync_listen; empty: this host's name and that port"),
    Setting("enrol_listen", "0.0.0.0:7444", "Where enrolment and renewal are accepted"),
    Setting("enrol_public", "", "host:port at which agents reach enrol_listen; it stands in the one-time codes"),
    Setting("metrics_listen", "127.0.0.1:9464", "Metrics, /healthz and /readyz"),
    Setting("master_key_file", "", "The master key of the key ring; empty: keys/master in the data folder"),
    Setting(
        "lease_s",
        30.0,
        "How long a school's stream keeps its place after its last sign of life",
        "s",
        float,
        minimum=0.1,
    ),
    Setting("code_ttl_s", 14 * 86_400, "Life of a one-time code", "s", int, minimum=1),
    Setting("cert_days", 90.0, "Life of a school's certificate", "d", float, minimum=0.00001),
    Setting("renew_grace_days", 180, "How long after its end a certificate can still be renewed", "d", int, minimum=0),
    Setting(
        "revocation_check_s", 60.0, "How often open streams are checked against revocations", "s", float, minimum=0.1
    ),
    Setting("seal_days", 400, "Life of a key that envelopes are sealed to", "d", int, minimum=2),
    Setting("late_s", 900.0, "A school is late when what is shown is older", "s", float, minimum=1),
    Setting("silent_s", 3600.0, "A school is silent when nothing was heard for longer", "s", float, minimum=1),
    Setting("deep_s", 604_800.0, "Within this time every stored value is read back and checked", "s", float, minimum=1),
    Setting("ledger_days", 60, "How long envelopes stand in the ledger one by one", "d", int, minimum=1),
    Setting("max_in_flight", 8, "Envelopes that an agent may send ahead of their receipts", kind=int, minimum=1),
    Setting("heartbeat_s", 15.0, "How often an agent says how it is", "s", float, minimum=0.1),
    Setting(
        "guard_delete_rows",
        500,
        "Deletions of an entity in 24 h that pass without the department's word; 0: no guard",
        kind=int,
        minimum=0,
    ),
    Setting(
        "guard_delete_pct",
        2,
        "The same as a share of the entity's rows; the larger of both counts",
        "%",
        int,
        minimum=0,
    ),
    Setting("guard_update_rows", 20_000, "Updates of an entity in 24 h that pass; 0: no guard", kind=int, minimum=0),
    Setting(
        "guard_update_pct",
        30,
        "The same as a share of the entity's rows; the larger of both counts",
        "%",
        int,
        minimum=0,
    ),
    Setting("log_level", "info", "What is logged", choices=("debug", "info", "warning", "error")),
)


def read_settings(file: Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Checked value of every setting: the file's, over it the environment's (``GOROD_COLLECTOR_<KEY>``)."""
    return load(PROGRAM, SETTINGS, file, environ)


def master_key_file(values: Mapping[str, Any], data: Path) -> Path:
    """Where the master key of the key ring is."""
    named = values["master_key_file"]
    return Path(named) if named else data / "keys" / "master"
