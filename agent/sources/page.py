"""What a source hands over: rows, their canonical keys, and the origin read with them on the same connection."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from uuid import UUID

from proto.canonical import canonical_key, canonical_keys
from proto.values import Misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.core.origin import Origin
    from agent.profile import EntityProfile
    from agent.sources.query import Key

GUID_BYTES: Final = 16
_CANONICAL_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


Parse: TypeAlias = "Callable[[Sequence[Any]], list[Sequence[Any]]]"


def transposed(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Columns of rows."""
    return list(zip(*rows, strict=True))


class Rows(Protocol):
    """Rows as an engine gives them, before anybody asked for their values."""

    @property
    def raw(self) -> Sequence[Any]:
        """What "unchanged" is decided by, one thing per row."""

    @property
    def parse(self) -> Parse:
        """From these to the columns' values; of no rows, no columns."""

    def __len__(self) -> int: ...

    def column(self, place: int) -> Sequence[object]:
        """Values of one column."""

    def cells(self, row: int, places: Sequence[int]) -> Key:
        """Some values of one row."""

    def trimmed(self, width: int) -> Rows:
        """The same rows with only their first ``width`` columns."""


@dataclass(slots=True)
class TupleRows:
    """Rows as tuples of driver values."""

    raw: list[tuple[Any, ...]]
    parse: Parse = transposed

    def __len__(self) -> int:
        return len(self.raw)

    def column(self, place: int) -> list[object]:
        """See :class:`Rows`."""
        return [row[place] for row in self.raw]

    def cells(self, row: int, places: Sequence[int]) -> Key:
        """See :class:`Rows`."""
        return tuple(self.raw[row][place] for place in places)

    def trimmed(self, width: int) -> TupleRows:
        """See :class:`Rows`."""
        return self if not self.raw or len(self.raw[0]) == width else TupleRows([row[:width] for row in self.raw])


@dataclass(slots=True)
class Page:
    """Rows of one short statement.

    ``raw`` and ``keys`` stand side by side, one per row: what "unchanged" is decided by, and the canonical key. ``raw`` holds exact
    bytes where the engine gives them (they are parsed only when asked for), else tuples of driver values. ``last`` is handed back to
    get the next page, which there is if this one is ``full``. Rows without a key that can be written are left out and counted in
    ``unkeyed`` by cause.
    """

    columns: tuple[str, ...]
    origin: Origin
    raw: Sequence[Any]
    keys: list[str]
    last: Key | None = None
    full: bool = False
    unkeyed: dict[str, int] = field(default_factory=dict)
    parse: Parse = transposed

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def rows(self) -> list[Sequence[Any]]:
        """Every row, parsed, as tuples in the order of ``columns``."""
        return transposed(self.parse(self.raw))

    def values(self, positions: Sequence[int]) -> dict[str, Sequence[Any]]:
        """Columns by name of the rows at these positions, each named once; of no rows, none."""
        whole = len(positions) == len(self.raw)
        chosen = self.raw if whole else [self.raw[position] for position in positions]
        return dict(zip(self.columns, self.parse(chosen), strict=True)) if chosen else {}


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Canonical keys that a hint names; ``last`` is where the next page starts, None when this was all."""

    keys: tuple[str, ...]
    last: Key | None


def guid(value: object) -> object:
    """A GUID in canonical spelling, whatever the source's; anything else as it is, so that its key is seen and counted."""
    if isinstance(value, str) and _CANONICAL_GUID.fullmatch(value):
        return value
    try:
        if isinstance(value, bytes) and len(value) == GUID_BYTES:
            return UUID(bytes=value)
        return UUID(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _typed(key_type: str, column: Sequence[object]) -> Sequence[object]:
    if key_type == "int" and not set(map(type, column)) <= {int}:
        return [_whole(value) for value in column]
    if key_type == "guid" or bytes in set(map(type, column)):
        return [guid(value) for value in column]
    return column


def _whole(value: object) -> object:
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value


def key_texts(key_type: str, columns: Sequence[Sequence[object]]) -> tuple[list[str | None], dict[str, int]]:
    """Canonical key of each row, None for a row that has none, and how many of these there are by cause."""
    typed = [_typed(key_type, column) for column in columns]
    try:
        return list(canonical_keys(typed)), {}
    except Misfit:
        return _one_by_one(typed)


def _one_by_one(columns: Sequence[Sequence[object]]) -> tuple[list[str | None], dict[str, int]]:
    keys: list[str | None] = []
    causes: dict[str, int] = {}
    for parts in zip(*columns, strict=True):
        try:
            keys.append(canonical_key(parts))
        except Misfit as misfit:
            keys.append(None)
            causes[misfit.cause] = causes.get(misfit.cause, 0) + 1
    return keys, causes


def keyed(raw: Sequence[Any], keys: Sequence[str | None]) -> tuple[Sequence[Any], list[str]]:
    """Rows that have a key, and these keys."""
    present = [key for key in keys if key is not None]
    if len(present) == len(keys):
        return raw, present
    return [row for row, key in zip(raw, keys, strict=True) if key is not None], present


def entity_columns(profile: EntityProfile, page: Page, positions: Sequence[int]) -> list[Sequence[object]]:
    """Driver values of these rows by field, in the order of ``entity.fields``, canonical keys first: ready to be normalised.

    References to entities whose keys are GUIDs are spelled as those keys are; fields that the profile does not fill are None.
    """
    by_name, nothing = page.values(positions), [None] * len(positions)
    columns: list[Sequence[object]] = [[page.keys[position] for position in positions]]
    for entity_field in profile.entity.fields[1:]:
        column: Sequence[object] = by_name.get(entity_field.name, nothing)
        columns.append([guid(value) for value in column] if entity_field.name in profile.guid_fields else column)
    return columns
