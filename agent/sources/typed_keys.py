"""From canonical key texts back to what a source stores, so that a re-read by key is an index seek. Pure.

A text that a column cannot hold is the key of no row there: such keys are left out rather than sent, since PostgreSQL would refuse them.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Final
from uuid import UUID

from proto.canonical import key_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.sources.query import Part

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BITS: Final = {"int2": 15, "int4": 31, "int8": 63}


def _integer(text: str, bits: int) -> int | None:
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and -(2**bits) <= number < 2**bits else None


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def spellings(found: UUID) -> tuple[str, ...]:
    """How programs write a GUID as text: with or without hyphens, in braces, in either case. Mixed case is refused by the check."""
    plain = str(found)
    forms = (plain, f"{{{plain}}}", found.hex)
    return (*forms, *(form.upper() for form in forms))


def _sqlite_forms(key_type: str, kind: str, text: str) -> tuple[Part, ...]:
    """Every form in which one part may stand in an SQLite column of this storage class."""
    if kind in ("integer", "real"):
        number = _integer(text, 63)
        return () if number is None else (number,)
    found = _guid(text) if key_type == "guid" or kind == "blob" else None
    if kind == "blob":
        return (found.bytes,) if found else ()
    if key_type == "guid":
        return spellings(found) if found else ()
    return (text,)


def sqlite_rows(key_type: str, kinds: Sequence[str], keys: Sequence[str]) -> list[tuple[Part, ...]]:
    """Keys as SQLite stores them; ``kinds`` are the storage classes of the key's columns."""
    rows: list[tuple[Part, ...]] = []
    for key in keys:
        parts = key_parts(key)
        if len(parts) == len(kinds):
            rows += product(*(_sqlite_forms(key_type, kind, part) for kind, part in zip(kinds, parts, strict=True)))
    return rows


def _postgres_form(type_name: str, text: str) -> str | None:
    if type_name in _BITS:
        return text if _integer(text, _BITS[type_name]) is not None else None
    if type_name == "uuid":
        return text if _guid(text) else None
    if type_name == "numeric":
        return text if _INTEGER.fullmatch(text) else None
    if type_name == "date":
        return text if _DATE.fullmatch(text) else None
    return None if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text) else text


def postgres_rows(key_type: str, types: Sequence[str], keys: Sequence[str]) -> list[tuple[str, ...]]:
    """Keys as texts that PostgreSQL reads as its types; ``types`` are the names of the key columns' types."""
    rows: list[tuple[str, ...]] = []
    for key in keys:
        parts = key_parts(key)
        if len(parts) != len(types):
            continue
        found = [_postgres_forms(key_type, name, part) for name, part in zip(types, parts, strict=True)]
        rows += product(*found)
    return rows


def _postgres_forms(key_type: str, type_name: str, text: str) -> tuple[str, ...]:
    if key_type == "guid" and type_name != "uuid":
        found = _guid(text)
        return spellings(found) if found else ()
    form = _postgres_form(type_name, text)
    return () if form is None else (form,)
