"""Who reads the portal, and what: pages of a group, by account and day. Counted by us, for nobody else.

Read as what the account in question may see (``Database.begin(reader=…)``), or under a scope; a row of the department's own people names no school. Days are those of the department's time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, null, select, text
from sqlalchemy.dialects.postgresql import insert

from collector.store.account_tables import PERSON_ROLES, account, account_scope, visit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection

DIMENSIONS: Final = ("school", "role", "day", "page_group")
"""What visits can be told apart by."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Pages of one group that one account opened on a day."""

    school: str
    day: date
    account: int
    role: str
    page_group: str
    pages: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Pages and unique people; a dimension that was not asked for is None."""

    school: str | None
    role: str | None
    day: date | None
    page_group: str | None
    pages: int
    people: int


@dataclass(frozen=True, slots=True)
class NeverIn:
    """Accounts of a role that exist, and how many of them nobody ever signed in with."""

    role: str
    accounts: int
    never: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """How far the people of a school came, each step a part of the one before: `kind` is pupil, parent or staff."""

    school: str
    kind: str
    people: int
    with_code: int
    with_account: int
    signed_in: int
    came_back: int


def record(connection: Connection, visits: Sequence[Visit]) -> None:
    """Add counts; the transaction must state the whole city. One statement for any number of rows."""
    if not visits:
        return
    rows = [
        {
            "school_id": one.school,
            "day": one.day,
            "account_id": one.account,
            "page_group": one.page_group,
            "role": one.role,
            "pages": one.pages,
        }
        for one in visits
    ]
    added = insert(visit).values(rows)
    key = (visit.c.school_id, visit.c.day, visit.c.account_id, visit.c.page_group)
    connection.execute(
        added.on_conflict_do_update(
            index_elements=key, set_={"pages": visit.c.pages + added.excluded.pages, "role": added.excluded.role}
        )
    )


def count(
    connection: Connection, since: date, until: date, by: Sequence[str] = (), *, role: str | None = None
) -> list[Counted]:
    """Pages and unique people from one day to another, both included, told apart by some of :data:`DIMENSIONS`.

    Somebody who came on two days is one person unless days are told apart. ValueError for an unknown dimension.
    """
    if not set(by) <= set(DIMENSIONS):
        raise ValueError(by)
    columns: dict[str, Any] = {
        "school": visit.c.school_id,
        "role": visit.c.role,
        "day": visit.c.day,
        "page_group": visit.c.page_group,
    }
    shown = [(columns[name] if name in by else null()).label(name) for name in DIMENSIONS]
    chosen = [columns[name] for name in DIMENSIONS if name in by]
    statement = (
        select(
            *shown,
            func.coalesce(func.sum(visit.c.pages), 0).label("pages"),
            func.count(visit.c.account_id.distinct()).label("people"),
        )
        .where(visit.c.day.between(since, until))
        .group_by(*chosen)
        .order_by(*chosen)
    )
    if role is not None:
        statement = statement.where(visit.c.role == role)
    return [
        Counted(row.school, row.role, row.day, row.page_group, row.pages, row.people)
        for row in connection.execute(statement)
    ]


def never_signed_in(connection: Connection, schools: Sequence[str] | None) -> list[NeverIn]:
    """Per role: open accounts, and those of them that were never used; of some schools, or (None) of all accounts."""
    statement = (
        select(account.c.role, func.count(), func.count().filter(account.c.signed_in_at.is_(None)))
        .where(account.c.disabled_at.is_(None))
        .group_by(account.c.role)
        .order_by(account.c.role)
    )
    if schools is not None:
        tied = select(account_scope.c.account_id).where(account_scope.c.school_id.in_(schools))
        statement = statement.where(account.c.id.in_(tied))
    return [NeverIn(*row) for row in connection.execute(statement)]


# People of a school that might have an account, by kind; blocked representatives and those who left are none.
_FUNNEL: Final = text("""
WITH people AS (
    SELECT u.school_id, 'pupil' AS kind, u.person_id FROM gorod.pupil u
    JOIN gorod.enrollment e ON e.school_id = u.school_id AND e.pupil_id = u.source_id
    WHERE (e.from_date IS NULL OR e.from_date <= :today) AND (e.to_date IS NULL OR e.to_date > :today)
    UNION
    SELECT l.school_id, 'parent', l.person_id FROM gorod.legal_representative l
    JOIN gorod.representation r ON r.school_id = l.school_id AND r.representative_id = l.source_id
    WHERE r.blocked IS NOT TRUE AND r.may_view IS TRUE AND (r.to_date IS NULL OR r.to_date > :today)
    UNION
    SELECT s.school_id, 'staff', s.person_id FROM gorod.staff s WHERE s.to_date IS NULL OR s.to_date > :today
), coded AS (
    SELECT DISTINCT school_id, person_id, CASE WHEN role = ANY (:persons) THEN role ELSE 'staff' END AS kind FROM gorod.activation
), held AS (
    SELECT o.school_id, o.person_id, CASE WHEN k.role = ANY (:persons) THEN k.role ELSE 'staff' END AS kind,
           bool_or(k.signed_in_at IS NOT NULL) AS signed_in,
           max((SELECT count(DISTINCT v.day) FROM gorod.visit v WHERE v.account_id = k.id)) > 1 AS came_back
    FROM gorod.account_scope o JOIN gorod.account k ON k.id = o.account_id
    WHERE o.person_id <> '' AND k.disabled_at IS NULL GROUP BY 1, 2, 3
)
SELECT p.school_id, p.kind, count(*) AS people,
       count(*) FILTER (WHERE c.person_id IS NOT NULL OR h.person_id IS NOT NULL) AS with_code,
       count(*) FILTER (WHERE h.person_id IS NOT NULL) AS with_account,
       count(*) FILTER (WHERE h.signed_in) AS signed_in, count(*) FILTER (WHERE h.signed_in AND h.came_back) AS came_back
FROM people p
LEFT JOIN coded c USING (school_id, person_id, kind)
LEFT JOIN held h USING (school_id, person_id, kind)
WHERE :school = '' OR p.school_id = :school
GROUP BY p.school_id, p.kind ORDER BY p.school_id, array_position(ARRAY['pupil', 'parent', 'staff'], p.kind)""")


def funnel(connection: Connection, today: date, school: str = "") -> list[Funnel]:
    """The first visit as a row of steps, per school and kind of person; of one school, or of all that the scope shows."""
    given = {"today": today, "school": school, "persons": list(PERSON_ROLES)}
    return [Funnel(*row) for row in connection.execute(_FUNNEL, given)]
