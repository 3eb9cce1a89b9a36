"""Are the schools and the centre equal? Counted on both sides by plain SQL that shares nothing with agent and collector; and by their own digests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.department import utc_now
from collector.store import health
from install.demo.counts import rows_by_entity

if TYPE_CHECKING:
    from collector.department import Department
    from collector.store.health import Health
    from install.demo.stage import SchoolStage


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by entity, at the source and at the centre, of all schools together."""

    source: Counter[str]
    centre: Counter[str]

    @property
    def equal(self) -> bool:
        """Whether every entity that the sources have counts the same at the centre."""
        return all(self.centre[entity] == rows for entity, rows in self.source.items())

    def as_json(self) -> dict[str, Any]:
        """Part of the contract of ``gorod demo``."""
        entities = {
            entity: {"source": rows, "centre": self.centre[entity]} for entity, rows in sorted(self.source.items())
        }
        return {
            "equal": self.equal,
            "rows_source": sum(self.source.values()),
            "rows_centre": sum(self.centre[entity] for entity in self.source),
            "entities": entities,
        }


def count(department: Department, stages: list[SchoolStage]) -> Counts:
    """Count both sides."""
    source: Counter[str] = Counter()
    for stage in stages:
        source.update(rows_by_entity(stage.read_url, stage.spec.organisation))
    centre: Counter[str] = Counter()
    with department.database.scope("*") as connection:
        for entity in source:
            years = _is_yearly(entity)
            row = connection.execute(
                _centre_sql(entity, yearly=years), {"schools": [stage.spec.id for stage in stages]}
            ).fetchone()
            centre[entity] = int(row[0]) if row else 0
    return Counts(source, centre)


def _is_yearly(entity: str) -> bool:
    from install.demo.counts import YEARLY

    return entity in YEARLY


def _centre_sql(entity: str, *, yearly: bool) -> str:
    closed = (
        "AND NOT EXISTS (SELECT FROM gorod.closed_year y WHERE y.school_id = t.school_id AND y.year_id = t.year_id)"
        if yearly
        else ""
    )
    return f'SELECT count(*) FROM gorod."{entity}" t WHERE t.school_id = ANY (%(schools)s) {closed}'


def look(department: Department) -> Health:
    """How every school is."""
    with department.database.begin(scope="*") as connection:
        return health.read_health(connection, utc_now(), department.values["late_s"], department.values["silent_s"])
