"""What a class teacher must see in time: pupils at risk, each with the reasons."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collector.core.absence import LessonPlace, Missed, count, longest_unexcused
from collector.core.averages import Ratio, expected, mean, weighted_mean
from collector.core.whatif import FEWEST
from collector.store import people
from collector.store.lessons import HELD
from collector.store.marks import Term
from collector.store.names import russian

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from collector.store.names import Names
    from collector.store.people import Pupil
    from collector.store.reader import Reader

_TERMS: Final = """
SELECT DISTINCT ON (t.term_type, t.seq) t.source_id, coalesce(t.name, ''), t.term_type, t.start_date, t.end_date, t.year_id, y.closed IS TRUE
FROM gorod.class c
JOIN gorod.term t ON t.school_id = c.school_id AND t.year_id = c.year_id
LEFT JOIN gorod.academic_year y ON y.school_id = t.school_id AND y.source_id = t.year_id
WHERE c.school_id = %(school)s AND c.source_id = %(class_id)s AND t.start_date IS NOT NULL AND t.end_date IS NOT NULL
  AND (t.parallel IS NULL OR t.parallel = c.parallel) AND (t.profile IS NULL OR t.profile = c.profile)
ORDER BY t.term_type, t.seq, t.parallel NULLS LAST, t.profile NULLS LAST"""
_GROUPS: Final = """
SELECT DISTINCT m.pupil_id, g.source_id, coalesce(u.name, g.name, '')
FROM gorod.group_membership m
JOIN gorod.teaching_group g ON g.school_id = m.school_id AND g.source_id = m.teaching_group_id
LEFT JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id
WHERE m.school_id = %(school)s AND m.pupil_id = ANY (%(pupils)s) AND g.year_id = %(year)s"""
_MARKS: Final = """
SELECT k.pupil_id, l.teaching_group_id, a.source_id, k.value_kind, k.value, coalesce(k.weight, a.weight, 1), l.date
FROM gorod.lesson l
JOIN gorod.assignment a ON a.school_id = l.school_id AND a.lesson_id = l.source_id AND a.deleted IS NOT TRUE
JOIN gorod.mark k ON k.school_id = a.school_id AND k.assignment_id = a.source_id
WHERE l.school_id = %(school)s AND l.teaching_group_id = ANY (%(groups)s) AND l.date BETWEEN %(first)s AND %(last)s
  AND k.pupil_id = ANY (%(pupils)s)
ORDER BY l.date, k.source_id"""
_RESULTS: Final = """
SELECT r.pupil_id, r.teaching_group_id, r.value, coalesce(r.raw, '')
FROM gorod.period_result r
WHERE r.school_id = %(school)s AND r.pupil_id = ANY (%(pupils)s) AND r.term_id = %(term)s AND r.kind IN ('term', 'year')"""
_PLACES: Final = f"""
SELECT m.pupil_id, l.date, coalesce(e.corrected_code, e.submitted_code), l.filled_at IS NOT NULL OR e.source_id IS NOT NULL
FROM gorod.group_membership m
JOIN gorod.lesson l ON l.school_id = m.school_id AND l.teaching_group_id = m.teaching_group_id
    AND l.date BETWEEN %(first)s AND %(last)s
    AND (m.from_date IS NULL OR l.date >= m.from_date) AND (m.to_date IS NULL OR l.date < m.to_date)
LEFT JOIN gorod.attendance_event e ON e.school_id = l.school_id AND e.lesson_id = l.source_id AND e.pupil_id = m.pupil_id
WHERE m.school_id = %(school)s AND m.pupil_id = ANY (%(pupils)s) AND m.exempt IS NOT TRUE AND {HELD}"""  # noqa: S608  our own constant

_FALL: Final = Decimal("0.5")
_MARKS_TO_COMPARE: Final = 3
_TENTH, _FIFTH = Decimal("0.1"), Decimal("0.2")
_DAYS_RUNNING: Final = 3
_BAD, _MIDDLE, _GOOD = 2, 3, 4


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a pupil is on the list.

    `kind`: two (expected or given 2) | one_three (exactly one 3) | one_four (exactly one 4, rest 5) | falling (mean of the last third of
    the term lower by 0.5 or more) | absent_10 | absent_20 (unexcused share) | absent_days (three days running) | debts.
    """

    kind: str
    subject: str | None
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A pupil with reasons."""

    pupil: Pupil
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ClassSubject:
    """A subject of one pupil in the class's summary."""

    subject: str
    marks: int
    weighted: Ratio
    expected: int | None  # the result if it is a number, else what the weighted mean of three marks or more stands for
    result: str | None  # what was given, as written


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A pupil in the class's summary of a term."""

    pupil: Pupil
    subjects: tuple[ClassSubject, ...]
    missed_lessons: int
    missed_unexcused: int


class _Mark(NamedTuple):
    pupil: str
    group: str
    work: str
    kind: str | None
    value: Decimal | None
    weight: Decimal
    day: date

    @property
    def counted(self) -> tuple[Decimal, Decimal] | None:
        return (self.value, self.weight) if self.kind == "numeric" and self.value is not None else None


@dataclass(frozen=True, slots=True)
class _Term:
    """What is read of a class in a term."""

    pupils: tuple[Pupil, ...]
    subjects: dict[str, dict[str, str]]  # pupil → group → subject
    marks: dict[str, list[_Mark]]
    results: dict[tuple[str, str], tuple[Decimal | None, str]]
    missed: dict[str, Missed]
    school_days: frozenset[date]


def terms(reader: Reader, school: str, class_id: str) -> tuple[Term, ...]:
    """Terms of the class's year, by begin, the year last."""
    found = [Term(*row) for row in reader.rows(_TERMS, school=school, class_id=class_id)]
    return tuple(sorted(found, key=lambda term: (term.kind == "year", term.first, term.last)))


def summary(reader: Reader, names: Names, school: str, class_id: str, term: Term) -> tuple[ClassRow, ...]:
    """Every pupil of the class with means, results and absences of the term, by name. Five queries, whatever the class's size."""
    read = _read(reader, names, school, class_id, term)
    return tuple(_row(read, pupil) for pupil in read.pupils)


def risk(reader: Reader, names: Names, school: str, class_id: str, term: Term) -> tuple[AtRisk, ...]:
    """Pupils of the class with a reason to look at, most reasons first."""
    read = _read(reader, names, school, class_id, term)
    found = [AtRisk(row.pupil, tuple(_reasons(read, row))) for row in (_row(read, pupil) for pupil in read.pupils)]
    return tuple(sorted((one for one in found if one.reasons), key=lambda one: -len(one.reasons)))


def _read(reader: Reader, names: Names, school: str, class_id: str, term: Term) -> _Term:
    rolled = people.class_list(reader, names, school, class_id, min(term.last, reader.now.date()))
    keys = [pupil.pupil for pupil in rolled]
    subjects: dict[str, dict[str, str]] = {key: {} for key in keys}
    for pupil, group, subject in reader.rows(_GROUPS, school=school, pupils=keys, year=term.year):
        subjects[pupil][group] = subject
    groups = sorted({group for own in subjects.values() for group in own})
    span: dict[str, Any] = {"school": school, "pupils": keys, "first": term.first, "last": term.last}
    marks: dict[str, list[_Mark]] = {key: [] for key in keys}
    for row in reader.rows(_MARKS, **span, groups=groups):
        marks[row[0]].append(_Mark(*row))
    places: dict[str, list[LessonPlace]] = {key: [] for key in keys}
    for pupil, day, code, submitted in reader.rows(_PLACES, **span):
        places[pupil].append(LessonPlace(day, code, submitted))
    results = {
        (pupil, group): (value, text)
        for pupil, group, value, text in reader.rows(_RESULTS, school=school, pupils=keys, term=term.term)
    }
    return _Term(
        rolled,
        subjects,
        marks,
        results,
        {key: count(own) for key, own in places.items()},
        frozenset(place.day for own in places.values() for place in own),
    )


def _row(read: _Term, pupil: Pupil) -> ClassRow:
    by_group: defaultdict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for mark in read.marks[pupil.pupil]:
        if mark.counted:
            by_group[mark.group].append(mark.counted)
    subjects = []
    for group, subject in read.subjects[pupil.pupil].items():
        weighted = weighted_mean(by_group[group])
        result = read.results.get((pupil.pupil, group))
        given = int(result[0]) if result and result[0] is not None else None
        enough = sum(weight > 0 for _, weight in by_group[group]) >= FEWEST
        stands = given if given is not None else expected(weighted) if enough else None
        if by_group[group] or result:
            subjects.append(
                ClassSubject(subject, len(by_group[group]), weighted, stands, result[1] if result else None)
            )
    missed = read.missed[pupil.pupil]
    ordered = tuple(sorted(subjects, key=lambda one: russian(one.subject)))
    return ClassRow(pupil, ordered, missed.missed, missed.lessons.get("НП", 0))


def _reasons(read: _Term, row: ClassRow) -> Iterator[Reason]:
    stands = [(one.subject, one.expected) for one in row.subjects if one.expected is not None]
    yield from (Reason("two", subject, Decimal(mark)) for subject, mark in stands if mark <= _BAD)
    yield from _the_only(stands, _MIDDLE, "one_three")
    yield from _the_only(stands, _GOOD, "one_four")
    fall = _fall([pair for mark in read.marks[row.pupil.pupil] if (pair := mark.counted)])
    if fall is not None and fall >= _FALL:
        yield Reason("falling", None, fall)
    missed = read.missed[row.pupil.pupil]
    share = Ratio(Decimal(row.missed_unexcused), Decimal(missed.planned))
    if share.exact is not None and share.exact >= _TENTH:
        yield Reason("absent_20" if share.exact >= _FIFTH else "absent_10", None, share.percent)
    running = longest_unexcused(missed.days, read.school_days)
    if running >= _DAYS_RUNNING:
        yield Reason("absent_days", None, Decimal(running))
    owed = _owed(read.marks[row.pupil.pupil])
    if owed:
        yield Reason("debts", None, Decimal(owed))


def _the_only(stands: Sequence[tuple[str, int]], mark: int, kind: str) -> Iterator[Reason]:
    """The one subject that keeps a pupil from a better row: exactly one such mark, all others better."""
    at_most = [(subject, value) for subject, value in stands if value <= mark]
    if len(at_most) == 1 and at_most[0][1] == mark and len(stands) > 1:
        yield Reason(kind, at_most[0][0], Decimal(mark))


def _fall(marks: Sequence[tuple[Decimal, Decimal]]) -> Decimal | None:
    """By how much the mean of the last third of the marks is lower than that of those before; None where there are too few."""
    late = len(marks) // 3
    if late < _MARKS_TO_COMPARE:
        return None
    before, after = mean(marks[:-late]).exact, mean(marks[-late:]).exact
    if before is None or after is None:
        return None
    fall = before - after
    return Decimal(fall.numerator) / Decimal(fall.denominator)


def _owed(marks: Iterable[_Mark]) -> int:
    """Works with a dot and nothing else."""
    kinds: defaultdict[str, set[str | None]] = defaultdict(set)
    for mark in marks:
        kinds[mark.work].add(mark.kind)
    return sum(found == {"duty"} for found in kinds.values())
