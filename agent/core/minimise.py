"""What may leave the school: under ``health_mode = "collapse"`` illness becomes an excused absence, and comments stay. Pure.

Illness (Б) can stand in codes, in the raw text of a journal cell and in journal changes; all of them are collapsed, before any hash is
computed, so that no fingerprint depends on it either. ``full`` is a choice that the department declares.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proto.entities import Entity

COLLAPSE, FULL = "collapse", "full"
ILLNESS: Final = "Б"
EXCUSED: Final = "УП"

_COLLAPSED: Final = {
    "attendance_event": ("submitted_code", "corrected_code"),
    "mark": ("raw",),
    "period_result": ("raw",),
    "journal_change": ("before", "after"),
}
_WITHHELD: Final = {"mark": ("comment",)}
# The code as a word of its own, in any case and in the Latin look-alike: «Б», «б», «5 Б», «Б.», «болезнь», «болен», «бол.»
_WORD: Final = re.compile(r"(?<![^\W\d])(?:[БбB]|бол(?:езнь|ел|ела|ен|ьна|ьной|ьн)?\.?)(?![^\W\d])", re.IGNORECASE)


def minimise(entity: Entity, columns: list[Sequence[object]], health_mode: str) -> list[Sequence[object]]:
    """The columns of a page (in the order of ``entity.fields``) as they may leave."""
    if health_mode == FULL:
        return columns
    result = list(columns)
    for name in _WITHHELD.get(entity.name, ()):
        result[entity.index(name)] = [None] * len(columns[0])
    for name in _COLLAPSED.get(entity.name, ()):
        position = entity.index(name)
        result[position] = [collapse(value) for value in columns[position]]
    return result


@lru_cache(maxsize=10_000)
def collapse(value: object) -> object:
    """The value without a trace of illness; numbers and other codes stay."""
    if not isinstance(value, str) or not value:
        return value
    return _WORD.sub(EXCUSED, value)
