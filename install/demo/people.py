"""People and families of the demo city: names that agree in gender, patronymics from the father, ages that fit the class."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from math import floor
from typing import TYPE_CHECKING, Final
from uuid import UUID

from install.demo.names import FATHERS, FEMALE, MALE, PATRONYMICS, SURNAMES, UNCHANGING

if TYPE_CHECKING:
    from random import Random

_YEAR_DAYS: Final = 365.25
_NO_PATRONYMIC: Final = 0.015
_DOUBLE_SURNAME: Final = 0.02
_FIRST_CLASS_AGE: Final = 7


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up person. ``sex`` is ``m`` or ``f``; ``middle`` is None for the few who have no patronymic."""

    last: str
    first: str
    middle: str | None
    birth: date
    sex: str

    @property
    def full_name(self) -> str:
        """Surname, first name, patronymic."""
        return " ".join(part for part in (self.last, self.first, self.middle) if part)


@dataclass(frozen=True, slots=True)
class Family:
    """A household: whoever brings the children up, and the children. ``surname`` is masculine."""

    mother: Person | None
    father: Person | None
    children: tuple[Person, ...]
    relations: tuple[str, ...] = field(default=("mother", "father"))

    @property
    def parents(self) -> list[tuple[str, Person]]:
        """Relation and person of each grown-up, mother first."""
        pairs = zip(self.relations, (self.mother, self.father), strict=True)
        return [(relation, person) for relation, person in pairs if person is not None]


def feminine(surname: str) -> str:
    """The form that a woman carries; each half of a double surname is turned by itself."""
    return "-".join(_feminine_part(part) for part in surname.split("-"))


def _feminine_part(surname: str) -> str:
    if surname in UNCHANGING:
        return surname
    if surname.endswith(("ский", "цкий", "ой", "ый", "ий")):
        return surname[:-2] + ("яя" if surname.endswith("ний") else "ая")
    return surname + "а"


def patronymic(father: str, sex: str) -> str:
    """Patronymic of a child of ``father`` (his first name)."""
    woman = sex == "f"
    if father in PATRONYMICS:
        return PATRONYMICS[father][woman]
    if father.endswith("ий"):
        return father[:-2] + ("ьевна" if woman else "ьевич")
    if father.endswith("й"):
        return father[:-1] + ("евна" if woman else "евич")
    if father.endswith("ь"):
        return father[:-1] + ("евна" if woman else "евич")
    return father + ("овна" if woman else "ович")


def guid(rng: Random) -> str:
    """A random GUID as text, lower case with hyphens."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def surname(rng: Random) -> str:
    """A surname in its masculine form; now and then a double one."""
    book = UNCHANGING if rng.random() < 0.07 else SURNAMES
    name = rng.choice(book)
    if rng.random() < _DOUBLE_SURNAME:
        other = rng.choice(SURNAMES)
        return name if other == name else f"{name}-{other}"
    return name


def _worn(name: str, sex: str) -> str:
    return feminine(name) if sex == "f" else name


def person(rng: Random, sex: str, birth: date, family_name: str | None = None, father: str | None = None) -> Person:
    """Draw one person; ``family_name`` is masculine, ``father`` a first name; both are drawn when not given."""
    first = _skewed(rng, FEMALE if sex == "f" else MALE)
    middle = None if rng.random() < _NO_PATRONYMIC else patronymic(father or _skewed(rng, FATHERS), sex)
    return Person(_worn(family_name or surname(rng), sex), first, middle, birth, sex)


def _skewed(rng: Random, book: tuple[str, ...]) -> str:
    """Common names stand first in their books and are drawn more often."""
    return book[int(len(book) * rng.random() ** 1.5)]


def birth_for(rng: Random, parallel: int, year: int) -> date:
    """Birth date of a child who is in class ``parallel`` in the school-year that begins in September of ``year``."""
    oldest = date(year - parallel - _FIRST_CLASS_AGE, 11, 1)
    return oldest + timedelta(days=int(rng.betavariate(2.2, 2.2) * 400))


def parallel_of(birth: date, year: int) -> int:
    """The class that fits a birth date in the school-year that begins in ``year``; may be outside 1 to 11."""
    return floor((date(year, 9, 1) - birth).days / _YEAR_DAYS - 6.55) + 1


def family(rng: Random, parallel: int, year: int) -> Family:
    """A family whose first child fits class ``parallel``; brothers and sisters are one to eight years apart."""
    name, father_first = surname(rng), _skewed(rng, FATHERS)
    eldest = birth_for(rng, parallel, year)
    births = [eldest]
    while len(births) < 4 and rng.random() < 0.38:
        births.append(births[-1] - timedelta(days=rng.randint(450, 3000)))
    children = tuple(_child(rng, name, father_first, birth) for birth in births)
    mother_name = name if rng.random() < 0.85 else surname(rng)
    mother = person(rng, "f", _grown(rng, births[-1], 20, 38), mother_name)
    father = person(rng, "m", _grown(rng, births[-1], 22, 44), name)
    father = Person(father.last, father_first, father.middle, father.birth, "m")
    return _household(rng, mother, father, children)


def _child(rng: Random, family_name: str, father_first: str, birth: date) -> Person:
    sex = rng.choice("mf")
    return person(rng, sex, birth, family_name, father_first)


def _grown(rng: Random, child: date, youngest: int, oldest: int) -> date:
    return child - timedelta(days=int(rng.uniform(youngest, oldest) * _YEAR_DAYS))


def _household(rng: Random, mother: Person, father: Person, children: tuple[Person, ...]) -> Family:
    chance = rng.random()
    if chance < 0.62:
        return Family(mother, father, children)
    if chance < 0.88:
        return Family(mother, None, children)
    if chance < 0.92:
        return Family(None, father, children)
    if chance < 0.97:
        return Family(mother, father, children, ("mother", "step"))
    relation = rng.choice(("guardian", "adoptive", "relative", "trustee"))
    return Family(mother, None, children, (relation, "father"))
