"""What a demo city is made of: how many schools, how large, on which day, and what each of them is like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta, timezone
from typing import Final

ZONE: Final = timezone(timedelta(hours=3), "Europe/Moscow")
ZONE_NAME: Final = "Europe/Moscow"
FULL_YEAR_ROWS: Final = 430_000
_BLOCK: Final = 5
_FURTHER_EDUCATION: Final = 3  # the third of every five organisations teaches after school
_NEIGHBOUR: Final = {
    1: 1,
    2: -1,
    4: 1,
    0: -1,
}  # number modulo five → step to the school with which pupils are exchanged


@dataclass(frozen=True, slots=True)
class Character:
    """How a school differs from the next one. Shares are of 1; ``generosity`` shifts marks, ``density`` multiplies their number."""

    title: str
    size: float = 1.0
    days: int = 5
    shifts: int = 1
    generosity: float = 0.0
    density: float = 1.0
    absence: float = 1.0
    late_topics: float = 0.06
    no_attendance: float = 0.04
    rounding_up: float = 0.5
    trimesters: bool = False
    spelling: str = "full"


CHARACTERS: Final = (
    Character("МБОУ «Средняя школа № {n}»"),
    Character(
        "МБОУ «Лицей № {n}»",
        0.9,
        days=6,
        generosity=0.25,
        density=1.15,
        absence=0.7,
        late_topics=0.03,
        rounding_up=0.6,
        trimesters=True,
    ),
    Character(
        "МБОУ «Гимназия № {n}»", 1.1, generosity=0.15, density=1.1, absence=0.8, no_attendance=0.02, spelling="short"
    ),
    Character(
        "МБОУ «Средняя школа № {n}»",
        1.15,
        days=6,
        shifts=2,
        generosity=-0.1,
        density=0.9,
        absence=1.4,
        late_topics=0.18,
        no_attendance=0.12,
    ),
    Character("МКОУ «Основная школа № {n}»", 0.85, absence=1.2, late_topics=0.1, density=0.95, spelling="short"),
)
FURTHER: Final = Character("МБУ ДО «Дом детского творчества № {n}»", 1.0, density=0.0, absence=1.3, late_topics=0.1)


@dataclass(frozen=True, slots=True)
class SchoolSpec:
    """One organisation of the city. ``rows`` is how many rows its open school-year shall have when it is over (or today: ``steady``)."""

    number: int
    seed: int
    rows: int
    today: date
    steady: bool = False

    @property
    def id(self) -> str:
        """The department's number of the school."""
        return f"42-{self.number:03d}"

    @property
    def organisation(self) -> str:
        """The vendor's code of the organisation in its database."""
        return f"42{self.number:03d}"

    @property
    def further(self) -> bool:
        """Whether it is an organisation of further education: groups, no classes of its own, no marks."""
        return self.number % _BLOCK == _FURTHER_EDUCATION

    @property
    def kind(self) -> str:
        """Kind of the organisation as the department names it."""
        return "addl_edu" if self.further else "school"

    @property
    def character(self) -> Character:
        """What the school is like."""
        return FURTHER if self.further else CHARACTERS[(self.number - 1) % len(CHARACTERS)]

    @property
    def name(self) -> str:
        """Full name."""
        return self.character.title.format(n=self.number)

    @property
    def year(self) -> int:
        """The calendar year in which the open school-year began."""
        return self.today.year if self.today.month >= 9 else self.today.year - 1

    @property
    def neighbour(self) -> SchoolSpec | None:
        """The school with which pupils are exchanged and families shared: 1 and 2, 4 and 5, 6 and 7, …; no partner for further education."""
        step = _NEIGHBOUR.get(self.number % _BLOCK)
        return None if step is None else replace(self, number=self.number + step)

    @property
    def block(self) -> int:
        """Number of the part of the city: five organisations that share families."""
        return (self.number - 1) // _BLOCK


@dataclass(frozen=True, slots=True)
class CitySpec:
    """A whole demo city on the morning of ``today``: what was before is in the books, today's lessons and the next days' are planned.

    ``scale`` 1.0 is a school with about 430 000 rows in a full school-year. With ``steady`` the schools are larger the younger the
    school-year is, so that they have that many rows at ``today`` already. The same seed gives the same rows, whatever else is built.
    """

    today: date
    schools: int = 3
    scale: float = 0.1
    seed: int = 2026
    steady: bool = False

    def school(self, number: int) -> SchoolSpec:
        """The organisation with this number, counted from 1."""
        return SchoolSpec(number, self.seed, round(FULL_YEAR_ROWS * self.scale), self.today, self.steady)

    def organisations(self) -> list[SchoolSpec]:
        """All organisations of the city."""
        return [self.school(number) for number in range(1, self.schools + 1)]
