"""Columnar batches: what goes in comes out, and no bytes from outside crash the reader or make it hold more than it should."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proto.batch import Changes, TableRows, Unfit, YearChange, decode, encode
from proto.entities import BY_NAME
from proto.envelope import EnvelopeError, Malformed, UnknownSchema
from proto.limits import MAX_ROWS
from proto.sync.v1 import sync_pb2
from tests.strategies import batches

SUBJECT = BY_NAME["subject"]


def subjects(*rows: tuple[object, ...], deleted: tuple[str, ...] = (), unfit: tuple[Unfit, ...] = ()) -> Changes:
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _field in SUBJECT.fields]
    return Changes([TableRows(SUBJECT, columns, list(deleted), list(unfit))])  # type: ignore[arg-type]


def row(key: str, name: object = None) -> tuple[object, ...]:
    return (key, name, None, None, None)


@given(batches())
@example(subjects(row("1"), row("01"), row(" 1")))
@example(subjects(*(row(str(number), "same") for number in range(100))))
@example(subjects(*(row(str(number), "ab"[number % 2]) for number in range(100))))
@example(subjects(row("x", ""), row("y", "")))
@example(subjects(deleted=("1", "2", "3"), unfit=(Unfit("4", "type", -(2**63), "2024"),)))
def test_what_is_encoded_is_decoded(changes: Changes):
    assert decode(encode(changes)) == changes


@given(batches())
def test_the_same_changes_give_the_same_bytes(changes: Changes):
    assert encode(changes) == encode(decode(encode(changes)))


@given(st.binary(max_size=300))
def test_bytes_from_nowhere_are_refused_or_read(data: bytes):
    try:
        decode(data)
    except EnvelopeError:
        return


@given(
    batches(),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 20),
)
def test_changed_bytes_are_refused_or_read(changes: Changes, flips: list[tuple[int, int]], cut: int):
    data = bytearray(encode(changes))
    for place, value in flips:
        if data:
            data[place % len(data)] = value
    try:
        found = decode(bytes(data[: len(data) - cut]))
    except EnvelopeError:
        return
    for table in found.tables:
        assert {len(column) for column in table.columns} == {len(table)}
        keys = [*table.columns[0], *table.deleted, *(one.key for one in table.unfit)]
        assert all(isinstance(key, str) and key for key in keys)
        assert len(keys) == len(set(keys))


column_messages = st.builds(
    sync_pb2.Column,
    field=st.integers(0, 7),
    absent=st.binary(max_size=4),
    integers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    texts=st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=3), max_size=4),
    dictionary=st.lists(st.text("ab", max_size=2), max_size=3),
    indexes=st.lists(st.integers(0, 4), max_size=4),
    numeric_text=st.booleans(),
    constant=st.sampled_from([0, 1, 3, 2**32 - 1]),
)
table_messages = st.builds(
    sync_pb2.Table,
    entity=st.sampled_from([5, 18, 20, 99]),
    rows=st.sampled_from([0, 1, 2, 3, 4, MAX_ROWS, 2**32 - 1]),
    columns=st.lists(column_messages, max_size=4),
    deleted=st.none() | column_messages,
    unfit=st.lists(
        st.builds(sync_pb2.Unfit, key=st.text("ab", max_size=2), cause=st.text("a", max_size=200)), max_size=2
    ),
)


@given(st.lists(table_messages, max_size=3))
def test_messages_that_only_look_like_batches_are_refused_or_read(tables: list[sync_pb2.Table]):
    try:
        found = decode(sync_pb2.Batch(tables=tables).SerializeToString())
    except EnvelopeError:
        return
    assert found.rows <= MAX_ROWS


def refused(table: sync_pb2.Table) -> str:
    with pytest.raises(EnvelopeError) as found:
        decode(sync_pb2.Batch(tables=[table]).SerializeToString())
    return f"{type(found.value).__name__} {found.value}"


KEYS = sync_pb2.Column(field=1, texts=["a", "b"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (sync_pb2.Table(entity=99), "UnknownSchema entity 99"),
        (
            sync_pb2.Table(entity=5, rows=2, columns=[KEYS, sync_pb2.Column(field=99, texts=["a"])]),
            "UnknownSchema field 99 of subject",
        ),
        (sync_pb2.Table(entity=5, rows=2, columns=[KEYS, KEYS]), "Malformed column twice"),
        (sync_pb2.Table(entity=5, rows=3, columns=[KEYS]), "Malformed length"),
        (sync_pb2.Table(entity=5, rows=2), "Malformed keys"),
        (
            sync_pb2.Table(entity=5, rows=1, columns=[sync_pb2.Column(field=1, texts=["a"], integers=[1])]),
            "Malformed form",
        ),
        (sync_pb2.Table(entity=5, rows=1, columns=[sync_pb2.Column(field=1, integers=[1])]), "Malformed form"),
        (sync_pb2.Table(entity=5, rows=2, columns=[sync_pb2.Column(field=1, texts=["a", "a"])]), "Malformed keys"),
        (
            sync_pb2.Table(entity=5, rows=1, columns=[sync_pb2.Column(field=1, indexes=[1], dictionary=["a"])]),
            "Malformed dictionary",
        ),
        (
            sync_pb2.Table(entity=5, rows=1, columns=[sync_pb2.Column(field=1, absent=b"\0\0", texts=["a"])]),
            "Malformed absent",
        ),
        (sync_pb2.Table(entity=5, rows=MAX_ROWS + 1), "Malformed rows"),
        (
            sync_pb2.Table(entity=5, deleted=sync_pb2.Column(field=1, constant=2**32 - 1, texts=["a"])),
            "Malformed deleted",
        ),
        (sync_pb2.Table(entity=5, unfit=[sync_pb2.Unfit(key="")]), "Malformed keys"),
        (sync_pb2.Table(entity=5, unfit=[sync_pb2.Unfit(key="x" * 5000)]), "Malformed key length"),
        (
            sync_pb2.Table(
                entity=5, rows=2, columns=[sync_pb2.Column(field=1, numeric_text=True, integers=[2**62, 2**62])]
            ),
            "Malformed number",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_that_is_none_is_refused_with_its_reason(table: sync_pb2.Table, words: str):
    assert refused(table) == words


def test_one_entity_twice_in_a_batch_is_refused():
    table = sync_pb2.Table(entity=5, rows=2, columns=[KEYS])
    with pytest.raises(Malformed):
        decode(sync_pb2.Batch(tables=[table, table]).SerializeToString())


def test_more_rows_than_an_envelope_may_carry_are_refused():
    whole = [sync_pb2.Column(field=1, numeric_text=True, integers=[1] * MAX_ROWS)]
    tables = [sync_pb2.Table(entity=number, rows=MAX_ROWS, columns=whole) for number in (5, 18)]
    with pytest.raises(Malformed):
        decode(sync_pb2.Batch(tables=tables).SerializeToString())


def test_a_newer_entity_is_told_apart_from_broken_bytes():
    assert issubclass(UnknownSchema, EnvelopeError)
    assert UnknownSchema.code != Malformed.code


def test_years_travel_behind_the_rows():
    assert decode(encode(Changes(years=[YearChange("2024", closed=True)]))).years == [YearChange("2024", closed=True)]


def test_columns_are_small():
    changes = subjects(*(row(str(number), "Алгебра") for number in range(1000)))
    assert len(encode(changes)) < 1100
