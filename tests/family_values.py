"""Plain values of the store for tests of a family's views: one of each kind, with what a test changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from collector.store.diary import DiaryDay, DiaryLesson, Week, Work
from collector.store.marks import SubjectMark, SubjectMarks, means
from collector.store.names import Name
from collector.store.people import Pupil
from portal.words import Words

WORDS = Words("ru", ZoneInfo("Europe/Moscow"))
MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def pupil(**changes: Any) -> Pupil:
    values: dict[str, Any] = {
        "school": "42-001",
        "school_name": "Школа № 1",
        "school_kind": "school",
        "zone": "Europe/Moscow",
        "pupil": "67",
        "person": "p",
        "name": Name("Потапов", "Даниил", "Демидович"),
        "class_id": "17",
        "class_name": "7А",
        "parallel": 7,
    }
    return Pupil(**values | changes)


def given_mark(value: str, weight: str = "1", kind: str = "numeric", **changes: Any) -> SubjectMark:
    amount = Decimal(value) if kind == "numeric" else None
    one = SubjectMark(
        "k", "a", kind, amount, value, Decimal(weight), MONDAY, "Ответ на уроке", "Ответ на уроке", None, None
    )
    return replace(one, **changes)


def subject(*given: SubjectMark, **changes: Any) -> SubjectMarks:
    return replace(SubjectMarks("g", "s", "Алгебра", given, *means(given), None), **changes)


def lesson(**changes: Any) -> DiaryLesson:
    values: dict[str, Any] = {
        "lesson": "1",
        "group": "g",
        "number": 1,
        "shift": 1,
        "start": time(8),
        "end": time(8, 40),
        "subject": "Алгебра",
        "room": "302",
        "teacher": Name("Яблоновская", "Есения", "Эдуардовна"),
        "topic": None,
        "state": None,
        "exempt": False,
        "homework": (),
        "works": (),
        "attendance": None,
        "minutes_late": None,
    }
    return DiaryLesson(**values | changes)


def work(**changes: Any) -> Work:
    one = Work(
        "a", "homework", "Домашнее задание", "упр. 5", None, Decimal(1), MONDAY, mandatory=True, files=False, marks=()
    )
    return replace(one, **changes)


def week_of(days: dict[int, tuple[DiaryLesson, ...]]) -> Week:
    return Week(MONDAY, tuple(DiaryDay(MONDAY + timedelta(days=number), days.get(number, ())) for number in range(7)))
