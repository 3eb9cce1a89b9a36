"""Sealed names opened for those rows that the policies let through, and the Russian order of names."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from collector.store.keys import key_year
from collector.store.sealing import Destroyed, Unreadable
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from collector.store.keys import KeyRing
    from collector.store.reader import Reader
    from collector.store.sealing import SchoolKeys

log = logging.getLogger(__name__)

_SEALED: Final = """
SELECT source_id, last_name, first_name, middle_name FROM gorod.person WHERE school_id = %(school)s AND source_id = ANY (%(persons)s)"""
_COLUMNS: Final = ("last_name", "first_name", "middle_name")
_ALPHABET: Final = {letter: place for place, letter in enumerate("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")}
_AFTER_LETTERS: Final = len(_ALPHABET)


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name; parts that are not kept are empty."""

    last: str
    first: str
    middle: str = ""

    @property
    def full(self) -> str:
        """«Иванова Анна Сергеевна»."""
        return " ".join(part for part in (self.last, self.first, self.middle) if part)

    @property
    def short(self) -> str:
        """«Иванова А. С.»."""
        initials = [f"{part[0]}." for part in (self.first, self.middle) if part]
        return " ".join([self.last, *initials] if self.last else [self.full])


class Names:
    """Opens names with the key ring. One for the whole program; safe to share between threads."""

    def __init__(self, ring: KeyRing | None) -> None:
        """Without a key ring every name is None."""
        self._ring = ring
        self._keys: dict[str, tuple[tuple[int, int], SchoolKeys]] = {}

    def of(self, reader: Reader, school: str, persons: Iterable[str | None]) -> Mapping[str, Name]:
        """Names of those persons of one school that the reader may know; one query, whatever their number."""
        wanted = sorted({person for person in persons if person})
        if not wanted:
            return {}
        rows = reader.rows(_SEALED, school=school, persons=wanted)
        opened = ((row[0], self.opened(reader.now, school, "person", row[0], _COLUMNS, row[1:])) for row in rows)
        return {
            person: Name(*(part or "" for part in parts))
            for person, parts in opened
            if parts[0] is not None or parts[1] is not None
        }

    def opened(
        self, now: datetime, school: str, entity: str, key: str, columns: Iterable[str], sealed: Iterable[Any]
    ) -> list[str | None]:
        """Sealed values of one row as text; None where nothing is kept, the key is destroyed, or the value does not open."""
        keys = self._school_keys(school, now)
        return [_open(keys, entity, key, column, value) for column, value in zip(columns, sealed, strict=True)]

    def sealed(self, now: datetime, school: str, entity: str, key: str, column: str, value: str) -> bytes | None:
        """A value of the centre's own sealed under the school's key of the year; None without keys: nothing is ever kept unsealed."""
        keys = self._school_keys(school, now)
        if keys is None or not keys.years:
            return None
        # The year's key is made by the first stream of the year; until then the newest one serves. A login that only reads makes none.
        year = keys.year if keys.year in keys.years else max(keys.years)
        return replace(keys, year=year).seal(entity, key, column, value.encode())

    def _school_keys(self, school: str, now: datetime) -> SchoolKeys | None:
        """The school's keys, read again when they have changed; None without a ring, or when the school has none in it."""
        if self._ring is None:
            return None
        try:
            stamp = self._ring.stamp(school)
            known = self._keys.get(school)
            if known is None or known[0] != stamp or known[1].year != key_year(now):
                known = self._keys[school] = (stamp, self._ring.reader(school, now))
        except (OSError, Problem) as error:
            log.warning("no keys of school %s: %s", school, type(error).__name__)
            return None
        return known[1]


def _open(keys: SchoolKeys | None, entity: str, key: str, column: str, value: bytes | None) -> str | None:
    if keys is None or value is None:
        return None
    try:
        return keys.open(entity, key, column, bytes(value)).decode()
    except Destroyed:
        return None
    except Unreadable:
        log.warning("a sealed value does not open: %s.%s of school %s", entity, column, keys.school)
        return None


def russian(text: str) -> tuple[int, ...]:
    """Key of the Russian order: ё stands after е, capitals and small letters alike, other signs after letters but blanks first."""
    return tuple(
        _ALPHABET.get(sign, -1 if sign == " " else _AFTER_LETTERS + ord(sign)) for sign in text.casefold().strip()
    )


def by_name(name: Name | None) -> tuple[bool, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Key to sort people by; those without a name come last."""
    if name is None:
        return (True, (), (), ())
    return (False, russian(name.last), russian(name.first), russian(name.middle))
