"""The demo vendor's schema, rendered for an engine from ``schema.sql``: one text, two dialects."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SQLITE: Final = "sqlite"
POSTGRES: Final = "postgresql"

# SQLite keeps dates as ISO texts, as many programs on it do; PostgreSQL has types of its own.
_TYPES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        SQLITE: {
            "CODE": "TEXT",
            "WORDS": "TEXT",
            "GUID": "TEXT",
            "DAY": "TEXT",
            "STAMP": "TEXT",
            "MOMENT": "TEXT",
            "CLOCK": "TEXT",
            "FLAG": "INTEGER",
            "AMOUNT": "NUMERIC",
            "KEYED": "WITHOUT ROWID",
        },
        POSTGRES: {
            "CODE": "varchar(16)",
            "WORDS": "text",
            "GUID": "uuid",
            "DAY": "date",
            "STAMP": "timestamp(3)",
            "MOMENT": "timestamp(3)",
            "CLOCK": "time(0)",
            "FLAG": "boolean",
            "AMOUNT": "numeric(8,2)",
            "KEYED": "",
        },
    }
)
_WORD: Final = re.compile(r"\b(" + "|".join(_TYPES[SQLITE]) + r")\b")
_COMMENT: Final = re.compile(r"--[^\n]*")
_TABLE: Final = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\) KEYED", re.DOTALL)


@cache
def _source() -> str:
    text = resources.files("install.demo").joinpath("schema.sql").read_text(encoding="utf-8")
    return _COMMENT.sub("", text)


def statements(engine: str) -> list[str]:
    """The statements that make an empty database for ``engine`` (``sqlite`` or ``postgresql``)."""
    types = _TYPES[engine]
    rendered = _WORD.sub(lambda match: types[match[1]], _source())
    return [statement.strip() for statement in rendered.split(";") if statement.strip()]


@cache
def columns() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Columns of each table in order, as (name, type word); tables in the order of the file."""
    return MappingProxyType({match[1]: _columns_of(match[2]) for match in _TABLE.finditer(_source())})


def _columns_of(body: str) -> tuple[tuple[str, str], ...]:
    body = body.split("PRIMARY KEY", maxsplit=1)[0]
    words = (part.split() for part in body.split(",") if part.strip())
    return tuple((name, word) for name, word, *_ in words)
