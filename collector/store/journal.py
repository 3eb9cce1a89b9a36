"""A teacher's own journals: groups, a journal's page, and the gaps in it with the exact day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from collector.store.diary import DiaryMark
    from collector.store.names import Names
    from collector.store.people import Pupil
    from collector.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Group:
    """A teaching group that the reader teaches (or, for a head or deputy, any of the school)."""

    school: str
    group: str
    name: str
    subject: str
    kind: str | None  # class | subgroup | iup | extra | addl
    pupils: int
    year: str | None


@dataclass(frozen=True, slots=True)
class JournalLesson:
    """A column of the journal."""

    lesson: str
    day: date
    number: int | None
    state: str | None
    topic: str | None
    filled_at: datetime | None
    homework: str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a row and a column."""

    lesson: str
    marks: tuple[DiaryMark, ...]
    attendance: str | None
    minutes_late: int | None


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A pupil of the group with the cells that hold something."""

    pupil: Pupil
    exempt: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class JournalPage:
    """A group's journal over some days, both inclusive."""

    group: Group
    first: date
    last: date
    lessons: tuple[JournalLesson, ...]
    rows: tuple[JournalRow, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A held lesson that lacks something, or a group with few marks (`lesson` is None then)."""

    group: str
    group_name: str
    subject: str
    kind: str  # topic | attendance | few_marks
    lesson: str | None
    day: date | None
    number: int | None
    marks: int | None  # of few_marks: how many there are …
    pupils: int | None  # … among so many pupils


def groups(reader: Reader, school: str) -> tuple[Group, ...]:
    """Groups of the open years whose journal the reader may see, by name."""
    raise RuntimeError


def page(reader: Reader, names: Names, school: str, group: str, first: date, last: date) -> JournalPage | None:
    """The journal of a group from first to last (at most 100 days); None if the reader may not see it."""
    raise RuntimeError


def gaps(reader: Reader, school: str, today: date, since: date) -> tuple[Gap, ...]:
    """Lessons since the day that were held before today and lack a topic or attendance, and groups with few marks; at most 500."""
    raise RuntimeError
