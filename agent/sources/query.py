"""The statements that wrap a profile's SELECT: a page after a key, rows by key, hints. Text only; the engines bind and run them. Pure.

``SELECT <columns that leave> FROM (<the profile's SELECT>) AS q WHERE … ORDER BY … LIMIT n``: a planner looks through the brackets, so
each of these is an index seek where the profile's own SELECT is a join by keys (``profile check`` proves it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from agent.profile import EntityProfile

Part: TypeAlias = "int | str | bytes"
"""One value of a cursor as the source gave it; PostgreSQL's are texts."""

Key: TypeAlias = "tuple[Part, ...]"
"""Where a page ended: opaque, kept by the caller and handed back. In the source's own order and form."""

KEYS_PER_STATEMENT: Final = 500
"""Keys looked up by one statement: short enough to stay an index seek with every planner."""


@dataclass(frozen=True, slots=True)
class Window:
    """Part of an entity: rows dated ``since`` or later and before ``until``, rows of these years (canonical keys)."""

    since: date | datetime | None = None
    until: date | datetime | None = None
    years: tuple[str, ...] | None = None

    @property
    def dated(self) -> bool:
        """Whether the date decides."""
        return self.since is not None or self.until is not None


WHOLE: Final = Window()


@dataclass(frozen=True, slots=True)
class Shape:
    """Result columns of an entity's SELECT: all of them, and those that leave, the key's first."""

    names: tuple[str, ...]
    leaving: tuple[str, ...]


class Binder(Protocol):
    """Turns a value into what stands for it in the statement: a literal, or a parameter's name."""

    def __call__(self, value: Part) -> str:
        """Text for the statement."""


def shape(profile: EntityProfile, names: Sequence[str]) -> Shape:
    """The order in which columns are read. Names that begin with ``_`` never leave."""
    rest = [name for name in names if name not in profile.key and not name.startswith("_")]
    return Shape(tuple(names), (*profile.key, *rest))


def quote(name: str) -> str:
    """A column's name as both engines take it."""
    return '"' + name.replace('"', '""') + '"'


def columns(names: Sequence[str]) -> str:
    """A list of columns of ``q``."""
    return ", ".join(f"q.{quote(name)}" for name in names)


def tuple_of(texts: Sequence[str]) -> str:
    """One expression, or a row of several."""
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def after(names: Sequence[str], key: Key, bind: Binder) -> list[str]:
    """Conditions for the rows after ``key`` in the order of ``names``; the leading column's own bound helps planners to seek."""
    compared = f"{tuple_of([f'q.{quote(name)}' for name in names])} > {tuple_of([bind(part) for part in key])}"
    return [compared] if len(names) == 1 else [f"q.{quote(names[0])} >= {bind(key[0])}", compared]


def present(names: Sequence[str]) -> list[str]:
    """Conditions that leave out rows without a key: they are counted apart, never paged."""
    return [f"q.{quote(name)} IS NOT NULL" for name in names]


def order_of(profile: EntityProfile, window: Window) -> tuple[str, ...]:
    """The order of a sweep's pages: by key, or by date within a window, so that the index on the date serves it.

    A row whose date moves during such a sweep may be missed; it is then a candidate, re-read by key (absence law).
    """
    date_field = profile.entity.date
    return (date_field, *profile.key) if window.dated and date_field else profile.key


def window_conditions(profile: EntityProfile, window: Window, bind: Binder, year: Sequence[Part] | None) -> list[str]:
    """Conditions of a window; ``year`` holds the years in the source's form."""
    found = []
    if window.since is not None and profile.entity.date:
        found.append(f"q.{quote(profile.entity.date)} >= {bind(_text(window.since))}")
    if window.until is not None and profile.entity.date:
        found.append(f"q.{quote(profile.entity.date)} < {bind(_text(window.until))}")
    if year is not None and profile.entity.year:
        texts = ", ".join(bind(part) for part in year) or "NULL"
        found.append(f"q.{quote(profile.entity.year)} IN ({texts})")
    return found


def _text(moment: date | datetime) -> str:
    return moment.isoformat(" ") if isinstance(moment, datetime) else moment.isoformat()


def select(names: Sequence[str], sql: str, conditions: Sequence[str], order: Sequence[str] = (), tail: str = "") -> str:
    """The outer statement around a profile's SELECT."""
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    by = f"\nORDER BY {columns(order)}" if order else ""
    return f"SELECT {columns(names)}\nFROM (\n{sql}\n) AS q{where}{by}{tail}"


KEYS: Final = "gorod_keys"


def keys_in(key: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Condition for rows of a key of one column."""
    return f"q.{quote(key[0])} IN ({', '.join(row[0] for row in rows)})"


def keys_joined(names: Sequence[str], sql: str, key: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows of keys of several columns, each key one seek; a row-value IN is a scan in SQLite and slow in PostgreSQL."""
    values = ", ".join(f"({', '.join(row)})" for row in rows)
    match = " AND ".join(f"q.{quote(name)} = {KEYS}.column{number}" for number, name in enumerate(key, start=1))
    return f"SELECT {columns(names)}\nFROM (VALUES {values}) AS {KEYS} CROSS JOIN (\n{sql}\n) AS q\nWHERE {match}"


def newest(hint: str, sql: str) -> str:
    """The newest value of a hint column, from the end of its index."""
    name = f"q.{quote(hint)}"
    return f"SELECT {name}\nFROM (\n{sql}\n) AS q\nWHERE {name} IS NOT NULL\nORDER BY {name} DESC\nLIMIT 1"


def count(sql: str, conditions: Sequence[str] = (), columns: str = "count(*)") -> str:
    """How many rows."""
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {columns}\nFROM (\n{sql}\n) AS q{where}"


def counted(key: Sequence[str], sql: str, conditions: Sequence[str], recent: str) -> str:
    """How many rows (the one line without a key), and the keys of the ``recent`` statement: one statement, so of one moment."""
    nothing = ", ".join("NULL" for _name in key)
    rows = count(sql, conditions, f"count(*), {nothing}")
    return f"{rows}\nUNION ALL\nSELECT NULL, {columns(key)}\nFROM (\n{recent}\n) AS q"


def keyless(profile: EntityProfile, sql: str) -> str:
    """How many rows have a part of the key missing."""
    return count(sql, [f"({' OR '.join(f'q.{quote(name)} IS NULL' for name in profile.key)})"])


def repeated(profile: EntityProfile, sql: str, limit: int) -> str:
    """Keys that the source itself takes for equal, each once, with the number of its rows."""
    keys = columns(profile.key)
    return (
        f"SELECT {keys}, count(*)\nFROM (\n{sql}\n) AS q\nWHERE {' AND '.join(present(profile.key))}\n"
        f"GROUP BY {keys}\nHAVING count(*) > 1\nLIMIT {limit}"
    )
