"""Means with their own arithmetic: golden vectors, and any marks against fractions."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.averages import NOTHING, Ratio, expected, mean, rounded, weighted_mean

pytestmark = pytest.mark.golden

Pairs = list[tuple[Decimal, Decimal]]
PAIRS = st.lists(
    st.tuples(
        st.decimals("0", "100", places=2), st.one_of(st.just(Decimal(0)), st.decimals("0.01", "99.99", places=2))
    ),
    max_size=30,
)


def marks(text: str) -> Pairs:
    """«5·3 5 4·5»: marks with their weights, 1 by default."""
    pairs = (part.split("·") for part in text.split())
    return [(Decimal(value), Decimal(*weight or ["1"])) for value, *weight in pairs]


def test_the_weighted_mean_of_the_well_known_wrong_example_is_its_true_value():
    ratio = weighted_mean(marks("5·3 5·1 4·5"))
    assert (ratio.numerator, ratio.denominator, ratio.value) == (40, 9, Decimal("4.44"))


def test_the_mean_of_the_golden_class_is_three_seventy_six():
    ratio = mean(marks("5 " * 5 + "4 " * 10 + "3 " * 9 + "2"))
    assert (ratio.numerator, ratio.denominator, ratio.value) == (94, 25, Decimal("3.76"))


def test_shares_of_the_golden_class_are_rounded_once():
    assert Ratio(Decimal(24), Decimal(26)).percent == Decimal("92.31")
    assert Ratio(Decimal(15), Decimal(26)).percent == Decimal("57.69")


def test_a_mark_of_weight_nothing_counts_in_neither_mean():
    assert mean(marks("5 2·0")).value == weighted_mean(marks("5 2·0")).value == Decimal("5.00")
    assert mean(marks("5·0")).value is None
    assert weighted_mean(marks("5·0 4·0")).value is None
    assert NOTHING.percent is None


@given(PAIRS)
def test_means_are_those_of_fractions(pairs: Pairs):
    counted = [(Fraction(value), Fraction(weight)) for value, weight in pairs if weight]
    plain = Fraction(sum(value for value, _ in counted), len(counted)) if counted else None
    total = sum(weight for _, weight in counted)
    weighted = sum(value * weight for value, weight in counted) / total if counted else None
    assert mean(pairs).exact == plain
    assert weighted_mean(pairs).exact == weighted


@given(st.decimals("-500", "500", places=2), st.decimals("-10", "10", places=1).filter(bool))
def test_rounding_is_half_up_as_decimals_do_it(numerator: Decimal, denominator: Decimal):
    quotient = Fraction(numerator) / Fraction(denominator)
    thousands = Decimal(int(abs(quotient) * 10**6)) / 10**6  # the sixth digit decides no half
    value = rounded(quotient)
    assert value is not None
    assert abs(value) == thousands.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert value == 0 or (value < 0) == (quotient < 0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("2.675", "2.68"), ("2.665", "2.67"), ("0.125", "0.13"), ("-0.125", "-0.13"), ("1.005", "1.01")],
)
def test_a_half_goes_up_whatever_digit_is_before_it(value: str, shown: str):
    assert rounded(Fraction(value)) == Decimal(shown)


@pytest.mark.parametrize(
    ("given_marks", "threshold", "mark"),
    [
        ("5 4", "0.5", 5),
        ("5 4", "0.6", 4),
        ("5 5 5 4 4", "0.6", 5),
        ("2 3", "0.5", 3),
        ("4 4 5", "0.5", 4),
        ("4", "0.5", 4),
    ],
)
def test_a_mean_stands_for_the_mark_that_the_schools_threshold_says(given_marks: str, threshold: str, mark: int):
    assert expected(weighted_mean(marks(given_marks)), Decimal(threshold)) == mark


def test_no_marks_stand_for_no_mark():
    assert expected(NOTHING) is None


def test_ratios_add_up_by_their_parts():
    assert (Ratio(Decimal(5), Decimal(26)) + Ratio(Decimal(10), Decimal(26))).exact == Fraction(15, 52)
