"""A pupil's marks by subject for a term, means with their own arithmetic, term results, and the class beside them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from collector.core.averages import HALF, Ratio, expected, mean, weighted_mean
from collector.core.whatif import FEWEST, Need, needs
from collector.store.names import russian

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from collector.store.reader import Reader

# Years come from the rolls of classes; where there are none (further education), from those of groups. A pupil's terms are those of the
# parallel of the latest class of the year; without a class, those of no parallel, or one of each.
_TERMS: Final = """
WITH years AS (
    SELECT DISTINCT ON (e.year_id) e.year_id, c.parallel, c.profile
    FROM gorod.enrollment e JOIN gorod.class c ON c.school_id = e.school_id AND c.source_id = e.class_id
    WHERE e.school_id = %(school)s AND e.pupil_id = %(pupil)s
    ORDER BY e.year_id, e.from_date DESC NULLS LAST
), all_years AS (
    SELECT * FROM years
    UNION ALL
    SELECT DISTINCT m.year_id, NULL::int, NULL FROM gorod.group_membership m
    WHERE m.school_id = %(school)s AND m.pupil_id = %(pupil)s AND NOT EXISTS (SELECT FROM years WHERE years.year_id = m.year_id)
)
SELECT DISTINCT ON (y.start_date, t.year_id, t.term_type, t.seq)
       t.source_id, coalesce(t.name, ''), t.term_type, t.start_date, t.end_date, t.year_id, y.closed IS TRUE
FROM all_years a
JOIN gorod.term t ON t.school_id = %(school)s AND t.year_id = a.year_id
LEFT JOIN gorod.academic_year y ON y.school_id = t.school_id AND y.source_id = t.year_id
WHERE t.start_date IS NOT NULL AND t.end_date IS NOT NULL
  AND (t.parallel IS NULL OR a.parallel IS NULL OR t.parallel = a.parallel) AND (t.profile IS NULL OR t.profile = a.profile)
ORDER BY y.start_date DESC NULLS LAST, t.year_id, t.term_type, t.seq, t.parallel NULLS FIRST, t.profile NULLS LAST"""

_GROUPS: Final = """
SELECT DISTINCT g.source_id, coalesce(g.subject_id, ''), coalesce(u.name, g.name, '')
FROM gorod.group_membership m
JOIN gorod.teaching_group g ON g.school_id = m.school_id AND g.source_id = m.teaching_group_id
LEFT JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id
WHERE m.school_id = %(school)s AND m.pupil_id = %(pupil)s AND g.year_id = %(year)s"""

_MARKS: Final = """
SELECT l.teaching_group_id, k.source_id, a.source_id, coalesce(k.value_kind, 'code'), k.value, coalesce(k.raw, ''),
       coalesce(k.weight, a.weight, 1), l.date, coalesce(t.name, ''), coalesce(a.title, ''), k.comment, k.set_at
FROM gorod.lesson l
JOIN gorod.assignment a ON a.school_id = l.school_id AND a.lesson_id = l.source_id AND a.deleted IS NOT TRUE
JOIN gorod.mark k ON k.school_id = a.school_id AND k.assignment_id = a.source_id AND k.pupil_id = %(pupil)s
LEFT JOIN gorod.assignment_type t ON t.school_id = a.school_id AND t.source_id = a.type_id
WHERE l.school_id = %(school)s AND l.teaching_group_id = ANY (%(groups)s) AND l.date BETWEEN %(first)s AND %(last)s
ORDER BY l.date, l.number, k.set_at, k.ordinal, k.source_id"""

_RESULTS: Final = """
SELECT r.teaching_group_id, r.term_id, coalesce(r.kind, 'term'), coalesce(r.value_kind, 'code'), r.value, coalesce(r.raw, '')
FROM gorod.period_result r LEFT JOIN gorod.term t ON t.school_id = r.school_id AND t.source_id = r.term_id
WHERE r.school_id = %(school)s AND r.pupil_id = %(pupil)s AND r.year_id = %(year)s
ORDER BY t.end_date, t.start_date DESC, r.kind, r.source_id"""

_MEANS: Final = "SELECT * FROM gorod.group_means(%(school)s, %(groups)s, %(first)s, %(last)s)"


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the pupil's parallel; `last` is inclusive."""

    term: str
    name: str
    kind: str  # quarter | trimester | semester | year | custom
    first: date
    last: date
    year: str
    closed: bool  # the school-year is over and kept


@dataclass(frozen=True, slots=True)
class SubjectMark:
    """A mark with the work that it was given for, in order of lessons."""

    mark: str
    assignment: str
    kind: str  # numeric | pass | code | duty
    value: Decimal | None
    text: str
    weight: Decimal
    day: date | None  # of the lesson
    work: str  # name of the kind of work
    title: str
    comment: str | None
    set_at: datetime | None


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a term or a year."""

    term: str
    kind: str  # term | year | exam | final | gia
    value_kind: str  # numeric | pass | code
    value: Decimal | None
    text: str


@dataclass(frozen=True, slots=True)
class SubjectMarks:
    """One subject (teaching group) of a pupil in a term."""

    group: str
    subject_id: str
    subject: str
    marks: tuple[SubjectMark, ...]
    mean: Ratio
    weighted: Ratio
    result: Result | None


@dataclass(frozen=True, slots=True)
class SubjectResults:
    """All results of a subject in a year, by term."""

    group: str
    subject_id: str
    subject: str
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class GroupMean:
    """The group beside the pupil. `mean` is None where fewer than five pupils have marks: nobody else's marks may be guessed."""

    group: str
    pupils: int | None  # with marks; None where it is hidden
    mean: Ratio | None
    weighted: Ratio | None


def terms(reader: Reader, school: str, pupil: str) -> tuple[Term, ...]:
    """Terms of the pupil's parallel in every year in which the pupil was on a roll: newest year first, then by begin, the year last."""
    found = [Term(*row) for row in reader.rows(_TERMS, school=school, pupil=pupil)]
    order = list(dict.fromkeys(term.year for term in found))
    return tuple(sorted(found, key=lambda term: (order.index(term.year), term.kind == "year", term.first, term.last)))


def by_subject(reader: Reader, school: str, pupil: str, term: Term) -> tuple[SubjectMarks, ...]:
    """Marks of the term by subject, subjects without marks included, by name of the subject."""
    groups = _groups(reader, school, pupil, term.year)
    span = {"first": term.first, "last": term.last}
    rows = reader.rows(_MARKS, school=school, pupil=pupil, groups=sorted(groups), **span)
    marks: defaultdict[str, list[SubjectMark]] = defaultdict(list)
    for group, *values in rows:
        marks[group].append(SubjectMark(*values))
    given = {
        group: Result(*values)
        for group, *values in reader.rows(_RESULTS, school=school, pupil=pupil, year=term.year)
        if values[0] == term.term and values[1] in ("term", "year")
    }
    found = [
        SubjectMarks(group, subject_id, subject, tuple(marks[group]), *means(marks[group]), given.get(group))
        for group, (subject_id, subject) in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (russian(one.subject), one.group)))


def results(reader: Reader, school: str, pupil: str, year: str) -> tuple[SubjectResults, ...]:
    """Term, year, exam and final results of a year, by subject; subjects without any are left out."""
    groups = _groups(reader, school, pupil, year)
    found: defaultdict[str, list[Result]] = defaultdict(list)
    for group, *values in reader.rows(_RESULTS, school=school, pupil=pupil, year=year):
        found[group].append(Result(*values))
    shown = [_subject_results(group, groups.get(group, ("", "")), given) for group, given in found.items()]
    return tuple(sorted(shown, key=lambda one: (russian(one.subject), one.group)))


def group_means(reader: Reader, school: str, pupil: str, term: Term) -> tuple[GroupMean, ...]:
    """Means of the pupil's groups in the term, the pupil included; hidden below five pupils with marks."""
    groups = sorted(_groups(reader, school, pupil, term.year))
    rows = reader.rows(_MEANS, school=school, groups=groups, first=term.first, last=term.last)
    shown = {
        group: GroupMean(group, pupils, Ratio(total, Decimal(count)), Ratio(weighted, weights))
        for group, pupils, count, total, weighted, weights in rows
    }
    return tuple(shown.get(group, GroupMean(group, None, None, None)) for group in groups)


def means(marks: Iterable[SubjectMark]) -> tuple[Ratio, Ratio]:
    """Mean and weighted mean of the numeric marks among these."""
    pairs = [(mark.value, mark.weight) for mark in marks if mark.kind == "numeric" and mark.value is not None]
    return mean(pairs), weighted_mean(pairs)


def expected_mark(marks: Iterable[SubjectMark], threshold: Decimal = HALF) -> int | None:
    """The mark that the weighted mean stands for; None below three marks that count."""
    counted = _counted(marks)
    return expected(weighted_mean(counted), threshold) if len(counted) >= FEWEST else None


def needed(
    marks: Iterable[SubjectMark], goal: int, weight: Decimal, values: Iterable[int], threshold: Decimal = HALF
) -> tuple[Need, ...]:
    """For each value, how many further marks of that weight reach the goal; see :func:`collector.core.whatif.needs`."""
    counted = _counted(marks)
    return needs(weighted_mean(counted), len(counted), goal, weight, values, threshold)


def _counted(marks: Iterable[SubjectMark]) -> list[tuple[Decimal, Decimal]]:
    """Value and weight of the marks that count."""
    return [(one.value, one.weight) for one in marks if one.kind == "numeric" and one.value is not None and one.weight]


def _subject_results(group: str, words: tuple[str, str], given: list[Result]) -> SubjectResults:
    return SubjectResults(group, *words, tuple(given))


def _groups(reader: Reader, school: str, pupil: str, year: str) -> dict[str, tuple[str, str]]:
    """Groups of the pupil in the year: subject's key and name."""
    rows = reader.rows(_GROUPS, school=school, pupil=pupil, year=year)
    return {group: (subject_id, subject) for group, subject_id, subject in rows}
