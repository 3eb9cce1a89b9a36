"""Which sweep is due next, and how long each may rest: hints cost at most a hundredth of a core, sweeps a fiftieth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.sweep import Kind, Periods, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

PERIODS = Periods(hint=0.2, gather=0.08, hot=300.0, full=86_400.0)
seconds = st.floats(0, 10_000)


@pytest.fixture
def plan() -> Plan:
    return Plan(PERIODS)


def resting(plan: Plan, now: float, *kinds: Kind) -> Plan:
    """These kinds have just ended, after no time."""
    for kind in kinds:
        plan.finished(kind, now, seconds=0.0, found=False)
    return plan


def test_at_first_everything_is_due_and_the_most_urgent_comes_first(plan: Plan) -> None:
    assert plan.next(0.0, reread=False, based=True) is Kind.HINT
    assert resting(plan, 0.0, Kind.HINT).next(0.0, reread=False, based=True) is Kind.HOT
    assert resting(plan, 0.0, Kind.HOT).next(0.0, reread=False, based=True) is Kind.FULL
    assert resting(plan, 0.0, Kind.FULL).next(0.0, reread=False, based=True) is None


def test_without_a_base_there_is_nothing_but_the_full_sweep(plan: Plan) -> None:
    assert plan.next(0.0, reread=False, based=False) is Kind.FULL
    resting(plan, 0.0, Kind.FULL)
    assert plan.next(1.0, reread=False, based=False) is None
    assert plan.rest(1.0, based=False) == PERIODS.full - 1.0
    assert plan.rest(1.0, based=True) == 0.0, "with a base the hints are due"


def test_a_sweep_is_due_exactly_at_the_end_of_its_rest(plan: Plan) -> None:
    resting(plan, 1000.0, *plan.due)
    assert plan.next(1000.0 + PERIODS.hint - 0.001, reread=False, based=True) is None
    assert plan.next(1000.0 + PERIODS.hint, reread=False, based=True) is Kind.HINT
    plan.finished(Kind.HINT, 2000.0, seconds=0.0, found=False)
    assert plan.next(1000.0 + PERIODS.hot, reread=False, based=True) is Kind.HOT


@given(seconds)
def test_a_hint_that_found_work_is_followed_at_once_however_long_it_took(took: float) -> None:
    plan = Plan(PERIODS)
    plan.finished(Kind.HINT, 5.0, seconds=took, found=True)
    assert plan.due[Kind.HINT] == 5.0 + PERIODS.gather


@pytest.mark.parametrize(("kind", "period"), [(Kind.HOT, PERIODS.hot), (Kind.FULL, PERIODS.full)])
@given(took=seconds, found=st.booleans())
def test_a_sweep_rests_its_period_and_at_least_fifty_times_its_length(
    kind: Kind, period: float, took: float, *, found: bool
) -> None:
    plan = Plan(PERIODS)
    plan.finished(kind, 0.0, seconds=took, found=found)
    assert plan.due[kind] == max(period, 50 * took)


@given(
    st.lists(st.tuples(st.sampled_from([Kind.HINT, Kind.HOT, Kind.FULL]), seconds, st.booleans()), max_size=8), seconds
)
def test_the_rest_ends_when_something_is_due_and_not_later(
    ended: Sequence[tuple[Kind, float, bool]], now: float
) -> None:
    plan = Plan(PERIODS)
    for kind, took, found in ended:
        plan.finished(kind, now, seconds=took, found=found)
    rest = plan.rest(now, based=True)
    assert rest >= 0
    assert (plan.next(now, reread=False, based=True) is None) == (rest > 0)
    assert plan.next((now + rest) * (1 + 1e-12), reread=False, based=True) is not None


def test_what_smells_is_due_at_once(plan: Plan) -> None:
    resting(plan, 10.0, *plan.due)
    plan.hurry(Kind.FULL)
    assert plan.next(10.0, reread=False, based=True) is Kind.FULL
    assert plan.rest(10.0, based=True) == 0.0
