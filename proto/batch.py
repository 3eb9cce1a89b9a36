"""Changes of rows as a columnar batch, and back.

A batch holds one state per key. Columns compress well because values of one field stand together: numbers as differences, repeated
texts as a dictionary, keys that are plain numbers as numbers. :func:`decode` trusts nothing: every length and kind is checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from proto.entities import BY_NUMBER, Kind
from proto.envelope import Malformed, UnknownSchema
from proto.limits import MAX_KEY_CHARS, MAX_ROWS
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proto.canonical import Value
    from proto.entities import Entity, Field

_TEXTS: Final = (Kind.KEY, Kind.REF, Kind.REFS, Kind.TEXT, Kind.ENUM)
_KEYS: Final = (Kind.KEY, Kind.REF)
_TOO_LARGE: Final = 10**18


@dataclass(frozen=True, slots=True)
class Unfit:
    """A row without canonical form: its key, a cause of :data:`proto.values.CAUSES`, the hash that stands for it in digests, its year if known."""

    key: str
    cause: str
    hash: int
    year: str | None = None


@dataclass(frozen=True, slots=True)
class YearChange:
    """A school-year that the source closed or reopened; takes effect after the tables of its batch."""

    year: str
    closed: bool


@dataclass(slots=True)
class TableRows:
    """Changes of one entity: full states column by column (in the order of ``entity.fields``), keys gone, rows without canonical form.

    ``fresh``: to the agent's knowledge the centre has none of the states' keys. It only says which way of writing is worth trying first.
    """

    entity: Entity
    columns: list[list[Value]]
    deleted: list[str] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)
    fresh: bool = False

    def __len__(self) -> int:
        """Number of full states."""
        return len(self.columns[0]) if self.columns else 0


@dataclass(slots=True)
class Changes:
    """What one envelope carries."""

    tables: list[TableRows] = field(default_factory=list)
    years: list[YearChange] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """States, deletions and unfit rows together."""
        return sum(len(table) + len(table.deleted) + len(table.unfit) for table in self.tables)


def encode(changes: Changes) -> bytes:
    """The serialised ``Batch``; the same changes give the same bytes."""
    batch = sync_pb2.Batch(
        tables=[_encode_table(table) for table in changes.tables],
        years=[sync_pb2.YearChange(year=year.year, closed=year.closed) for year in changes.years],
    )
    return batch.SerializeToString(deterministic=True)


def _encode_table(table: TableRows) -> sync_pb2.Table:
    message = sync_pb2.Table(entity=table.entity.number, rows=len(table), fresh=table.fresh)
    for described, column in zip(table.entity.fields, table.columns, strict=True):
        encoded = _encode_column(described.number, column, texts=described.kind in _TEXTS, keys=described.kind in _KEYS)
        if encoded is not None:
            message.columns.append(encoded)
    if gone := _encode_column(1, table.deleted, texts=True, keys=True):
        message.deleted.CopyFrom(gone)
    message.unfit.extend(
        sync_pb2.Unfit(key=row.key, cause=row.cause, hash=row.hash, year=row.year or "") for row in table.unfit
    )
    return message


def _encode_column(number: int, column: Sequence[Any], *, texts: bool, keys: bool) -> sync_pb2.Column | None:
    """The column in its smallest plain form; None if no row has a value."""
    holes = None in column
    present = [value for value in column if value is not None] if holes else column
    if not present:
        return None
    message = sync_pb2.Column(field=number)
    if holes:
        message.absent = bytes([value is None for value in column])
    if len(present) > 1 and present.count(present[0]) == len(present):
        message.constant, present = len(present), present[:1]
    if not texts:
        message.integers.extend(_differences(present))
    elif keys and (numbers := _as_numbers(present)) is not None:
        message.numeric_text = True
        message.integers.extend(_differences(numbers))
    elif len(distinct := set(present)) * 4 <= len(present):
        message.dictionary.extend(sorted(distinct))
        places = {text: place for place, text in enumerate(message.dictionary)}
        message.indexes.extend([places[text] for text in present])
    else:
        message.texts.extend(present)
    return message


def _as_numbers(texts: Sequence[str]) -> list[int] | None:
    """The texts as numbers, if each is exactly the decimal form of one that is not negative."""
    try:
        numbers = list(map(int, texts))
    except ValueError:
        return None
    if min(numbers) < 0 or max(numbers) >= _TOO_LARGE:
        return None
    # No text is shorter than the decimal form of its number: where the joined ones are equal, each is.
    return numbers if "".join(map(str, numbers)) == "".join(texts) else None


def _differences(numbers: Sequence[int]) -> list[int]:
    return [int(numbers[0]), *map(sub, numbers[1:], numbers)]


def decode(data: bytes) -> Changes:
    """Changes of a serialised ``Batch``.

    Raises:
        Malformed: the bytes are no batch, a length or a kind is wrong, or a key stands twice.
        UnknownSchema: an entity or a field that this version does not know.
    """
    try:
        batch = sync_pb2.Batch.FromString(data)
    except DecodeError as error:
        raise Malformed("batch") from error
    changes = Changes(
        [_decode_table(table) for table in batch.tables], [YearChange(year.year, year.closed) for year in batch.years]
    )
    if changes.rows > MAX_ROWS or len({table.entity.number for table in changes.tables}) != len(changes.tables):
        raise Malformed("rows")
    return changes


def _decode_table(message: sync_pb2.Table) -> TableRows:
    entity = BY_NUMBER.get(message.entity)
    if entity is None:
        raise UnknownSchema(f"entity {message.entity}")
    if message.rows > MAX_ROWS:
        raise Malformed("rows")
    columns: dict[int, list[Value]] = {}
    known = {described.number: described for described in entity.fields}
    for column in message.columns:
        if column.field not in known:
            raise UnknownSchema(f"field {column.field} of {entity.name}")
        if column.field in columns:
            raise Malformed("column twice")
        columns[column.field] = _decode_column(column, known[column.field], message.rows)
    deleted = _decode_keys(message) if message.HasField("deleted") else []
    unfit = [Unfit(row.key, row.cause[:100], row.hash, row.year or None) for row in message.unfit]
    states = [columns.get(described.number) or [None] * message.rows for described in entity.fields]
    table = TableRows(entity, states, deleted, unfit, message.fresh)
    _check_keys(table)
    return table


def _decode_keys(message: sync_pb2.Table) -> list[Any]:
    column = message.deleted
    count = column.constant or len(column.integers) or len(column.indexes) or len(column.texts)
    if column.absent or count > MAX_ROWS:
        raise Malformed("deleted")
    return _decode_column(column, BY_NUMBER[message.entity].fields[0], count)


def _check_keys(table: TableRows) -> None:
    keys: list[Any] = [*table.columns[0], *table.deleted, *(row.key for row in table.unfit)]
    if None in keys or "" in keys or len(set(keys)) != len(keys):
        raise Malformed("keys")
    if keys and max(map(len, keys)) > 6 * MAX_KEY_CHARS:
        raise Malformed("key length")


def _decode_column(column: sync_pb2.Column, described: Field, rows: int) -> list[Any]:
    """Values of a column, one per row; every count is checked against the others before it is used."""
    if column.absent and len(column.absent) != rows:
        raise Malformed("absent")
    count = column.absent.count(0) if column.absent else rows
    present = _decode_present(column, texts=described.kind in _TEXTS)
    if column.constant:
        if column.constant != count or len(present) != 1:
            raise Malformed("constant")
        present *= count
    if len(present) != count:
        raise Malformed("length")
    if described.kind is Kind.BOOL:
        present = [bool(value) for value in present]
    if not column.absent:
        return present
    values = iter(present)
    return [None if gone else next(values) for gone in column.absent]


def _decode_present(column: sync_pb2.Column, *, texts: bool) -> list[Any]:
    forms = bool(column.integers) + bool(column.texts) + bool(column.indexes)
    if (
        forms != 1
        or bool(column.integers) == (texts and not column.numeric_text)
        or (column.numeric_text and not texts)
    ):
        raise Malformed("form")
    if column.texts:
        return list(column.texts)
    if column.indexes:
        words = list(column.dictionary)
        if max(column.indexes) >= len(words):
            raise Malformed("dictionary")
        return [words[index] for index in column.indexes]
    numbers = list(accumulate(column.integers))
    if min(numbers) < -(2**63) or max(numbers) >= 2**63:
        raise Malformed("number")
    return list(map(str, numbers)) if column.numeric_text else numbers
