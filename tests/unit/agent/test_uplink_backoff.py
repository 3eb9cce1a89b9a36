"""How long an agent waits, by the class of its problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.backoff import CAP_S, Backoff, ceiling, without_pauses
from proto.problems import KINDS, PERMANENT


@given(st.sampled_from(sorted(KINDS)), st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_no_pause_is_longer_than_the_cap(kind: str, failures: int, fraction: float) -> None:
    backoff = Backoff(CAP_S, failures - 1)
    assert 0 <= backoff.pause(kind, fraction) <= CAP_S


@given(st.sampled_from(sorted(KINDS)), st.integers(1, 50))
def test_ceilings_never_fall(kind: str, failures: int) -> None:
    assert ceiling(kind, failures) <= ceiling(kind, failures + 1)


def test_a_broken_line_is_tried_again_soon_and_then_less_often() -> None:
    assert [ceiling("transient", failures) for failures in (1, 2, 3, 11)] == [1, 2, 4, CAP_S]


@pytest.mark.parametrize("kind", sorted(PERMANENT))
def test_what_waiting_does_not_cure_is_asked_at_the_cap(kind: str) -> None:
    assert ceiling(kind, 1) == CAP_S
    assert ceiling(kind, 1, 5.0) == 5.0


def test_another_holder_of_the_lease_is_waited_for_no_longer_than_its_lease_can_take() -> None:
    assert ceiling("lease", 100) == 60.0
    assert ceiling("lease", 100, 7.0) == 7.0


def test_the_cap_is_a_setting() -> None:
    assert Backoff(0.5, 20).pause("transient", 0.999) < 0.5


def test_progress_begins_the_count_anew() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.pause("transient", 0.5)
    backoff.progressed()
    assert backoff.pause("transient", 0.5) == 0.5


def test_who_is_expected_back_comes_at_once_but_only_the_first_time() -> None:
    backoff = Backoff()
    assert backoff.pause("transient", 0.5, soon=True) == 0
    assert backoff.pause("transient", 0.5, soon=True) == 1.0


def test_the_switch_for_tests_takes_every_pause_away() -> None:
    with without_pauses():
        assert Backoff().pause("revoked", 0.9) == 0
    assert Backoff().pause("revoked", 0.9) == 0.9 * CAP_S
