"""Counts pages in the process and hands the counts on every few seconds: reading costs no write of its own, a restart loses seconds."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from collector.store.visits import Visit
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from collector.store.accounts import Account

log = logging.getLogger(__name__)

MOST_ROWS: Final = 50_000
"""Counts that wait while the database is away; what comes on top is not counted."""

_PARTS: Final = 3


class Visits:
    """The counts of one process that are not written yet."""

    def __init__(self, write: Callable[[Sequence[Visit]], None], every_s: float) -> None:
        self._write, self._every_s = write, every_s
        self._waiting: Counter[tuple[str, date, int, str, str]] = Counter()

    def note(self, account: Account, route: str, school: str, day: date) -> None:
        """One page was opened. Its group comes from the route, its school from the page, else it is the reader's own."""
        at = school if school in account.schools else next(iter(account.schools), "")
        key = (at, day, account.id, account.role, group_of(route))
        if key in self._waiting or len(self._waiting) < MOST_ROWS:
            self._waiting[key] += 1

    def flush(self) -> None:
        """Write what waits; if the database is away it goes on waiting."""
        taken, self._waiting = self._waiting, Counter()
        try:
            self._write([Visit(*key[:4], page_group=key[4], pages=pages) for key, pages in sorted(taken.items())])
        except Problem as problem:
            log.warning("visits are not written yet: %s", problem.code)
            taken.update(self._waiting)
            self._waiting = taken

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            if self._waiting:
                await anyio.to_thread.run_sync(self.flush)


def group_of(route: str) -> str:
    """The group of a page by its route: ``/schools/{school}/codes/staff`` is ``codes``, ``/account/password`` is ``account``."""
    parts = route.split("/")
    if parts[1] == "schools" and len(parts) > _PARTS:
        return parts[_PARTS]
    return parts[1] or "first"
