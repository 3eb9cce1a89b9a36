from datetime import date

import pytest

from portal import periods
from tests.staff_factories import make_term

FIRST = make_term("q1", date(2026, 9, 1), date(2026, 10, 25), name="1 четверть")
SECOND = make_term("q2", date(2026, 11, 2), date(2026, 12, 27))
YEAR = make_term("y", date(2026, 9, 1), date(2027, 5, 31), kind="year")
TERMS = (FIRST, SECOND, YEAR)
TODAY = date(2026, 11, 23)


def test_without_a_wish_it_is_the_month_of_today_in_its_term():
    period = periods.choose(TERMS, "", "", TODAY)
    assert (period.first, period.last, period.term, period.month) == (
        date(2026, 11, 1),
        date(2026, 11, 30),
        SECOND,
        date(2026, 11, 1),
    )


def test_a_term_is_shown_whole():
    period = periods.choose(TERMS, "q1", "", TODAY)
    assert (period.first, period.last, period.term, period.month) == (date(2026, 9, 1), date(2026, 10, 25), FIRST, None)


@pytest.mark.parametrize(
    ("term", "month"), [("no", ""), ("y", ""), ("", "2026-13"), ("", "0000-01"), ("", "now"), ("", "٢٠٢٦-١١")]
)
def test_nonsense_asks_for_nothing(term: str, month: str):
    assert periods.choose(TERMS, term, month, TODAY).first == date(2026, 11, 1)


def test_a_month_of_holidays_belongs_to_the_term_before_it():
    assert periods.choose((FIRST, YEAR), "", "2026-11", date(2026, 11, 1)).term == FIRST


def test_another_month_lies_in_its_own_term():
    assert periods.choose(TERMS, "", "2026-09", TODAY).term == FIRST


def test_without_terms_there_are_still_months():
    period = periods.choose((), "", "2026-02", TODAY)
    assert (period.first, period.last, period.term) == (date(2026, 2, 1), date(2026, 2, 28), None)


def test_months_of_a_term_are_those_that_it_touches():
    assert periods.months(date(2026, 9, 1), date(2026, 11, 1)) == [
        date(2026, 9, 1),
        date(2026, 10, 1),
        date(2026, 11, 1),
    ]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-23", TODAY),
        ("2026-02-30", None),
        ("20261123", None),
        ("", None),
        ("0001-01-01", None),
        ("9999-12-31", None),
    ],
)
def test_a_day_of_an_address_is_a_day_or_nothing(text: str, day: date | None):
    assert periods.day_of(text) == day
