"""Has the agent been pointed elsewhere, or has its source gone back?"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.core.origin import Life, Origin, Verdict, compare, follow

HERE = Origin("sqlite:school-1", "8.1f", 40)


def test_the_first_sight_of_a_source_is_remembered_as_it_is() -> None:
    assert follow(None, HERE) == (Verdict.SAME, Life("sqlite:school-1", "8.1f", 40))


def test_a_position_that_grows_is_the_same_life() -> None:
    verdict, life = follow(Life("sqlite:school-1", "8.1f", 40), Origin("sqlite:school-1", "8.1f", 41))
    assert (verdict, life.position, life.name) == (Verdict.SAME, 41, "8.1f")


def test_another_incarnation_is_a_restore() -> None:
    verdict, life = follow(Life("sqlite:school-1", "8.1f", 40, 3), Origin("sqlite:school-1", "8.20", 90))
    assert (verdict, life.name) == (Verdict.RESTORED, "8.20")


def test_a_position_that_goes_back_is_a_restore_with_a_name_of_its_own() -> None:
    verdict, life = follow(Life("sqlite:school-1", "8.1f", 40), Origin("sqlite:school-1", "8.1f", 39))
    assert (verdict, life.name) == (Verdict.RESTORED, "8.1f#1")
    verdict, life = follow(life, Origin("sqlite:school-1", "8.1f", 12))
    assert (verdict, life.name) == (Verdict.RESTORED, "8.1f#2")


def test_another_identity_is_another_source_even_in_the_same_file() -> None:
    assert compare(HERE, Origin("sqlite:school-2", "8.1f", 40)) is Verdict.OTHER


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_lives_are_counted_by_the_steps_back(positions: list[int]) -> None:
    life = None
    for position in positions:
        _verdict, life = follow(life, Origin("x", "y", position))
    assert life is not None
    assert life.number == sum(later < earlier for earlier, later in pairwise(positions))
