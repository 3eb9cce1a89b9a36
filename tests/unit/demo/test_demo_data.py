"""What a generated school looks like: nothing points to nowhere, and it is the school that was ordered."""

from collections import Counter
from collections.abc import Callable

import pytest

from install.demo import counts
from install.demo.generate import build, build_school
from tests.fix_demo import CITY, NOW, TODAY, Demo

REFERENCES = [
    ("Students", "PersonId", "People", "PersonId"),
    ("Parents", "PersonId", "People", "PersonId"),
    ("Employees", "PersonId", "People", "PersonId"),
    ("LoginSessions", "PersonId", "People", "PersonId"),
    ("Kinship", "ParentId", "Parents", "ParentId"),
    ("Kinship", "StudentId", "Students", "StudentId"),
    ("Classes", "YearId", "SchoolYears", "YearId"),
    ("Classes", "EmployeeId", "Employees", "EmployeeId"),
    ("GroupClasses", "ClassId", "Classes", "ClassId"),
    ("GroupClasses", "GroupId", "SubjectGroups", "GroupId"),
    ("SubjectGroups", "SubjectId", "Subjects", "SubjectId"),
    ("Subjects", "AreaId", "SubjectAreas", "AreaId"),
    ("GroupTeachers", "GroupId", "SubjectGroups", "GroupId"),
    ("GroupTeachers", "EmployeeId", "Employees", "EmployeeId"),
    ("ClassStudents", "StudentId", "Students", "StudentId"),
    ("ClassStudents", "ClassId", "Classes", "ClassId"),
    ("ClassStudents", "DecreeOutId", "Decrees", "DecreeId"),
    ("ClassStudents", "DecreeInId", "Decrees", "DecreeId"),
    ("GroupStudents", "StudentId", "Students", "StudentId"),
    ("GroupStudents", "GroupId", "SubjectGroups", "GroupId"),
    ("Timetable", "GroupId", "SubjectGroups", "GroupId"),
    ("Timetable", "BellCode", "BellTimes", "BellCode"),
    ("ClassMeetings", "GroupId", "SubjectGroups", "GroupId"),
    ("ClassMeetings", "EmployeeId", "Employees", "EmployeeId"),
    ("Assignments", "MeetingId", "ClassMeetings", "MeetingId"),
    ("Assignments", "TypeId", "AssignmentTypes", "TypeId"),
    ("Marks", "AssignmentId", "Assignments", "AssignmentId"),
    ("Marks", "StudentId", "Students", "StudentId"),
    ("Marks", "EmployeeId", "Employees", "EmployeeId"),
    ("Attendance", "MeetingId", "ClassMeetings", "MeetingId"),
    ("Attendance", "StudentId", "Students", "StudentId"),
    ("PeriodResults", "TermId", "Terms", "TermId"),
    ("PeriodResults", "GroupId", "SubjectGroups", "GroupId"),
    ("PeriodResults", "StudentId", "Students", "StudentId"),
    ("DecreeLines", "DecreeId", "Decrees", "DecreeId"),
    ("DecreeLines", "StudentId", "Students", "StudentId"),
    ("JournalLog", "MeetingId", "ClassMeetings", "MeetingId"),
    ("Announcements", "EmployeeId", "Employees", "EmployeeId"),
]


@pytest.mark.parametrize("number", [1, 3])
def test_nothing_points_to_a_row_that_is_not_there(demo: Callable[[int], Demo], number: int) -> None:
    school = demo(number)
    for table, column, target, key in REFERENCES:
        sql = f"""SELECT COUNT(*) FROM {table} a WHERE a.{column} IS NOT NULL
                  AND NOT EXISTS (SELECT 1 FROM {target} b WHERE b.OrgCode = a.OrgCode AND b.{key} = a.{column})"""  # noqa: S608  names above
        assert school.value(sql) == 0, (table, column)


def test_every_kind_of_row_occurs(school: Demo) -> None:
    counted = counts.rows_by_entity(school.url, school.organisation)
    assert not [entity for entity, rows in counted.items() if rows == 0 and entity != "journal_change"]


def test_open_years_are_counted_apart_from_closed_ones(school: Demo) -> None:
    both = counts.rows_by_entity(school.url, school.organisation, closed_years=True)
    only_open = counts.rows_by_entity(school.url, school.organisation)
    assert both["enrollment"] > only_open["enrollment"] > 0
    assert both["person"] == only_open["person"]
    assert school.query("SELECT ClosedFlag FROM SchoolYears ORDER BY YearId") == [(1,), (0,)]


def test_no_row_carries_a_stamp_of_the_future(school: Demo) -> None:
    for table in (
        "Marks",
        "Attendance",
        "ClassMeetings",
        "Assignments",
        "JournalLog",
        "LoginSessions",
        "People",
        "Decrees",
    ):
        assert school.value(f"SELECT MAX(ChangedAt) FROM {table}") < f"{TODAY} 00:00:01", table  # noqa: S608  names above


def test_yesterdays_lessons_are_held_and_todays_are_planned(school: Demo) -> None:
    past = school.value("SELECT COUNT(*) FROM ClassMeetings WHERE MeetingDate < ? AND StateCode IS NULL", str(TODAY))
    planned = school.query(
        "SELECT DISTINCT StateCode, Topic, FilledAt FROM ClassMeetings WHERE MeetingDate >= ?", str(TODAY)
    )
    assert past == 0
    assert planned == [(None, None, None)]
    assert school.value("SELECT MAX(MeetingDate) FROM ClassMeetings") > str(TODAY)


def test_class_one_has_no_marks_and_no_results(school: Demo) -> None:
    for table, link in (("PeriodResults", "r.GroupId"), ("Marks", "m.GroupId")):
        joined = {
            "PeriodResults": "FROM PeriodResults r",
            "Marks": "FROM Marks r JOIN Assignments a ON a.AssignmentId = r.AssignmentId JOIN ClassMeetings m ON m.MeetingId = a.MeetingId",
        }[table]
        sql = f"SELECT COUNT(*) {joined} JOIN GroupClasses g ON g.GroupId = {link} JOIN Classes c ON c.ClassId = g.ClassId WHERE c.Parallel = 1"
        assert school.value(sql) == 0, table


def test_nobody_has_two_marks_in_one_place_of_a_cell(school: Demo) -> None:
    assert school.query("SELECT 1 FROM Marks GROUP BY AssignmentId, StudentId, Ordinal HAVING COUNT(*) > 1") == []


def test_attendance_belongs_to_members_of_the_group(school: Demo) -> None:
    sql = """SELECT COUNT(*) FROM Attendance a JOIN ClassMeetings m ON m.MeetingId = a.MeetingId
             WHERE NOT EXISTS (SELECT 1 FROM GroupStudents g WHERE g.GroupId = m.GroupId AND g.StudentId = a.StudentId
                               AND g.FromDate <= m.MeetingDate AND (g.ToDate IS NULL OR g.ToDate > m.MeetingDate))"""
    assert school.value(sql) == 0


def test_every_pupil_on_a_class_roll_has_one_class_at_a_time(school: Demo) -> None:
    sql = "SELECT StudentId FROM ClassStudents WHERE ToDate IS NULL GROUP BY StudentId HAVING COUNT(*) > 1"
    assert school.query(sql) == []


def test_further_education_has_groups_and_attendance_but_no_marks(demo: Callable[[int], Demo]) -> None:
    counted = counts.rows_by_entity(demo(3).url, CITY.school(3).organisation)
    assert min(counted[name] for name in ("teaching_group", "attendance_event", "lesson")) > 0
    assert counted["mark"] == counted["period_result"] == counted["class"] == counted["assignment"] == 0


def test_children_of_one_family_go_to_two_schools(demo: Callable[[int], Demo]) -> None:
    sql = "SELECT LastName, FirstName, Patronymic, BirthDate FROM People p JOIN Parents a ON a.PersonId = p.PersonId"
    assert set(demo(1).query(sql)) & set(demo(2).query(sql))
    assert set(demo(1).query(sql)) & set(demo(3).query(sql))


def test_who_leaves_for_the_neighbour_is_admitted_there(demo: Callable[[int], Demo]) -> None:
    left, arrived = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    columns = "p.LastName, p.FirstName, p.BirthDate"
    joined = "FROM DecreeLines l JOIN Students s ON s.StudentId = l.StudentId JOIN People p ON p.PersonId = s.PersonId"
    for number, other in ((1, 2), (2, 1)):
        name = CITY.school(other).name
        left.update(demo(number).query(f"SELECT {columns} {joined} WHERE l.ToOrg = ?", name))
        arrived.update(demo(number).query(f"SELECT {columns} {joined} WHERE l.FromOrg = ?", name))
    assert arrived
    assert arrived <= left


def test_schools_differ_in_how_they_mark(demo: Callable[[int], Demo]) -> None:
    means = [demo(number).value("SELECT AVG(MarkValue) FROM Marks WHERE KindCode = 1") for number in (1, 2)]
    assert 3.2 < min(means) < max(means) < 4.8
    assert means[0] != means[1]


def test_teachers_are_seldom_in_two_places_at_once(school: Demo) -> None:
    sql = """SELECT COUNT(*) FROM (SELECT 1 FROM Timetable t JOIN SubjectGroups s ON s.GroupId = t.GroupId
             JOIN GroupTeachers g ON g.GroupId = t.GroupId AND NOT g.Substitute WHERE t.YearId = 2
             GROUP BY g.EmployeeId, t.BellCode, t.WeekParity HAVING COUNT(*) > 1)"""
    assert school.value(sql) <= 0.05 * school.value("SELECT COUNT(*) FROM Timetable")


def test_a_second_build_leaves_the_organisation_as_it_is(school: Demo) -> None:
    before = school.tables()
    assert not build_school(school.spec, school.url).fresh
    assert school.tables() == before


def test_the_same_specification_gives_the_same_file(demo: Callable[[int], Demo], tmp_path: object) -> None:
    again = f"sqlite:///{tmp_path}/again.db"
    build_school(CITY.school(1), again)
    assert Demo(CITY.school(1), again).tables() == demo(1).tables()


def test_a_city_is_built_into_the_databases_that_are_named(tmp_path: object) -> None:
    shared = f"sqlite:///{tmp_path}/one for all.db"
    built = build(CITY, {one.id: shared for one in CITY.organisations()})
    assert [one.fresh for one in built] == [True, True, True]
    for one in built:
        assert sum(counts.rows_by_entity(shared, one.spec.organisation, closed_years=True).values()) > 500


def test_organisations_in_one_database_are_what_they_are_alone(demo: Callable[[int], Demo], tmp_path: object) -> None:
    shared = f"sqlite:///{tmp_path}/both.db"
    for number in (1, 2):
        build_school(CITY.school(number), shared)
    for number in (1, 2):
        assert Demo(CITY.school(number), shared).tables() == demo(number).tables()


def test_the_clock_of_the_tests_is_on_the_day_of_the_city() -> None:
    assert NOW.date() == TODAY
