"""What several views need: marks as a page shows them, weeks in addresses, how a school's data stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from collector.store.freshness import Freshness
    from collector.store.names import Name
    from collector.store.people import Pupil
    from portal.words import Words

STALE: Final = timedelta(hours=24)
FURTHER: Final = "addl_edu"
_WEEK: Final = re.compile(r"(20\d\d)-W(\d\d)", re.ASCII)
_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)
_LOW, _MIDDLE = 2, 3
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class MarkView:
    """A mark as macro ``mark`` draws it. `tone`: good, mid, low, debt, word; `weight` is empty where it is 1."""

    text: str
    tone: str
    weight: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """As of when a school's data are, and what the reader must know if they are old or not whole."""

    name: str
    at: datetime | None
    warning: tuple[str, str] | None


def mark_view(
    words: Words, kind: str, value: Decimal | None, text: str, weight: Decimal, about: Iterable[str | None]
) -> MarkView:
    """A mark of any kind. `about`: work, title, comment …; what is empty or said twice is left out."""
    told = list(dict.fromkeys(part.strip() for part in about if part and part.strip()))
    shown = "" if weight == _ONE or kind != "numeric" else words.decimal(weight)
    if kind == "duty":
        return MarkView(
            words.gettext("debt"), "debt", "", "; ".join([words.gettext("a dot: work not handed in"), *told])
        )
    if shown:
        told.append(words.gettext("weight %(weight)s", weight=shown))
    written = text or words.decimal(value)
    return MarkView(written, tone(kind, value, text), shown, ", ".join(told))


def tone(kind: str, value: Decimal | None, text: str = "") -> str:
    """How loud a mark is: 5 and 4 quiet, 3 plain, 2 and "not passed" loud."""
    if kind != "numeric" or value is None:
        return "low" if kind == "pass" and (value == 0 or text.casefold().startswith("не")) else "word"
    if value <= _LOW:
        return "low"
    return "mid" if value <= _MIDDLE else "good"


def monday_of(text: str, today: date) -> date | None:
    """Monday of the week that an address names (``2026-W48``), of this week where it names none; None if it is no week."""
    if not text:
        return today - timedelta(days=today.weekday())
    found = _WEEK.fullmatch(text)
    if found is None:
        return None
    try:
        return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        return None


def week_text(day: date) -> str:
    """The week of a day as addresses name it."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def month_of(text: str) -> tuple[date, date] | None:
    """First and last day of the month that an address names (``2026-11``); None if it is no month."""
    found = _MONTH.fullmatch(text)
    if found is None:
        return None
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def stamps(words: Words, found: Iterable[Freshness], now: datetime) -> tuple[Stamp, ...]:
    """The footer's stamps, with a warning for data that are older than a day or not whole yet."""
    return tuple(Stamp(one.name, one.at, _warning(words, one, now)) for one in found)


def _warning(words: Words, one: Freshness, now: datetime) -> tuple[str, str] | None:
    if one.at is None or not one.whole:
        return (
            words.gettext("%(school)s: data are still being loaded", school=one.name),
            words.gettext(
                "Something may be missing on this page until the school's data have come whole. Look again in an hour."
            ),
        )
    if now - one.at > STALE:
        return (
            words.gettext("%(school)s: nothing new since %(time)s", school=one.name, time=words.clock(one.at, now)),
            words.gettext(
                "The school has sent no data since then. What was entered later is to be seen in NetSchool for now."
            ),
        )
    return None


def first_name(name: Name | None, otherwise: str) -> str:
    """How a child is called on pages of its family."""
    return (name.first or name.full) if name else otherwise


def called(words: Words, children: Iterable[Pupil]) -> dict[tuple[str, str], str]:
    """A short name for each of a family's children: the first name; with the class or school where two are called alike."""
    family = list(children)
    firsts = {(one.school, one.pupil): first_name(one.name, words.gettext("pupil")) for one in family}
    found = {}
    for one in family:
        mine = firsts[one.school, one.pupil]
        alike = list(firsts.values()).count(mine) > 1
        found[one.school, one.pupil] = f"{mine}, {one.class_name or one.school_name}" if alike else mine
    return found
