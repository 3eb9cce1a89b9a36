"""Changes of one capture into envelopes: nothing lost, nothing twice, never too many rows, each key update in one piece."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.packing import halve, merge, pack
from proto.batch import Changes, TableRows, Unfit, YearChange
from proto.entities import BY_NAME

NAMES = ["subject", "person", "mark", "subject"]
sizes = st.tuples(st.integers(0, 30), st.integers(0, 15), st.integers(0, 5))


def table(name: str, rows: int, gone: int, unfit: int, start: int = 0) -> TableRows:
    entity = BY_NAME[name]
    keys = [str(start + number) for number in range(rows + gone + unfit)]
    columns = [keys[:rows], *([None] * rows for _field in entity.fields[1:])]
    bad = [Unfit(key, "type", 1) for key in keys[rows + gone :]]
    return TableRows(entity, columns, keys[rows : rows + gone], bad)  # type: ignore[arg-type]


def content(batches: list[Changes]) -> Counter[tuple[str, str, object]]:
    """Everything that the batches carry."""
    found: Counter[tuple[str, str, object]] = Counter()
    for one in [one for batch in batches for one in batch.tables]:
        found.update((one.entity.name, "row", key) for key in one.columns[0])
        found.update((one.entity.name, "gone", key) for key in one.deleted)
        found.update((one.entity.name, "unfit", row.key) for row in one.unfit)
    return found


@given(st.lists(sizes, max_size=4), st.sampled_from([4, 7, 20, 1000]))
def test_every_row_goes_once_and_no_batch_is_too_large(shapes: list[tuple[int, int, int]], limit: int):
    tables = [
        table(name, *shape, start=100 * number) for number, (name, shape) in enumerate(zip(NAMES, shapes, strict=False))
    ]
    batches = pack(tables, (), limit)
    assert content(batches) == content([Changes(tables)])
    assert all(0 < batch.rows <= limit for batch in batches)
    for batch in batches:
        numbers = [one.entity.number for one in batch.tables]
        assert len(numbers) == len(set(numbers))


@given(sizes)
def test_two_halves_hold_the_whole(shape: tuple[int, int, int]):
    changes = Changes([table("mark", *shape), table("subject", *shape)], [YearChange("2024", closed=True)])
    if changes.rows < 2:
        return
    first, second = halve(changes)
    assert content([first, second]) == content([changes])
    assert 0 < first.rows < changes.rows
    assert (first.years, second.years) == ([], changes.years)


def test_years_go_with_the_last_batch_or_alone():
    years = [YearChange("2024", closed=True)]
    assert [batch.years for batch in pack([table("mark", 9, 0, 0)], years, 4)] == [[], [], years]
    assert [batch.years for batch in pack([], years, 4)] == [years]
    assert pack([], (), 4) == []


def test_a_small_key_update_is_one_batch():
    (batch,) = pack([table("subject", 1, 1, 0)], (), 10)
    assert (len(batch.tables[0]), batch.tables[0].deleted) == (1, ["1"])


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_merging_joins_pieces_of_an_entity(rows: int):
    pieces = [table("mark", 1, 0, 0, start=number) for number in range(rows)]
    merged = merge(Changes(list(pieces)))
    assert [len(one) for one in merged.tables] == [rows]
