"""Marks by subject with their own arithmetic, the results of a year, what is needed for a mark, debts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from portal.views.shared import MarkView, mark_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from collector.store.marks import GroupMean, Result, SubjectMark, SubjectMarks, SubjectResults, Term
    from portal.words import Words

YEAR_KINDS: Final = ("year", "exam", "final", "gia")
SCALE: Final = (5, 4, 3, 2)
GOALS: Final = (5, 4, 3)


class Detail(NamedTuple):
    """One mark in the list of a subject."""

    day: str
    mark: MarkView
    work: str
    weight: str
    comment: str


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A row of the term's table. Means are texts; `…_how` is how they were computed."""

    group: str
    subject: str
    marks: tuple[MarkView, ...]
    details: tuple[Detail, ...]
    mean: str
    mean_how: str
    weighted: str
    weighted_how: str
    beside: str  # mean of the group
    result: MarkView | None


@dataclass(frozen=True, slots=True)
class TermView:
    """All subjects of a term."""

    subjects: tuple[SubjectView, ...]
    empty: tuple[str, ...]  # subjects without marks and result
    marks: int
    low: int
    hidden: bool  # some group is too small for its mean to be shown


def current_term(terms: Sequence[Term], wanted: str, today: date) -> Term | None:
    """The term that the address names; else the one of today, else the last that has begun, else the first. None: there are none, or not that one."""
    if wanted:
        return next((term for term in terms if term.term == wanted), None)
    usual = [term for term in terms if term.kind != "year"]
    begun = sorted(
        (term for term in usual if term.first <= today), key=lambda term: (term.first, -term.last.toordinal())
    )
    return begun[-1] if begun else min(usual, key=lambda term: term.first, default=None)


def term_view(words: Words, subjects: Iterable[SubjectMarks], means: Iterable[GroupMean]) -> TermView:
    """The page of a term; subjects without anything are only named."""
    found = list(subjects)
    beside = {one.group: one for one in means}
    shown = [one for one in found if one.marks or one.result]
    rows = tuple(_subject(words, one, beside.get(one.group)) for one in shown)
    numeric = [mark for one in shown for mark in one.marks if mark.kind == "numeric"]
    return TermView(
        subjects=rows,
        empty=tuple(dict.fromkeys(one.subject for one in found if not one.marks and not one.result)),
        marks=len(numeric),
        low=sum(mark.tone == "low" for row in rows for mark in row.marks),
        hidden=any(beside.get(one.group) is None or beside[one.group].mean is None for one in shown),
    )


def arithmetic(words: Words, marks: Iterable[SubjectMark]) -> tuple[str, str]:
    """How mean and weighted mean were computed: «(5+5+4)/3 = 4,67», «(5·3+5·1+4·5)/9 = 4,44»; empty where nothing counts."""
    pairs = [(one.value, one.weight) for one in marks if one.kind == "numeric" and one.value is not None and one.weight]
    if not pairs:
        return "", ""
    values = [words.decimal(value) for value, _ in pairs]
    products = [f"{words.decimal(value)}·{words.decimal(weight)}" for value, weight in pairs]
    total = sum((weight for _, weight in pairs), Decimal(0))
    return f"({'+'.join(values)})/{len(pairs)}", f"({'+'.join(products)})/{words.decimal(total)}"


def _subject(words: Words, one: SubjectMarks, beside: GroupMean | None) -> SubjectView:
    plain, weighted = arithmetic(words, one.marks)
    means = words.hundredths(one.mean.value), words.hundredths(one.weighted.value)
    other = beside.weighted if beside is not None else None
    return SubjectView(
        group=one.group,
        subject=one.subject,
        marks=tuple(_mark(words, mark) for mark in one.marks),
        details=tuple(_detail(words, mark) for mark in one.marks),
        mean=means[0],
        mean_how=plain and f"{plain} = {means[0]}",
        weighted=means[1],
        weighted_how=weighted and f"{weighted} = {means[1]}",
        beside="" if other is None else words.hundredths(other.value),
        result=None if one.result is None else result_view(words, one.result),
    )


def _mark(words: Words, one: SubjectMark) -> MarkView:
    day = words.short(one.day) if one.day else ""
    return mark_view(words, one.kind, one.value, one.text, one.weight, (day, one.work, one.title, one.comment))


def _detail(words: Words, one: SubjectMark) -> Detail:
    work = one.work if one.title in ("", one.work) else f"{one.work}: {one.title}" if one.work else one.title
    weight = words.decimal(one.weight) if one.kind == "numeric" else ""
    view = mark_view(words, one.kind, one.value, one.text, Decimal(1), ())
    return Detail(words.day(one.day) if one.day else "", view, work, weight, one.comment or "")


def result_view(words: Words, one: Result) -> MarkView:
    """A result as a mark."""
    return mark_view(words, one.value_kind, one.value, one.text, Decimal(1), ())


@dataclass(frozen=True, slots=True)
class ResultsView:
    """The year's table: heads of its columns, rows of cells."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MarkView | None, ...]], ...]


def results_view(
    words: Words, subjects: Iterable[SubjectResults], terms: Sequence[Term], heads: Mapping[str, str]
) -> ResultsView:
    """Subjects by terms, then year, exam, final and state exam; columns without any result are left out. `heads`: names of those kinds."""
    found = list(subjects)
    columns = [(("term", term.term), term.name) for term in terms if term.kind != "year"]
    columns += [((kind, ""), heads[kind]) for kind in YEAR_KINDS]
    by_subject = [(one.subject, {_column(result): result for result in one.results}) for one in found]
    kept = [(key, head) for key, head in columns if any(key in given for _, given in by_subject)]
    rows = tuple(
        (subject, tuple(result_view(words, given[key]) if key in given else None for key, _ in kept))
        for subject, given in by_subject
    )
    return ResultsView(tuple(head for _, head in kept), rows)


def _column(one: Result) -> tuple[str, str]:
    """Where a result stands: in its term's column, or in that of its kind; of several the latest."""
    return one.kind, one.term if one.kind == "term" else ""
