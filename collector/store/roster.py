"""Who is at a school: its classes, the pupils of a class with their representatives, its staff. Names are opened with the school's keys.

Read under the scope of the caller. Sorting is by the names as people read them, so it is done here, not in the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from collector.store.sealing import Destroyed, Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection, Row

    from collector.store.sealing import SchoolKeys


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """A class of an open school-year."""

    id: str
    parallel: int | None
    letter: str
    pupils: int
    with_account: int

    @property
    def name(self) -> str:
        """As people say it: 7Б."""
        return f"{'' if self.parallel is None else self.parallel}{self.letter}"


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name; empty parts were never there, or their key was destroyed."""

    last: str = field(repr=False)
    first: str = field(repr=False)
    middle: str = field(repr=False)

    @property
    def full(self) -> str:
        """Last, first and middle name."""
        return " ".join(filter(None, (self.last, self.first, self.middle)))

    @property
    def short(self) -> str:
        """Last name and initials, for lists."""
        initials = [f"{part[0]}." for part in (self.first, self.middle) if part]
        return " ".join(filter(None, (self.last, *initials)))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a school. `relation` is set for a representative, `position` for staff, `leads` for a class teacher."""

    id: str
    name: Name
    relation: str = ""
    position: str = ""
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Pupil:
    """A pupil of a class, with those who represent them now."""

    person: Person
    representatives: tuple[Person, ...]


_CLASSES = """
SELECT c.source_id, c.parallel, c.letter, count(DISTINCT u.person_id) AS pupils, count(DISTINCT o.person_id) AS held
FROM gorod.class c
JOIN gorod.academic_year y ON y.school_id = c.school_id AND y.source_id = c.year_id AND y.closed IS NOT TRUE
LEFT JOIN gorod.enrollment e ON e.school_id = c.school_id AND e.class_id = c.source_id
    AND (e.from_date IS NULL OR e.from_date <= :today) AND (e.to_date IS NULL OR e.to_date > :today)
LEFT JOIN gorod.pupil u ON u.school_id = e.school_id AND u.source_id = e.pupil_id
LEFT JOIN gorod.account_scope o ON o.school_id = u.school_id AND o.person_id = u.person_id
WHERE c.school_id = :school AND (y.start_date IS NULL OR y.start_date <= :today + 60)
GROUP BY c.source_id, c.parallel, c.letter ORDER BY c.parallel NULLS LAST, c.letter"""

_PUPILS = """
SELECT DISTINCT u.source_id AS pupil, p.source_id, p.last_name, p.first_name, p.middle_name
FROM gorod.enrollment e
JOIN gorod.pupil u ON u.school_id = e.school_id AND u.source_id = e.pupil_id
JOIN gorod.person p ON p.school_id = u.school_id AND p.source_id = u.person_id
WHERE e.school_id = :school AND e.class_id = :class
    AND (e.from_date IS NULL OR e.from_date <= :today) AND (e.to_date IS NULL OR e.to_date > :today)"""

# Who is blocked anywhere, or may not see, gets no code: a court may have said so. As in reach.sql, intervals end before their last day.
_REPRESENTATIVES = """
SELECT DISTINCT r.pupil_id AS pupil, p.source_id, p.last_name, p.first_name, p.middle_name, r.relation
FROM gorod.representation r
JOIN gorod.legal_representative l ON l.school_id = r.school_id AND l.source_id = r.representative_id
JOIN gorod.person p ON p.school_id = l.school_id AND p.source_id = l.person_id
WHERE r.school_id = :school AND r.pupil_id = ANY (:pupils) AND r.may_view IS TRUE AND NOT EXISTS (
    SELECT FROM gorod.representation b WHERE b.school_id = r.school_id AND b.representative_id = r.representative_id
        AND b.pupil_id = r.pupil_id AND b.blocked IS TRUE)
    AND (r.from_date IS NULL OR r.from_date <= :today) AND (r.to_date IS NULL OR r.to_date > :today)"""

_CHILDREN = """
SELECT DISTINCT p.source_id, p.first_name
FROM gorod.legal_representative l
JOIN gorod.representation r ON r.school_id = l.school_id AND r.representative_id = l.source_id
JOIN gorod.pupil u ON u.school_id = r.school_id AND u.source_id = r.pupil_id
JOIN gorod.person p ON p.school_id = u.school_id AND p.source_id = u.person_id
WHERE l.school_id = :school AND l.person_id = :person AND r.may_view IS TRUE AND NOT EXISTS (
    SELECT FROM gorod.representation b WHERE b.school_id = r.school_id AND b.representative_id = r.representative_id
        AND b.pupil_id = r.pupil_id AND b.blocked IS TRUE)
    AND (r.from_date IS NULL OR r.from_date <= :today) AND (r.to_date IS NULL OR r.to_date > :today)"""

_FIRST_NAME = "SELECT first_name FROM gorod.person WHERE school_id = :school AND source_id = :person"

_STAFF = """
SELECT p.source_id, p.last_name, p.first_name, p.middle_name, min(s.position) AS position, bool_or(c.source_id IS NOT NULL) AS leads
FROM gorod.staff s
JOIN gorod.person p ON p.school_id = s.school_id AND p.source_id = s.person_id
LEFT JOIN gorod.class c ON c.school_id = s.school_id AND c.class_teacher_id = s.source_id
WHERE s.school_id = :school AND (s.to_date IS NULL OR s.to_date > :today)
GROUP BY p.source_id, p.last_name, p.first_name, p.middle_name"""


def classes(connection: Connection, school: str, today: date) -> list[SchoolClass]:
    """The classes of open school-years, with how many pupils each has and how many of these have an account."""
    rows = connection.execute(text(_CLASSES), {"school": school, "today": today})
    return [SchoolClass(row.source_id, row.parallel, row.letter or "", row.pupils, row.held) for row in rows]


def pupils(connection: Connection, school: str, class_id: str, keys: SchoolKeys, today: date) -> list[Pupil]:
    """The pupils of a class by name, each with the representatives who may see their data."""
    rows = list(connection.execute(text(_PUPILS), {"school": school, "class": class_id, "today": today}))
    given = {"school": school, "pupils": [row.pupil for row in rows], "today": today}
    represented: dict[str, list[Person]] = {}
    for row in connection.execute(text(_REPRESENTATIVES), given):
        represented.setdefault(row.pupil, []).append(
            Person(row.source_id, _name(row, keys), relation=row.relation or "")
        )
    found = [
        Pupil(Person(row.source_id, _name(row, keys)), tuple(_by_name(represented.get(row.pupil, [])))) for row in rows
    ]
    return sorted(found, key=lambda pupil: _order(pupil.person))


def staff(connection: Connection, school: str, keys: SchoolKeys, today: date) -> list[Person]:
    """The school's staff by name."""
    rows = connection.execute(text(_STAFF), {"school": school, "today": today})
    return _by_name(
        [Person(row.source_id, _name(row, keys), position=row.position or "", leads=row.leads) for row in rows]
    )


def children(connection: Connection, school: str, person: str, keys: SchoolKeys, today: date) -> list[str]:
    """First names of the children whose data a representative may see, in their order."""
    given = {"school": school, "person": person, "today": today}
    rows = connection.execute(text(_CHILDREN), given)
    return sorted(filter(None, (_opened("first_name", row.source_id, row.first_name, keys) for row in rows)))


def sealed_first_name(connection: Connection, school: str, person: str) -> bytes | None:
    """A person's first name as it is stored, None if the scope does not show them."""
    given = {"school": school, "person": person}
    found: bytes | None = connection.execute(text(_FIRST_NAME), given).scalar_one_or_none()
    return found


def first_name(sealed: bytes | None, person: str, keys: SchoolKeys) -> str:
    """One person's first name, nothing if it cannot be read."""
    return _opened("first_name", person, sealed, keys)


def _name(row: Row[Any], keys: SchoolKeys) -> Name:
    parts = (
        _opened(column, row.source_id, getattr(row, column), keys)
        for column in ("last_name", "first_name", "middle_name")
    )
    return Name(*parts)


def _opened(column: str, person: str, sealed: bytes | None, keys: SchoolKeys) -> str:
    if sealed is None:
        return ""
    try:
        return keys.open("person", person, column, bytes(sealed)).decode()
    except (Destroyed, Unreadable):
        return ""


def _by_name(people: Sequence[Person]) -> list[Person]:
    return sorted(people, key=_order)


def _order(person: Person) -> tuple[str, str]:
    """Ё stands beside Е, as in a class register."""
    return person.name.full.casefold().replace("ё", "е"), person.id
