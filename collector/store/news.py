"""What is new for a family since it last looked: marks and results of terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from collector.store.lessons import OWN_LESSONS

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from collector.store.reader import Reader

_LOOK_BACK: Final = timedelta(days=60)
"""A mark is given at most so long after its lesson; older ones are found in the term's list."""

MOST: Final = 50

# A mark is new to a family when it was set, changed, or its work was published.
_MARKS: Final = f"""
WITH own AS ({OWN_LESSONS})
SELECT coalesce(u.name, g.name, ''), own.date, coalesce(k.value_kind, 'code'), k.value, coalesce(k.raw, ''), coalesce(k.weight, a.weight, 1),
       coalesce(t.name, ''), k.comment, greatest(k.set_at, k.changed_at, a.published_at)
FROM own
JOIN gorod.assignment a ON a.school_id = %(school)s AND a.lesson_id = own.source_id AND a.deleted IS NOT TRUE
JOIN gorod.mark k ON k.school_id = %(school)s AND k.assignment_id = a.source_id AND k.pupil_id = %(pupil)s
LEFT JOIN gorod.assignment_type t ON t.school_id = %(school)s AND t.source_id = a.type_id
LEFT JOIN gorod.teaching_group g ON g.school_id = %(school)s AND g.source_id = own.teaching_group_id
LEFT JOIN gorod.subject u ON u.school_id = %(school)s AND u.source_id = g.subject_id
WHERE greatest(k.set_at, k.changed_at, a.published_at) > %(since)s
ORDER BY 9 DESC, k.source_id LIMIT %(limit)s"""  # noqa: S608  our own constants

_RESULTS: Final = """
SELECT coalesce(u.name, g.name, ''), coalesce(t.name, ''), coalesce(r.kind, 'term'), coalesce(r.value_kind, 'code'), r.value, coalesce(r.raw, ''),
       r.set_at
FROM gorod.period_result r
LEFT JOIN gorod.term t ON t.school_id = r.school_id AND t.source_id = r.term_id
LEFT JOIN gorod.teaching_group g ON g.school_id = r.school_id AND g.source_id = r.teaching_group_id
LEFT JOIN gorod.subject u ON u.school_id = r.school_id AND u.source_id = g.subject_id
WHERE r.school_id = %(school)s AND r.pupil_id = %(pupil)s AND r.set_at > %(since)s
ORDER BY r.set_at DESC, r.source_id LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class NewMark:
    """A mark that the family has not seen yet."""

    subject: str
    day: date | None  # of the lesson
    kind: str  # numeric | pass | code | duty
    value: Decimal | None
    text: str
    weight: Decimal
    work: str
    comment: str | None
    at: datetime | None  # local time of the school, naive


@dataclass(frozen=True, slots=True)
class NewResult:
    """A result of a term or a year that the family has not seen yet."""

    subject: str
    term: str
    kind: str  # term | year | exam | final | gia
    value_kind: str
    value: Decimal | None
    text: str
    at: datetime | None


def new_marks(reader: Reader, school: str, pupil: str, since: datetime) -> tuple[NewMark, ...]:
    """Marks set, changed or published after a moment of the school's local time (naive), newest first; at most 50."""
    first, last = (since - _LOOK_BACK).date(), reader.now.date() + timedelta(days=1)
    rows = reader.rows(_MARKS, school=school, pupil=pupil, first=first, last=last, since=since, limit=MOST)
    return tuple(NewMark(*row) for row in rows)


def new_results(reader: Reader, school: str, pupil: str, since: datetime) -> tuple[NewResult, ...]:
    """Results given after a moment of the school's local time (naive), newest first; at most 50."""
    return tuple(NewResult(*row) for row in reader.rows(_RESULTS, school=school, pupil=pupil, since=since, limit=MOST))
