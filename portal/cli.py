"""``gorod-portal``: serve the pages, show the settings."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.store.engine import Database, DatabaseSettings
from portal import server, store
from portal.app import create_app, create_monitoring_app
from portal.config import PROGRAM, SETTINGS, make_config
from portal.people import StorePeople
from portal.provider import Provider
from proto.cli import OK, Command, Program, config_command
from proto.cli import main as run_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.config import Address, Config
    from proto.cli import Context

FILE: Final = "portal.toml"
"""What the collector's ``init`` writes into its data folder: the portal's login and where the keys lie."""

if os.name == "nt":
    _BASE = Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Gorod"
    _CONFIG, _DATA = _BASE / FILE, _BASE / "collector"
else:
    _CONFIG, _DATA = Path("/etc/gorod") / FILE, Path("/var/lib/gorod/collector")


def serve(context: Context) -> int:
    """Serve until a signal asks for the end."""
    config = make_config(context.settings(FILE))
    context.keep_log("info")
    rules, ring = store.sign_in_rules(config), store.key_ring(config)
    settings = DatabaseSettings(connections=config.pool, application="gorod-portal")
    with Database(config.database_url, settings) as database:
        reader = store.StoreReader(database, config)
        accounts = store.StoreAccounts(database, rules)
        pages = create_app(
            config,
            reader,
            accounts,
            store.StoreSchoolData(database, ring),
            people=StorePeople(database, rules, ring, config.provider.issuer if config.provider else ""),
            provider=Provider(config.provider, ring.master_key()) if config.provider else None,
            announced=partial(store.announcements, config.database_url),
        )
        monitoring = create_monitoring_app(pages.state.portal.metrics, reader)
        server.run(config, pages, monitoring, partial(_say_ready, config))
    return OK


def _say_ready(config: Config, listen: Address, metrics: Address) -> None:
    """The one line that says where the pages are, for people and for programs that wait for it."""
    scheme = "https" if config.tls else "http"
    addresses = {"listen": str(listen), "metrics_listen": str(metrics), "portal": f"{scheme}://{listen}"}
    sys.stdout.write(f"ready {json.dumps(addresses)}\n")
    sys.stdout.flush()


PROGRAM_TABLE: Final = Program(
    PROGRAM,
    "The portal: what people read of the city's schools",
    (Command(("serve",), "Serve the pages until stopped", serve), config_command(FILE)),
    SETTINGS,
    _CONFIG,
    _DATA,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    return run_program(PROGRAM_TABLE, argv)


if __name__ == "__main__":
    sys.exit(main())
