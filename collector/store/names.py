"""Sealed names opened for those rows that the policies let through, and Russian order of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.store.keys import KeyRing
    from collector.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name; parts that are not kept are empty."""

    last: str
    first: str
    middle: str = ""

    @property
    def full(self) -> str:
        """«Иванова Анна Сергеевна»."""
        raise RuntimeError

    @property
    def short(self) -> str:
        """«Иванова А. С.»."""
        raise RuntimeError


class Names:
    """Opens names with the key ring. One for the whole program; safe to share between threads."""

    def __init__(self, ring: KeyRing | None) -> None:
        """Without a key ring every name is None."""
        self._ring = ring

    def of(self, reader: Reader, school: str, persons: Iterable[str | None]) -> Mapping[str, Name]:
        """Names of those persons of one school that the reader may know; one query, whatever their number."""
        raise RuntimeError
