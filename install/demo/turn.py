"""The turn of the year, as the vendor's program does it: close the year, open the next, promote the classes; later purge the old one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any, Final

from install.demo import database, people
from install.demo.desk import Clock
from install.demo.draft import Draft
from install.demo.journal import Journal
from install.demo.model import LETTERS
from install.demo.movement import CONDITIONAL, GRADUATE, GRADUATED, NEXT_YEAR, WISH, Movement
from install.demo.people import Person
from install.demo.roster import Roster, Student, Teacher
from install.demo.schoolyear import SchoolYear
from install.demo.sizing import size_of
from install.demo.structure import Structure

if TYPE_CHECKING:
    from datetime import datetime

    from install.demo.database import Database
    from install.demo.spec import SchoolSpec

# The running number of each table that grows at the turn of the year.
_NUMBERS: Final = {
    "SchoolYears": "YearId",
    "Terms": "TermId",
    "Classes": "ClassId",
    "SubjectGroups": "GroupId",
    "GroupTeachers": "GroupTeacherId",
    "ClassStudents": "ClassStudentId",
    "Timetable": "TimetableId",
    "ClassMeetings": "MeetingId",
    "Students": "StudentId",
    "Parents": "ParentId",
    "Kinship": "KinshipId",
    "Employees": "EmployeeId",
    "Decrees": "DecreeId",
    "DecreeLines": "DecreeLineId",
}
# What a purge empties, rows that refer to others first; classes, terms and the year itself stay in the vendor's books.
PURGED: Final = (
    "JournalLog",
    "Marks",
    "Attendance",
    "Assignments",
    "ClassMeetings",
    "PeriodResults",
    "Timetable",
    "GroupStudents",
    "GroupTeachers",
)
_LAST_CLASS: Final = 11
_CONDITIONAL: Final = 0.01
_ROLL: Final = """
    SELECT s.StudentId, p.PersonId, p.LastName, p.FirstName, p.Patronymic, p.BirthDate, p.SexCode, c.ClassId, c.Parallel, c.Letter
    FROM ClassStudents r
    JOIN Classes c ON c.OrgCode = r.OrgCode AND c.ClassId = r.ClassId
    JOIN Students s ON s.OrgCode = r.OrgCode AND s.StudentId = r.StudentId
    JOIN People p ON p.OrgCode = s.OrgCode AND p.PersonId = s.PersonId
    WHERE r.OrgCode = ? AND r.YearId = ? AND r.ToDate IS NULL ORDER BY r.ClassStudentId
"""
_GOERS: Final = """
    SELECT s.StudentId, p.PersonId, p.LastName, p.FirstName, p.Patronymic, p.BirthDate, p.SexCode FROM Students s
    JOIN People p ON p.OrgCode = s.OrgCode AND p.PersonId = s.PersonId
    WHERE s.OrgCode = ? AND s.StudentId IN (SELECT g.StudentId FROM GroupStudents g WHERE g.OrgCode = s.OrgCode AND g.YearId = ?)
    ORDER BY s.StudentId
"""
_STAFF: Final = """
    SELECT e.EmployeeId, e.PersonId, e.Position, p.LastName, p.FirstName, p.Patronymic, p.BirthDate, p.SexCode FROM Employees e
    JOIN People p ON p.OrgCode = e.OrgCode AND p.PersonId = e.PersonId
    WHERE e.OrgCode = ? AND e.FiredOn IS NULL ORDER BY e.EmployeeId
"""


def turn_year(url: str, spec: SchoolSpec, now: datetime) -> dict[str, int]:
    """Close the open year and open the next, in one transaction at ``now`` (aware); tells how many rows each table got.

    Classes go up, class 11 graduates, a new class 1 is admitted, the first lessons of the new year are planned.
    """
    stamp = Clock.at(now).stamp
    with database.connect(url) as target, target.transaction():
        draft = _Turn(target, spec, stamp).draft
        draft.restamp(stamp)
        draft.write(target)
    return {table: len(rows) for table, rows in draft.rows.items() if rows}


def purge_year(url: str, organisation: str, year_id: int) -> dict[str, int]:
    """Remove a year's journals, as vendors do to keep their databases small; tells how many rows of each table went."""
    with database.connect(url) as target, target.transaction():
        return {
            table: target.execute(f"DELETE FROM {table} WHERE OrgCode = ? AND YearId = ?", organisation, year_id)
            for table in PURGED
        }


def _person(row: tuple[Any, ...]) -> Person:
    last, first, middle, birth, sex = row
    return Person(last, first, middle, date.fromisoformat(str(birth)), "f" if sex == 2 else "m")


class _Turn:
    """Reads what the old year left, and drafts the new one."""

    def __init__(self, target: Database, spec: SchoolSpec, stamp: str) -> None:
        self._target, self._spec, self._stamp = target, spec, stamp
        self._organisation = spec.organisation
        old = target.query(
            "SELECT YearId, StartDate FROM SchoolYears WHERE OrgCode = ? AND NOT ClosedFlag ORDER BY YearId DESC LIMIT 1",
            self._organisation,
        )
        self._old, begun = old[0]
        year = SchoolYear(date.fromisoformat(str(begun)).year + 1, spec.character.days, spec.character.trimesters)
        self._rng = Random(f"{spec.seed}/turn/{spec.number}/{year.start}")
        self.draft = Draft(self._organisation, {table: self._last(table, column) for table, column in _NUMBERS.items()})
        self._roster = Roster(self.draft, self._rng, year.first)
        self._structure = Structure(self.draft, self._rng, replace(spec, today=year.first), year, self._roster)
        self._run(year)

    def _last(self, table: str, column: str) -> int:
        sql = f"SELECT COALESCE(MAX({column}), 0) FROM {table} WHERE OrgCode = ?"
        return int(self._target.value(sql, self._organisation))

    def _run(self, year: SchoolYear) -> None:
        for number, guid, position, *person in self._target.query(_STAFF, self._organisation):
            self._roster.teachers.append(Teacher(number, str(guid), _person(tuple(person)), position))
        self._structure.staffing.keep()
        if self._spec.further:
            self._circles(year)
        else:
            self._classes(year)
        journal = Journal(self._structure)
        for day, lessons in journal.plan().items():
            for slot, following in lessons:
                journal.lesson(slot, day, following)
        self._structure.write()

    def _classes(self, year: SchoolYear) -> None:
        structure, size = self._structure, size_of(self._spec)
        seats = self._promoted()
        self._open(year)
        for parallel, letter in size.seats(LETTERS):
            if parallel == 1:
                seats[1, letter] = self._first_class(year, max(2, size.per_class))
        for (parallel, letter), students in sorted(seats.items()):
            structure.add_class(parallel, letter, self._rng.choice(self._roster.teachers), students)
        structure.add_groups(size.hours)
        Movement(structure).admit_first_classes(year.first)

    def _circles(self, year: SchoolYear) -> None:
        """Whoever went to a circle goes to one again."""
        roll = self._target.query(_GOERS, self._organisation, self._old)
        self._open(year)
        groups = self._structure.add_circles(size_of(self._spec).classes)
        for student_id, guid, *person in roll:
            student = Student(student_id, str(guid), _person(tuple(person)), 0.0, 1.0)
            self._structure.join(student, self._rng.choice(groups), year.first)

    def _promoted(self) -> dict[tuple[int, str], list[Student]]:
        """Pupils of the old year by their new class; the orders that say so belong to the old year."""
        movement = Movement(self._structure)
        self._structure.year_id = self._old
        end = date(self._structure.year.start, 6, 25)
        orders = {
            kind: movement.order(end, kind, reason)
            for kind, reason in ((NEXT_YEAR, GRADUATED), (CONDITIONAL, WISH), (GRADUATE, GRADUATED))
        }
        seats: defaultdict[tuple[int, str], list[Student]] = defaultdict(list)
        for student_id, guid, *rest in self._target.query(_ROLL, self._organisation, self._old):
            person, (class_id, parallel, letter) = _person(tuple(rest[:5])), rest[5:]
            kind = (
                GRADUATE if parallel == _LAST_CLASS else CONDITIONAL if self._rng.random() < _CONDITIONAL else NEXT_YEAR
            )
            movement.line(orders[kind], student_id, (class_id, None), (None, None), end)
            if kind != GRADUATE:
                seats[parallel + 1, letter].append(
                    Student(student_id, str(guid), person, self._rng.gauss(0, 0.55), self._rng.gammavariate(2, 0.5))
                )
        return dict(seats)

    def _open(self, year: SchoolYear) -> None:
        """Everybody's stay in the old year ends, that year is closed, the next is opened."""
        first, stamp, scope = str(year.first), self._stamp, (self._organisation, self._old)
        for table in ("ClassStudents", "GroupStudents"):
            sql = f"UPDATE {table} SET ToDate = ?, ChangedAt = ? WHERE OrgCode = ? AND YearId = ? AND ToDate IS NULL"
            self._target.execute(sql, first, stamp, *scope)
        self._target.execute(
            "UPDATE SchoolYears SET ClosedFlag = ?, ChangedAt = ? WHERE OrgCode = ? AND YearId = ?", True, stamp, *scope
        )
        self._structure.open_year(closed=False)

    def _first_class(self, year: SchoolYear, count: int) -> list[Student]:
        families = [people.family(self._rng, 1, year.start) for _ in range(count)]
        return [self._roster.student(family.children[0], family, year.first) for family in families]
