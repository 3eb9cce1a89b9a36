"""How large a school must be to have a given number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from install.demo.curriculum import SUBJECTS, weekly_hours
from install.demo.schoolyear import SchoolYear

if TYPE_CHECKING:
    from install.demo.spec import SchoolSpec

# Rows as counted in generated schools: of a class and of a pupil, in any case and per full year of the full timetable.
_CLASS_FRAME, _CLASS_YEAR = 40, 2260
_PUPIL_FRAME, _PUPIL_YEAR, _PUPIL_MARKS = 48, 105, 217
_PER_CIRCLE, _IN_CIRCLE = 420, 12
_FURTHER_SHARE: Final = 0.25  # an organisation of further education has so much less to write
_PARALLELS: Final = 11
_MOST: Final = 12 * _PARALLELS
_USUAL_CLASS: Final = 24
_SMALL_CLASS: Final = 10
_SMALLEST_SHARE: Final = 0.2  # of the year; in September no school grows beyond belief


@dataclass(frozen=True, slots=True)
class Size:
    """Classes (or circles), pupils in each, and the share of the full timetable that is taught."""

    classes: int
    per_class: int
    hours: float

    @property
    def pupils(self) -> int:
        """Pupils in all."""
        return self.classes * self.per_class

    def seats(self, letters: str) -> list[tuple[int, str]]:
        """Parallel and letter of each class; lower parallels get the odd ones."""
        counts = [self.classes // 11 + (parallel <= self.classes % 11) for parallel in range(1, 12)]
        return [(parallel, letters[place]) for parallel, count in enumerate(counts, start=1) for place in range(count)]


def size_of(spec: SchoolSpec) -> Size:
    """The school that has ``spec.rows`` rows, give or take a fifth, when its year is over; already today if it is ``steady``."""
    share = max(_SMALLEST_SHARE, SchoolYear(spec.year).elapsed(spec.today)) if spec.steady else 1.0
    rows = spec.rows * spec.character.size
    if spec.further:
        return Size(max(4, round(rows * _FURTHER_SHARE / _PER_CIRCLE)), _IN_CIRCLE, 1.0)
    sizes = (_at_hours(rows, hours / 20, share, spec.character.density) for hours in range(20, 2, -1))
    return next((size for size in sizes if size.per_class >= _SMALL_CLASS), _at_hours(rows, 0.15, share, 1.0))


def _at_hours(rows: float, hours: float, share: float, density: float) -> Size:
    """The school for a given share of the timetable: first whole classes, and at least one of each parallel."""
    lived = _taught(hours) * share
    by_class = _CLASS_FRAME + _CLASS_YEAR * lived
    by_pupil = _PUPIL_FRAME + (_PUPIL_YEAR + _PUPIL_MARKS * density) * lived
    classes = min(_MOST, max(_PARALLELS, round(rows / (by_class + _USUAL_CLASS * by_pupil))))
    return Size(classes, max(2, round((rows / classes - by_class) / by_pupil)), hours)


def _taught(hours: float) -> float:
    """The part of the full timetable that remains when the hours of every subject are cut and rounded."""
    full = [weekly for subject in SUBJECTS for weekly in subject.hours]
    return sum(weekly_hours(weekly, hours) for weekly in full) / sum(full)
