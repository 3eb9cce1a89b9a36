"""A school whose envelopes are applied to a real store, and canonical rows to fill it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st

from collector.ingest.apply import Applied, ApplyContext, apply
from collector.store import digests, schools
from collector.store.engine import sqlalchemy_engine
from collector.store.keys import KeyRing
from proto.batch import Changes, TableRows, Unfit, YearChange
from proto.entities import BY_NAME, Entity, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from collector.core.digest import EntityTotal
    from collector.store.engine import Database
    from collector.store.sealing import SchoolKeys
    from proto.canonical import Value
    from tests.fix_postgres import Store

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
_PLAIN = {
    Kind.REF: "7",
    Kind.REFS: "7,8",
    Kind.TEXT: "текст",
    Kind.INT: 3,
    Kind.DECIMAL: 450,
    Kind.BOOL: True,
    Kind.DATE: 20_700,
    Kind.TIME: 30_600,
    Kind.TIMESTAMP: 1_790_000_000_123,
}


def row_of(entity: str | Entity, key: str, **values: Value) -> tuple[Value, ...]:
    """A canonical row with a plain value in every field that is not named."""
    found = BY_NAME[entity] if isinstance(entity, str) else entity
    plain = {described.name: _plain(described, key) for described in found.fields}
    return tuple((plain | values).values())


def _plain(described: Field, key: str) -> Value:
    if described.kind is Kind.KEY:
        return key
    if described.kind is Kind.ENUM:
        return described.values[0]
    if described.name == "year_id":
        return "2026"
    text = _PLAIN[described.kind]
    return text[: described.limit] if described.limit and isinstance(text, str) else text


def table(entity: str, *rows: tuple[Value, ...], deleted: Sequence[str] = (), unfit: Sequence[Unfit] = ()) -> TableRows:
    """Changes of one entity."""
    columns: list[list[Value]] = [list(column) for column in zip(*rows, strict=True)]
    return TableRows(BY_NAME[entity], columns or [[] for _ in BY_NAME[entity].fields], list(deleted), list(unfit))


def changes(*tables: TableRows, years: Sequence[YearChange] = ()) -> Changes:
    """What one envelope carries."""
    return Changes(list(tables), list(years))


def values_of(described: Field) -> st.SearchStrategy[Value]:
    """Every canonical value that the centre can hold in a field, or None."""
    text = st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=min(described.limit or 20, 40)
    )
    kinds: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.REF: st.from_regex(r"[0-9a-f-]{1,12}(/[0-9]{1,3})?", fullmatch=True),
        Kind.REFS: st.lists(st.from_regex(r"[0-9]{1,5}", fullmatch=True), max_size=4).map(
            lambda keys: ",".join(sorted(keys))
        ),
        Kind.TEXT: text,
        Kind.ENUM: st.sampled_from(described.values or ("",)),
        Kind.INT: st.integers(-(2**31), 2**31 - 1),
        Kind.DECIMAL: st.integers(1 - 10**described.precision, 10**described.precision - 1),
        Kind.BOOL: st.booleans(),
        Kind.DATE: st.integers(-719_162, 2_932_896),
        Kind.TIME: st.integers(0, 86_399),
        Kind.TIMESTAMP: st.integers(-719_162 * 86_400_000, 2_932_897 * 86_400_000 - 1),
    }
    return st.none() | kinds[described.kind]


def rows_of(entity: Entity) -> st.SearchStrategy[list[tuple[Value, ...]]]:
    """Some rows of an entity with different keys."""
    key = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
    row = st.tuples(key, *(values_of(described) for described in entity.fields[1:]))
    return st.lists(row, min_size=1, max_size=4, unique_by=lambda found: found[0])


@dataclass
class Applier:
    """One school and what was applied for it; every call is an envelope, committed."""

    store: Store
    ingest: Database
    ring: KeyRing
    school: str = "23-001"
    now: datetime = NOW
    seq: int = field(default=0)

    def keys(self) -> SchoolKeys:
        """The school's keys of today."""
        return self.ring.school(self.school, self.now)

    def apply(self, *tables: TableRows, years: Sequence[YearChange] = ()) -> Applied:
        """Apply an envelope."""
        self.seq += 1
        self.now += timedelta(seconds=1)
        context = ApplyContext(self.school, self.seq, self.now, self.keys())
        with self.ingest.school(self.school) as connection:
            return apply(connection, context, changes(*tables, years=years))

    def totals(self) -> dict[int, EntityTotal]:
        """What a digest says."""
        with self.ingest.school(self.school) as connection:
            return digests.totals(connection, self.school, self.keys().destroyed)

    def select(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query of the owner."""
        with self.store.owner() as owner:
            return owner.execute(query, parameters or None).fetchall()


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """A key ring of the test's own."""
    return KeyRing.create(tmp_path / "keys")


@pytest.fixture
def applier(store: Store, ingest: Database, ring: KeyRing) -> Applier:
    """A school that was just added."""
    engine = sqlalchemy_engine(store.url)
    with engine.begin() as connection:
        schools.add(connection, schools.NewSchool("23-001", "Школа № 1"), NOW)
    engine.dispose()
    ring.add_school("23-001")
    return Applier(store, ingest, ring)
