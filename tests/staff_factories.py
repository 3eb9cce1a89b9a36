"""Journals, pupils and lessons made of few words, for tests of what pages make of them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from collector.store.diary import DiaryMark
from collector.store.journal import Cell, Group, JournalLesson, JournalPage, JournalRow
from collector.store.marks import Term
from collector.store.names import Name
from collector.store.people import Pupil

FILLED = datetime(2026, 11, 20, 15, 0)  # noqa: DTZ001  the school's own clock


def make_pupil(key: str = "p1", last: str = "Иванова", **changes: Any) -> Pupil:
    """A pupil of 7Б."""
    name = changes.pop("name", Name(last, "Анна", "Сергеевна"))
    return Pupil("42-001", "Школа № 1", "school", "Europe/Moscow", key, f"person {key}", name, "c1", "7Б", 7, **changes)


def make_term(key: str = "q2", first: date = date(2026, 11, 2), last: date = date(2026, 12, 27), **words: Any) -> Term:
    """The second quarter."""
    return Term(key, words.get("name", "2 четверть"), words.get("kind", "quarter"), first, last, "y", closed=False)


def make_mark(value: str | None = "5", weight: str = "1", kind: str = "numeric", **words: Any) -> DiaryMark:
    """A mark."""
    number = None if value is None else Decimal(value)
    return DiaryMark(
        "m", kind, number, words.get("text", value or "."), Decimal(weight), words.get("comment"), None, None
    )


def make_lesson(key: str, day: date, **words: Any) -> JournalLesson:
    """A lesson that was held and entered."""
    return JournalLesson(
        key,
        day,
        words.get("number", 1),
        words.get("state", "held"),
        words.get("topic", "Дроби"),
        words.get("filled_at", FILLED),
        words.get("homework"),
    )


def make_row(key: str, *cells: tuple[str, list[DiaryMark], str | None], exempt: bool = False) -> JournalRow:
    """A pupil's row; a cell is (lesson, marks, code)."""
    return JournalRow(
        make_pupil(key), exempt, tuple(Cell(lesson, tuple(marks), code, None) for lesson, marks, code in cells)
    )


def make_page(lessons: list[JournalLesson], rows: list[JournalRow]) -> JournalPage:
    """A journal over November."""
    group = Group("42-001", "g1", "7Б/Математика", "Математика", "class", len(rows), "y")
    return JournalPage(group, date(2026, 11, 1), date(2026, 11, 30), tuple(lessons), tuple(rows))
