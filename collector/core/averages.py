"""Means as their own arithmetic: numerator, denominator, and a value that is rounded once, half-up (pure).

Weight 0 informs and counts nowhere; where nothing counts there is no value. Ratios add up, percentages never do.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_HUNDREDTH: Final = Decimal("0.01")
HALF: Final = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient that remembers what it is made of."""

    numerator: Decimal
    denominator: Decimal

    @property
    def exact(self) -> Fraction | None:
        """The quotient; None where the denominator is zero."""
        return Fraction(self.numerator) / Fraction(self.denominator) if self.denominator else None

    @property
    def value(self) -> Decimal | None:
        """Rounded half-up to two digits; None ("—") where the denominator is zero."""
        return rounded(self.exact)

    @property
    def percent(self) -> Decimal | None:
        """A hundred times the quotient, rounded once, half-up to two digits."""
        return rounded(self.exact * 100) if self.exact is not None else None

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.numerator + other.numerator, self.denominator + other.denominator)


NOTHING: Final = Ratio(Decimal(0), Decimal(0))


def rounded(exact: Fraction | None) -> Decimal | None:
    """Half-up to two digits, away from zero; None stays None."""
    if exact is None:
        return None
    hundredths = abs(exact) * 100
    whole, rest = divmod(hundredths.numerator, hundredths.denominator)
    up = 2 * rest >= hundredths.denominator
    return (Decimal(whole + up) * _HUNDREDTH).quantize(_HUNDREDTH, ROUND_HALF_UP).copy_sign(Decimal(exact.numerator))


def mean(marks: Iterable[tuple[Decimal, Decimal]]) -> Ratio:
    """Plain mean of (mark, weight): every mark counts once, but for those of weight 0."""
    counted = [mark for mark, weight in marks if weight]
    return Ratio(sum(counted, Decimal(0)), Decimal(len(counted)))


def weighted_mean(marks: Iterable[tuple[Decimal, Decimal]]) -> Ratio:
    """Weighted mean of (mark, weight)."""
    pairs = [(mark * weight, weight) for mark, weight in marks]
    return Ratio(sum((part for part, _ in pairs), Decimal(0)), sum((weight for _, weight in pairs), Decimal(0)))


def expected(ratio: Ratio, threshold: Decimal = HALF) -> int | None:
    """The mark that a mean stands for: one more than its whole part when its fraction reaches the threshold; None without marks."""
    exact = ratio.exact
    if exact is None:
        return None
    whole, rest = divmod(exact.numerator, exact.denominator)
    return whole + (Fraction(rest, exact.denominator) >= Fraction(threshold))
