"""Which role reads which data, and how far: the one table. The database's policies, the portal's pages and the documentation follow it.

How far: ``own`` (the pupil himself, a parent's children), ``group`` (teaching groups taught now), ``class`` (the same, and everything of
the pupils of the classes led now), ``school`` (the schools of the account), ``city``, or ``-``.

    structure      classes, subjects, groups, terms, bells, timetable        staff     who teaches, position
    people         pupils, on which roll they are                            names     persons: names, birth dates, sex (sealed)
    contacts       representatives: who, telephone, mail (sealed)            movement  orders of admission, transfer, departure
    journal        lessons, topics, works and homework                       results   marks, results of terms and years
    attendance     who was missing and why                                   changes   what was changed in journals, and what it was before
    announcements  those for the reader's audience, in their time            visits    who signed in at the school
    illness        counts of ill pupils by week                              health    state of the synchronisation

A family reads a work and its marks from the moment of publication on, never a deleted one; a representative reads a child's data while
the representation holds and is not blocked. These limits and the tables behind each word stand in ``policies.sql`` and ``reach.sql``.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Extent(Enum):
    """How far a role sees data of one kind."""

    NOTHING = "-"
    OWN = "own"
    GROUP = "group"
    CLASS = "class"
    SCHOOL = "school"
    CITY = "city"


_TABLE: Final = """
role          structure staff  people names  contacts movement journal results attendance changes announcements visits illness health
pupil         school    own    own    own    -        -        own     own     own        -       school        -      -       -
parent        school    own    own    own    own      -        own     own     own        -       school        -      -       -
teacher       school    school group  group  -        -        group   group   group      group   school        -      -       -
class_teacher school    school class  class  class    -        class   class   class      group   school        -      -       -
deputy        school    school school school school   school   school  school  school     school  school        school school  school
secretary     school    school school school school   school   -       -       -          -       school        -      -       school
head          school    school school school school   school   school  school  school     school  school        school school  school
sysadmin      -         -      -      -      -        -        -       -       -          -       -             -      -       school
operator      -         -      -      -      -        -        -       -       -          -       -             -      -       city
analyst       city      city   city   -      -        city     city    city    city       city    -             city   city    city
security      -         -      -      -      -        -        -       -       -          -       -             city   -       city
admin         -         -      -      -      -        -        -       -       -          -       -             -      -       city
"""


def _read(table: str) -> dict[str, dict[str, Extent]]:
    (_, *sections), *rows = (line.split() for line in table.strip().splitlines())
    return {
        role: {section: Extent(cell) for section, cell in zip(sections, cells, strict=True)} for role, *cells in rows
    }


RIGHTS: Final[Mapping[str, Mapping[str, Extent]]] = _read(_TABLE)
"""Role → kind of data → how far."""

SECTIONS: Final = tuple(RIGHTS["pupil"])
"""Kinds of data, in the table's order."""


def extent(role: str | None, section: str) -> Extent:
    """How far the role sees data of this kind; an unknown role, or None, sees nothing."""
    return RIGHTS[role][section] if role is not None and role in RIGHTS else Extent.NOTHING


def as_sql() -> str:
    """The table as the function ``gorod.rights()``, for the database."""
    rows = ",\n    ".join(
        f"('{role}', '{section}', '{far.value}')"
        for role, sections in RIGHTS.items()
        for section, far in sections.items()
    )
    return (
        "CREATE OR REPLACE FUNCTION gorod.rights() RETURNS TABLE (role text, section text, extent text) "
        f"LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $rights$ VALUES\n    {rows} $rights$;"
    )


def as_text() -> str:
    """The table in Markdown, as the documentation holds it."""
    head = ["role", *SECTIONS]
    rows = [[role, *(far.value for far in sections.values())] for role, sections in RIGHTS.items()]
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) + "\n"
