"""«Моя школа сегодня»: what a head asks first, each figure with its list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from collector.store.names import Name, Names
    from collector.store.people import Pupil
    from collector.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Board:
    """The five lines of a school's day."""

    school: str
    day: date
    lessons: int  # planned or held today
    on_roll: int
    absent: int  # pupils with at least one absence code today
    absent_unknown: int  # of them, reason not given yet
    not_filled: int  # lessons of the last 14 days before today, held, without topic or attendance
    debts: int  # dots in the journals of the open years
    changed_after_end: int  # changes in the journal of a term after its end, in the last 30 days
    applied_at: datetime | None  # last change that came from the school, UTC
    complete_at: datetime | None


@dataclass(frozen=True, slots=True)
class AbsentPupil:
    """A pupil who is missing today."""

    pupil: Pupil
    lessons: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnfilledLesson:
    """A lesson that was held and lacks a topic or attendance."""

    lesson: str
    day: date
    number: int | None
    group_name: str
    subject: str
    teacher: Name | None
    lacks: str  # topic | attendance | both


@dataclass(frozen=True, slots=True)
class DebtsOfClass:
    """Dots by class."""

    class_name: str
    debts: int
    pupils: int


@dataclass(frozen=True, slots=True)
class LateChange:
    """A change in the journal that came after the term's end."""

    at: datetime
    action: str | None
    before: str | None
    after: str | None
    group_name: str
    subject: str
    lesson_day: date
    term_name: str
    term_end: date
    actor: Name | None


def board(reader: Reader, school: str, day: date) -> Board | None:
    """The five figures; None if the reader may not see the school whole."""
    raise RuntimeError


def absent(reader: Reader, names: Names, school: str, day: date) -> tuple[AbsentPupil, ...]:
    """Who is missing on the day, by class and name; at most 1000."""
    raise RuntimeError


def not_filled(reader: Reader, names: Names, school: str, day: date) -> tuple[UnfilledLesson, ...]:
    """Lessons of the 14 days before the day that lack something, oldest first; at most 500."""
    raise RuntimeError


def debts_by_class(reader: Reader, school: str) -> tuple[DebtsOfClass, ...]:
    """Dots in the journals of the open years, by class."""
    raise RuntimeError


def changed_after_end(reader: Reader, names: Names, school: str, day: date) -> tuple[LateChange, ...]:
    """Changes of the last 30 days to lessons of a term that was over, newest first; at most 500."""
    raise RuntimeError
