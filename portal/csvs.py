"""Tables as CSV files that a spreadsheet opens without being asked to run anything (pure).

RFC 4180 with a BOM, so that spreadsheets know the letters. Russian ones want a semicolon. A cell that a spreadsheet would take for a
formula is led by an apostrophe: what people have typed somewhere must not run on the reader's machine.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_RUNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the wide ones count too


def document(head: Sequence[str], rows: Iterable[Sequence[object]], *, semicolon: bool) -> bytes:
    """The file; numbers stay numbers, None is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";" if semicolon else ",", lineterminator="\r\n")
    writer.writerow([harmless(cell) for cell in head])
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return (BOM + out.getvalue()).encode()


def harmless(cell: object) -> object:
    """The cell, made a text where a spreadsheet would see a formula."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    plain = cell.replace("\0", "")
    return f"'{plain}" if plain.lstrip(" \N{NO-BREAK SPACE}").startswith(_RUNS) else plain
