"""Which days a journal's page shows: a term, or a month of it (pure). The choice stands in the address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.store.marks import Term

_MONTH: Final = re.compile(r"(20\d\d)-(\d\d)", re.ASCII)
_DAY: Final = re.compile(
    r"20\d\d-\d\d-\d\d", re.ASCII
)  # of this century: days near the edge of the calendar break its arithmetic
_LAST_MONTH: Final = 12


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both inclusive; `term` is the term around them, `month` the first day of the month if it is no whole term."""

    first: date
    last: date
    term: Term | None
    month: date | None


def choose(terms: Sequence[Term], term: str, month: str, today: date) -> Period:
    """What the address asks for, else the month of today; nonsense asks for nothing."""
    chosen = next((one for one in terms if one.term == term and one.kind != "year"), None)
    if chosen is not None and not month:
        return Period(chosen.first, chosen.last, chosen, None)
    first = month_of(month) or today.replace(day=1)
    last = next_month(first) - timedelta(days=1)
    return Period(first, last, around(terms, max(first, min(today, last)), last), first)


def around(terms: Sequence[Term], day: date, last: date | None = None) -> Term | None:
    """The shortest term that holds the day, else the last one that ended before `last`; the year is none."""
    parts = [term for term in terms if term.kind != "year"]
    holding = [term for term in parts if term.first <= day <= term.last]
    if holding:
        return min(holding, key=lambda term: term.last - term.first)
    over = [term for term in parts if term.last <= (last or day)]
    return max(over, key=lambda term: term.last, default=None)


def month_of(text: str) -> date | None:
    """First day of «2026-11»; None for anything else."""
    found = _MONTH.fullmatch(text)
    if found is None:
        return None
    year, number = int(found[1]), int(found[2])
    return date(year, number, 1) if 1 <= number <= _LAST_MONTH else None


def next_month(first: date) -> date:
    """First day of the month after."""
    if first.month < _LAST_MONTH:
        return first.replace(month=first.month + 1)
    return date(first.year + 1, 1, 1)


def months(first: date, last: date) -> list[date]:
    """First days of the months from one day to another."""
    found = [first.replace(day=1)]
    while next_month(found[-1]) <= last:
        found.append(next_month(found[-1]))
    return found


def day_of(text: str) -> date | None:
    """A day of an address, «2026-11-23»; None for anything else."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
