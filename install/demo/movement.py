"""Movement of pupils with its orders: admitted, left, moved to another class, promoted, graduated."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from install.demo import people, texts, town
from install.demo.draft import morning
from install.demo.model import CLASS, EXTRA, SUBGROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from install.demo.model import Group, SchoolClass
    from install.demo.roster import Student
    from install.demo.structure import Structure

# The vendor's kinds of orders.
ENROLL, LEAVE, MOVE_CLASS, NEXT_YEAR, CONDITIONAL, REPEAT, GRADUATE = 1, 2, 3, 4, 5, 6, 7
AWAY, OTHER_ORGANISATION, WISH, GRADUATED, FIRST_CLASS = 1, 2, 4, 6, 7  # places in texts.REASONS
_SHARE_A_YEAR: Final = 0.013  # of the pupils arrive, and as many leave, in a year
_SHARE_CLASS: Final = 0.008
_SMALL_CLASS: Final = 3


class Movement:
    """The year's movements of one school, each on its day."""

    def __init__(self, structure: Structure) -> None:
        self.structure, self.draft, self.rng = structure, structure.draft, structure.rng
        self._due: defaultdict[date, list[Callable[[date], None]]] = defaultdict(list)
        self._promised: set[int] = set()  # pupils whose leaving the neighbour school counts on

    def order(self, day: date, kind: int, reason: int) -> int:
        """Add an order."""
        number = self.draft.number("Decrees")
        row = (
            number,
            self.structure.year_id,
            f"{number}-у",
            str(day),
            str(day),
            kind,
            reason,
            texts.REASONS[reason - 1],
            morning(day),
        )
        self.draft.add("Decrees", *row)
        return number

    def line(
        self,
        order: int,
        student: int,
        classes: tuple[int | None, int | None],
        places: tuple[str | None, str | None],
        day: date,
    ) -> None:
        """Add a pupil to an order: classes and organisations, from and to."""
        number = self.draft.number("DecreeLines")
        self.draft.add("DecreeLines", number, self.structure.year_id, order, student, *classes, *places, morning(day))

    def admit_first_classes(self, day: date) -> None:
        """The order of 1 September for all first-year pupils."""
        firsts = [one for one in self.structure.classes if one.parallel == 1]
        order = self.order(day, ENROLL, FIRST_CLASS)
        for one in firsts:
            for student in one.students:
                self.structure.enrolments[student.id].order_in = order
                self.line(order, student.id, (None, one.id), (None, None), day)

    def plan(self) -> None:
        """Draw the year's movements: with the neighbour school, with other towns, between classes."""
        days = self.structure.year.school_days[5:-15]
        count = max(1, round(len(self.structure.roster.students) * _SHARE_A_YEAR))
        for _ in range(count):
            self._due[self.rng.choice(days)].append(self._arrive_from_outside)
            self._due[self.rng.choice(days)].append(self._leave_for_outside)
        for _ in range(max(1, round(len(self.structure.roster.students) * _SHARE_CLASS))):
            self._due[self.rng.choice(days)].append(self._change_class)
        for mover in town.movers(self.structure.spec):
            self._plan_mover(mover)

    def _plan_mover(self, mover: town.Mover) -> None:
        spec, structure = self.structure.spec, self.structure
        other = spec.neighbour.name if spec.neighbour else None
        one = self._class_for(mover.parallel)
        if mover.origin == spec.number:
            student = structure.roster.student(mover.child, mover.family, structure.year.first)
            one.students.append(student)
            structure.enrol(student, one, structure.year.first)
            self._join_groups(student, one, structure.year.first)
            self._promised.add(student.id)
            self._due[mover.left].append(lambda day: self.leave(student, day, OTHER_ORGANISATION, other))
        else:
            self._due[mover.arrived].append(lambda day: self._arrive(mover.child, mover.family, one, day, other))

    def happen(self, day: date) -> None:
        """Carry out what is due on ``day``."""
        for action in self._due.pop(day, ()):
            action(day)

    def _class_for(self, parallel: int) -> SchoolClass:
        fitting = [one for one in self.structure.classes if one.parallel == parallel]
        return min(fitting, key=lambda one: (len(one.students), one.id))

    def _arrive_from_outside(self, day: date) -> None:
        parallel = self.rng.randint(1, 11)
        family = people.family(self.rng, parallel, self.structure.year.start)
        self._arrive(family.children[0], family, self._class_for(parallel), day, self.rng.choice(texts.OTHER_TOWNS))

    def _arrive(
        self, child: people.Person, family: people.Family, one: SchoolClass, day: date, origin: str | None
    ) -> None:
        student = self.structure.roster.student(child, family, day)
        order = self.order(day, ENROLL, AWAY)
        self.line(order, student.id, (None, one.id), (origin, None), day)
        one.students.append(student)
        self.structure.enrol(student, one, day, order)
        self._join_groups(student, one, day)

    def _leave_for_outside(self, day: date) -> None:
        student = self._anybody()
        if student:
            self.leave(student, day, AWAY, self.rng.choice(texts.OTHER_TOWNS))

    def _anybody(self) -> Student | None:
        """Somebody who may leave: not from a class that is small already."""
        crowded = [one for one in self.structure.classes if len(one.students) > _SMALL_CLASS]
        student = self.rng.choice(self.rng.choice(crowded).students) if crowded else None
        return None if student is None or student.id in self._promised else student

    def leave(self, student: Student, day: date, reason: int, target: str | None) -> None:
        """Take a pupil off every roll as of ``day``."""
        order = self.order(day, LEAVE, reason)
        stay = self._end_stay(student, day, order)
        self.line(order, student.id, (stay, None), (None, target), day)

    def _end_stay(self, student: Student, day: date, order: int) -> int:
        structure = self.structure
        stay = structure.enrolments.pop(student.id)
        stay.until, stay.order_out = day, order
        structure.ended.append(stay)
        home = next(one for one in structure.classes if one.id == stay.place)
        home.students.remove(student)
        for group in structure.groups:
            if group.members.pop(student.id, None):
                structure.memberships[group.id, student.id].until = day
        return stay.place

    def _change_class(self, day: date) -> None:
        student = self._anybody()
        if student is None:
            return
        old = next(one for one in self.structure.classes if student in one.students)
        others = [one for one in self.structure.classes if one.parallel == old.parallel and one is not old]
        if others:
            self._move(student, self.rng.choice(others), day)

    def _move(self, student: Student, new: SchoolClass, day: date) -> None:
        order = self.order(day, MOVE_CLASS, WISH)
        old = self._end_stay(student, day, order)
        self.line(order, student.id, (old, new.id), (None, None), day)
        new.students.append(student)
        self.structure.enrol(student, new, day, order)
        self._join_groups(student, new, day)

    def _join_groups(self, student: Student, one: SchoolClass, day: date) -> None:
        """Onto the rolls of the class's groups; of two subgroups the smaller one."""
        by_subject: defaultdict[int, list[Group]] = defaultdict(list)
        for group in self.structure.groups:
            if one in group.classes and group.kind in (CLASS, SUBGROUP, EXTRA):
                by_subject[group.subject.id].append(group)
        for groups in by_subject.values():
            smallest = min(groups, key=lambda group: (len(group.members), group.id))
            self.structure.join(student, smallest, day)


def promote(movement: Movement, classes: Sequence[SchoolClass], day: date) -> None:
    """The orders at the end of a year: everybody goes up, class 11 graduates."""
    structure = movement.structure
    graduates = movement.order(day, GRADUATE, GRADUATED)
    promoted = movement.order(day, NEXT_YEAR, GRADUATED)
    for one in classes:
        order = graduates if one.parallel == 11 else promoted
        for student in one.students:
            structure.enrolments[student.id].order_out = order
            movement.line(order, student.id, (one.id, None), (None, None), day)
