"""Tells listeners (`LISTEN gorod_health`) which schools' health changed.

Told at most four times a second: a NOTIFY inside the transaction that applies would make all commits of the city wait in one queue.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from psycopg import Connection

CHANNEL: Final = "gorod_health"
_log = logging.getLogger(__name__)


class HealthNotifier:
    """Collects schools and tells them together. ``connect`` gives a connection whose block commits at its end."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection[Any]]], every_s: float = 0.25) -> None:
        self._connect = connect
        self._every_s = every_s
        self._changed: set[str] = set()
        self._some = asyncio.Event()

    def mark(self, school: str) -> None:
        """The school's health changed; called in the event loop, after the commit."""
        self._changed.add(school)
        self._some.set()

    async def run(self) -> None:
        """Tell, until cancelled. What could not be told is not repeated: the next change tells the same."""
        while True:
            await self._some.wait()
            self._some.clear()
            schools, self._changed = sorted(self._changed), set()
            try:
                await asyncio.to_thread(self._tell, schools)
            except Problem as problem:
                _log.warning("health of %d schools was not told: %s", len(schools), problem.code)
            await asyncio.sleep(self._every_s)

    def _tell(self, schools: list[str]) -> None:
        with self._connect() as connection:
            connection.execute("SELECT pg_notify(%s, school) FROM unnest(%s::text[]) school", (CHANNEL, schools))
