"""Who is at a school: pupils with their families, and staff. Also what the vendor keeps about them and never leaves the school."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from install.demo import people
from install.demo.draft import morning

if TYPE_CHECKING:
    from random import Random

    from install.demo.draft import Draft
    from install.demo.people import Family, Person

RELATIONS: Final = (
    "mother",
    "father",
    "relative",
    "adoptive",
    "step",
    "guardian",
    "trustee",
)  # the vendor's codes, counted from 1
FORMS: Final = ("full_time", "part_time", "extramural", "family", "home")
_STREETS: Final = ("Садовая", "Озёрная", "Лесная", "Школьная", "Полевая", "Набережная", "Заречная", "Строителей")


@dataclass(slots=True)
class Student:
    """A pupil as the journal needs one: number, GUID, how able and how often absent, whether excused from sport or taught at home."""

    id: int
    guid: str
    person: Person
    ability: float
    frailty: float
    excused: bool = False
    at_home: bool = False


@dataclass(frozen=True, slots=True)
class Teacher:
    """A member of staff who teaches (or leads, or keeps the office)."""

    id: int
    guid: str
    person: Person
    position: str


class Roster:
    """Adds people to a draft. A grown-up with several children here is one person with several kinships."""

    def __init__(self, draft: Draft, rng: Random, opened: date) -> None:
        self.students: list[Student] = []
        self.parents: list[str] = []  # GUIDs
        self.teachers: list[Teacher] = []
        self._draft, self._rng, self._opened = draft, rng, opened
        self._parent_of: dict[Person, int] = {}

    def student(self, child: Person, family: Family, since: date) -> Student:
        """Admit a child; the parents come along."""
        rng, student_id = self._rng, self._draft.number("Students")
        guid = self._person(child, since)
        at_home = rng.random() < 0.006
        student = Student(
            student_id, guid, child, rng.gauss(0, 0.55), rng.gammavariate(2.0, 0.5), rng.random() < 0.02, at_home
        )
        health = rng.choices((1, 2, 3, 4, 5), (20, 55, 20, 4, 1))[0]
        form = FORMS.index("home") if at_home else 0
        status = rng.choice(("полная", "полная", "неполная", "многодетная"))
        sport = "освобождён" if student.excused else rng.choice(("основная", "основная", "подготовительная"))
        self._draft.add(
            "Students",
            student_id,
            guid,
            f"{child.last[0]}-{student_id}",
            form + 1,
            health,
            sport,
            status,
            morning(since),
        )
        for relation, parent in family.parents:
            self._kinship(student_id, relation, parent, since)
        self.students.append(student)
        return student

    def teacher(self, position: str, *, woman: float = 0.87) -> Teacher:
        """Hire somebody."""
        rng = self._rng
        sex = "f" if rng.random() < woman else "m"
        someone = people.person(
            rng, sex, date(self._opened.year - rng.randint(24, 66), rng.randint(1, 12), rng.randint(1, 28))
        )
        hired = date(self._opened.year - rng.randint(0, 15), 8, rng.randint(15, 31))
        guid = self._person(someone, hired)
        employee_id = self._draft.number("Employees")
        category = rng.choice((None, "соответствие", "первая", "первая", "высшая"))
        salary = rng.randint(30, 90) * 1000
        self._draft.add(
            "Employees", employee_id, guid, position, category, str(hired), None, salary, morning(self._opened)
        )
        teacher = Teacher(employee_id, guid, someone, position)
        self.teachers.append(teacher)
        return teacher

    def _person(self, someone: Person, since: date) -> str:
        rng, guid = self._rng, people.guid(self._rng)
        number = rng.randint(0, 999_999)
        address = f"ул. {rng.choice(_STREETS)}, д. {rng.randint(1, 140)}, кв. {rng.randint(1, 90)}"
        self._draft.add(
            "People",
            guid,
            someone.last,
            someone.first,
            someone.middle,
            str(someone.birth),
            2 if someone.sex == "f" else 1,
            f"000-{number // 1000:03d}-{number % 1000:03d} 00",
            f"00 00 {number:06d}",
            address,
            f"+7 000 {number // 1000:03d}-{number % 1000 // 10:02d}-{number % 100:02d}",
            f"photos/{guid[:2]}/{guid}.jpg",
            morning(since),
        )
        return guid

    def _kinship(self, student_id: int, relation: str, parent: Person, since: date) -> None:
        rng, draft = self._rng, self._draft
        parent_id = self._parent_of.get(parent) or self._parent(parent, since)
        banned = rng.random() < 0.012
        until = str(since.replace(year=since.year + 1, day=1)) if rng.random() < 0.01 else None
        draft.add(
            "Kinship",
            draft.number("Kinship"),
            parent_id,
            student_id,
            RELATIONS.index(relation) + 1,
            not banned,
            str(since),
            until,
            banned,
            morning(since),
        )

    def _parent(self, parent: Person, since: date) -> int:
        rng, parent_id = self._rng, self._draft.number("Parents")
        guid = self._person(parent, since)
        phone = f"+7 000 {rng.randint(100, 999)}-{rng.randint(10, 99)}-{rng.randint(10, 99)}"
        email = f"parent{parent_id}@example.org" if rng.random() < 0.7 else None
        work = rng.choice((None, "завод", "больница", "магазин", "депо", "пекарня"))
        self._draft.add("Parents", parent_id, guid, phone, email, work, morning(since))
        self._parent_of[parent] = parent_id
        self.parents.append(guid)
        return parent_id
