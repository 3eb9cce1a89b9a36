"""``gorod-collector``: the table of its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collector.commands import people, record, rows, schools, setup
from collector.config import DEFAULT_DATA, DEFAULT_FILE, PROGRAM, SETTINGS
from proto.cli import Program, config_command
from proto.cli import main as run_program

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = (
    *setup.COMMANDS,
    *schools.COMMANDS,
    *people.COMMANDS,
    *rows.COMMANDS,
    *record.COMMANDS,
    config_command("collector.toml"),
)

PROGRAM_OF_COLLECTOR: Final = Program(
    PROGRAM,
    "The department's collector: receives every school's changes and proves them equal",
    COMMANDS,
    SETTINGS,
    DEFAULT_FILE,
    DEFAULT_DATA,
    {**setup.GROUPS, **schools.GROUPS, **people.GROUPS, **rows.GROUPS, **record.GROUPS},
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_program(PROGRAM_OF_COLLECTOR, argv)
