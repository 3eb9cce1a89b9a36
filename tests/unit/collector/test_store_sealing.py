"""Sealing of personal values, and the blind index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.sealing import Destroyed, SchoolKeys, Unreadable, fold
from proto.entities import BY_NAME, Field

PERSON = BY_NAME["person"]
LAST_NAME, BIRTH_DATE = PERSON.fields[1], PERSON.fields[4]


def keys(school: str = "23-001", year: int = 2026, destroyed: frozenset[int] = frozenset()) -> SchoolKeys:
    years = {number: bytes([number % 251]) * 32 for number in (2025, 2026) if number not in destroyed}
    return SchoolKeys(school, b"f" * 32, years, year, destroyed)


@given(st.binary())
def test_what_is_sealed_opens_again(value: bytes):
    assert keys().open("person", "1", "x", keys().seal("person", "1", "x", value)) == value


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_columns_of_text_come_back_as_they_were(values: list[str | None]):
    source_ids = [str(number) for number in range(len(values))]
    sealed = keys().seal_column(PERSON, LAST_NAME, source_ids, values)
    assert keys().open_column(PERSON, LAST_NAME, source_ids, sealed) == values


@given(st.lists(st.none() | st.integers(-719_162, 2_932_896), max_size=5))
def test_columns_of_dates_come_back_as_they_were(values: list[int | None]):
    source_ids = [str(number) for number in range(len(values))]
    sealed = keys().seal_column(PERSON, BIRTH_DATE, source_ids, values)
    assert keys().open_column(PERSON, BIRTH_DATE, source_ids, sealed) == values


def test_equal_values_are_sealed_differently():
    assert keys().seal("person", "1", "x", b"v") != keys().seal("person", "1", "x", b"v")


@pytest.mark.parametrize(
    ("school", "place"),
    [
        ("23-002", ("person", "1", "last_name")),
        ("23-001", ("staff", "1", "last_name")),
        ("23-001", ("person", "2", "last_name")),
        ("23-001", ("person", "1", "first_name")),
    ],
)
def test_a_value_opens_in_its_own_place_only(school: str, place: tuple[str, str, str]):
    sealed = keys().seal("person", "1", "last_name", b"v")
    with pytest.raises(Unreadable):
        keys(school).open(*place, sealed)


@given(st.integers(0, 30), st.integers(1, 255))
def test_every_flipped_bit_is_noticed(position: int, flip: int):
    sealed = bytearray(keys().seal("person", "1", "x", b"v"))
    sealed[position] ^= flip
    with pytest.raises(Unreadable):
        keys().open("person", "1", "x", bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 2, 13, 14, 20, 29])
def test_what_is_too_short_is_unreadable(length: int):
    sealed = keys().seal("person", "1", "x", b"v")[:length]
    with pytest.raises(Unreadable):
        keys().open("person", "1", "x", sealed)


def test_an_earlier_years_value_still_opens():
    sealed = keys(year=2025).seal("person", "1", "x", b"v")
    assert keys(year=2026).open("person", "1", "x", sealed) == b"v"


def test_a_destroyed_years_value_is_told_apart_from_an_altered_one():
    sealed = keys(year=2025).seal("person", "1", "x", b"v")
    with pytest.raises(Destroyed):
        keys(destroyed=frozenset({2025})).open("person", "1", "x", sealed)


def test_a_destroyed_value_reads_as_nothing():
    sealed = keys(year=2025).seal_column(PERSON, LAST_NAME, ["1"], ["Иванова"])
    assert keys(destroyed=frozenset({2025})).open_column(PERSON, LAST_NAME, ["1"], sealed) == [None]


@pytest.mark.parametrize(("one", "other"), [("Алёшин", "АЛЕШИН"), (" Анна  Мария ", "анна мария"), ("Ёж", "еж")])
def test_spellings_that_people_hold_for_the_same_are_found(one: str, other: str):
    assert fold(one) == fold(other)
    (stored,) = keys().blind_column(PERSON, LAST_NAME, [one])
    assert stored in keys().blind_candidates(PERSON, LAST_NAME, other)


def test_the_blind_index_of_one_column_says_nothing_of_another():
    first_name: Field = PERSON.fields[2]
    assert keys().blind_column(PERSON, LAST_NAME, ["Ян"]) != keys().blind_column(PERSON, first_name, ["Ян"])


def test_the_blind_index_ends_with_its_years_key():
    (stored,) = keys(year=2025).blind_column(PERSON, LAST_NAME, ["Ян"])
    assert stored in keys().blind_candidates(PERSON, LAST_NAME, "Ян")
    assert stored not in keys(destroyed=frozenset({2025})).blind_candidates(PERSON, LAST_NAME, "Ян")


def test_nothing_has_no_index():
    assert keys().blind_column(PERSON, LAST_NAME, [None]) == [None]
