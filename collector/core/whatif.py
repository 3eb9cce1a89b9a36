"""What a pupil needs for a mark: exact arithmetic over the same rule that tells which mark a mean stands for (pure).

A mean m stands for the goal g or more exactly when m ≥ g − 1 + t, with t the threshold of :func:`collector.core.averages.expected`. So
one inequality tells the fewest further marks, and no mark is tried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Final

from collector.core.averages import HALF

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from collector.core.averages import Ratio

FEWEST: Final = 3
"""Below so many marks that count a mean stands for no mark yet."""


@dataclass(frozen=True, slots=True)
class Need:
    """How many marks of one value reach the goal; `count` is None where no number of them does, 0 where it is reached already."""

    value: int
    count: int | None


def needs(
    now: Ratio, counted: int, goal: int, weight: Decimal, values: Iterable[int], threshold: Decimal = HALF
) -> tuple[Need, ...]:
    """For each value, the fewest marks of it and of the weight that bring the weighted mean to the goal.

    Args:
        now: the weighted mean so far, with its sums.
        counted: marks so far whose weight is not 0.
        goal: the mark to reach.
        weight: of each further mark, more than 0.
        values: values of marks to reckon with.
        threshold: more than 0, at most 1.
    """
    if weight <= 0 or not 0 < threshold <= 1:
        raise ValueError("a weight above 0 and a threshold above 0 up to 1 are needed")
    border = goal - 1 + Fraction(threshold)
    lacking = border * Fraction(now.denominator) - Fraction(now.numerator)
    return tuple(Need(value, _count(lacking, counted, Fraction(weight) * (value - border))) for value in values)


def _count(lacking: Fraction, counted: int, step: Fraction) -> int | None:
    """The least n with ``step · n ≥ lacking`` and enough marks altogether; None if there is none."""
    least = max(0, FEWEST - counted)
    if least * step >= lacking:
        return least
    return ceil(lacking / step) if step > 0 else None
