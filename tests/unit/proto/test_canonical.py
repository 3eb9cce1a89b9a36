"""Canonical bytes are a promise for ever: golden rows by version, and a reference that was written from the design's words alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.canonical import (
    canonical_key,
    canonical_keys,
    encode_row,
    key_parts,
    leaf,
    leaves,
    misfit_hash,
    row_hash,
    row_hashes,
)
from proto.entities import BY_NAME, ENTITIES, Entity
from proto.limits import SCHEMA
from proto.values import Misfit
from tests import reference
from tests.strategies import entity_rows

GOLDEN = Path(__file__).parents[2] / "golden"
KEY = bytes(range(32))
VERSIONS = sorted(GOLDEN.glob("schema-*.json"))


def numbers(entity: Entity) -> list[int]:
    return [field.number for field in entity.fields]


def golden_rows() -> list[Any]:
    return [row for path in VERSIONS for row in json.loads(path.read_text("utf-8"))["rows"]]


def test_there_is_a_golden_file_of_this_schema_with_every_entity():
    rows = json.loads((GOLDEN / f"schema-{SCHEMA}.json").read_text("utf-8"))["rows"]
    assert {row["entity"] for row in rows} == {entity.name for entity in ENTITIES}


@pytest.mark.parametrize("golden", golden_rows(), ids=lambda row: f"{row['entity']}-{row['values']['id']}")
def test_golden_rows_of_every_version_keep_their_bytes(golden: dict[str, Any]):
    entity = BY_NAME[golden["entity"]]
    row = tuple(golden["values"].get(name) for name in entity.field_names)
    assert encode_row(entity, row).hex() == golden["bytes"]
    assert row_hash(entity, row, KEY) == golden["hash"]
    assert leaf(entity.number, row[0], KEY) == golden["leaf"]


@given(entity_rows)
def test_bytes_hash_and_leaf_are_what_the_reference_says(found: tuple[Entity, tuple[Any, ...]]):
    entity, row = found
    assert encode_row(entity, row) == reference.canonical_bytes(entity.number, numbers(entity), row)
    assert row_hashes(entity, [row], KEY) == [reference.row_hash(entity.number, numbers(entity), row, KEY)]
    assert leaves(entity.number, [row[0]], KEY) == [reference.leaf(entity.number, row[0], KEY)]


@given(entity_rows, st.binary(min_size=32, max_size=32))
def test_another_key_gives_another_hash(found: tuple[Entity, tuple[Any, ...]], key: bytes):
    entity, row = found
    assert (row_hash(entity, row, key) == row_hash(entity, row, KEY)) is (key == KEY)


def test_a_field_without_a_value_leaves_no_bytes():
    entity = BY_NAME["subject"]
    assert encode_row(entity, ("7", *[None] * 4)) == b"\xde\x00\x02\xa10\x05\xa11\xa17"


def test_true_and_one_are_different_values():
    entity = BY_NAME["assignment_type"]
    assert encode_row(entity, ("1", None, None, None, None, True)) != encode_row(
        entity, ("1", None, None, None, None, 1)
    )


def test_a_row_without_canonical_form_has_a_hash_of_key_cause_and_source_bytes():
    first = misfit_hash(5, "1", "type", b"raw", KEY)
    others = (
        misfit_hash(5, "2", "type", b"raw", KEY),
        misfit_hash(5, "1", "oversize", b"raw", KEY),
        misfit_hash(5, "1", "type", b"r", KEY),
    )
    assert first not in others


# ---- keys


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((5,), "5"),
        ((-(2**63),), "-9223372036854775808"),
        (("a/b,c~d",), "a~1b~2c~0d"),
        ((UUID("ABCDEF00-0000-0000-0000-000000000001"),), "abcdef00-0000-0000-0000-000000000001"),
        ((5, "x"), "5/x"),
        ((5.0,), "5"),
        (("",), ""),
    ],
)
def test_a_key_is_written_in_one_way(parts: tuple[object, ...], text: str):
    assert canonical_key(parts) == text


@pytest.mark.parametrize(
    ("part", "cause"),
    [
        (None, "key_null"),
        (True, "key_type"),
        (5.5, "key_type"),
        (b"x", "key_type"),
        ("\ud800", "text_surrogate"),
        ("x" * 201, "key_too_long"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_its_cause(part: object, cause: str):
    with pytest.raises(Misfit) as refused:
        canonical_key((part,))
    assert refused.value.cause == cause


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_no_key(number: float):
    with pytest.raises(Misfit):
        canonical_key((number,))


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=30), min_size=1, max_size=4))
def test_parts_of_a_key_are_read_back(parts: list[str]):
    assert key_parts(canonical_key(parts)) == tuple(parts)


@given(st.lists(st.tuples(st.text("aA~/,я", max_size=3), st.text("bB~/,ю", max_size=3)), max_size=6))
def test_columns_of_keys_are_written_as_single_keys_are(pairs: list[tuple[str, str]]):
    columns = [[pair[place] for pair in pairs] for place in (0, 1)]
    assert canonical_keys(columns) == [canonical_key(pair) for pair in pairs]


@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=2, max_size=2, unique=True))
def test_two_keys_never_share_a_text(pairs: list[tuple[str, str]]):
    try:
        first, second = map(canonical_key, pairs)
    except Misfit:
        return
    assert first != second
