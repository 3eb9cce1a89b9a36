"""Results of terms and of the year, from the marks of the term by the school's own rounding; examinations of classes 9 and 11."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from install.demo.curriculum import CODE, NUMERIC, PASS, PASS_FAIL
from install.demo.draft import moment, stamp
from install.demo.model import CLASS, INDIVIDUAL, SUBGROUP

if TYPE_CHECKING:
    from datetime import date

    from install.demo.journal import Journal
    from install.demo.model import Group
    from install.demo.roster import Student
    from install.demo.schoolyear import Term

TERM, YEAR, EXAM, FINAL = 1, 2, 3, 4  # the vendor's kinds of results
_EXAMINED: Final = {9: ("russian", "algebra"), 11: ("russian", "algebra")}
_GRADED: Final = frozenset({CLASS, SUBGROUP, INDIVIDUAL})


def rounded(total: float, weight: float, threshold: float) -> int:
    """The mark that the exact mean ``total / weight`` stands for when its fraction counts up from ``threshold``."""
    mean = Fraction(total) / Fraction(weight)
    whole = int(mean)
    return max(2, min(5, whole + (mean - whole >= Fraction(str(threshold)))))


class Results:
    """Writes results at the end of each term of each parallel."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._structure, self._rng = journal, journal.structure, journal.rng
        self._settled: set[tuple[int, int]] = set()
        self._of_terms: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def settle(self, before: date) -> None:
        """Give the results of all terms that ended before that day and have none yet."""
        for parallel in range(2, 12):
            for term in self._structure.year.terms(parallel):
                if term.last < before and (parallel, term.ordinal) not in self._settled:
                    self._settled.add((parallel, term.ordinal))
                    self._end(parallel, term)

    def _end(self, parallel: int, term: Term) -> None:
        groups = [group for group in self._structure.groups if group.parallel == parallel and group.kind in _GRADED]
        for group in groups:
            at = stamp(term.last, self._rng.randint(10 * 3600, 19 * 3600))
            for student in group.members.values():
                if student.at_home and group.kind != INDIVIDUAL:
                    continue
                if term.kind == "year":
                    self._year(group, student, term, at)
                else:
                    self._term(group, student, term, at)

    def _term(self, group: Group, student: Student, term: Term, at: str) -> None:
        count, total, weight = self._journal.tally.pop((group.id, student.id), (0, 0.0, 0.0))
        if self._structure.is_exempt(group, student):
            self._write(group, student, term, (TERM, CODE, None, "осв"), at)
        elif group.subject.grading == PASS:
            self._write(
                group, student, term, (TERM, PASS_FAIL, None, "зач" if self._rng.random() < 0.97 else "незач"), at
            )
        elif count and weight:
            value = rounded(total, weight, self._journal.spec.character.rounding_up)
            self._of_terms[group.id, student.id].append(value)
            self._write(group, student, term, (TERM, NUMERIC, value, str(value)), at)
        elif self._rng.random() < 0.5:
            self._write(group, student, term, (TERM, CODE, None, "н/а"), at)

    def _year(self, group: Group, student: Student, term: Term, at: str) -> None:
        values = self._of_terms[group.id, student.id]
        if self._structure.is_exempt(group, student):
            self._write(group, student, term, (YEAR, CODE, None, "осв"), at)
        elif group.subject.grading == PASS:
            self._write(group, student, term, (YEAR, PASS_FAIL, None, "зач"), at)
        elif values:
            year = rounded(sum(values), len(values), 0.5)
            self._write(group, student, term, (YEAR, NUMERIC, year, str(year)), at)
            if group.subject.code in _EXAMINED.get(group.parallel, ()):
                self._exam(group, student, term, year, at)

    def _exam(self, group: Group, student: Student, term: Term, year: int, at: str) -> None:
        exam = max(2, min(5, year + self._rng.choice((-1, 0, 0, 0, 1))))
        final = rounded(year + exam, 2, 0.5)
        self._write(group, student, term, (EXAM, NUMERIC, exam, str(exam)), at)
        self._write(group, student, term, (FINAL, NUMERIC, final, str(final)), at)

    def _write(
        self, group: Group, student: Student, term: Term, result: tuple[int, int, int | None, str], at: str
    ) -> None:
        draft = self._journal.draft
        term_id = self._structure.terms[group.parallel, term.ordinal]
        head = (draft.number("PeriodResults"), self._structure.year_id, student.id, group.id, term_id)
        draft.add("PeriodResults", *head, *result, at, moment(at))
