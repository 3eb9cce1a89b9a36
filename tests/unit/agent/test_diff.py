"""The heart: what a page changes. A reference in three lines judges it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.diff import absent, compare, duplicates, raw_hashes, suspects

SALT = b"profile 1"
keys = st.integers(0, 9)
known_rows = st.dictionaries(keys, st.tuples(st.integers(0, 3), st.none() | st.integers(0, 3)))
page_rows = st.dictionaries(keys, st.tuples(st.integers(0, 3), st.integers(0, 3)))


@given(page_rows, known_rows)
def test_a_page_is_sorted_into_new_changed_and_only_touched_rows(
    page: dict[int, tuple[int, int]], known: dict[int, tuple[int, int | None]]
):
    names, raws = list(page), [raw for raw, _hash in page.values()]
    found = suspects(names, raws, known)
    suspected = [names[position] for position in found]
    diff = compare(suspected, [page[name][1] for name in suspected], known)
    sorted_out = {
        suspected[place]: word for word in ("inserted", "updated", "touched") for place in getattr(diff, word)
    }
    assert diff.changed == [*diff.inserted, *diff.updated]
    expected = {}
    for key, (raw, row_hash) in page.items():
        if key not in known:
            expected[key] = "inserted"
        elif known[key][1] != raw:
            expected[key] = "touched" if known[key][0] == row_hash else "updated"
    assert sorted_out == expected


@given(st.lists(keys, unique=True), st.lists(keys), known_rows)
def test_absent_are_asked_keys_that_did_not_return_and_that_the_centre_holds(
    asked: list[int], returned: list[int], known: dict[int, Any]
):
    assert set(absent(asked, returned, known)) == set(asked) - set(returned) & set(asked) - (set(asked) - set(known))


def test_a_row_of_the_other_case_does_not_make_a_key_present():
    assert absent(["a", "b"], ["A", "b"], {"a": (1, 1), "b": (1, 1)}) == ["a"]


def test_raw_hashes_are_of_bytes_or_tuples_and_of_what_they_were_salted_with():
    (first,) = raw_hashes([(1, "x", None)], SALT)
    assert first == raw_hashes([(1, "x", None)], SALT)[0]
    assert first != raw_hashes([(1, "x", None)], b"profile 2")[0]
    assert first != raw_hashes([(1, "x", "")], SALT)[0]
    assert raw_hashes([b"1\tx"], SALT) == raw_hashes([b"1\tx"], SALT)


@pytest.mark.parametrize("other", ["\ud801", b"\xed\xa0\x80", "?", None])
def test_half_a_character_has_a_raw_hash_of_its_own(other: object):
    assert raw_hashes([("\ud800",)], SALT) != raw_hashes([(other,)], SALT)


@given(st.lists(keys))
def test_duplicates_are_counted_once_less(names: list[int]):
    assert duplicates(names) == len(names) - len(set(names))
