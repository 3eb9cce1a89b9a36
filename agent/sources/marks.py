"""High-water marks of hints: times that a source stamps on changed rows, taken so that no row is skipped. Pure.

A mark is what the caller stores: hint name (empty for the entity's own) -> newest stamp. Rows are read from the mark minus an overlap.
Where transactions can commit late with early stamps (PostgreSQL), a mark is used only when every transaction that was running when it
was taken has ended: until then it waits in :class:`Waiting`. (A snapshot's bounds would not do: its ``xmax`` is one more than the last
*completed* transaction, so running ones can lie beyond it.)
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

Stamp: TypeAlias = "int | str | None"
Mark: TypeAlias = "dict[str, Stamp]"

_MAX_WAITING: Final = 64
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:([T ])(\d\d:\d\d:\d\d)(.*))?", re.DOTALL)
_MILLISECONDS_FROM: Final = 100_000_000_000
"""Whole numbers from here count milliseconds since 1970 (in seconds it would be the year 5138)."""

_SECONDS_FROM: Final = 100_000_000
"""Whole numbers from here count seconds since 1970 (it was 1973); smaller ones are versions, not times."""


def earlier(stamp: Stamp, seconds: float) -> Stamp:
    """The stamp moved back (by whole seconds, rounded up), in its own form; a stamp of unknown form stays where it is."""
    whole = math.ceil(seconds)
    if isinstance(stamp, int):
        return stamp - whole * (_unit(stamp) or 0)
    moment = _read(stamp)
    if stamp is None or moment is None:
        return stamp
    try:
        moment -= timedelta(seconds=whole)
    except OverflowError:
        return stamp
    return _like(stamp, moment)


def bounded(stamp: Stamp, now: datetime) -> Stamp:
    """The stamp, or ``now`` if the stamp lies in the future: one wrong year must not end all hints.

    Args:
        stamp: text in the source's local time, or seconds or milliseconds since 1970.
        now: aware, in the source's zone.
    """
    if isinstance(stamp, int):
        unit = _unit(stamp)
        return min(stamp, int(now.timestamp()) * unit) if unit else stamp
    moment = _read(stamp)
    local = now.replace(tzinfo=None, microsecond=0)
    return stamp if stamp is None or moment is None or moment <= local else _like(stamp, local)


def _unit(stamp: int) -> int:
    """Units per second of a whole number; 0 for one that is no time of our age."""
    if abs(stamp) >= _MILLISECONDS_FROM:
        return 1000
    return 1 if abs(stamp) >= _SECONDS_FROM else 0


def _read(stamp: str | None) -> datetime | None:
    """Date and time of a stamp to the second, without zone."""
    found = _TIME.fullmatch(stamp or "")
    if not found:
        return None
    day, _between, clock, _rest = found.groups()
    try:
        return datetime.fromisoformat(f"{day} {clock or '00:00:00'}")
    except ValueError:
        return None


def _like(stamp: str, moment: datetime) -> str:
    """The moment written as the stamp is; its fraction of a second and its zone stay."""
    found = _TIME.fullmatch(stamp)
    _day, between, _clock, rest = found.groups() if found else ("", "", "", "")
    clock = f"{between}{moment:%H:%M:%S}{rest}" if between else ""
    return f"{moment:%Y-%m-%d}{clock}"


def moved_back(mark: Mark, seconds: float) -> Mark:
    """Every stamp of the mark, moved back."""
    return {name: earlier(stamp, seconds) for name, stamp in mark.items()}


@dataclass(slots=True)
class Waiting:
    """Marks not yet known to be safe, oldest first, each with the transactions that were running when it was taken."""

    pairs: list[tuple[Mark, frozenset[str]]] = field(default_factory=list)

    def add(self, mark: Mark, running: frozenset[str]) -> None:
        """Remember a mark just taken. Many are thinned out: a long transaction costs exactness of the mark, not memory."""
        self.pairs.append((mark, running))
        if len(self.pairs) > _MAX_WAITING:
            self.pairs = self.pairs[:1] + self.pairs[1:-1:2] + self.pairs[-1:]

    def safe(self, running: frozenset[str]) -> Mark | None:
        """The newest mark all of whose transactions have ended, given those that run now; None if there is none yet."""
        usable = [position for position, (_mark, then) in enumerate(self.pairs) if then.isdisjoint(running)]
        if not usable:
            return None
        self.pairs = self.pairs[usable[-1] :]
        return self.pairs[0][0]
