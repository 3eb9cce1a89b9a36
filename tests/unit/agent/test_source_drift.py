"""What the vendor changed between two sweeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.core.drift import Column, Retyped, compare, fingerprint

OLD = [
    Column("id", "int4"),
    Column("value", "int4"),
    Column("Marks.Value", "integer", used=False),
    Column("Marks.Note", "text", used=False),
]
columns = st.lists(
    st.builds(Column, st.sampled_from("abcdef"), st.sampled_from(["int", "text"]), st.booleans()),
    unique_by=lambda found: found.name,
)


def test_an_added_column_is_reported_only() -> None:
    drift = compare(OLD, [*OLD, Column("Marks.Colour", "text", used=False)])
    assert drift.added == ("Marks.Colour",)
    assert drift
    assert not drift.pauses


def test_a_lost_column_pauses() -> None:
    drift = compare(OLD, OLD[:1] + OLD[2:])
    assert (drift.lost, drift.pauses) == (("value",), True)


def test_a_retyped_column_pauses_and_both_types_are_told() -> None:
    drift = compare(OLD, [OLD[0], Column("value", "text"), *OLD[2:]])
    assert (drift.retyped, drift.pauses) == ((Retyped("value", "int4", "text"),), True)


def test_columns_that_nobody_reads_come_and_go_without_a_pause() -> None:
    drift = compare(OLD, [*OLD[:2], Column("Marks.Value", "text", used=False)])
    assert drift.unused == ("Marks.Note", "Marks.Value")
    assert not drift.pauses


@given(columns, columns)
def test_every_difference_is_named_exactly_once(old: list[Column], new: list[Column]) -> None:
    drift = compare(old, new)
    named = [*drift.added, *drift.lost, *(found.name for found in drift.retyped), *drift.unused]
    before, after = ({found.name: found.type for found in side} for side in (old, new))
    differing = {name for name in before | after if before.get(name) != after.get(name)}
    assert sorted(named) == sorted(differing)


@given(columns.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_fingerprint_does_not_depend_on_the_order(pair: tuple[list[Column], list[Column]]) -> None:
    assert fingerprint(pair[0]) == fingerprint(pair[1])


@given(columns, columns)
def test_different_columns_have_different_fingerprints(old: list[Column], new: list[Column]) -> None:
    assert (fingerprint(old) == fingerprint(new)) == (set(old) == set(new))
