"""Visits: counted per account, day and group of pages; read by any side, unique people, the funnel of the first visit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.store import sessions, visits
from collector.store.visits import Counted, Visit
from proto.problems import Problem
from tests.fix_people import OTHER, SCHOOL, People

if TYPE_CHECKING:
    from collector.store.engine import Database

pytestmark = pytest.mark.integration
MONDAY = date(2026, 11, 23)
TUESDAY = MONDAY + timedelta(days=1)


def put(reader: Database, *rows: Visit, scope: str = "*") -> None:
    with reader.begin(scope=scope) as connection:
        visits.record(connection, rows)


def counted(reader: Database, *by: str, scope: str = "*", role: str | None = None) -> list[Counted]:
    with reader.begin(scope=scope) as connection:
        return visits.count(connection, MONDAY, TUESDAY, by, role=role)


@pytest.fixture
def filled(reader: Database) -> Database:
    put(
        reader,
        Visit(SCHOOL, MONDAY, 1, "parent", "diary", 3),
        Visit(SCHOOL, MONDAY, 1, "parent", "account", 1),
        Visit(SCHOOL, MONDAY, 2, "teacher", "journal", 5),
        Visit(OTHER, MONDAY, 3, "parent", "diary", 1),
        Visit("", MONDAY, 9, "analyst", "schools", 2),
    )
    put(reader, Visit(SCHOOL, TUESDAY, 1, "parent", "diary", 2), Visit(SCHOOL, MONDAY, 1, "parent", "diary", 4))
    return reader


def test_pages_add_up_in_one_row_per_account_day_and_group(filled: Database):
    assert counted(filled, "day", "page_group", scope=SCHOOL, role="parent") == [
        Counted(None, None, MONDAY, "account", 1, 1),
        Counted(None, None, MONDAY, "diary", 7, 1),
        Counted(None, None, TUESDAY, "diary", 2, 1),
    ]


def test_somebody_who_came_twice_is_one_person(filled: Database):
    assert counted(filled) == [Counted(None, None, None, None, 18, 4)]
    assert counted(filled, "role") == [
        Counted(None, "analyst", None, None, 2, 1),
        Counted(None, "parent", None, None, 11, 2),
        Counted(None, "teacher", None, None, 5, 1),
    ]


def test_a_school_sees_its_own_visits_only(filled: Database):
    assert [(one.school, one.pages, one.people) for one in counted(filled, "school", scope=SCHOOL)] == [(SCHOOL, 15, 2)]
    assert [one.school for one in counted(filled, "school")] == ["", SCHOOL, OTHER]
    assert counted(filled, "school", scope="") == []


def test_days_outside_the_period_do_not_count(filled: Database):
    with filled.begin(scope="*") as connection:
        assert visits.count(connection, TUESDAY, TUESDAY) == [Counted(None, None, None, None, 2, 1)]
        assert visits.count(connection, MONDAY - timedelta(days=9), MONDAY - timedelta(days=1)) == [
            Counted(None, None, None, None, 0, 0)
        ]


def test_an_unknown_dimension_is_refused(reader: Database):
    with pytest.raises(ValueError, match="login"):
        counted(reader, "login")


def test_nothing_is_counted_under_a_narrower_scope(reader: Database):
    with pytest.raises(Problem, match="GOR-1809"):
        put(reader, Visit(SCHOOL, MONDAY, 1, "parent", "diary", 1), scope=SCHOOL)
    put(reader)
    assert counted(reader) == [Counted(None, None, None, None, 0, 0)]


def test_the_funnel_tells_each_step_of_the_first_visit(people: People):
    def steps(school: str = SCHOOL) -> dict[str, tuple[int, ...]]:
        with people.reader.begin(reader=people.office()) as connection:
            found = visits.funnel(connection, people.now.date(), school)
        return {one.kind: (one.people, one.with_code, one.with_account, one.signed_in, one.came_back) for one in found}

    assert steps() == {"pupil": (2, 0, 0, 0, 0), "parent": (2, 0, 0, 0, 0), "staff": (2, 0, 0, 0, 0)}
    people.issue("202")
    made = people.activate(people.issue("201").code, "olga")
    assert made is not None
    people.activate(people.issue("101", "pupil").code, "masha")
    assert steps()["parent"] == (2, 2, 1, 0, 0)
    assert steps()["pupil"] == (2, 1, 1, 0, 0)
    with people.reader.begin() as connection:
        from collector.store.signin import open_for

        open_for(connection, made.id, made.role, sessions.Place(), people.rules, people.now)
    put(people.reader, Visit(SCHOOL, MONDAY, made.id, "parent", "diary", 1))
    assert steps()["parent"] == (2, 2, 1, 1, 0)
    put(people.reader, Visit(SCHOOL, TUESDAY, made.id, "parent", "diary", 1))
    assert steps("")["parent"] == (2, 2, 1, 1, 1)


def test_accounts_that_were_never_used_are_counted_per_role(people: People):
    made = people.activate(people.issue("201").code, "olga")
    people.activate(people.issue("202").code, "anna")
    people.activate(people.issue("301", "teacher").code, "vera")
    assert made is not None
    with people.reader.begin() as connection:
        from collector.store.signin import open_for

        open_for(connection, made.id, made.role, sessions.Place(), people.rules, people.now)
        assert visits.never_signed_in(connection, [SCHOOL]) == [
            visits.NeverIn("parent", 2, 1),
            visits.NeverIn("teacher", 1, 1),
        ]
        assert visits.never_signed_in(connection, [OTHER]) == []
        assert len(visits.never_signed_in(connection, None)) == 2
