"""People by name: an account's children, class lists, who teaches, contacts. Names are opened here, in the process, and sorted here.

Names stand sealed in the database, so that every list is read, opened and only then put in order; lists are bounded by the size of a
class or a group. A name that the reader may not see, or whose key was destroyed, is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from collector.store.names import Name, Names
    from collector.store.reader import Reader


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
    raise RuntimeError


def pupil(reader: Reader, names: Names, school: str, pupil_id: str) -> Pupil | None:
    """One pupil, or None: there is none, or the reader may not know."""
    raise RuntimeError


def classes(reader: Reader, names: Names, school: str) -> tuple[SchoolClass, ...]:
    """Classes of the open years in which the reader sees pupils, by parallel and letter."""
    raise RuntimeError


def class_list(reader: Reader, names: Names, school: str, class_id: str, day: date) -> tuple[Pupil, ...]:
    """Who is on the class's roll on the day, in order of name."""
    raise RuntimeError


def group_list(reader: Reader, names: Names, school: str, group: str, day: date) -> tuple[Pupil, ...]:
    """Who is on the teaching group's roll on the day, in order of name; classes of today."""
    raise RuntimeError


def teachers_of(reader: Reader, names: Names, school: str, pupil_id: str, day: date) -> tuple[Teaching, ...]:
    """Who teaches the pupil on the day, by subject."""
    raise RuntimeError


def contacts(reader: Reader, names: Names, school: str, pupil_ids: tuple[str, ...]) -> tuple[Contact, ...]:
    """Representatives of the pupils that the reader may reach, blocked ones included and said to be."""
    raise RuntimeError


def card(reader: Reader, names: Names, school: str, person: str) -> PersonCard | None:
    """One person with birth date, or None."""
    raise RuntimeError
