"""What the collector's commands share."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from collector.department import Department
from proto.cli import Argument
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proto.cli import Context

SCHOOL: Final = Argument(("school",), "id of the school", {"metavar": "ID"})
LEVELS: Final = {"ok": _("● in order"), "late": _("◐ late"), "silent": _("○ silent"), "error": _("✕ error")}


def department(context: Context) -> Department:
    """The collector of the data folder; use it in a ``with`` block."""
    return Department.open(context.data, context.settings("collector.toml"))


def table(context: Context, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows for people: columns as wide as they need to be. Heads are messages of the catalogue."""
    if not rows:
        context.say(context.text(_("nothing")))
        return
    texts = [[context.text(head) for head in heads], *([_cell(context, cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    for row in texts:
        context.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def facts(context: Context, rows: Sequence[tuple[str, Any]]) -> None:
    """Names and values for people, one below the other."""
    width = max(len(context.text(name)) for name, _value in rows)
    for name, value in rows:
        context.say(f"  {context.text(name):<{width}}  {_cell(context, value)}")


def _cell(context: Context, value: Any) -> str:
    """A value in words: yes and no, nothing for none, a moment on this computer's clock."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return context.text(_("yes")) if value else context.text(_("no"))
    if isinstance(value, datetime):
        return f"{value.astimezone():%d.%m.%Y %H:%M}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def moment(stamp: str | None) -> datetime | None:
    """A moment of the contract (ISO, UTC) as such."""
    return datetime.fromisoformat(stamp) if stamp else None


def read_secret(path: str) -> str:
    """The content of a secret's file; Problem GOR-1013."""
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("GOR-1013", path=path, cause=getattr(error, "strerror", None) or error) from error


def at_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()
