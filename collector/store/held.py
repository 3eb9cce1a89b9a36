"""Everything that is held on one pupil and may be seen by the reader, as rows of plain values: what a person is owed on request.

Rows come through the same policies as every page: of a class or a group only what concerns this pupil, of representatives only the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from collector.store.columns import column_name, sealed_fields
from collector.store.lessons import OWN_LESSONS
from proto.entities import BY_NAME
from proto.fields import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.store.names import Names
    from collector.store.reader import Reader
    from proto.fields import Entity, Field

_EPOCH: Final = date(1970, 1, 1)
_ALWAYS: Final = {"first": date(1900, 1, 1), "last": date(2200, 1, 1)}
_OWN: Final = "WITH own AS (" + OWN_LESSONS + ") SELECT {columns} FROM own "  # noqa: S608  our own constants
_EVENT: Final = "e.school_id = %(school)s AND e.lesson_id = own.source_id"

# Entity → how its rows that concern the pupil are found, as table `e`; large tables by the pupil's lessons, for which there are indexes.
_OF_PUPIL: Final[Mapping[str, str]] = {
    "pupil": "e.source_id = %(pupil)s",
    "person": "e.source_id = (SELECT p.person_id FROM gorod.pupil p WHERE p.school_id = %(school)s AND p.source_id = %(pupil)s)",
    "representation": "e.pupil_id = %(pupil)s",
    "legal_representative": """e.source_id IN (
        SELECT r.representative_id FROM gorod.representation r WHERE r.school_id = %(school)s AND r.pupil_id = %(pupil)s)""",
    "enrollment": "e.pupil_id = %(pupil)s",
    "class": """e.source_id IN (
        SELECT n.class_id FROM gorod.enrollment n WHERE n.school_id = %(school)s AND n.pupil_id = %(pupil)s)""",
    "group_membership": "e.pupil_id = %(pupil)s",
    "teaching_group": """e.source_id IN (
        SELECT m.teaching_group_id FROM gorod.group_membership m WHERE m.school_id = %(school)s AND m.pupil_id = %(pupil)s)""",
    "lesson": _OWN + "JOIN gorod.lesson e ON e.school_id = %(school)s AND e.source_id = own.source_id",
    "assignment": _OWN + "JOIN gorod.assignment e ON " + _EVENT,
    "mark": _OWN
    + "JOIN gorod.assignment a ON a.school_id = %(school)s AND a.lesson_id = own.source_id "
    + "JOIN gorod.mark e ON e.school_id = %(school)s AND e.assignment_id = a.source_id AND e.pupil_id = %(pupil)s",
    "attendance_event": _OWN + "JOIN gorod.attendance_event e ON e.pupil_id = %(pupil)s AND " + _EVENT,
    "period_result": "e.pupil_id = %(pupil)s",
}

SHOWN: Final = tuple(_OF_PUPIL)
"""Kinds of rows, in the order of the export."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows of a kind are held, and when the last of them came from the school."""

    entity: str
    rows: int
    applied_at: datetime | None


def rows_of(reader: Reader, names: Names, school: str, pupil: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by entity, each a mapping of field to a value that JSON knows; sealed values are opened."""
    return {name: _read(reader, names, school, pupil, BY_NAME[name]) for name in SHOWN}


def counts_of(reader: Reader, school: str, pupil: str) -> tuple[Count, ...]:
    """How much of each kind is held."""
    found = []
    for name in SHOWN:
        ((rows, at),) = reader.rows(
            _statement(name, "count(*), max(e.applied_at)"), school=school, pupil=pupil, **_ALWAYS
        )
        found.append(Count(name, rows, at))
    return tuple(found)


def _read(reader: Reader, names: Names, school: str, pupil: str, entity: Entity) -> list[dict[str, Any]]:
    columns = ", ".join(f'e."{column_name(field)}"' for field in entity.fields)
    rows = reader.rows(_statement(entity.name, columns), school=school, pupil=pupil, **_ALWAYS)
    sealed = {field.name for field in sealed_fields(entity)}
    return [_opened(reader, names, school, entity, row, sealed) for row in sorted(rows, key=lambda row: str(row[0]))]


def _opened(
    reader: Reader, names: Names, school: str, entity: Entity, row: tuple[Any, ...], sealed: set[str]
) -> dict[str, Any]:
    found = {}
    for field, value in zip(entity.fields, row, strict=True):
        if field.name in sealed:
            (text,) = names.opened(reader.now, school, entity.name, row[0], (column_name(field),), (value,))
            found[field.name] = _dated(field, text)
        else:
            found[field.name] = _plain(value)
    return found


def _dated(field: Field, text: str | None) -> str | None:
    """A sealed day is kept as its number since 1970."""
    if text is None or field.kind is not Kind.DATE:
        return text
    return (_EPOCH + timedelta(days=int(text))).isoformat()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _statement(name: str, columns: str) -> str:
    found = _OF_PUPIL[name]
    if not found.startswith("WITH"):
        found = "SELECT {columns} FROM gorod." + name + " e WHERE e.school_id = %(school)s AND " + found  # noqa: S608  as above
    return found.replace("{columns}", columns)
