"""A pupil's week as a diary shows it, and what is still owed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime, time
    from decimal import Decimal

    from collector.store.names import Name, Names
    from collector.store.reader import Reader


@dataclass(frozen=True, slots=True)
class DiaryMark:
    """A mark as the journal holds it. Several may stand for one work: «4/5», «5.»."""

    mark: str
    kind: str  # numeric | pass | code | duty
    value: Decimal | None
    text: str  # what the teacher wrote: «5», «н/а», «.»
    weight: Decimal  # its own, else its work's, else 1
    comment: str | None
    set_at: datetime | None  # the school's local time, naive
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Work:
    """Something that was given to do, with the pupil's marks for it."""

    assignment: str
    kind: str  # homework, control, …; `other` where the school's dictionary says nothing
    type_name: str
    title: str
    description: str | None
    weight: Decimal
    due: date | None
    mandatory: bool
    files: bool
    marks: tuple[DiaryMark, ...]


@dataclass(frozen=True, slots=True)
class DiaryLesson:
    """One lesson of the day."""

    lesson: str
    group: str
    number: int | None  # 0 is the zero lesson
    shift: int | None
    start: time | None
    end: time | None
    subject: str
    room: str | None
    teacher: Name | None
    topic: str | None
    state: str | None  # held | cancelled | moved | distance; None: planned
    homework: tuple[Work, ...]  # due on this lesson
    works: tuple[Work, ...]  # done at this lesson, and homework given here that has marks
    attendance: str | None  # УП | Б | НП | ОТ | ОП | ОСВ | ПР; the corrected code, else the submitted one
    minutes_late: int | None


@dataclass(frozen=True, slots=True)
class DiaryDay:
    """A day with its lessons in order; a day off has none."""

    day: date
    lessons: tuple[DiaryLesson, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday."""

    monday: date
    days: tuple[DiaryDay, ...]


@dataclass(frozen=True, slots=True)
class Debt:
    """Work that is owed: a dot in the journal, or mandatory work past its day without any mark."""

    assignment: str
    subject: str
    title: str
    kind: str
    due: date | None
    given: date | None
    reason: str  # duty | overdue


def week(reader: Reader, names: Names, school: str, pupil: str, day: date) -> Week:
    """The week that holds the day."""
    raise RuntimeError


def debts(reader: Reader, school: str, pupil: str, today: date) -> tuple[Debt, ...]:
    """What the pupil owes in the open years, longest due first; at most 200."""
    raise RuntimeError
