"""What an entity and its fields are; which ones there are stands in :mod:`proto.entities`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """What a field holds, how it is written in canonical form, and the column that keeps it."""

    KEY = "key"  # str: canonical key of the row itself
    REF = "ref"  # str: canonical key of a row of `target`
    REFS = "refs"  # str: canonical keys of several rows of `target`, sorted, joined by ","
    TEXT = "text"  # str, at most `limit` characters
    ENUM = "enum"  # str, one of `values`
    INT = "int"  # int, 32 bits signed
    DECIMAL = "decimal"  # int: the value times 10**scale
    BOOL = "bool"  # bool
    DATE = "date"  # int: days since 1970-01-01
    TIME = "time"  # int: seconds since local midnight
    TIMESTAMP = "timestamp"  # int: milliseconds since 1970-01-01T00:00 of the school's local clock


class Privacy(Enum):
    """Class of a field under 152-ФЗ, as the data inventory prints it."""

    OPEN = "О"
    PERSONAL = "П"
    SPECIAL = "С"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``encrypted`` fields are stored sealed per school and school-year; nothing sorts or joins by them."""

    number: int
    name: str
    kind: Kind
    privacy: Privacy = Privacy.OPEN
    encrypted: bool = False
    target: str | None = None
    values: tuple[str, ...] = ()
    limit: int = 0
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity. ``year`` and ``date`` name the fields that scope it to a school-year and place it in the hot window."""

    number: int
    name: str
    fields: tuple[Field, ...]
    year: str | None = None
    date: str | None = None
    history: bool = False

    def index(self, name: str) -> int:
        """Position of the field in a canonical row; KeyError if there is none."""
        for position, field in enumerate(self.fields):
            if field.name == name:
                return position
        raise KeyError(name)

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names in the order of a canonical row."""
        return tuple(field.name for field in self.fields)


_TEXT_LIMIT: Final = 500
_BY_WORD: Final = {kind.value: kind for kind in Kind}


def _field(number: int, line: str) -> Field:
    """Read one line of the table below: ``name kind[:argument] [П|С] [sealed]``."""
    name, kind_word, *marks = line.split()
    word, _, argument = kind_word.partition(":")
    kind = _BY_WORD[word]
    privacy = next((Privacy(mark) for mark in marks if mark in ("П", "С")), Privacy.OPEN)
    sealed = "sealed" in marks
    match kind:
        case Kind.REF | Kind.REFS:
            return Field(number, name, kind, privacy, sealed, target=argument)
        case Kind.ENUM:
            return Field(number, name, kind, privacy, sealed, values=tuple(argument.split("|")))
        case Kind.DECIMAL:
            precision, scale = argument.split(",")
            return Field(number, name, kind, privacy, sealed, precision=int(precision), scale=int(scale))
        case Kind.TEXT:
            return Field(number, name, kind, privacy, sealed, limit=int(argument) if argument else _TEXT_LIMIT)
        case _:
            return Field(number, name, kind, privacy, sealed)


def read_entity(number: int, head: str, lines: str) -> Entity:
    """Read one entity: ``name [year] [date=field] [history]``, then a line per field; year-scoped ones get ``year_id`` second."""
    name, *marks = head.split()
    rows = [line.split("#")[0].strip() for line in lines.strip().splitlines()]
    fields = [Field(1, "id", Kind.KEY, Privacy.OPEN)]
    if "year" in marks:
        fields.append(Field(2, "year_id", Kind.REF, target="academic_year"))
    fields += [_field(position, row) for position, row in enumerate(rows, start=3)]
    return Entity(
        number,
        name,
        tuple(fields),
        year="year_id" if "year" in marks else None,
        date=next((mark.removeprefix("date=") for mark in marks if mark.startswith("date=")), None),
        history="history" in marks,
    )
