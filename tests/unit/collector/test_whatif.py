"""What is needed for a mark, against trying it out."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.averages import Ratio
from collector.core.whatif import needs

MARKS = st.lists(st.tuples(st.integers(1, 5), st.decimals(Decimal("0.25"), 4, places=2, allow_nan=False)), max_size=12)
WEIGHTS = st.decimals(Decimal("0.1"), 5, places=2, allow_nan=False)
THRESHOLDS = st.decimals(Decimal("0.05"), 1, places=2, allow_nan=False)
TRIED = 60


def stands_for(total: Fraction, weights: Fraction, count: int, threshold: Fraction) -> int | None:
    """The mark of the weighted mean by the written rule: one more than its whole part from the threshold on; none below three marks."""
    if count < 3:
        return None
    mean = total / weights
    whole = int(mean)
    return whole + 1 if mean - whole >= threshold else whole


def tried(
    marks: list[tuple[int, Fraction]], goal: int, value: int, weight: Fraction, threshold: Fraction
) -> int | None:
    """The fewest further marks, by adding one after the other."""
    total, weights = sum((mark * one for mark, one in marks), Fraction(0)), sum((one for _, one in marks), Fraction(0))
    for count in range(TRIED):
        found = stands_for(total, weights, len(marks) + count, threshold)
        if found is not None and found >= goal:
            return count
        total, weights = total + value * weight, weights + weight
    return None


@given(MARKS, st.integers(2, 5), WEIGHTS, st.integers(1, 5), THRESHOLDS)
def test_no_fewer_marks_reach_the_goal_and_these_do(
    marks: list[tuple[int, Decimal]], goal: int, weight: Decimal, value: int, threshold: Decimal
):
    now = Ratio(
        sum((Decimal(mark) * weighs for mark, weighs in marks), Decimal(0)),
        sum((weighs for _, weighs in marks), Decimal(0)),
    )
    exact = [(mark, Fraction(weighs)) for mark, weighs in marks]
    (need,) = needs(now, len(marks), goal, weight, [value], threshold)
    expected = tried(exact, goal, value, Fraction(weight), Fraction(threshold))
    if need.count is None or need.count < TRIED:
        assert need.count == expected
    else:
        assert expected is None  # too many to try, and not fewer


def test_the_example_of_the_domain_needs_no_more_for_a_four_and_two_fives_for_a_five():
    now = Ratio(Decimal(5 * 3 + 5 * 1 + 4 * 5), Decimal(9))  # 4.44
    four, five = needs(now, 3, 4, Decimal(1), [5], Decimal("0.5")), needs(now, 3, 5, Decimal(1), [5], Decimal("0.5"))
    assert (four[0].count, five[0].count) == (0, 1)  # (40+5)/10 = 4.5


def test_from_nothing_three_marks_are_needed():
    nothing = Ratio(Decimal(0), Decimal(0))
    assert [need.count for need in needs(nothing, 0, 4, Decimal(1), [5, 4, 3])] == [3, 3, None]


def test_a_mark_at_the_border_never_lifts_a_lower_mean():
    (need,) = needs(Ratio(Decimal(9), Decimal(3)), 3, 4, Decimal(1), [4], Decimal(1))
    assert need.count is None


@pytest.mark.parametrize(("weight", "threshold"), [("0", "0.5"), ("-1", "0.5"), ("1", "0"), ("1", "1.1")])
def test_a_weight_or_threshold_outside_its_bounds_is_refused(weight: str, threshold: str):
    with pytest.raises(ValueError, match="weight above 0"):
        needs(Ratio(Decimal(9), Decimal(3)), 3, 4, Decimal(weight), [5], Decimal(threshold))
