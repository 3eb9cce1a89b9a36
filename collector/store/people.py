"""People by name: an account's children, class lists, who teaches, contacts. Names are opened here, in the process, and sorted here.

Names stand sealed in the database, so that every list is read, opened and only then put in order; lists are bounded by the size of a
class or a group. A name that the reader may not see, or whose key was destroyed, is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from collector.store.account_tables import PERSON_ROLES
from collector.store.names import by_name, russian

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.store.names import Name, Names
    from collector.store.reader import Reader

_EPOCH: Final = date(1970, 1, 1)

# A pupil of `f` (school_id, pupil_id, day) with the class on that day.
_PUPIL: Final = """
SELECT p.school_id, s.name, s.kind, s.zone, p.source_id, p.person_id, c.source_id, c.parallel, c.letter
FROM {source} AS f (school_id, pupil_id, day)
JOIN gorod.pupil p ON p.school_id = f.school_id AND p.source_id = f.pupil_id
JOIN gorod.school s ON s.school_id = f.school_id
LEFT JOIN LATERAL (
    SELECT c.source_id, c.parallel, c.letter
    FROM gorod.enrollment e JOIN gorod.class c ON c.school_id = e.school_id AND c.source_id = e.class_id
    WHERE e.school_id = f.school_id AND e.pupil_id = f.pupil_id
      AND (e.from_date IS NULL OR e.from_date <= f.day) AND (e.to_date IS NULL OR e.to_date > f.day)
    ORDER BY e.from_date DESC NULLS LAST, e.source_id LIMIT 1) c ON true"""

_OWN: Final = _PUPIL.format(
    source="(SELECT r.school_id, r.key, gorod.local_time(r.school_id)::date FROM gorod.reached('pupils') r)"
)
_THESE: Final = _PUPIL.format(source="(SELECT %(school)s, unnest(%(pupils)s::text[]), %(day)s::date)")

_OF_CLASS: Final = _PUPIL.format(
    source="""(
    SELECT DISTINCT e.school_id, e.pupil_id, %(day)s::date FROM gorod.enrollment e
    WHERE e.school_id = %(school)s AND e.class_id = %(class_id)s
      AND (e.from_date IS NULL OR e.from_date <= %(day)s) AND (e.to_date IS NULL OR e.to_date > %(day)s))"""
)
_OF_GROUP: Final = _PUPIL.format(
    source="""(
    SELECT DISTINCT m.school_id, m.pupil_id, %(day)s::date FROM gorod.group_membership m
    WHERE m.school_id = %(school)s AND m.teaching_group_id = %(group)s
      AND (m.from_date IS NULL OR m.from_date <= %(day)s) AND (m.to_date IS NULL OR m.to_date > %(day)s))"""
)

_CLASSES: Final = """
SELECT c.source_id, c.parallel, c.letter, f.person_id, count(DISTINCT e.pupil_id)
FROM gorod.class c
JOIN gorod.school s ON s.school_id = c.school_id
LEFT JOIN gorod.academic_year y ON y.school_id = c.school_id AND y.source_id = c.year_id
JOIN gorod.enrollment e ON e.school_id = c.school_id AND e.class_id = c.source_id
    AND (e.from_date IS NULL OR e.from_date <= (SELECT gorod.local_time(%(school)s)::date))
    AND (e.to_date IS NULL OR e.to_date > (SELECT gorod.local_time(%(school)s)::date))
LEFT JOIN gorod.staff f ON f.school_id = c.school_id AND f.source_id = c.class_teacher_id
WHERE c.school_id = %(school)s AND y.closed IS NOT TRUE
GROUP BY c.source_id, c.parallel, c.letter, f.person_id"""

_TEACHERS: Final = """
SELECT DISTINCT g.source_id, g.name, coalesce(u.name, g.name), f.person_id, t.kind
FROM gorod.group_membership m
JOIN gorod.teaching_group g ON g.school_id = m.school_id AND g.source_id = m.teaching_group_id
JOIN gorod.teaching_assignment t ON t.school_id = m.school_id AND t.teaching_group_id = m.teaching_group_id
JOIN gorod.staff f ON f.school_id = t.school_id AND f.source_id = t.staff_id
LEFT JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id
WHERE m.school_id = %(school)s AND m.pupil_id = %(pupil)s
  AND (m.from_date IS NULL OR m.from_date <= %(day)s) AND (m.to_date IS NULL OR m.to_date > %(day)s)
  AND (t.from_date IS NULL OR t.from_date <= %(day)s) AND (t.to_date IS NULL OR t.to_date > %(day)s)"""

_CONTACTS: Final = """
SELECT r.pupil_id, l.source_id, l.person_id, r.relation, l.phone, l.email, r.may_view IS TRUE, r.blocked IS TRUE
FROM gorod.representation r
JOIN gorod.legal_representative l ON l.school_id = r.school_id AND l.source_id = r.representative_id
JOIN gorod.school s ON s.school_id = r.school_id
WHERE r.school_id = %(school)s AND r.pupil_id = ANY (%(pupils)s)
  AND (r.to_date IS NULL OR r.to_date > (%(now)s AT TIME ZONE s.zone)::date)
ORDER BY r.pupil_id, r.source_id"""

_CARD: Final = """
SELECT last_name, first_name, middle_name, birth_date, sex FROM gorod.person WHERE school_id = %(school)s AND source_id = %(person)s"""


@dataclass(frozen=True, slots=True)
class Pupil:
    """A pupil and the class of today; `class_id` and `class_name` are None where there is no class (further education, departed)."""

    school: str
    school_name: str
    school_kind: str  # school | addl_edu
    zone: str  # of the school's local time
    pupil: str
    person: str
    name: Name | None
    class_id: str | None
    class_name: str | None  # «7Б»
    parallel: int | None


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """A class of an open year; `leader` is the class teacher."""

    school: str
    class_id: str
    name: str
    parallel: int | None
    leader: Name | None
    pupils: int  # on the roll today, of those that the reader sees


@dataclass(frozen=True, slots=True)
class Teaching:
    """Who teaches a pupil what, now."""

    group: str
    group_name: str
    subject: str
    teacher: Name | None
    kind: str  # main | substitute


@dataclass(frozen=True, slots=True)
class Contact:
    """A representative of a pupil, with what the school may need to reach them."""

    pupil: str
    representative: str
    name: Name | None
    relation: str | None  # mother | father | relative | adoptive | step | guardian | trustee
    phone: str | None
    email: str | None
    may_view: bool
    blocked: bool


@dataclass(frozen=True, slots=True)
class PersonCard:
    """All that is kept on one person."""

    school: str
    person: str
    name: Name | None
    birth: date | None
    sex: str | None  # m | f


def own_pupils(reader: Reader, names: Names) -> tuple[Pupil, ...]:
    """The pupil himself, or the children of a parent, over all schools; in order of name. Empty for staff."""
    return _pupils(reader, names, reader.rows(_OWN)) if reader.role in PERSON_ROLES else ()


def pupil(reader: Reader, names: Names, school: str, pupil_id: str, day: date) -> Pupil | None:
    """One pupil with the class of the day, or None: there is none, or the reader may not know."""
    return next(iter(pupils(reader, names, school, [pupil_id], day)), None)


def pupils(reader: Reader, names: Names, school: str, pupil_ids: Iterable[str], day: date) -> tuple[Pupil, ...]:
    """Those of the pupils that the reader may know, with the classes of the day, in order of name."""
    return _pupils(reader, names, reader.rows(_THESE, school=school, pupils=sorted(set(pupil_ids)), day=day))


def classes(reader: Reader, names: Names, school: str) -> tuple[SchoolClass, ...]:
    """Classes of the open years in which the reader sees pupils, by parallel and letter."""
    rows = reader.rows(_CLASSES, school=school)
    known = names.of(reader, school, (row[3] for row in rows))
    found = [
        SchoolClass(school, class_id, class_name(parallel, letter), parallel, known.get(leader or ""), pupils)
        for class_id, parallel, letter, leader, pupils in rows
    ]
    return tuple(sorted(found, key=lambda one: (one.parallel or 0, russian(one.name))))


def class_list(reader: Reader, names: Names, school: str, class_id: str, day: date) -> tuple[Pupil, ...]:
    """Who is on the class's roll on the day, in order of name."""
    return _pupils(reader, names, reader.rows(_OF_CLASS, school=school, class_id=class_id, day=day))


def group_list(reader: Reader, names: Names, school: str, group: str, day: date) -> tuple[Pupil, ...]:
    """Who is on the teaching group's roll on the day, in order of name."""
    return _pupils(reader, names, reader.rows(_OF_GROUP, school=school, group=group, day=day))


def teachers_of(reader: Reader, names: Names, school: str, pupil_id: str, day: date) -> tuple[Teaching, ...]:
    """Who teaches the pupil on the day, by subject."""
    rows = reader.rows(_TEACHERS, school=school, pupil=pupil_id, day=day)
    known = names.of(reader, school, (row[3] for row in rows))
    found = [
        Teaching(group, group_name, subject, known.get(person or ""), kind or "main")
        for group, group_name, subject, person, kind in rows
    ]
    return tuple(sorted(found, key=lambda one: (russian(one.subject), one.group_name, by_name(one.teacher))))


def contacts(reader: Reader, names: Names, school: str, pupil_ids: Iterable[str]) -> tuple[Contact, ...]:
    """Representatives of the pupils that the reader may reach, blocked ones included and said to be."""
    rows = reader.rows(_CONTACTS, school=school, pupils=sorted(set(pupil_ids)), now=reader.now)
    known = names.of(reader, school, (row[2] for row in rows))
    found = []
    for pupil_id, representative, person, relation, *reach, may_view, blocked in rows:
        sealed = ("phone", "email"), reach
        phone, email = names.opened(reader.now, school, "legal_representative", representative, *sealed)
        found.append(
            Contact(pupil_id, representative, known.get(person or ""), relation, phone, email, may_view, blocked)
        )
    return tuple(found)


def card(reader: Reader, names: Names, school: str, person: str) -> PersonCard | None:
    """One person with birth date, or None."""
    rows = reader.rows(_CARD, school=school, person=person)
    if not rows:
        return None
    *sealed, sex = rows[0]
    (birth,) = names.opened(reader.now, school, "person", person, ("birth_date",), sealed[3:])
    name = names.of(reader, school, [person]).get(person)
    return PersonCard(school, person, name, _EPOCH + timedelta(days=int(birth)) if birth else None, sex)


def class_name(parallel: int | None, letter: str | None) -> str:
    """«7Б», or what there is of it."""
    return f"{parallel or ''}{letter or ''}"


def _pupils(reader: Reader, names: Names, rows: Sequence[tuple[Any, ...]]) -> tuple[Pupil, ...]:
    known = {
        school: names.of(reader, school, (row[5] for row in rows if row[0] == school))
        for school in {row[0] for row in rows}
    }
    found = [
        Pupil(
            school,
            title,
            kind,
            zone,
            pupil_id,
            person or "",
            known[school].get(person or ""),
            class_id,
            class_name(parallel, letter) if class_id else None,
            parallel,
        )
        for school, title, kind, zone, pupil_id, person, class_id, parallel, letter in rows
    ]
    return tuple(sorted(found, key=lambda one: (by_name(one.name), one.school, one.pupil)))
