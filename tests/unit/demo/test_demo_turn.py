"""The turn of the year and the purge after it, as the vendor's program does them."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from install.demo import counts
from install.demo.live import LiveSchool
from install.demo.turn import PURGED, purge_year, turn_year
from tests.fix_demo import Demo, everything

AUGUST = datetime(2027, 8, 25, 10, 0, tzinfo=UTC)
ROLL = """SELECT s.StudentId, c.Parallel FROM ClassStudents s JOIN Classes c ON c.ClassId = s.ClassId
          WHERE s.YearId = ? AND {which} ORDER BY s.StudentId"""


def test_the_old_year_is_closed_and_the_next_is_open(school: Demo) -> None:
    turn_year(school.url, school.spec, AUGUST)
    years = school.query("SELECT YearId, Name, ClosedFlag FROM SchoolYears ORDER BY YearId")
    assert years == [(1, "2025/2026", 1), (2, "2026/2027", 1), (3, "2027/2028", 0)]


def test_everybody_goes_up_one_class_and_class_eleven_is_gone(school: Demo) -> None:
    before = dict(school.query(ROLL.format(which="s.ToDate IS NULL"), 2))
    turn_year(school.url, school.spec, AUGUST)
    after = dict(school.query(ROLL.format(which="s.ToDate IS NULL"), 3))
    assert {pupil: parallel + 1 for pupil, parallel in before.items() if parallel < 11} == {
        pupil: parallel for pupil, parallel in after.items() if pupil in before
    }
    assert {parallel for pupil, parallel in after.items() if pupil not in before} == {1}


def test_nobody_stays_on_a_roll_of_the_closed_year(school: Demo) -> None:
    turn_year(school.url, school.spec, AUGUST)
    for table in ("ClassStudents", "GroupStudents"):
        assert school.value(f"SELECT COUNT(*) FROM {table} WHERE YearId < 3 AND ToDate IS NULL") == 0  # noqa: S608  names above


def test_all_that_the_turn_writes_bears_its_own_stamp(school: Demo) -> None:
    before = school.tables()
    turn_year(school.url, school.spec, AUGUST)
    for table, rows in school.tables().items():
        fresh = set(rows) - set(before[table])
        if table != "GroupClasses":
            assert {row[-1] for row in fresh} <= {"2027-08-25 13:00:00.000"}, table


def test_the_new_year_has_groups_timetable_and_planned_lessons(school: Demo) -> None:
    written = turn_year(school.url, school.spec, AUGUST)
    counted = counts.rows_by_entity(school.url, school.organisation)
    assert (
        min(
            counted[name]
            for name in ("class", "teaching_group", "timetable_slot", "lesson", "group_membership", "term")
        )
        > 0
    )
    assert counted["mark"] == counted["attendance_event"] == 0
    assert written["ClassMeetings"] == counted["lesson"]


def test_every_row_after_the_turn_still_has_a_canonical_form(school: Demo) -> None:
    turn_year(school.url, school.spec, AUGUST)
    rows = everything(school.url, school.organisation)
    assert {name: len(found) for name, found in rows.items()} == counts.rows_by_entity(
        school.url, school.organisation, closed_years=True
    )


def test_circles_go_on_in_the_next_year(demo: Callable[[int], Demo]) -> None:
    circles = demo(3)
    turn_year(circles.url, circles.spec, AUGUST)
    counted = counts.rows_by_entity(circles.url, circles.organisation)
    assert counted["group_membership"] > 0
    assert counted["class"] == 0


def test_life_goes_on_after_the_turn(school: Demo) -> None:
    turn_year(school.url, school.spec, AUGUST)
    rng = random.Random(1)
    with LiveSchool(school.url, school.organisation) as live:
        notes = live.step(rng, datetime(2027, 9, 3, 9, 0, tzinfo=UTC), "mark")
    assert {"mark", "assignment"} <= {note.entity for note in notes}
    assert school.value("SELECT YearId FROM Marks ORDER BY MarkId DESC LIMIT 1") == 3


@pytest.mark.parametrize("year", [1, 2])
def test_a_purge_removes_the_journals_of_one_year_and_keeps_its_frame(school: Demo, year: int) -> None:
    before = school.tables()
    removed = purge_year(school.url, school.organisation, year)
    assert set(removed) == set(PURGED)
    for table in PURGED:
        assert school.value(f"SELECT COUNT(*) FROM {table} WHERE YearId = ?", year) == 0  # noqa: S608  names of the product
    for table in ("SchoolYears", "Classes", "ClassStudents", "Terms", "People"):
        assert school.tables()[table] == before[table]


def test_a_purge_spares_other_organisations(demo: Callable[[int], Demo]) -> None:
    school = demo(1)
    assert sum(purge_year(school.url, "42099", 2).values()) == 0
