"""A journal as its page shows it: columns, rows with means, topics, what is missing (pure)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Final

from collector.store.figures import MISSED, Ratio, mean, weighted_mean
from portal.views.shared import mark_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from collector.store.diary import DiaryMark
    from collector.store.journal import Cell, Gap, JournalLesson, JournalPage, JournalRow
    from collector.store.marks import Term
    from collector.store.people import Pupil
    from portal.views.shared import MarkView
    from portal.words import Words

TAUGHT: Final = (None, "held", "distance")
"""States of lessons that took place; None: the source keeps no state."""


@dataclass(frozen=True, slots=True)
class Column:
    """A lesson of the journal; `lacks` says what its entry is without: topic, attendance."""

    lesson: JournalLesson
    anchor: str
    lacks: tuple[str, ...]
    chosen: bool  # the address asks for this day


@dataclass(frozen=True, slots=True)
class ShownCell:
    """What stands in a row and a column."""

    marks: tuple[MarkView, ...] = ()
    absence: str | None = None
    minutes_late: int | None = None

    @property
    def empty(self) -> bool:
        """Nothing was written."""
        return not self.marks and not self.absence


@dataclass(frozen=True, slots=True)
class Row:
    """A pupil's row; `cells` is as long as the columns."""

    pupil: Pupil
    exempt: bool
    cells: tuple[ShownCell, ...]
    marks: int
    mean: Ratio
    weighted: Ratio
    missed: int
    results: tuple[str, ...]  # by term, "" where none was given


@dataclass(frozen=True, slots=True)
class Journal:
    """The page's table and lists."""

    months: tuple[tuple[date, int], ...]  # first lesson of a month, number of columns
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    terms: tuple[Term, ...]  # whose results are shown
    held: int  # lessons that took place until today, today's included
    marks: int
    mean: Ratio
    without_topic: int
    without_attendance: int
    weighs: bool  # whether any mark weighs other than 1


def journal(
    page: JournalPage,
    terms: Sequence[Term],
    results: Mapping[tuple[str, str], str],
    today: date,
    chosen: date | None,
    words: Words,
) -> Journal:
    """The page of a group's journal; lessons of today and later lack nothing yet."""
    columns = tuple(_column(lesson, today, chosen) for lesson in page.lessons)
    rows = tuple(_row(row, page.lessons, terms, results, words) for row in page.rows)
    weights = {mark.weight for row in page.rows for cell in row.cells for mark in cell.marks if counts(mark)}
    return Journal(
        months=_months(page.lessons),
        columns=columns,
        rows=rows,
        terms=tuple(terms),
        held=sum(lesson.state in TAUGHT and lesson.day <= today for lesson in page.lessons),
        marks=sum(row.marks for row in rows),
        mean=sum((row.mean for row in rows), Ratio(Decimal(0), Decimal(0))),
        without_topic=sum("topic" in column.lacks for column in columns),
        without_attendance=sum("attendance" in column.lacks for column in columns),
        weighs=bool(weights - {Decimal(1)}),
    )


def counts(mark: DiaryMark) -> bool:
    """Whether the mark is a number that means are made of."""
    return mark.kind == "numeric" and mark.value is not None


def anchor(day: date, number: int | None) -> str:
    """Name of a lesson inside the page."""
    return f"d{day.isoformat()}" + (f"-{number}" if number is not None else "")


def _column(lesson: JournalLesson, today: date, chosen: date | None) -> Column:
    lacks = []
    if lesson.day < today and lesson.state in TAUGHT:
        if not (lesson.topic or "").strip():
            lacks.append("topic")
        if lesson.filled_at is None:
            lacks.append("attendance")
    return Column(lesson, anchor(lesson.day, lesson.number), tuple(lacks), lesson.day == chosen)


def _row(
    row: JournalRow,
    lessons: Sequence[JournalLesson],
    terms: Sequence[Term],
    results: Mapping[tuple[str, str], str],
    words: Words,
) -> Row:
    by_lesson = {cell.lesson: cell for cell in row.cells}
    pairs = [(mark.value, mark.weight) for cell in row.cells for mark in cell.marks if counts(mark)]
    numbers = [(value, weight) for value, weight in pairs if value is not None]
    return Row(
        pupil=row.pupil,
        exempt=row.exempt,
        cells=tuple(_cell(by_lesson.get(lesson.lesson), words) for lesson in lessons),
        marks=len(numbers),
        mean=mean(numbers),
        weighted=weighted_mean(numbers),
        missed=sum(cell.attendance in MISSED for cell in row.cells),
        results=tuple(results.get((row.pupil.pupil, term.term), "") for term in terms),
    )


def _cell(cell: Cell | None, words: Words) -> ShownCell:
    if cell is None:
        return ShownCell()
    shown = tuple(
        mark_view(words, mark.kind, mark.value, mark.text, mark.weight, (mark.comment,)) for mark in cell.marks
    )
    return ShownCell(shown, cell.attendance, cell.minutes_late)


def _months(lessons: Iterable[JournalLesson]) -> tuple[tuple[date, int], ...]:
    found = []
    for _, group in groupby(lessons, key=lambda lesson: (lesson.day.year, lesson.day.month)):
        days = [lesson.day for lesson in group]
        found.append((days[0], len(days)))
    return tuple(found)


# Gaps ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MissingEntry:
    """A lesson whose entry is not whole: one row, whatever it lacks."""

    group: str
    group_name: str
    subject: str
    day: date
    number: int | None
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FewMarks:
    """A group with fewer marks than its hours call for by now."""

    group: str
    group_name: str
    subject: str
    marks: int
    pupils: int

    @property
    def each(self) -> Ratio:
        """Marks per pupil."""
        return Ratio(Decimal(self.marks), Decimal(self.pupils))


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing in somebody's journals."""

    entries: tuple[MissingEntry, ...]  # the newest day first
    few: tuple[FewMarks, ...]

    def lacking(self, what: str) -> int:
        """How many lessons lack it."""
        return sum(what in entry.lacks for entry in self.entries)

    def chosen(self, what: str) -> tuple[MissingEntry, ...]:
        """Lessons that lack it; with "" all of them."""
        return tuple(entry for entry in self.entries if what in ("", *entry.lacks))


def gaps(found: Iterable[Gap]) -> Gaps:
    """The gaps of a store's answer, a row for each lesson."""
    lacks: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], Gap] = {}
    few = []
    for gap in found:
        if gap.lesson is None or gap.day is None:
            few.append(FewMarks(gap.group, gap.group_name, gap.subject, gap.marks or 0, gap.pupils or 0))
            continue
        first.setdefault((gap.group, gap.lesson), gap)
        lacks.setdefault((gap.group, gap.lesson), []).append(gap.kind)
    entries = [
        MissingEntry(gap.group, gap.group_name, gap.subject, gap.day, gap.number, tuple(lacks[key]))
        for key, gap in first.items()
        if gap.day is not None
    ]
    entries.sort(key=lambda one: (-one.day.toordinal(), one.number or 0, one.group_name))
    return Gaps(tuple(entries), tuple(few))


def by_group(found: Gaps) -> Counter[str]:
    """Gaps of each group, for the list of journals."""
    return Counter(one.group for one in found.entries) + Counter(one.group for one in found.few)
