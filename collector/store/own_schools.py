"""The schools that somebody works at, and the classes that they lead: where every page of a school's staff begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store.names import russian
from collector.store.people import class_name

if TYPE_CHECKING:
    from datetime import date, datetime

    from collector.store.reader import Reader

_SCHOOLS: Final = """
SELECT s.school_id, s.name, s.kind, s.zone, (%(now)s AT TIME ZONE s.zone)::timestamp, t.fresh_at, t.complete_at, t.applied_at
FROM gorod.school s LEFT JOIN gorod.school_state t ON t.school_id = s.school_id
WHERE s.school_id = ANY (string_to_array(current_setting('gorod.touched', true), ','))
ORDER BY s.school_id"""

_LED: Final = """
SELECT c.school_id, c.source_id, c.parallel, c.letter, c.year_id
FROM gorod.account_scope a
JOIN gorod.school s ON s.school_id = a.school_id
JOIN gorod.staff f ON f.school_id = a.school_id AND f.person_id = a.person_id
    AND (f.from_date IS NULL OR f.from_date <= (%(now)s AT TIME ZONE s.zone)::date)
    AND (f.to_date IS NULL OR f.to_date > (%(now)s AT TIME ZONE s.zone)::date)
JOIN gorod.class c ON c.school_id = f.school_id AND c.class_teacher_id = f.source_id
LEFT JOIN gorod.academic_year y ON y.school_id = c.school_id AND y.source_id = c.year_id
WHERE a.account_id = %(account)s AND y.closed IS NOT TRUE"""


@dataclass(frozen=True, slots=True)
class OwnSchool:
    """A school of the reader, its clock, and as of when its data are."""

    school: str
    name: str
    kind: str  # school | addl_edu
    zone: str
    local: datetime  # now by the school's clock, naive
    fresh_at: datetime | None
    complete_at: datetime | None
    applied_at: datetime | None

    @property
    def today(self) -> date:
        """The school's own day."""
        return self.local.date()

    @property
    def as_of(self) -> datetime | None:
        """Up to this moment what changed at the school is here; None before the first full comparison."""
        return max((at for at in (self.fresh_at, self.complete_at) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class LedClass:
    """A class of an open year that the reader leads."""

    school: str
    class_id: str
    name: str
    year: str | None


def own_schools(reader: Reader) -> tuple[OwnSchool, ...]:
    """Schools of the account, by id; for a role of the city none."""
    return tuple(OwnSchool(*row) for row in reader.rows(_SCHOOLS, now=reader.now))


def led_classes(reader: Reader) -> tuple[LedClass, ...]:
    """Classes that the account's person leads now, by name."""
    rows = reader.rows(_LED, account=reader.account, now=reader.now) if reader.role == "class_teacher" else []
    found = {
        (school, class_id): LedClass(school, class_id, class_name(parallel, letter), year)
        for school, class_id, parallel, letter, year in rows
    }
    return tuple(sorted(found.values(), key=lambda one: (one.school, russian(one.name), one.class_id)))
