"""Consoles that cannot show a sign: Cyrillic becomes Latin letters, marks and dashes become plain ones; nothing ever fails to be printed.

One error handler of :mod:`codecs` on both output streams, so that it holds for everything that prints: commands, argparse, progress bars.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import Final

ERRORS: Final = "gorod-plain"

_LOWER: Final = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        (
            *(
                "a",
                "b",
                "v",
                "g",
                "d",
                "e",
                "yo",
                "zh",
                "z",
                "i",
                "y",
                "k",
                "l",
                "m",
                "n",
                "o",
                "p",
                "r",
                "s",
                "t",
                "u",
            ),
            *("f", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya"),
        ),
        strict=True,
    )
)
_SIGNS: Final = {
    **dict.fromkeys("«»„“”", '"'),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("—–−‑", "-"),
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    "…": "...",
    "→": "->",
    "✓": "+",
    "✕": "x",
    "●": "+",
    "◐": "~",
    "○": "-",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "×": "x",
    "№": "No.",
    "━": "-",
}
_PLAIN: Final = _LOWER | {small.upper(): plain.capitalize() for small, plain in _LOWER.items()} | _SIGNS


def plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for the signs that could not be encoded: the handler that :func:`codecs.register_error` takes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(ERRORS, plain)


def make_output_safe() -> None:
    """Let both output streams print any text, in whatever encoding they are."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)
