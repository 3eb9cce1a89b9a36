"""How the programs that run for months let Python look for unreachable cycles."""

from __future__ import annotations

import gc
from typing import Final

_YOUNG: Final = 50_000
_MIDDLE: Final = 20
_OLD: Final = 20


def settle() -> None:
    """Call once when a program's parts are built: what lives until its end is not looked through again.

    Pages of rows are tens of thousands of tuples that come and go without cycles; with Python's own 700 new objects between two looks
    every page would be looked through dozens of times (a tenth of the time of an initial load).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
