"""A school-year's frame: classes, teaching groups, who teaches them, timetable. The journal is written into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from install.demo.curriculum import CIRCLE_BASE, CIRCLES, SPORT, SUBJECTS, Subject, weekly_hours
from install.demo.draft import morning
from install.demo.model import (
    CIRCLE,
    CLASS,
    EXTRA,
    INDIVIDUAL,
    PRIMARY,
    SUBGROUP,
    TERM_KINDS,
    Group,
    SchoolClass,
    Slot,
    Stay,
    Substitute,
)
from install.demo.staffing import Staffing
from install.demo.timetable import LAST_LESSON, ClassWeek, Timetable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from random import Random

    from install.demo.draft import Draft
    from install.demo.roster import Roster, Student, Teacher
    from install.demo.schoolyear import SchoolYear
    from install.demo.spec import SchoolSpec

_SPLIT_FROM: Final = 12  # pupils; smaller classes are not divided
_SUBSTITUTED: Final = 0.03
_SENIOR: Final = 10


class Structure:
    """The frame of one school-year, and the rows that describe it."""

    def __init__(self, draft: Draft, rng: Random, spec: SchoolSpec, year: SchoolYear, roster: Roster) -> None:
        self.draft, self.rng, self.spec, self.year, self.roster = draft, rng, spec, year, roster
        self.year_id = 0
        self.terms: dict[tuple[int, int], int] = {}
        self.classes: list[SchoolClass] = []
        self.groups: list[Group] = []
        self.timetable, self.staffing = Timetable(draft, year), Staffing(roster)
        self.enrolments: dict[int, Stay] = {}
        self.memberships: dict[tuple[int, int], Stay] = {}
        self.ended: list[Stay] = []
        self._since = morning(year.first)

    def open_year(self, *, closed: bool) -> None:
        """Add the year and its terms."""
        draft, year = self.draft, self.year
        self.year_id = self.timetable.year_id = draft.number("SchoolYears")
        draft.add("SchoolYears", self.year_id, year.name, str(year.first), str(year.last), closed, self._since)
        for parallel in range(1, 12):
            for term in year.terms(parallel):
                number = self.terms[parallel, term.ordinal] = draft.number("Terms")
                kind = TERM_KINDS.index(term.kind) + 1
                span = (str(term.first), str(term.last))
                draft.add(
                    "Terms", number, self.year_id, kind, term.name, term.ordinal, *span, parallel, None, self._since
                )

    def add_class(self, parallel: int, letter: str, leader: Teacher, students: list[Student]) -> SchoolClass:
        """Add a class with its pupils."""
        relay = 2 if self.spec.character.shifts > 1 and parallel in (3, 6, 7) else 1
        room = str(100 * self.rng.randint(1, 3) + self.rng.randint(1, 30))
        school_class = SchoolClass(self.draft.number("Classes"), parallel, letter, relay, room, leader, students)
        self.classes.append(school_class)
        for student in students:
            self.enrol(student, school_class, self.year.first)
        return school_class

    def enrol(self, student: Student, school_class: SchoolClass, since: date, order: int | None = None) -> None:
        """Put a pupil on a class's roll."""
        self.enrolments[student.id] = Stay(school_class.id, student, since, order_in=order)

    def join(self, student: Student, group: Group, since: date) -> None:
        """Put a pupil on a group's roll; those who are excused or taught at home are on it without taking part."""
        exempt = (student.excused and group.subject.id == SPORT) or (
            student.at_home and group.kind in (CLASS, SUBGROUP)
        )
        group.members[student.id] = student
        earlier = self.memberships.get((group.id, student.id))
        if earlier:
            earlier.until = None
        else:
            self.memberships[group.id, student.id] = Stay(group.id, student, since, exempt=exempt)

    def is_exempt(self, group: Group, student: Student) -> bool:
        """Whether the pupil is on the group's roll without taking part."""
        return self.memberships[group.id, student.id].exempt

    def write(self) -> None:
        """Add the rows of classes, rolls and timetable; called once, when movements are known."""
        for school_class in self.classes:
            self._write_class(school_class)
        for stay in sorted([*self.ended, *self.enrolments.values()], key=lambda stay: (stay.since, stay.student.id)):
            self._write_enrolment(stay)
        for (group, student), stay in sorted(self.memberships.items()):
            until = str(stay.until) if stay.until else None
            changed = morning(stay.until or stay.since)
            self.draft.add("GroupStudents", group, student, self.year_id, str(stay.since), until, stay.exempt, changed)

    def _write_class(self, one: SchoolClass) -> None:
        profile = self.rng.choice((None, "технологический", "гуманитарный")) if one.parallel >= _SENIOR else None
        september_20 = self.year.first.replace(day=20)
        known = len(one.students) if self.spec.today >= september_20 else None
        head = (one.id, self.year_id, one.parallel, one.letter, profile, "общеобразовательный", 1)
        self.draft.add("Classes", *head, one.leader.id, known, one.relay, one.room, self._since)

    def _write_enrolment(self, stay: Stay) -> None:
        until = str(stay.until) if stay.until else None
        orders = (stay.order_in, stay.order_out)
        row = (
            self.year_id,
            stay.student.id,
            stay.place,
            str(stay.since),
            until,
            *orders,
            morning(stay.until or stay.since),
        )
        self.draft.add("ClassStudents", self.draft.number("ClassStudents"), *row)

    # Groups and their teachers

    def add_groups(self, hours: float) -> None:
        """Make the groups of every class by the curriculum, ``hours`` being the share of it, with teachers and timetable."""
        for parallel in sorted({one.parallel for one in self.classes}):
            classes = [one for one in self.classes if one.parallel == parallel]
            self._class_hour(classes)
            for one in classes:
                self._groups_of(one, hours)
        for student_id, stay in self.enrolments.items():
            if stay.student.at_home:
                self._individual(next(one for one in self.classes if one.id == stay.place), student_id)

    def _class_hour(self, classes: list[SchoolClass]) -> None:
        subject = SUBJECTS[-1]
        name = "-".join(one.name for one in classes) if len(classes) > 1 else classes[0].name
        group = self.add_group(subject, tuple(classes), EXTRA, classes[0].leader, f"{name}/{subject.name}", 1)
        for one in classes:
            for student in one.students:
                self.join(student, group, self.year.first)
        self.timetable.place(Slot(group, 1, 1, classes[0].relay))

    def _groups_of(self, one: SchoolClass, hours: float) -> None:
        week = ClassWeek(self.timetable, one, self.spec.character.days)
        wanted = [
            (weekly_hours(subject.hours[one.parallel - 1], hours), subject) for subject in SUBJECTS if not subject.extra
        ]
        for weekly, subject in sorted(wanted, key=lambda pair: (-pair[0], pair[1].id)):
            if weekly:
                week.fill(self._parts(one, subject, weekly), weekly)

    def _parts(self, one: SchoolClass, subject: Subject, weekly: int) -> list[Group]:
        halves = 2 if subject.split and len(one.students) >= _SPLIT_FROM else 1
        groups = []
        for half in range(halves):
            own = subject.primary and one.parallel <= PRIMARY
            teacher = one.leader if own else self.staffing.teacher(subject, weekly)
            name = f"{one.name}/{subject.name}" + (f"/{half + 1}" if halves > 1 else "")
            group = self.add_group(subject, (one,), SUBGROUP if halves > 1 else CLASS, teacher, name, weekly)
            for place, student in enumerate(one.students):
                if place % halves == half:
                    self.join(student, group, self.year.first)
            groups.append(group)
        return groups

    def _individual(self, one: SchoolClass, student_id: int) -> None:
        student, subject = self.enrolments[student_id].student, SUBJECTS[0]
        name = f"{one.name}/{subject.name}/ИУП {student_id}"
        group = self.add_group(subject, (one,), INDIVIDUAL, self.staffing.teacher(subject, 2), name, 2)
        self.join(student, group, self.year.first)
        self.timetable.place(Slot(group, 2, LAST_LESSON, one.relay))
        self.timetable.place(Slot(group, 4, LAST_LESSON, one.relay, parity=1))

    def add_group(
        self, subject: Subject, classes: Sequence[SchoolClass], kind: int, teacher: Teacher, name: str, weekly: int
    ) -> Group:
        """Add a group with its main teacher."""
        draft, rng = self.draft, self.rng
        parallel = classes[0].parallel if classes else 0
        group = Group(
            draft.number("SubjectGroups"), subject, tuple(classes), kind, teacher, parallel, rng.gauss(0, 0.2)
        )
        self.groups.append(group)
        draft.add("SubjectGroups", group.id, self.year_id, subject.id, name, kind, weekly, self._since)
        for one in classes:
            draft.add("GroupClasses", group.id, one.id)
        number = draft.number("GroupTeachers")
        draft.add(
            "GroupTeachers", number, self.year_id, teacher.id, group.id, str(self.year.first), None, False, self._since
        )
        return group

    def add_substitutes(self) -> None:
        """Some teachers are away for two weeks; a colleague takes the group over."""
        days = self.year.school_days
        for group in self.groups:
            start = self.rng.randrange(3, len(days) - 15)
            if self.rng.random() < _SUBSTITUTED and days[start] <= self.spec.today:
                teacher = self.rng.choice(self.roster.teachers)
                group.substitute = Substitute(teacher, days[start], days[start + 10])
                number = self.draft.number("GroupTeachers")
                span = (str(days[start]), str(days[start + 10]))
                self.draft.add(
                    "GroupTeachers", number, self.year_id, teacher.id, group.id, *span, True, morning(days[start])
                )

    def add_circles(self, count: int) -> list[Group]:
        """Make the groups of further education, each with a leader of its own, twice a week in the afternoon."""
        groups = []
        for index in range(count):
            circle = index % len(CIRCLES)
            subject = Subject(
                CIRCLE_BASE + circle, CIRCLES[circle], CIRCLES[circle], f"circle_{circle}", 10, (), 2, extra=True
            )
            teacher = self.roster.teacher("Педагог дополнительного образования", woman=0.7)
            group = self.add_group(subject, (), CIRCLE, teacher, f"{CIRCLES[circle]} № {index // len(CIRCLES) + 1}", 2)
            first = index % 5 + 1
            for weekday in (first, first % 5 + 1):
                self.timetable.place(Slot(group, weekday, index % 4 + 1, 2))
            groups.append(group)
        return groups
