"""Visits as pages show them: days without gaps, bars, the way to the first visit (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from portal.charts import Bar
from portal.overview import LEVELS, level_of, natural
from portal.periods import day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from collector.store.health import SchoolHealth
    from collector.store.visits import Counted, Funnel
    from portal.words import Words

SPANS: Final = (7, 30, 90)
"""Days that a page offers; the address may ask for others by ``since`` and ``until``."""
_MOST: Final = timedelta(days=366)

STEPS: Final = ("people", "with_code", "with_account", "signed_in", "came_back")


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both inclusive."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.until - self.since).days + 1


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A school on the city's board; people and pages are those of a week."""

    school: SchoolHealth
    heard_today: bool
    people: int
    pages: int


@dataclass(frozen=True, slots=True)
class BoardTotals:
    """What the board says in its first sentence."""

    schools: int
    ok: int
    silent_today: int
    unread: int  # schools whose pages nobody opened


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the way to the first visit: how many came so far, of those who could."""

    name: str
    people: int
    share: int  # of the first step, in percent, half-up


def span(since: str, until: str, today: date) -> Span:
    """The days of the address, a week until today without; never more than a year, never the wrong way round."""
    last = day_of(until) or today
    first = day_of(since) or last - timedelta(days=SPANS[0] - 1)
    if first > last:
        first, last = last, first
    return Span(max(first, last - _MOST), last)


def by_day(found: Iterable[Counted], over: Span) -> list[Counted | None]:
    """A count for every day of the span; None where nobody came."""
    known = {one.day: one for one in found}
    return [known.get(over.since + timedelta(days=number)) for number in range(over.days)]


def day_bars(found: Iterable[Counted], over: Span, words: Words) -> list[Bar]:
    """People by day."""
    return [
        Bar(words.short(over.since + timedelta(days=number)), people, words.number(people))
        for number, one in enumerate(by_day(found, over))
        for people in (one.people if one else 0,)
    ]


def bars(found: Iterable[Counted], label: Mapping[str, str], name: str, words: Words) -> list[Bar]:
    """People by role or by group of pages, the most first."""
    made = [
        Bar(label.get(str(getattr(one, name)), str(getattr(one, name))), one.people, words.number(one.people))
        for one in found
    ]
    return sorted(made, key=lambda bar: -bar.value)


def board(
    schools: Iterable[SchoolHealth], seen: Mapping[str, Counted], today: date, zone: tzinfo
) -> tuple[BoardRow, ...]:
    """Rows of the board, the worst first: by level, then those not heard of today, then by name."""
    rows = []
    for one in schools:
        heard = one.last_seen is not None and one.last_seen.astimezone(zone).date() == today
        counted = seen.get(one.school)
        rows.append(BoardRow(one, heard, counted.people if counted else 0, counted.pages if counted else 0))
    rows.sort(key=lambda row: (LEVELS.index(level_of(row.school)), row.heard_today, natural(row.school.name)))
    return tuple(rows)


def board_totals(rows: Sequence[BoardRow]) -> BoardTotals:
    """Counts over the board."""
    return BoardTotals(
        len(rows),
        sum(level_of(row.school) == "ok" for row in rows),
        sum(not row.heard_today for row in rows),
        sum(not row.people for row in rows),
    )


def steps(found: Sequence[Funnel], kind: str) -> tuple[Step, ...]:
    """The way to the first visit of one kind of people over all the schools given: counts add up, percentages do not."""
    sums = [sum(getattr(one, name) for one in found if one.kind == kind) for name in STEPS]
    whole = sums[0]
    return tuple(
        Step(name, people, (200 * people + whole) // (2 * whole) if whole else 0)
        for name, people in zip(STEPS, sums, strict=True)
    )
