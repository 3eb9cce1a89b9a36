"""Lessons and days missed, by one written rule (pure).

Missed is a lesson with ОТ, УП, Б or НП. ОП (late) is present; ОСВ (exempt) leaves both sides of every figure. Planned are held lessons
whose attendance was submitted: unsubmitted is not "present". A day is missed when all of the pupil's held lessons of the day, those with
ОСВ left out, were missed; its reason is that of the most lessons, on a tie НП before ОТ before УП before Б.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from collector.core.averages import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

MISSED: Final = ("НП", "ОТ", "УП", "Б")
"""Codes that say that the pupil was missing, the gravest first: so ties are broken."""

LATE: Final = "ОП"
EXEMPT: Final = "ОСВ"
_UNEXCUSED: Final = ("НП", "ОТ")


@dataclass(frozen=True, slots=True)
class LessonPlace:
    """A pupil's place in a held lesson. `code` is the corrected one, else the submitted one; None: nothing was written."""

    day: date
    code: str | None
    submitted: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """Figures of some lesson-places."""

    lessons: Mapping[str, int]  # by code, ОП too
    days: Mapping[date, str]  # missed days and their reasons
    missed: int
    planned: int
    held: int
    submitted: int

    @property
    def rate(self) -> Ratio:
        """Attended over planned."""
        return Ratio(Decimal(self.planned - self.missed), Decimal(self.planned))

    @property
    def coverage(self) -> Ratio:
        """Submitted over held."""
        return Ratio(Decimal(self.submitted), Decimal(self.held))


def count(places: Iterable[LessonPlace]) -> Missed:
    """Count one pupil's lesson-places."""
    counted = [place for place in places if place.code != EXEMPT]
    codes = Counter(place.code for place in counted if place.code in (*MISSED, LATE))
    by_day: dict[date, list[LessonPlace]] = {}
    for place in counted:
        by_day.setdefault(place.day, []).append(place)
    submitted = [place for place in counted if place.submitted]
    missed = sum(codes[code] for code in MISSED)
    days = {day: reason for day, lessons in by_day.items() if (reason := day_reason(lessons))}
    return Missed(
        {code: codes[code] for code in (*MISSED, LATE) if codes[code]},
        days,
        missed,
        len(submitted),
        len(counted),
        len(submitted),
    )


def day_reason(lessons: Sequence[LessonPlace]) -> str | None:
    """The reason of a missed day; None if the day was not missed, or nothing was held for the pupil."""
    codes = [lesson.code for lesson in lessons if lesson.code != EXEMPT]
    if not codes or any(code not in MISSED for code in codes):
        return None
    return max(MISSED, key=lambda code: (codes.count(code), -MISSED.index(code)))


def longest_unexcused(days: Mapping[date, str], school_days: Iterable[date]) -> int:
    """The most school days running that were missed without a reason or with one that nobody knows."""
    longest = run = 0
    for day in sorted(set(school_days)):
        run = run + 1 if days.get(day) in _UNEXCUSED else 0
        longest = max(longest, run)
    return longest
