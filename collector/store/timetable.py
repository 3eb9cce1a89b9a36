"""Lessons to come by weekday and bell, for a pupil, a class or a teacher; what of it changes is told by the lessons themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, time

    from collector.store.names import Name, Names
    from collector.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Slot:
    """One lesson of the timetable on one date."""

    day: date
    number: int | None
    shift: int | None
    start: time | None
    end: time | None
    group: str
    group_name: str
    subject: str
    room: str | None
    teacher: Name | None
    change: str | None  # cancelled | moved | distance | substitute | extra; None: as planned


def of_pupil(reader: Reader, names: Names, school: str, pupil: str, first: date, last: date) -> tuple[Slot, ...]:
    """Lessons of the pupil's groups from first to last, both inclusive (at most 62 days), in order."""
    raise RuntimeError


def of_class(reader: Reader, names: Names, school: str, class_id: str, first: date, last: date) -> tuple[Slot, ...]:
    """Lessons of the groups that are taught to the class."""
    raise RuntimeError


def of_teacher(reader: Reader, names: Names, school: str, first: date, last: date) -> tuple[Slot, ...]:
    """Lessons of the groups that the reading teacher is assigned to."""
    raise RuntimeError
