"""Has the vendor changed what a profile reads? Columns as they are now against those of the last sweep."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Column:
    """A result column, or a column ``Table.Column`` of a table that the profile names. Only ``used`` ones can pause an entity."""

    name: str
    type: str
    used: bool = True


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column whose type changed."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed. Additions and columns that nobody reads are only reported; the rest pauses that entity."""

    added: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    retyped: tuple[Retyped, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def pauses(self) -> bool:
        """Whether the entity has to wait for a new profile."""
        return bool(self.lost or self.retyped)

    def __bool__(self) -> bool:
        return bool(self.added or self.lost or self.retyped or self.unused)


def compare(old: Iterable[Column], new: Iterable[Column]) -> Drift:
    """What was added, lost or retyped between two readings of an entity's columns."""
    before = {column.name: column for column in old}
    after = {column.name: column for column in new}
    gone = [column for name, column in before.items() if name not in after]
    retyped = [
        (column, after[name]) for name, column in before.items() if name in after and column.type != after[name].type
    ]
    return Drift(
        added=tuple(name for name in after if name not in before),
        lost=tuple(column.name for column in gone if column.used),
        retyped=tuple(Retyped(was.name, was.type, now.type) for was, now in retyped if was.used or now.used),
        unused=tuple(column.name for column in gone if not column.used)
        + tuple(was.name for was, now in retyped if not (was.used or now.used)),
    )


def fingerprint(columns: Iterable[Column]) -> str:
    """SHA-256, hex, of names and types, in whatever order they come."""
    names = sorted((column.name, column.type, column.used) for column in columns)
    return hashlib.sha256(json.dumps(names, ensure_ascii=False).encode()).hexdigest()
