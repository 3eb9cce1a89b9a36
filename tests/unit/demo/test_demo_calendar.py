"""Terms and school days of a school-year."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from install.demo.results import rounded
from install.demo.schoolyear import SchoolYear

YEARS = st.integers(min_value=2000, max_value=2100)


@given(YEARS, st.sampled_from([5, 6]))
def test_no_lessons_on_sundays_or_public_holidays(start: int, days: int) -> None:
    for day in SchoolYear(start, days).school_days:
        assert day.isoweekday() <= days
        assert (day.month, day.day) not in {(11, 4), (2, 23), (3, 8), (5, 1), (5, 9)}


@given(YEARS)
def test_a_year_has_about_thirty_four_weeks(start: int) -> None:
    assert 155 <= len(SchoolYear(start).school_days) <= 175


@given(YEARS, st.integers(min_value=1, max_value=11), st.booleans())
def test_terms_follow_each_other_inside_the_year(start: int, parallel: int, trimesters: bool) -> None:  # noqa: FBT001  drawn
    year = SchoolYear(start, trimesters=trimesters)
    *terms, whole = year.terms(parallel)
    assert whole.kind == "year"
    assert all(before.last < after.first for before, after in pairwise(terms))
    assert year.first == terms[0].first
    assert terms[-1].last <= year.last


@pytest.mark.parametrize(("parallel", "trimesters", "kinds"), [(5, False, 4), (5, True, 3), (10, True, 2)])
def test_senior_classes_have_semesters(parallel: int, *, trimesters: bool, kinds: int) -> None:
    assert len(SchoolYear(2026, trimesters=trimesters).terms(parallel)) == kinds + 1


def test_the_share_of_the_year_grows_from_nothing_to_all() -> None:
    year = SchoolYear(2026)
    assert year.elapsed(date(2026, 8, 31)) == 0
    assert 0.3 < year.elapsed(date(2026, 12, 1)) < 0.4
    assert year.elapsed(date(2027, 6, 1)) == 1


@pytest.mark.parametrize(
    ("total", "weight", "threshold", "mark"),
    [(7, 2, 0.5, 4), (349, 100, 0.5, 3), (9, 2, 0.6, 4), (23, 5, 0.6, 5), (459, 100, 0.6, 4), (1, 1, 0.5, 2)],
)
def test_a_result_is_rounded_exactly_by_the_schools_own_rule(
    total: float, weight: float, threshold: float, mark: int
) -> None:
    assert rounded(total, weight, threshold) == mark
