"""Who may see what at a school, and who answers for what: read by its office, set by its head (``office.sql`` checks that again)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store.account_tables import SCHOOL_ROLES
from collector.store.names import by_name
from collector.store.office_tables import DUTIES

if TYPE_CHECKING:
    from datetime import date, datetime

    from collector.store.names import Name, Names
    from collector.store.reader import Reader

__all__ = ["DUTIES", "GIVEN", "Naming", "Responsible", "Worker", "give_role", "name", "responsible", "workers"]

GIVEN: Final = ("teacher", "class_teacher", "deputy", "secretary", "sysadmin")
"""Roles that a head gives; a head is named by the department."""

_ENTITY: Final = "responsible"  # of the sealed telephones

_STAFF: Final = """
SELECT f.person_id, array_agg(DISTINCT f.position) FILTER (WHERE f.position IS NOT NULL)
FROM gorod.staff f JOIN gorod.school s ON s.school_id = f.school_id
WHERE f.school_id = %(school)s AND f.person_id IS NOT NULL
  AND (f.from_date IS NULL OR f.from_date <= (%(now)s AT TIME ZONE s.zone)::date)
  AND (f.to_date IS NULL OR f.to_date > (%(now)s AT TIME ZONE s.zone)::date)
GROUP BY f.person_id"""
_ACCOUNTS: Final = """
SELECT a.id, a.login, a.role, s.person_id, a.signed_in_at, a.seen_at,
       EXISTS (SELECT FROM gorod.account_scope o WHERE o.account_id = a.id AND o.school_id <> s.school_id)
FROM gorod.account_scope s JOIN gorod.account a ON a.id = s.account_id
WHERE s.school_id = %(school)s AND a.role = ANY (%(roles)s) AND a.disabled_at IS NULL
ORDER BY a.login"""
_RESPONSIBLE: Final = """
SELECT r.uid, r.duty, r.person_id, r.deputy_id, r.phone, r.order_number, r.order_date, r.from_date, r.to_date, r.named_at, r.ended_at
FROM gorod.responsible r WHERE r.school_id = %(school)s ORDER BY r.named_at DESC, r.uid"""
_GIVE: Final = "SELECT gorod.give_role(%(actor)s, %(worker)s, %(school)s, %(role)s, %(now)s)"
_NAME: Final = """
SELECT gorod.name_responsible(%(actor)s, %(uid)s, %(school)s, %(duty)s, %(person)s, %(deputy)s, %(phone)s, %(number)s, %(ordered)s,
                              %(since)s, %(until)s, %(now)s)"""


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody of the school's staff, or an account of the school without a person (`person` is "" then).

    Attributes:
        account: number of the account, None where there is none; login and role belong to it.
        signed_in_at: the last sign-in; `seen_at` the last page.
        elsewhere: the account works at another school too, so that its role is not this head's to change.
    """

    person: str
    name: Name | None
    positions: tuple[str, ...]
    account: int | None = None
    login: str = ""
    role: str = ""
    signed_in_at: datetime | None = None
    seen_at: datetime | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Responsible:
    """Somebody who was named; `phone` is None when it was not given or its key is destroyed."""

    uid: str
    duty: str
    person: str
    name: Name | None
    deputy: str | None
    deputy_name: Name | None
    phone: str | None
    order_number: str
    order_date: date
    first: date
    last: date | None  # inclusive
    named_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Naming:
    """What a head says: who has a duty from when on, by which order."""

    duty: str
    person: str
    deputy: str | None
    phone: str
    order_number: str
    order_date: date
    first: date
    last: date | None


def workers(reader: Reader, names: Names, school: str) -> tuple[Worker, ...]:
    """The staff in office and every account of the school, by name; an account of somebody who left stays until it is closed."""
    staff = {
        person: tuple(sorted(positions or ()))
        for person, positions in reader.rows(_STAFF, school=school, now=reader.now)
    }
    held = reader.rows(_ACCOUNTS, school=school, roles=list(SCHOOL_ROLES))
    known = names.of(reader, school, [*staff, *(row[3] for row in held)])
    found = [
        Worker(person, known.get(person), staff.get(person, ()), number, login, role, signed_in_at, seen_at, elsewhere)
        for number, login, role, person, signed_in_at, seen_at, elsewhere in held
    ]
    with_account = {one.person for one in found}
    found += [
        Worker(person, known.get(person), positions)
        for person, positions in staff.items()
        if person not in with_account
    ]
    return tuple(sorted(found, key=lambda one: (by_name(one.name), one.login, one.person)))


def give_role(reader: Reader, school: str, worker: int, role: str) -> str | None:
    """Give an account of the school another role; returns the role before, None if that is not the reader's to do. Recorded."""
    given = {"actor": reader.account, "worker": worker, "school": school, "role": role, "now": reader.now}
    before: str | None = reader.rows(_GIVE, **given)[0][0]
    return before


def responsible(reader: Reader, names: Names, school: str) -> tuple[Responsible, ...]:
    """Everybody who was ever named at the school, the newest first."""
    rows = reader.rows(_RESPONSIBLE, school=school)
    known = names.of(reader, school, [person for row in rows for person in row[2:4]])
    return tuple(
        Responsible(
            uid,
            duty,
            person,
            known.get(person),
            deputy,
            known.get(deputy or ""),
            names.opened(reader.now, school, _ENTITY, uid, ("phone",), (phone,))[0],
            *order,
        )
        for uid, duty, person, deputy, phone, *order in rows
    )


def name(reader: Reader, names: Names, school: str, naming: Naming) -> bool:
    """Name somebody, in the place of whoever has the duty now; False if that is not the reader's to do. Recorded."""
    uid = secrets.token_hex(8)
    phone = names.sealed(reader.now, school, _ENTITY, uid, "phone", naming.phone) if naming.phone else None
    given = {
        "actor": reader.account,
        "uid": uid,
        "school": school,
        "duty": naming.duty,
        "person": naming.person,
        "deputy": naming.deputy,
        "phone": phone,
        "number": naming.order_number,
        "ordered": naming.order_date,
        "since": naming.first,
        "until": naming.last,
        "now": reader.now,
    }
    return bool(reader.rows(_NAME, **given)[0][0])
