"""What the collector does by itself: the rolling deep check of stored values, sealing anew at the year's turn, folding of the ledger."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from collector.department import Department, utc_now
from collector.store import audit, schools
from collector.store.deep import Cursor, deep_check
from collector.store.guard import forget_counts
from collector.store.reseal import Place, seal_page
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collector.ingest.notify import HealthNotifier
    from collector.store.engine import Database

_LOG = logging.getLogger(__name__)
_REST_FACTOR: Final = 50
_IDLE_S: Final = 60.0
_SHORTEST_PAUSE_S: Final = 0.05
_HOUR_S: Final = 3600.0
_HOUR: Final = timedelta(seconds=_HOUR_S)

_CURSOR: Final = "SELECT deep_cursor, stored_at FROM gorod.school_state WHERE school_id = %(school)s"
_SAVE: Final = "UPDATE gorod.school_state SET deep_cursor = %(cursor)s WHERE school_id = %(school)s"
_DONE: Final = "UPDATE gorod.school_state SET deep_cursor = NULL, stored_at = %(started)s WHERE school_id = %(school)s"
_EVENT: Final = """
INSERT INTO gorod.event (school_id, at, kind, details) SELECT %(school)s, %(at)s, 'damaged', %(details)s::jsonb
WHERE NOT EXISTS (SELECT FROM gorod.event
                  WHERE school_id = %(school)s AND kind = 'damaged' AND details = %(details)s::jsonb AND at > %(since)s)"""
_FOLD: Final = """
DELETE FROM gorod.ledger l USING gorod.school_state s WHERE l.school_id = %(school)s AND s.school_id = l.school_id
AND l.received_at < %(before)s AND NOT (l.epoch = s.epoch AND l.seq >= s.seq - 1000)"""
_FOLD_DIGESTS: Final = "DELETE FROM gorod.digest WHERE school_id = %(school)s AND at < %(before)s"


@dataclass(slots=True)
class _Pass:
    """A pass of sealing anew over one school: under which year's key, how far, how many rows, and when it was over."""

    year: int
    place: Place | None = field(default_factory=Place)
    rows: int = 0
    unreadable: int = 0
    over_at: datetime | None = None


class Jobs:
    """Runs beside the listeners; every piece of work is one short transaction of one school, under the role ``gorod_jobs``."""

    def __init__(self, department: Department, database: Database, notifier: HealthNotifier) -> None:
        self._department, self._database, self._notifier = department, database, notifier
        self._passes: dict[str, _Pass] = {}

    async def run(self) -> None:
        """Until cancelled, at a fiftieth of a core.

        Pages of the deep check until all was read within ``deep_s``, pages of rows that are sealed under an earlier year's key; every hour
        old ledger lines are folded.
        """
        folded = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                ids = await asyncio.to_thread(self._schools)
                if loop.time() - folded > _HOUR_S or not folded:
                    folded = loop.time()
                    await asyncio.to_thread(self._fold, ids)
                    await asyncio.to_thread(self.anchor, utc_now())
                began = loop.time()
                busy = await self._check(ids)
                busy |= bool(await self._each(ids, self.seal_page))
                pause = (loop.time() - began) * _REST_FACTOR if busy else _IDLE_S
            except Problem as problem:
                _LOG.warning("job: %s", problem)
                pause = _IDLE_S
            await asyncio.sleep(min(max(pause, _SHORTEST_PAUSE_S), self._department.values["deep_s"] / 10))

    def _schools(self) -> list[str]:
        with self._department.database.begin(scope="*") as connection:
            return [school.id for school in schools.every(connection) if school.revoked_at is None]

    async def _check(self, ids: list[str]) -> bool:
        """One page of every school that has not been read whole within ``deep_s``; whether there was any."""
        checked = await self._each(ids, self.check_page)
        for school, last in checked.items():
            if last:
                self._notifier.mark(school)
        return bool(checked)

    async def _each(self, ids: list[str], work: Callable[[str, datetime], bool | None]) -> dict[str, bool]:
        """One page of every school; whether it was the last one, for those that had any due."""
        done: dict[str, bool] = {}
        for school in ids:
            try:
                last = await asyncio.to_thread(work, school, utc_now())
            except Problem as problem:  # of this school: the others get their turn all the same
                _LOG.warning("%s of school %s: %s", work.__name__, school, problem)
                continue
            if last is not None:
                done[school] = last
        return done

    def check_page(self, school: str, now: datetime) -> bool | None:
        """Read the next page of a school back; whether that was the last one, None if nothing is due. Damage is an event, once in a period."""
        with self._database.scope(school) as connection:
            saved, stored_at = connection.execute(_CURSOR, {"school": school}).fetchone() or (None, None)
            period = timedelta(seconds=self._department.values["deep_s"])
            if saved is None and stored_at is not None and now - stored_at < period:
                return None
            state: dict[str, Any] = saved or {"entity": 0, "after": "", "started": now.isoformat(), "damaged": 0}
            page = deep_check(
                connection, self._department.keys.reader(school, now), Cursor(state["entity"], state["after"])
            )
            for damage in page.damages:
                details = json.dumps({"entity": damage.entity, "key_hash": damage.key_hash, "kind": damage.kind})
                connection.execute(_EVENT, {"school": school, "at": now, "details": details, "since": now - period})
            state["damaged"] += len(page.damages)
            if page.next is not None:
                state |= {"entity": page.next.entity, "after": page.next.after}
                connection.execute(_SAVE, {"school": school, "cursor": json.dumps(state)})
                return False
            if state["damaged"]:
                connection.execute(_SAVE, {"school": school, "cursor": None})
                _LOG.error("deep check of school %s: %d stored rows are damaged", school, state["damaged"])
                return True
            connection.execute(_DONE, {"school": school, "started": state["started"]})
        return True

    def seal_page(self, school: str, now: datetime) -> bool | None:
        """Seal the next page of rows anew under the current year's key; whether that was the last one, None if nothing is due.

        Looked for every hour: a row that was being written, or that came in the last minute of August, is found by a later pass.
        """
        keys = self._department.keys.school(school, now)
        held = self._passes.get(school)
        if held is None or held.year != keys.year or (held.over_at and now - held.over_at > _HOUR):
            held = self._passes[school] = _Pass(keys.year)
        if held.place is None:
            return None
        with self._database.scope(school) as connection:
            page = seal_page(connection, keys, held.place)
        held.rows, held.unreadable, held.place = held.rows + page.rows, held.unreadable + page.unreadable, page.next
        if held.place is not None:
            return False
        held.over_at = now
        if held.rows or held.unreadable:
            _LOG.info("school %s: %d rows sealed anew, %d do not open", school, held.rows, held.unreadable)
        return True if held.rows else None

    def _fold(self, ids: list[str]) -> None:
        """Forget envelopes and digests older than ``ledger_days``; the newest thousand of the running epoch stay."""
        before = utc_now() - timedelta(days=self._department.values["ledger_days"])
        for school in ids:
            with self._database.scope(school) as connection:
                connection.execute(_FOLD, {"school": school, "before": before})
                connection.execute(_FOLD_DIGESTS, {"school": school, "before": before})
                forget_counts(connection, school, utc_now())

    def anchor(self, now: datetime) -> None:
        """Write the day's anchor of the audit, once a day: what ``audit verify`` compares the chain with."""
        with self._database.begin() as connection:
            audit.write_anchor(connection, self._department.data / audit.ANCHORS, now)
