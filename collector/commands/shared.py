"""What the collector's commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.department import Department
from proto.cli import Argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proto.cli import Context

SCHOOL = Argument(("school",), "id of the school", {"metavar": "ID"})


def department(context: Context) -> Department:
    """The collector of the data folder; use it in a ``with`` block."""
    return Department.open(context.data, context.settings("collector.toml"))


def table(context: Context, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows for people: columns as wide as they need to be."""
    texts = [
        [context.text(head) for head in heads],
        *([("" if cell is None else str(cell)) for cell in row] for row in rows),
    ]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    for row in texts:
        context.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
