"""A pupil's marks by subject for a term, means with their own arithmetic, term results, and the class beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from collector.core.averages import Ratio
    from collector.store.reader import Reader


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
    """Terms of the pupil's parallel in every year in which the pupil was on a roll, newest year first, then in order."""
    raise RuntimeError


def by_subject(reader: Reader, school: str, pupil: str, term: str) -> tuple[SubjectMarks, ...]:
    """Marks of the term by subject, subjects without marks included, by name of the subject."""
    raise RuntimeError


def results(reader: Reader, school: str, pupil: str, year: str) -> tuple[SubjectResults, ...]:
    """Term, year, exam and final results of a year, by subject."""
    raise RuntimeError


def group_means(reader: Reader, school: str, pupil: str, term: str) -> tuple[GroupMean, ...]:
    """Means of the pupil's groups in the term, the pupil included; hidden below five pupils with marks."""
    raise RuntimeError
