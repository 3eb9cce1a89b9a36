"""The rule of missed lessons and days, case by case."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from collector.core.absence import LessonPlace, count, longest_unexcused

MONDAY = date(2026, 11, 23)


def places(text: str, day: date = MONDAY) -> list[LessonPlace]:
    """«УП + ?»: a code, present, nothing submitted; «/» begins the next day."""
    found = []
    for offset, codes in enumerate(text.split("/")):
        found += [
            LessonPlace(day + timedelta(days=offset), None if code in "+?" else code, code != "?")
            for code in codes.split()
        ]
    return found


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ("УП УП УП", "УП"),
        ("Б Б НП", "Б"),
        ("Б НП", "НП"),  # a tie goes to the graver one
        ("ОТ УП", "ОТ"),
        ("УП Б", "УП"),
        ("УП ОСВ УП", "УП"),  # exempt lessons are left out
        ("УП +", None),
        ("УП ОП", None),  # late is present
        ("УП ?", None),  # nothing submitted is no absence
        ("УП ПР", None),
        ("ОСВ ОСВ", None),  # a day without lessons of one's own does not exist
    ],
)
def test_a_day_is_missed_when_all_of_its_lessons_were(codes: str, reason: str | None):
    assert count(places(codes)).days == ({MONDAY: reason} if reason else {})


def test_lessons_are_counted_by_their_codes_and_late_ones_are_not_missed():
    counted = count(places("УП Б НП ОТ ОП + ОСВ ?"))
    assert counted.lessons == {"НП": 1, "ОТ": 1, "УП": 1, "Б": 1, "ОП": 1}
    assert (counted.missed, counted.planned, counted.held) == (4, 6, 7)
    assert (counted.rate.numerator, counted.rate.denominator) == (2, 6)
    assert (counted.coverage.numerator, counted.coverage.denominator) == (6, 7)


def test_without_lessons_there_is_no_rate():
    assert count([]).rate.percent is None
    assert count(places("ОСВ")).coverage.percent is None


def test_days_running_are_school_days_and_an_excused_one_ends_the_run():
    counted = count(places("НП / ОТ / УП / НП / НП / ОТ / +"))
    days = [MONDAY + timedelta(days=number) for number in range(7)]
    assert longest_unexcused(counted.days, days) == 3
    assert longest_unexcused(counted.days, [days[0], days[1], days[3]]) == 3  # no school on the day between
    assert longest_unexcused({}, days) == 0
