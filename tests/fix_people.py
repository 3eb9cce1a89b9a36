"""A school with people in it: a class of pupils, their representatives, staff; rows that were really applied and sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.core.activation import code_key
from collector.store import accounts, activations, roster, schools, signin
from collector.store.activations import Issued, Wanted
from collector.store.engine import Database, DatabaseSettings
from collector.store.sessions import Life
from tests.fix_applier import Applier, row_of, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from collector.store.keys import KeyRing
    from tests.fix_postgres import Store

SCHOOL, OTHER = "23-001", "23-002"
CLASS = "70"
PUPILS = {"101": ("Ёлкина", "Мария"), "102": ("Абрамов", "Пётр"), "103": ("Яковлев", "Иван")}
PARENTS = {
    "201": ("Ёлкина", "Ольга", "mother"),
    "202": ("Абрамова", "Анна", "mother"),
    "203": ("Ёлкин", "Павел", "father"),
}
STAFF = {"301": ("Громова", "Вера", "учитель"), "302": ("Лисин", "Олег", "секретарь")}
PASSWORD = "четыре зелёных коня бегут"


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def fill(applier: Applier) -> None:
    """Marias's class: three pupils, of whom the last has left; two mothers and a father who is barred; two of staff, one a class teacher."""
    today = applier.now.date()
    since, until = _day(today - timedelta(days=60)), _day(today + timedelta(days=200))
    people = [(key, *name[:2]) for group in (PUPILS, PARENTS, STAFF) for key, name in group.items()]
    applier.apply(
        table("academic_year", row_of("academic_year", "2026", start_date=since, end_date=until, closed=False)),
        table("class", row_of("class", CLASS, parallel=7, letter="Б", class_teacher_id="s301")),
        table(
            "person",
            *(
                row_of("person", key, last_name=last, first_name=first, middle_name="Ильинична")
                for key, last, first in people
            ),
        ),
        table("pupil", *(row_of("pupil", f"p{key}", person_id=key) for key in PUPILS)),
        table(
            "enrollment",
            *(
                row_of(
                    "enrollment",
                    f"e{key}",
                    pupil_id=f"p{key}",
                    class_id=CLASS,
                    from_date=since,
                    to_date=_day(today - timedelta(days=1)) if key == "103" else None,
                )
                for key in PUPILS
            ),
        ),
        table("legal_representative", *(row_of("legal_representative", f"r{key}", person_id=key) for key in PARENTS)),
        table(
            "representation",
            *(
                row_of(
                    "representation",
                    f"n{key}",
                    representative_id=f"r{key}",
                    pupil_id="p102" if key == "202" else "p101",
                    relation=PARENTS[key][2],
                    may_view=True,
                    from_date=None,
                    to_date=None,
                    blocked=key == "203",
                )
                for key in PARENTS
            ),
        ),
        table(
            "staff",
            *(
                row_of("staff", f"s{key}", person_id=key, position=STAFF[key][2], from_date=since, to_date=None)
                for key in STAFF
            ),
        ),
    )


@dataclass
class People:
    """The school, the owner's and the portal's doors to it, and the rules by which people sign in."""

    applier: Applier
    owner: Database
    reader: Database
    ring: KeyRing
    rules: signin.Rules

    @property
    def now(self) -> datetime:
        """A moment after everything was applied."""
        return self.applier.now

    def issue(self, person: str = "201", role: str = "parent", school: str = SCHOOL, by: int | None = 7) -> Issued:
        """A code as a school's office makes one."""
        with self.reader.begin(scope=school) as connection:
            (made,) = activations.issue(
                connection,
                school,
                [Wanted(person, role)],
                by=by,
                now=self.now,
                life=timedelta(days=30),
                key=self.rules.code_key,
            )
        return made

    def look(self, code: str, at: datetime | None = None) -> activations.Card | None:
        """What the holder of a code sees."""
        with self.reader.begin() as connection:
            return activations.look(connection, code.replace("-", ""), self.rules.code_key, at or self.now)

    def activate(self, code: str, login: str, *, password: str = PASSWORD) -> accounts.Account | None:
        """Use a code up."""
        from collector.core.credentials import hash_password

        with self.reader.begin() as connection:
            return activations.activate(
                connection,
                code.replace("-", ""),
                login,
                hash_password(password, b"s" * 16),
                self.rules.code_key,
                self.now,
            )

    def account(self, login: str) -> accounts.Account:
        """An account as it is now."""
        with self.owner.begin() as connection:
            return accounts.get(connection, login)

    def office(self, role: str = "head", school: str = SCHOOL) -> tuple[int, datetime]:
        """Somebody of a school's office, as the portal names its readers."""
        with self.owner.begin() as connection:
            new = accounts.NewAccount(f"{role}-{school}", role, PASSWORD, (school,))
            found = [one for one in accounts.every(connection) if one.login == new.login]
            made = found or [accounts.add(connection, new, self.now, self.rules.factor_key)]
        return made[0].id, self.now

    def pupils(self, school: str = SCHOOL) -> list[roster.Pupil]:
        """The class as the office of a school sees it."""
        keys = self.ring.reader(SCHOOL, self.now)
        with self.reader.begin(reader=self.office("secretary", school)) as connection:
            return roster.pupils(connection, SCHOOL, CLASS, keys, self.now.date())


@pytest.fixture
def people(store: Store, applier: Applier, reader: Database, ring: KeyRing) -> Iterator[People]:
    """A school with people, and a second, empty one."""
    fill(applier)
    rules = signin.Rules(
        accounts.factor_key(ring.master_key()),
        signin.BackOff(3, 10, 60),
        Life(1800, 43_200),
        Life(600, 600),
        code_key=code_key(ring.master_key()),
    )
    with Database(store.url, DatabaseSettings(connections=3)) as owner:
        with owner.begin(scope="*") as connection:
            schools.add(connection, schools.NewSchool(OTHER, "Школа № 2"), applier.now)
        ring.add_school(OTHER)
        yield People(applier, owner, reader, ring, rules)
