"""What the processor does before the database is asked."""

from __future__ import annotations

import pytest

from collector.ingest.prepare import open_held, prepare
from collector.store.keytext import key_hash, storable_text, stored_text
from collector.store.sealing import SchoolKeys
from collector.store.statements import statements
from proto.batch import Unfit
from proto.canonical import leaf, row_hash
from proto.entities import BY_NAME, ENTITIES, Entity
from proto.envelope import Malformed
from tests.fix_applier import changes, row_of, table

KEYS = SchoolKeys("23-001", b"f" * 32, {2026: b"k" * 32}, 2026)
MARK, PERSON = BY_NAME["mark"], BY_NAME["person"]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_columns_match_the_statements_names_and_types(entity: Entity):
    (prepared,) = prepare(changes(table(entity.name, row_of(entity, "1"))), KEYS).tables
    assert len(prepared.columns) == len(statements(entity).names) == len(statements(entity).types)
    assert len(set(statements(entity).names)) == len(statements(entity).names)


def test_hashes_and_leaves_are_computed_from_the_values():
    row = row_of("mark", "1")
    (prepared,) = prepare(changes(table("mark", row)), KEYS).tables
    assert list(prepared.columns[-2]) == [row_hash(MARK, row, KEYS.fingerprint)]
    assert list(prepared.columns[-1]) == [leaf(MARK.number, "1", KEYS.fingerprint)]


def test_the_hash_is_of_the_value_and_not_of_its_sealed_form():
    row = row_of("person", "1", last_name="Иванова")
    (prepared,) = prepare(changes(table("person", row)), KEYS).tables
    assert b"\xd0" not in prepared.columns[1][0][:2]
    assert list(prepared.columns[-2]) == [row_hash(PERSON, row, KEYS.fingerprint)]


def test_unfit_values_are_taken_out_with_their_cause_and_the_rest_stays_in_order():
    rows = [row_of("mark", "1"), row_of("mark", "2", raw="x" * 51), row_of("mark", "3")]
    (prepared,) = prepare(changes(table("mark", *rows)), KEYS).tables
    assert list(prepared.columns[0]) == ["1", "3"]
    assert [(held.key, held.cause) for held in prepared.held] == [("2", "text_too_long")]
    sealed = prepared.held[0].sealed
    assert sealed is not None
    assert open_held(MARK, "2", sealed, KEYS) == rows[1]


def test_a_stub_of_the_agent_is_held_as_it_came():
    (prepared,) = prepare(changes(table("mark", unfit=[Unfit("1", "oversize", 5)])), KEYS).tables
    (held,) = prepared.held
    assert (held.key, held.cause, held.hash, held.sealed) == ("1", "oversize", 5, None)
    assert held.leaf == leaf(MARK.number, "1", KEYS.fingerprint)


def test_rows_count_states_deletions_and_held_ones():
    prepared = prepare(
        changes(table("mark", row_of("mark", "1"), deleted=["2"], unfit=[Unfit("3", "oversize", 1)])), KEYS
    )
    assert prepared.rows == 3


def test_a_key_named_twice_in_any_way_is_malformed():
    for one in (
        table("mark", row_of("mark", "1"), row_of("mark", "1")),
        table("mark", row_of("mark", "1"), deleted=["1"]),
        table("mark", deleted=["1", "1"]),
        table("mark", row_of("mark", "1"), unfit=[Unfit("1", "oversize", 1)]),
    ):
        with pytest.raises(Malformed):
            prepare(changes(one), KEYS)


@pytest.mark.parametrize("key", ["1", "a\0b", "\0", "~0\0~1", ""])
def test_a_key_survives_its_storable_form(key: str):
    assert "\0" not in storable_text(key)
    assert stored_text(storable_text(key)) == key


def test_key_hashes_tell_keys_apart():
    assert len({key_hash(key) for key in ("1", "01", "a\0b", "ab", "ж" * 5000)}) == 5


def test_words_of_sql_are_quoted_where_they_are_names_of_columns():
    text = statements(BY_NAME["assignment_type"]).upsert_incoming
    assert '"order"' in text
