"""Questions to the person at the keyboard: a line, a secret, yes or no. Without a terminal, lines of stdin answer.

Questions go to stderr: stdout holds results.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from proto.cli import Context

_YES: Final = frozenset({"", "y", "yes", "д", "да"})
_NO: Final = frozenset({"n", "no", "н", "нет"})


def read_file(path: str) -> str:
    """A secret from its file; Problem GOR-1013."""
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("GOR-1013", path=path, cause=getattr(error, "strerror", None) or error) from error


def line(context: Context, prompt: str) -> str:
    """What the person typed, blanks around it cut off; Problem GOR-1015 when nobody is there."""
    sys.stderr.write(context.text(prompt))
    sys.stderr.flush()
    typed = sys.stdin.readline()
    if not typed:
        sys.stderr.write("\n")
        raise Problem(
            "GOR-1015", what=context.text(_("answer")), option="gorod-agent enrol --code-file", env="GOROD_CODE"
        )
    return typed.strip()


def line_unseen(context: Context, prompt: str) -> str:
    """The same for a secret: a terminal does not show it."""
    return getpass.getpass(context.text(prompt)).strip() if sys.stdin.isatty() else line(context, prompt)


def agrees(context: Context, question: str) -> bool:
    """Yes or no; an empty line is yes."""
    while True:
        answer = line(context, question).lower()
        if answer in _YES | _NO:
            return answer in _YES
