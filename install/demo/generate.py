"""The demo city: draws every organisation from its seed alone and writes it into a database."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from install.demo import database, office, past, people, town
from install.demo.curriculum import SUBJECTS
from install.demo.draft import Draft
from install.demo.journal import Journal
from install.demo.model import LETTERS, PRIMARY
from install.demo.movement import ENROLL, WISH, Movement
from install.demo.results import Results
from install.demo.roster import Roster, Student
from install.demo.schoolyear import SchoolYear
from install.demo.sizing import Size, size_of
from install.demo.structure import Structure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from install.demo.roster import Teacher
    from install.demo.spec import CitySpec, SchoolSpec

_LEADING: Final = (0, 2, 4, 8, 10, 13, 14)  # places of subjects whose teachers lead classes


@dataclass(frozen=True, slots=True)
class Built:
    """What was written: rows per table of the vendor; ``fresh`` is False when the organisation was there already."""

    spec: SchoolSpec
    fresh: bool
    rows: Mapping[str, int]


def build(spec: CitySpec, urls: Mapping[str, str]) -> list[Built]:
    """Build every organisation of the city into the database behind its write URL (``urls`` by the school's id)."""
    return [build_school(school, urls[school.id]) for school in spec.organisations()]


def build_school(spec: SchoolSpec, url: str) -> Built:
    """Build one organisation, in one transaction. What is there already is left as it is; several may share a database."""
    with database.connect(url) as target:
        with target.transaction():
            if not target.has_schema():
                target.create_schema()
            elif target.query("SELECT 1 FROM Organisations WHERE OrgCode = ?", spec.organisation):
                return Built(spec, fresh=False, rows={})
            draft = draw(spec)
            draft.write(target)
        target.finish()
    return Built(spec, fresh=True, rows={table: len(rows) for table, rows in draft.rows.items() if rows})


def draw(spec: SchoolSpec) -> Draft:
    """All rows of an organisation as of ``spec.today``: a function of the specification and nothing else."""
    return _Play(spec, size_of(spec)).draft


class _Play:
    """Plays an organisation's life up to today."""

    def __init__(self, spec: SchoolSpec, size: Size) -> None:
        self.spec, self.size = spec, size
        self.rng = Random(f"{spec.seed}/school/{spec.number}/{spec.year}")
        self.draft = Draft(spec.organisation)
        self.year = SchoolYear(spec.year, spec.character.days, spec.character.trimesters)
        self.roster = Roster(self.draft, self.rng, self.year.first)
        self.structure = Structure(self.draft, self.rng, spec, self.year, self.roster)
        director = self.roster.teacher("Директор", woman=0.7)
        self.roster.teacher("Заместитель директора по учебной работе")
        self.roster.teacher("Секретарь", woman=1.0)
        office.add_card(self.draft, spec, director, size.pupils + 50)
        office.add_dictionaries(self.draft, spec)
        if spec.further:
            self._open_circles()
        else:
            self._open_classes()
        self._live()

    def _open_classes(self) -> None:
        seats = self._seat()
        leaders = {seat: self._leader(seat[0]) for seat in seats}
        past.play(self.structure, seats, leaders)
        self.structure.open_year(closed=False)
        for (parallel, letter), students in seats.items():
            self.structure.add_class(parallel, letter, leaders[parallel, letter], list(students))
        self.structure.add_groups(self.size.hours)
        self.structure.add_substitutes()

    def _leader(self, parallel: int) -> Teacher:
        """A class teacher: of everything in primary school, later somebody who teaches a subject."""
        if parallel <= PRIMARY:
            return self.roster.teacher("Учитель начальных классов", woman=0.97)
        return self.structure.staffing.hire(SUBJECTS[self.rng.choice(_LEADING)])

    def _seat(self) -> dict[tuple[int, str], list[Student]]:
        """Pupils for every class: children of shared families first, then new families with their brothers and sisters."""
        seats: dict[tuple[int, str], list[Student]] = {seat: [] for seat in self.size.seats(LETTERS)}
        waiting: defaultdict[int, list[tuple[people.Person, people.Family]]] = defaultdict(list)
        for one in town.residents(self.spec):
            if one.school == self.spec.number:
                waiting[people.parallel_of(one.child.birth, self.year.start)].append((one.child, one.family))
        for (parallel, _), students in seats.items():
            for _ in range(max(2, self.size.per_class + self.rng.randint(-2, 2))):
                if not waiting[parallel]:
                    self._new_family(parallel, waiting)
                child, family = waiting[parallel].pop()
                students.append(self.roster.student(child, family, self.year.first))
            students.sort(key=lambda student: (student.person.last, student.person.first, student.id))
        return seats

    def _new_family(self, parallel: int, waiting: Mapping[int, list[tuple[people.Person, people.Family]]]) -> None:
        family = people.family(self.rng, parallel, self.year.start)
        waiting[parallel].append((family.children[0], family))
        for child in family.children[1:]:
            younger = people.parallel_of(child.birth, self.year.start)
            if 1 <= younger < parallel:
                waiting[younger].insert(0, (child, family))

    def _open_circles(self) -> None:
        """Further education: whoever wants to, in groups of all ages; an order of admission, no classes."""
        self.structure.open_year(closed=False)
        groups = self.structure.add_circles(self.size.classes)
        children = [(one.child, one.family) for one in town.circle_goers(self.spec)]
        while len(children) < self.size.pupils:
            family = people.family(self.rng, self.rng.randint(1, 9), self.year.start)
            children += [(child, family) for child in family.children]
        movement = Movement(self.structure)
        order = movement.order(self.year.first, ENROLL, WISH)
        for child, family in children[: self.size.pupils]:
            student = self.roster.student(child, family, self.year.first)
            movement.line(order, student.id, (None, None), (None, None), self.year.first)
            for group in self.rng.sample(groups, k=min(len(groups), self.rng.choice((1, 1, 1, 2)))):
                self.structure.join(student, group, self.year.first)

    def _live(self) -> None:
        """Day by day until yesterday; today's lessons are in the plan and wait for their teachers."""
        journal, days = Journal(self.structure), office.Days(self.draft, self.rng, self.roster)
        results, movement = Results(journal), Movement(self.structure)
        if not self.spec.further:
            movement.admit_first_classes(self.year.first)
            movement.plan()
        for day, lessons in journal.plan().items():
            if day < self.spec.today:
                results.settle(day)
                movement.happen(day)
                journal.absences.begin(day, self.roster.students)
                days.begin(day)
            for slot, following in lessons:
                journal.lesson(slot, day, following)
        results.settle(self.spec.today)
        self.structure.write()
