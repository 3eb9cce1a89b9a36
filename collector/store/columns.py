"""From a field of a canonical entity to the column that stores it, and the expressions between its raw and its stored form.

*Raw* is what the canonical form holds (see :class:`proto.entities.Kind`): a date is a number of days, a decimal a scaled integer. Raw
values travel to PostgreSQL in binary and are converted there, and converted back there when they are read for a check: what is
compared is always the stored value itself. Encrypted fields are ``bytea`` in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Boolean,
    Date,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    Time,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from proto.entities import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.types import TypeEngine

    from proto.entities import Entity, Field

KEY_TEXT: Final = Text(collation="C")
"""Keys and codes compare by bytes, whatever the database's collation; two columns that are joined must agree in it."""

_RAW_TYPES: Final = {
    Kind.KEY: "text",
    Kind.REF: "text",
    Kind.REFS: "text",
    Kind.TEXT: "text",
    Kind.ENUM: "text",
    Kind.INT: "int4",
    Kind.DECIMAL: "int8",
    Kind.BOOL: "bool",
    Kind.DATE: "int4",
    Kind.TIME: "int4",
    Kind.TIMESTAMP: "int8",
}


def column_name(field: Field) -> str:
    """Name of the field's column: its own, but for the key, which is ``source_id``."""
    return "source_id" if field.kind is Kind.KEY else field.name


def has_blind_index(field: Field) -> bool:
    """Whether the sealed field can be searched for equality by the column ``<name>_blind``."""
    return field.encrypted and field.kind is Kind.TEXT


def blind_name(field: Field) -> str:
    """Name of the column that holds the blind index of the field."""
    return f"{field.name}_blind"


def sealed_fields(entity: Entity) -> tuple[Field, ...]:
    """Fields of the entity that are stored sealed."""
    return tuple(field for field in entity.fields if field.encrypted)


_STORED_TYPES: Final[dict[Kind, Callable[[Field], TypeEngine[Any]]]] = {
    Kind.KEY: lambda _field: KEY_TEXT,
    Kind.REF: lambda _field: KEY_TEXT,
    Kind.REFS: lambda _field: KEY_TEXT,
    Kind.ENUM: lambda _field: KEY_TEXT,
    Kind.TEXT: lambda _field: Text(),
    Kind.INT: lambda _field: Integer(),
    Kind.DECIMAL: lambda field: Numeric(field.precision, field.scale),
    Kind.BOOL: lambda _field: Boolean(),
    Kind.DATE: lambda _field: Date(),
    Kind.TIME: lambda _field: Time(),
    Kind.TIMESTAMP: lambda _field: TIMESTAMP(timezone=False, precision=3),
}


def stored_type(field: Field) -> TypeEngine[Any]:
    """Column type of the stored value."""
    return LargeBinary() if field.encrypted else _STORED_TYPES[field.kind](field)


def raw_type(field: Field) -> str:
    """PostgreSQL type in which the raw value travels."""
    return "bytea" if field.encrypted else _RAW_TYPES[field.kind]


def to_stored(field: Field, raw: str) -> str:
    """SQL that turns the raw expression into the stored value."""
    if field.encrypted:
        return raw
    match field.kind:
        case Kind.DECIMAL:
            return f"({raw} * {10**-field.scale:.{field.scale}f})"
        case Kind.DATE:
            return f"(date '1970-01-01' + {raw})"
        case Kind.TIME:
            return f"(time '00:00' + {raw} * interval '1 second')"
        case Kind.TIMESTAMP:
            return f"(timestamp '1970-01-01' + {raw} * interval '1 millisecond')"
        case _:
            return raw


def to_raw(field: Field, stored: str) -> str:
    """SQL that turns the stored expression back into the raw value."""
    if field.encrypted:
        return stored
    match field.kind:
        case Kind.DECIMAL:
            return f"({stored} * {10**field.scale})::int8"
        case Kind.DATE:
            return f"({stored} - date '1970-01-01')"
        case Kind.TIME:
            return f"extract(epoch FROM {stored})::int4"
        case Kind.TIMESTAMP:
            return f"(extract(epoch FROM {stored}) * 1000)::int8"
        case _:
            return stored
