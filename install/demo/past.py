"""The school-year before: closed, small; who was in which class, last results in a few subjects, the order that promoted everybody."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from install.demo.curriculum import NUMERIC, SUBJECTS
from install.demo.draft import moment, stamp
from install.demo.model import CLASS
from install.demo.movement import Movement, promote
from install.demo.results import YEAR
from install.demo.schoolyear import SchoolYear
from install.demo.structure import Structure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from install.demo.model import Group, SchoolClass
    from install.demo.roster import Student, Teacher

_REMEMBERED: Final = frozenset({"russian", "mathematics", "algebra"})


def play(
    current: Structure, seats: Mapping[tuple[int, str], Sequence[Student]], leaders: Mapping[tuple[int, str], Teacher]
) -> None:
    """Add the closed year before ``current``, in which everybody was one class lower."""
    year = SchoolYear(current.year.start - 1, current.year.days, current.year.trimesters)
    structure = Structure(current.draft, current.rng, current.spec, year, current.roster)
    structure.open_year(closed=True)
    for (parallel, letter), students in seats.items():
        if parallel > 1:
            one = structure.add_class(parallel - 1, letter, leaders[parallel, letter], list(students))
            for group in _groups(structure, one):
                _results(structure, group)
    promote(Movement(structure), structure.classes, date(year.start + 1, 6, 25))
    for stay in [*structure.enrolments.values(), *structure.memberships.values()]:
        stay.until = current.year.first
    structure.write()


def _groups(structure: Structure, one: SchoolClass) -> list[Group]:
    groups = []
    for subject in SUBJECTS:
        weekly = subject.hours[one.parallel - 1]
        if subject.code in _REMEMBERED and weekly:
            group = structure.add_group(subject, (one,), CLASS, one.leader, f"{one.name}/{subject.name}", weekly)
            for student in one.students:
                structure.join(student, group, structure.year.first)
            groups.append(group)
    return groups


def _results(structure: Structure, group: Group) -> None:
    """Results of the year in a group; there are none in class 1."""
    if group.parallel == 1:
        return
    year = structure.year.terms(group.parallel)[-1]
    term, at = structure.terms[group.parallel, year.ordinal], stamp(year.last, 15 * 3600)
    for student in group.members.values():
        value = max(3, min(5, round(4 + student.ability + structure.rng.gauss(0, 0.4))))
        number = structure.draft.number("PeriodResults")
        row = (number, structure.year_id, student.id, group.id, term, YEAR, NUMERIC, value, str(value), at, moment(at))
        structure.draft.add("PeriodResults", *row)
