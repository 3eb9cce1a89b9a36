"""The first page's thoughts: the opening sentence, counts, filter and order of schools (pure)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from collector.store.health import SchoolHealth
    from portal.words import Words

NEW: Final = "new"
LEVELS: Final = ("error", "silent", "late", NEW, "ok")
"""Worst first. ``new`` is a school whose agent was never heard of: nothing is wrong with it yet."""

_FIRST: Final = ""  # sorts before every name


def level_of(school: SchoolHealth) -> str:
    """The level that is shown."""
    return NEW if school.last_seen is None and school.level != "error" else school.level


def counts(schools: Iterable[SchoolHealth]) -> dict[str, int]:
    """How many schools are at each level."""
    found = Counter(level_of(school) for school in schools)
    return {level: found[level] for level in LEVELS}


@dataclass(frozen=True, slots=True)
class Order:
    """How the list is sorted: by a column, up or down."""

    column: str = "state"
    down: bool = False

    @classmethod
    def read(cls, text: str) -> Order:
        """The order out of the address: ``rows`` or ``-rows``; what is no column is the usual order."""
        column = text.removeprefix("-")
        return cls(column, text.startswith("-")) if column in COLUMNS else cls()

    def __str__(self) -> str:
        return f"-{self.column}" if self.down else self.column

    def click(self, column: str) -> Order:
        """The order after a click on a column's head: figures start with the largest, a second click turns it."""
        if column == self.column:
            return Order(column, not self.down)
        return Order(column, column in _LARGEST_FIRST)


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which «Школа № 9» comes before «Школа № 10»."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in re.split(r"(\d+)", name) if part
    ]


def _time(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


COLUMNS: Final[Mapping[str, Callable[[SchoolHealth], Any]]] = {
    "name": lambda school: natural(school.name),
    "state": lambda school: LEVELS.index(level_of(school)),
    "fresh": lambda school: _time(school.fresh_at),
    "complete": lambda school: _time(school.complete_at),
    "stored": lambda school: _time(school.stored_at),
    "rows": lambda school: school.rows,
    "backlog": lambda school: school.outbox_rows,
    "differences": lambda school: school.differences,
    "quarantine": lambda school: school.quarantined,
    "held": lambda school: len(school.held) + len(school.paused),
    "change": lambda school: _time(school.last_change_seen),
    "delay": lambda school: -1 if school.delay_ms is None else school.delay_ms,
    "agent": lambda school: natural(school.agent_version or _FIRST),
    "certificate": lambda school: 10**6 if school.certificate_days is None else school.certificate_days,
}
_LARGEST_FIRST: Final = frozenset({"rows", "backlog", "differences", "quarantine", "held", "change", "delay"})


def arrange(schools: Iterable[SchoolHealth], state: str, order: Order) -> list[SchoolHealth]:
    """The schools of one state (all with ``""``), in order; equal ones by name."""
    chosen = [school for school in schools if state in ("", level_of(school))]
    chosen.sort(key=lambda school: natural(school.name))
    chosen.sort(key=COLUMNS[order.column], reverse=order.down)
    return chosen


def sentence(schools: Sequence[SchoolHealth], words: Words, now: datetime) -> str:
    """What the reader came for, in one sentence: how many schools are well, and which are not."""
    found = counts(schools)
    parts = [_well(found["ok"], len(schools), words)]
    parts += [part for part in (_late(found["late"], words), _silent(schools, words, now)) if part]
    if found["error"]:
        parts.append(words.ngettext("%(num)s has an error", "%(num)s have errors", found["error"]))
    if found[NEW]:
        parts.append(words.ngettext("%(num)s is not connected yet", "%(num)s are not connected yet", found[NEW]))
    return ", ".join(parts) + "."


def _well(well: int, total: int, words: Words) -> str:
    if well == total == 1:
        return words.gettext("The school is in order")
    if well == total:
        return words.ngettext("All %(num)s school is in order", "All %(num)s schools are in order", total)
    return words.ngettext(
        "%(well)s of %(num)s school is in order",
        "%(well)s of %(num)s schools are in order",
        total,
        well=words.number(well),
    )


def _late(late: int, words: Words) -> str:
    return words.ngettext("%(num)s is late", "%(num)s are late", late) if late else ""


def _silent(schools: Sequence[SchoolHealth], words: Words, now: datetime) -> str:
    times = [school.last_seen for school in schools if level_of(school) == "silent" and school.last_seen]
    if not times:
        return ""
    since = words.clock(min(times), now)
    if len(times) == 1:
        return words.gettext("1 is silent since %(since)s", since=since)
    return words.ngettext(
        "%(num)s is silent, since %(since)s at the longest",
        "%(num)s are silent, since %(since)s at the longest",
        len(times),
        since=since,
    )


def nothing_arrives(schools: Sequence[SchoolHealth], late_s: float, now: datetime) -> datetime | None:
    """Since when no school at all was heard of, if that is too long for chance: then the centre's own side is to be looked at."""
    times = [school.last_seen for school in schools if school.last_seen]
    if len(times) < 2:  # noqa: PLR2004 - one silent school says nothing of the centre
        return None
    last = max(times)
    return last if (now - last).total_seconds() > late_s else None
