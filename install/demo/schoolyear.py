"""The calendar of a school-year: terms, holidays, days on which lessons are held. Pure; all dates are the school's local dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

_PUBLIC_HOLIDAYS: Final = frozenset({(11, 4), (2, 23), (3, 8), (5, 1), (5, 9)})
_SUNDAY: Final = 7
_SATURDAY: Final = 6
_DAY: Final = timedelta(days=1)

# Month and day of the first and last day of each stretch of study; the holidays lie between.
_QUARTERS: Final = (((9, 1), (10, 25)), ((11, 3), (12, 28)), ((1, 11), (3, 22)), ((3, 31), (5, 26)))
_TRIMESTERS: Final = (((9, 1), (11, 18)), ((11, 24), (2, 20)), ((2, 26), (5, 26)))
_SEMESTERS: Final = (((9, 1), (12, 28)), ((1, 11), (5, 26)))
_SENIOR: Final = 10
_NAMES: Final = {"quarter": "четверть", "trimester": "триместр", "semester": "полугодие"}


@dataclass(frozen=True, slots=True)
class Term:
    """A stretch after which results are given; ``kind`` as in the canonical model."""

    kind: str
    name: str
    ordinal: int
    first: date
    last: date


@dataclass(frozen=True)
class SchoolYear:
    """The school-year that begins in September of ``start``; ``days`` school days a week (5 or 6)."""

    start: int
    days: int = 5
    trimesters: bool = False

    @property
    def name(self) -> str:
        """As people write it: 2026/2027."""
        return f"{self.start}/{self.start + 1}"

    @property
    def first(self) -> date:
        """The first day of the school-year."""
        return date(self.start, 9, 1)

    @property
    def last(self) -> date:
        """The last day of the school-year in the vendor's books."""
        return date(self.start + 1, 8, 31)

    @property
    def lessons_end(self) -> date:
        """The last day on which lessons are held."""
        return date(self.start + 1, 5, 26)

    def _day(self, month_day: tuple[int, int]) -> date:
        month, day = month_day
        return date(self.start + (month < _QUARTERS[0][0][0]), month, day)

    def terms(self, parallel: int) -> list[Term]:
        """The terms of a parallel, the year itself last."""
        kind, borders = "quarter", tuple(_QUARTERS)
        if parallel >= _SENIOR:
            kind, borders = "semester", _SEMESTERS
        elif self.trimesters:
            kind, borders = "trimester", _TRIMESTERS
        terms = [
            Term(kind, f"{ordinal} {_NAMES[kind]}", ordinal, self._day(first), self._day(last))
            for ordinal, (first, last) in enumerate(borders, start=1)
        ]
        return [*terms, Term("year", "Год", len(terms) + 1, self.first, self.lessons_end)]

    @cached_property
    def school_days(self) -> list[date]:
        """Every day with lessons, in order."""
        stretches = [(self._day(first), self._day(last)) for first, last in _QUARTERS]
        days = (first + _DAY * step for first, last in stretches for step in range((last - first).days + 1))
        return [day for day in days if self._is_school_day(day)]

    def _is_school_day(self, day: date) -> bool:
        return day.isoweekday() <= self.days and (day.month, day.day) not in _PUBLIC_HOLIDAYS

    def elapsed(self, today: date) -> float:
        """Which share of the year's school days is over at the end of ``today``."""
        days = self.school_days
        return sum(day <= today for day in days) / len(days)
