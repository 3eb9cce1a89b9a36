"""What a journal's page needs beside the journal: terms of a teaching group, results that were given, the place of a lesson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store.marks import Term

if TYPE_CHECKING:
    from datetime import date

    from collector.store.reader import Reader

# A group's terms are those of the parallel of its classes; a group without classes has those of no parallel, or one of each.
_TERMS: Final = """
SELECT DISTINCT ON (t.term_type, t.seq) t.source_id, coalesce(t.name, ''), t.term_type, t.start_date, t.end_date, t.year_id, y.closed IS TRUE
FROM gorod.teaching_group g
LEFT JOIN gorod.class c ON c.school_id = g.school_id AND c.source_id = ANY (string_to_array(g.class_ids, ','))
JOIN gorod.term t ON t.school_id = g.school_id AND t.year_id = g.year_id
    AND (t.parallel IS NULL OR c.parallel IS NULL OR t.parallel = c.parallel) AND (t.profile IS NULL OR t.profile = c.profile)
LEFT JOIN gorod.academic_year y ON y.school_id = t.school_id AND y.source_id = t.year_id
WHERE g.school_id = %(school)s AND g.source_id = %(group)s AND t.start_date IS NOT NULL AND t.end_date IS NOT NULL
ORDER BY t.term_type, t.seq, t.parallel NULLS LAST, t.profile NULLS LAST"""

# Several results for one pupil and term: the latest counts.
_RESULTS: Final = """
SELECT DISTINCT ON (r.pupil_id, r.term_id) r.pupil_id, r.term_id, coalesce(r.raw, r.value::text, '')
FROM gorod.period_result r
WHERE r.school_id = %(school)s AND r.teaching_group_id = %(group)s AND r.term_id = ANY (%(terms)s) AND r.kind IN ('term', 'year')
  AND r.pupil_id = ANY (%(pupils)s)
ORDER BY r.pupil_id, r.term_id, r.set_at DESC NULLS LAST, r.source_id"""

_PLACE: Final = "SELECT l.teaching_group_id, l.date, l.number FROM gorod.lesson l WHERE l.school_id = %(school)s AND l.source_id = %(lesson)s"


@dataclass(frozen=True, slots=True)
class LessonPlace:
    """Where a lesson stands: the group's journal, on a day."""

    group: str
    day: date
    number: int | None


def terms(reader: Reader, school: str, group: str) -> tuple[Term, ...]:
    """Terms of the group's year, by begin, the year last."""
    found = [Term(*row) for row in reader.rows(_TERMS, school=school, group=group)]
    return tuple(sorted(found, key=lambda term: (term.kind == "year", term.first, term.last)))


def results(reader: Reader, school: str, group: str, terms: list[str], pupils: list[str]) -> dict[tuple[str, str], str]:
    """What was given for the terms, as written, by (pupil, term)."""
    rows = reader.rows(_RESULTS, school=school, group=group, terms=terms, pupils=pupils)
    return {(pupil, term): text for pupil, term, text in rows}


def lesson_place(reader: Reader, school: str, lesson: str) -> LessonPlace | None:
    """The journal and the day of a lesson; None if the reader does not see it."""
    rows = reader.rows(_PLACE, school=school, lesson=lesson)
    return LessonPlace(*rows[0]) if rows else None
