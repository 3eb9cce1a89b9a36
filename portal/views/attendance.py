"""The calendar of a period: days by reason, lessons and days missed, and the same as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from collector.store.attendance import AbsentLesson, Attendance, AttendanceDay
    from collector.store.marks import Term
    from portal.words import Words

REASONS: Final = ("УП", "Б", "НП", "ОТ")
LATE: Final = "ОП"
_SATURDAY: Final = 5
_MOST_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the calendar. `code` is the reason of a day with missed lessons; `title` says it in words."""

    day: date
    inside: bool  # of the period
    lessons: int
    missed: int
    code: str
    whole: bool  # the whole day was missed
    today: bool


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month, or the part of it that belongs to the period: rows are weeks."""

    first: date
    weekdays: tuple[date, ...]  # of its first row, for the heads
    weeks: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class AttendanceView:
    """The whole page."""

    first: date
    last: date
    months: tuple[MonthView, ...]
    by_reason: tuple[tuple[str, int, int], ...]  # code, lessons, days
    missed_lessons: int
    missed_days: int
    late: int
    rate: str  # «94,64 %»
    rate_how: str
    coverage: str
    coverage_how: str
    held: int
    listed: tuple[tuple[date, tuple[AbsentLesson, ...]], ...]  # days with codes, newest first


def attendance_view(words: Words, found: Attendance, today: date) -> AttendanceView:
    """The period up to today: days to come are empty cells."""
    days = {one.day: one for one in found.days}
    rate, coverage = found.rate, found.coverage
    seen = {one: (found.lessons_by_reason.get(one, 0), found.days_by_reason.get(one, 0)) for one in REASONS}
    return AttendanceView(
        first=found.first,
        last=found.last,
        months=tuple(_months(found, days, today)),
        by_reason=tuple((code, *seen[code]) for code in REASONS if any(seen[code])),
        missed_lessons=found.missed_lessons,
        missed_days=found.missed_days,
        late=found.lessons_by_reason.get(LATE, 0),
        rate=_percent(words, rate.percent),
        rate_how=_quotient(words, rate.numerator, rate.denominator, rate.percent),
        coverage=_percent(words, coverage.percent),
        coverage_how=_quotient(words, coverage.numerator, coverage.denominator, coverage.percent),
        held=int(coverage.denominator),
        listed=tuple((one.day, one.lessons) for one in reversed(found.days) if one.lessons),
    )


def months_of(term: Term | None, year: Sequence[Term], today: date) -> tuple[date, ...]:
    """Firsts of the months of the term's school-year that have begun, for links."""
    if term is None:
        return ()
    first, last = min(one.first for one in year), min(max(one.last for one in year), today)
    month = first.replace(day=1)
    found: list[date] = []
    while month <= last and len(found) < _MOST_MONTHS:
        found.append(month)
        month = (month + timedelta(days=31)).replace(day=1)
    return tuple(found)


def _months(found: Attendance, days: dict[date, AttendanceDay], today: date) -> Iterable[MonthView]:
    month = found.first.replace(day=1)
    width = 7 if any(day.weekday() > _SATURDAY for day in days) else 6
    while month <= found.last:
        following = (month + timedelta(days=31)).replace(day=1)
        first, last = max(month, found.first), min(following - timedelta(days=1), found.last)
        monday = first - timedelta(days=first.weekday())
        starts = [monday + timedelta(days=7 * number) for number in range((last - monday).days // 7 + 1)]
        weeks = tuple(
            tuple(_cell(start + timedelta(days=number), (first, last), days, today) for number in range(width))
            for start in starts
        )
        shown = tuple(week for week in weeks if any(cell.inside for cell in week))
        yield MonthView(month, tuple(monday + timedelta(days=number) for number in range(width)), shown)
        month = following


def _cell(day: date, period: tuple[date, date], days: dict[date, AttendanceDay], today: date) -> Cell:
    one = days.get(day)
    inside = period[0] <= day <= period[1]
    if one is None or not inside:
        return Cell(day, inside, 0, 0, "", whole=False, today=day == today)
    codes = [lesson.code for lesson in one.lessons]
    reasons = [code for code in codes if code in REASONS]
    code = one.reason or (max(reasons, key=reasons.count) if reasons else LATE if LATE in codes else "")
    return Cell(day, inside, one.held, one.missed, code, whole=one.absent, today=day == today)


def _quotient(words: Words, numerator: Decimal, denominator: Decimal, percent: Decimal | None) -> str:
    """«53/56 = 94,64 %»."""
    if not denominator:
        return ""
    return f"{words.decimal(numerator)}/{words.decimal(denominator)} = {_percent(words, percent)}"


def _percent(words: Words, value: Decimal | None) -> str:
    return words.hundredths(value) + ("" if value is None else "\N{NO-BREAK SPACE}%")
