"""The guard: unusually many deletions or updates wait; inserts never do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.guard import Count, Limits, Verdict, judge, net_deletions

LIMITS = Limits(delete_rows=500, delete_pct=2, update_rows=20_000, update_pct=30)


@pytest.mark.parametrize(
    ("rows", "counted", "deleted", "held"),
    [
        (1000, 0, 500, False),
        (1000, 0, 501, True),
        (1000, 500, 1, True),
        (100_000, 0, 2000, False),
        (100_000, 0, 2001, True),
        (1000, -100, 600, False),
    ],
)
def test_deletions_beyond_the_larger_of_number_and_share_are_held(rows: int, counted: int, deleted: int, held: bool):  # noqa: FBT001
    assert judge(LIMITS, Count(deleted=counted), lambda: rows, deleted=deleted, inserted=0, updated=0) == Verdict(
        hold_deletes=held
    )


@pytest.mark.parametrize(
    ("rows", "updated", "held"),
    [(10, 20_000, False), (10, 20_001, True), (100_000, 30_000, False), (100_000, 30_001, True)],
)
def test_updates_have_a_limit_of_their_own(rows: int, updated: int, held: bool):  # noqa: FBT001
    assert judge(LIMITS, Count(), lambda: rows, deleted=0, inserted=0, updated=updated) == Verdict(hold_updates=held)


def test_a_key_update_loses_no_row():
    assert not judge(LIMITS, Count(), lambda: 10, deleted=5000, inserted=5000, updated=0).hold_deletes
    assert net_deletions(3, 5) == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_zero_rows_switch_a_guard_off(deleted: int, inserted: int, updated: int):
    off = Limits(delete_rows=0, update_rows=0)
    assert judge(off, Count(10**6, 10**6), lambda: 0, deleted=deleted, inserted=inserted, updated=updated) == Verdict()


@given(st.integers(-10, 10**6))
def test_a_page_that_changes_nothing_is_never_held(counted: int):
    assert judge(LIMITS, Count(counted, counted), lambda: 10, deleted=0, inserted=7, updated=0) == Verdict()
