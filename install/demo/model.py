"""What a school-year is made of while it is played: classes, groups, places in the week, stays on a roll."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date

    from install.demo.curriculum import Subject
    from install.demo.roster import Student, Teacher

PRIMARY: Final = 4  # the last class with one teacher for nearly everything
LETTERS: Final = "АБВГДЕЖЗИКЛМ"
WEEKDAYS: Final = ("Пн", "Вт", "Ср", "Чт", "Пт", "Сб")
CLASS, SUBGROUP, INDIVIDUAL, EXTRA, CIRCLE = 1, 2, 3, 4, 5  # the vendor's kinds of groups
TERM_KINDS: Final = ("quarter", "trimester", "semester", "year")  # the vendor's codes, counted from 1


@dataclass(slots=True)
class SchoolClass:
    """A class of one school-year."""

    id: int
    parallel: int
    letter: str
    relay: int
    room: str
    leader: Teacher
    students: list[Student]

    @property
    def name(self) -> str:
        """Parallel and letter as people say it."""
        return f"{self.parallel}{self.letter}"


@dataclass(frozen=True, slots=True)
class Substitute:
    """Somebody who teaches a group in its teacher's stead for a while."""

    teacher: Teacher
    since: date
    until: date


@dataclass(slots=True)
class Group:
    """Pupils who are taught a subject together. ``members`` are those of the current day, by number."""

    id: int
    subject: Subject
    classes: tuple[SchoolClass, ...]
    kind: int
    teacher: Teacher
    parallel: int
    bias: float
    members: dict[int, Student] = field(default_factory=dict)
    substitute: Substitute | None = None

    def teacher_on(self, day: date) -> Teacher:
        """Who teaches the group on ``day``."""
        if self.substitute and self.substitute.since <= day < self.substitute.until:
            return self.substitute.teacher
        return self.teacher


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the week. ``parity`` 0 is every week, 1 odd, 2 even weeks of the calendar."""

    group: Group
    weekday: int
    number: int
    relay: int
    parity: int = 0


@dataclass(slots=True)
class Stay:
    """Somebody's time in a class or a group, written when the year has been played."""

    place: int
    student: Student
    since: date
    until: date | None = None
    exempt: bool = False
    order_in: int | None = None
    order_out: int | None = None


def bell_code(weekday: int, relay: int, number: int) -> str:
    """The vendor's text key of a bell."""
    return f"{WEEKDAYS[weekday - 1]}-{relay}-{number:02d}"
