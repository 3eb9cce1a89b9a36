"""As of when the data of the reader's schools are: every page says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from collector.store.reader import Reader

_STAMPS: Final = """
SELECT s.school_id, s.name, s.kind, greatest(t.fresh_at, t.complete_at), t.complete_at IS NOT NULL
FROM gorod.school s LEFT JOIN gorod.school_state t USING (school_id)
WHERE s.school_id = ANY (%(schools)s) ORDER BY s.school_id"""


@dataclass(frozen=True, slots=True)
class Freshness:
    """State of one school's data, as a reader of its pages needs to know it."""

    school: str
    name: str
    kind: str  # school | addl_edu
    at: datetime | None  # everything that had changed until then is here, UTC; None: never yet
    whole: bool  # a full sweep has once been found equal; until then something may be missing


def of_schools(reader: Reader, schools: Iterable[str]) -> tuple[Freshness, ...]:
    """Those of the schools that the reader has to do with, by number."""
    return tuple(Freshness(*row) for row in reader.rows(_STAMPS, schools=sorted(set(schools))))
