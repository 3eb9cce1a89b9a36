"""What the department and heads read of the portal itself: visits, first visits, accounts, the record of what people did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store import accounts, audit, visits
from collector.store.rights import Extent, extent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from collector.store.accounts import Account
    from collector.store.audit import Entry
    from collector.store.engine import Database
    from collector.store.visits import Counted, Funnel, NeverIn

AUDIT_PAGE: Final = 50
WHOLE_CITY: Final = "*"


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads the portal, over some days; told apart in four ways."""

    whole: Counted | None
    by_day: tuple[Counted, ...]
    by_school: tuple[Counted, ...]
    by_role: tuple[Counted, ...]
    by_group: tuple[Counted, ...]
    never: tuple[NeverIn, ...]
    funnel: tuple[Funnel, ...]  # empty for roles that see no people


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some rows of the record, newest first; `older` is the cursor of the next ones."""

    entries: tuple[Entry, ...]
    logins: dict[int, str]
    older: int | None


class StoreCity:
    """The department's own tables, read under the scope of the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reading(
        self, caller: Account, scope: str, since: date, until: date, now: datetime, *, role: str | None = None
    ) -> Reading:
        """Visits from one day to another, both included, of the schools that the scope shows."""
        with self._database.begin(scope=scope, reader=(caller.id, now)) as connection:

            def told(*by: str) -> tuple[Counted, ...]:
                return tuple(visits.count(connection, since, until, by, role=role))

            return Reading(
                whole=next(iter(told()), None),
                by_day=told("day"),
                by_school=told("school"),
                by_role=told("role"),
                by_group=told("page_group"),
                never=tuple(visits.never_signed_in(connection, None if scope == WHOLE_CITY else scope.split(","))),
                funnel=self._funnel(connection, caller, until),
            )

    def schools_seen(self, scope: str, since: date, until: date) -> dict[str, Counted]:
        """Pages and people of each school that was visited."""
        with self._database.begin(scope=scope) as connection:
            found = visits.count(connection, since, until, ("school",))
        return {one.school: one for one in found if one.school}

    def accounts(self) -> list[Account]:
        """Every account; for roles that manage them."""
        with self._database.begin() as connection:
            return accounts.every(connection)

    def record(self, before: int | None, subject: str | None) -> AuditPage:
        """Rows of the record older than a number."""
        with self._database.begin() as connection:
            rows = audit.entries(connection, subject=subject, before=before, limit=AUDIT_PAGE + 1)
            entries = tuple(rows[:AUDIT_PAGE])
            logins = self._logins(connection, [entry.actor for entry in entries])
        return AuditPage(entries, logins, entries[-1].number if len(rows) > AUDIT_PAGE else None)

    def exported(self, caller: Account, what: str, rows: int, now: datetime, school: str = "") -> None:
        """Write down that somebody took data out."""
        with self._database.begin() as connection:
            details: dict[str, int | str] = {"what": what, "rows": rows}
            audit.record(connection, "exported", now, actor=caller.id, school=school, details=details)

    @staticmethod
    def _funnel(connection: Connection, caller: Account, today: date) -> tuple[Funnel, ...]:
        if extent(caller.role, "people") not in (Extent.SCHOOL, Extent.CITY):
            return ()
        return tuple(visits.funnel(connection, today))

    @staticmethod
    def _logins(connection: Connection, numbers: Sequence[int | None]) -> dict[int, str]:
        found = (accounts.find(connection, number) for number in {number for number in numbers if number is not None})
        return {one.id: one.login for one in found if one is not None}
