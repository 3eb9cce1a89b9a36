"""When which sweep is due: pure, by a clock that is handed in."""

import math

import pytest

from agent.core.sweep import AHEAD_S, CALM_S, REST_FACTOR, Kind, Periods, Plan

PERIODS = Periods(hint=0.2, gather=0.08, hot=300.0, full=86_400.0)
NOW = 1000.0


@pytest.fixture
def plan() -> Plan:
    """Nothing is due but what is asked for."""
    return Plan(PERIODS, dict.fromkeys(Kind, math.inf))


def test_without_a_base_only_a_full_sweep_makes_sense():
    assert Plan(PERIODS).next(NOW, reread=False, based=False) is Kind.FULL
    assert Plan(PERIODS).next(NOW, reread=False, based=True) is Kind.HINT


def test_keys_to_be_read_again_come_before_everything(plan: Plan):
    plan.hurry(Kind.HINT)
    assert plan.next(NOW, reread=True, based=True) is Kind.REREAD


def test_entities_are_read_whole_only_when_asked_for_and_before_the_sweeps(plan: Plan):
    plan.hurry(Kind.HOT)
    assert plan.next(NOW, reread=False, based=True) is Kind.HOT
    plan.hurry(Kind.WHOLE)
    assert plan.next(NOW, reread=False, based=True) is Kind.WHOLE
    plan.finished(Kind.WHOLE, NOW, seconds=1.0, found=True)
    assert plan.next(NOW + 1e6, reread=False, based=True) is Kind.HOT


def test_changes_that_follow_each_other_gather(plan: Plan):
    plan.finished(Kind.HINT, NOW, seconds=0.01, found=True)
    assert plan.due[Kind.HINT] == pytest.approx(NOW + 0.08)
    plan.wake()
    assert plan.due[Kind.HINT] == pytest.approx(NOW + 0.08)


def test_a_stream_of_changes_gathers_longer_until_a_look_finds_nothing(plan: Plan):
    pauses = []
    for found in (True, True, True, False, True):
        plan.finished(Kind.HINT, NOW, seconds=0.01, found=found)
        pauses.append(round(plan.due[Kind.HINT] - NOW, 3))
    assert pauses == [0.08, 0.2, 0.2, 0.2, 0.08]


def test_a_write_at_the_source_ends_the_pause_after_an_empty_look(plan: Plan):
    plan.finished(Kind.HINT, NOW, seconds=0.01, found=False)
    assert plan.due[Kind.HINT] == pytest.approx(NOW + 0.2)
    plan.wake()
    assert plan.due[Kind.HINT] <= NOW


def test_a_source_that_tells_by_itself_is_looked_at_once_a_second(plan: Plan):
    plan.finished(Kind.HINT, NOW, seconds=0.001, found=False, calm=True)
    assert plan.due[Kind.HINT] == pytest.approx(NOW + CALM_S)


def test_looks_that_find_nothing_take_a_hundredth_of_a_core_however_often_they_are_woken(plan: Plan):
    """Other schools write into the same server all day: each commit wakes us, none is ours."""
    now, spent, seconds = NOW, 0.0, 0.004
    while now < NOW + 600:
        now = max(now, plan.due[Kind.HINT]) if plan.due[Kind.HINT] < math.inf else now
        now += seconds
        spent += seconds
        plan.finished(Kind.HINT, now, seconds=seconds, found=False)
        plan.wake()
    assert spent <= 600 / 100 + AHEAD_S + seconds


def test_a_hot_or_full_sweep_rests_fifty_times_as_long_as_it_took(plan: Plan):
    plan.finished(Kind.HOT, NOW, seconds=60.0, found=False)
    assert plan.due[Kind.HOT] == NOW + 60.0 * REST_FACTOR
    plan.finished(Kind.FULL, NOW, seconds=60.0, found=False)
    assert plan.due[Kind.FULL] == NOW + 86_400.0


def test_the_rest_lasts_until_the_first_of_what_is_due(plan: Plan):
    plan.due |= {Kind.HINT: NOW + 3.0, Kind.HOT: NOW + 2.0}
    assert plan.rest(NOW, based=True) == pytest.approx(2.0)
    assert plan.rest(NOW + 5.0, based=True) == 0.0
