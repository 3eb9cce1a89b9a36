"""Lists by cursor: a page of a list, and the addresses' word for the one after it (pure).

The cursor is the key of the last row that was shown, so that rows that come or go meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of a list.

    Attributes:
        items: its rows.
        total: rows of the whole list.
        start: number of the first row, from 1; 0 in an empty list.
        after: cursor of the next page, "" on the last.
        first: whether it is the first page.
    """

    items: tuple[T, ...]
    total: int
    start: int
    after: str
    first: bool

    @property
    def end(self) -> int:
        """Number of the last row."""
        return self.start + len(self.items) - 1 if self.items else 0


def cut(rows: Sequence[T], key: Callable[[T], str], cursor: str, size: int = SIZE) -> Slice[T]:
    """The page after the cursor; a cursor whose row is gone, or that is none, begins anew."""
    last = unwrap(cursor)
    place = next((at + 1 for at, row in enumerate(rows) if key(row) == last), 0) if last else 0
    items = tuple(rows[place : place + size])
    more = place + size < len(rows)
    return Slice(items, len(rows), place + 1 if items else 0, wrap(key(items[-1])) if more else "", place == 0)


def wrap(key: str) -> str:
    """A key as a cursor."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def unwrap(cursor: str) -> str:
    """The key of a cursor; "" for what is none."""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
