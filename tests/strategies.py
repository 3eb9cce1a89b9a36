"""What property tests draw from: canonical rows of every entity, and batches of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from proto.batch import Changes, TableRows, Unfit, YearChange
from proto.entities import ENTITIES, Entity, Field, Kind

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
plain_keys = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str), st.text("abАБёz0-9~._ ", min_size=1, max_size=20), st.uuids().map(str)
)
hashes = st.integers(-(2**63), 2**63 - 1)

_OF_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.KEY: plain_keys,
    Kind.REF: plain_keys,
    Kind.REFS: st.lists(plain_keys, min_size=1, max_size=4).map(lambda keys: ",".join(sorted(keys))),
    Kind.TEXT: texts,
    Kind.INT: st.integers(-(2**31), 2**31 - 1),
    Kind.BOOL: st.booleans(),
    Kind.DATE: st.integers(-719_162, 2_932_896),
    Kind.TIME: st.integers(0, 86_399),
    Kind.TIMESTAMP: st.integers(-719_162 * 86_400_000, 2_932_897 * 86_400_000 - 1),
}


def values(field: Field) -> st.SearchStrategy[Any]:
    """Canonical values of a field that the centre can hold, NULL left out."""
    if field.kind is Kind.ENUM:
        return st.sampled_from(field.values)
    if field.kind is Kind.DECIMAL:
        return st.integers(1 - 10**field.precision, 10**field.precision - 1)
    if field.kind is Kind.TEXT:
        return texts.map(lambda text: text[: field.limit])
    return _OF_KIND[field.kind]


def rows(entity: Entity) -> st.SearchStrategy[tuple[Any, ...]]:
    """Canonical rows of an entity."""
    return st.tuples(plain_keys, *(st.none() | values(field) for field in entity.fields[1:]))


entities = st.sampled_from(ENTITIES)
entity_rows = entities.flatmap(lambda entity: st.tuples(st.just(entity), rows(entity)))


@st.composite
def tables(draw: st.DrawFn, entity: Entity) -> TableRows:
    """One entity's part of a batch: every key once."""
    keys = draw(st.lists(plain_keys, unique=True, min_size=1, max_size=12))
    states, gone = draw(st.integers(0, len(keys))), draw(st.integers(0, len(keys)))
    found = [(key, *draw(rows(entity))[1:]) for key in keys[:states]]
    columns = [list(column) for column in zip(*found, strict=True)] if found else [[] for _field in entity.fields]
    year = st.none() | plain_keys
    unfit = [
        Unfit(key, draw(st.sampled_from(["type", "oversize"])), draw(hashes), draw(year))
        for key in keys[max(states, gone) :]
    ]
    return TableRows(entity, columns, keys[states : max(states, gone)], unfit)


@st.composite
def batches(draw: st.DrawFn) -> Changes:
    """Changes as one envelope carries them."""
    chosen = draw(st.lists(entities, unique_by=lambda entity: entity.number, max_size=3))
    years = draw(st.lists(st.builds(YearChange, plain_keys, st.booleans()), max_size=2))
    return Changes([draw(tables(entity)) for entity in chosen], years)
