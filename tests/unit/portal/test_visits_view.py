from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.store.visits import Counted, Funnel
from portal.views import visits
from portal.words import Words
from tests.portal_world import NOW, make_school

TODAY = date(2026, 11, 23)
MOSCOW = ZoneInfo("Europe/Moscow")
WORDS = Words("ru", MOSCOW)


def counted(people: int = 1, **words: Any) -> Counted:
    given = {"school": None, "role": None, "day": None, "page_group": None, **words}
    return Counted(**given, pages=3 * people, people=people)


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        ("", "", "2026-11-17", "2026-11-23"),
        ("2026-11-01", "2026-11-10", "2026-11-01", "2026-11-10"),
        ("2026-11-10", "2026-11-01", "2026-11-01", "2026-11-10"),
        ("nonsense", "2026-99-99", "2026-11-17", "2026-11-23"),
        ("2000-01-01", "", "2025-11-22", "2026-11-23"),
        ("0001-01-01", "9999-12-31", "2026-11-17", "2026-11-23"),
    ],
)
def test_days_of_an_address_are_in_order_and_no_more_than_a_year(since: str, until: str, first: str, last: str):
    over = visits.span(since, until, TODAY)
    assert (over.since.isoformat(), over.until.isoformat()) == (first, last)


def test_days_without_visits_are_zeros_not_gaps():
    over = visits.Span(date(2026, 11, 20), TODAY)
    found = [counted(4, day=date(2026, 11, 21)), counted(2, day=TODAY)]
    assert [bar.value for bar in visits.day_bars(found, over, WORDS)] == [0, 4, 0, 2]


def test_bars_are_named_and_the_most_come_first():
    found = [counted(1, page_group="diary"), counted(5, page_group="marks")]
    made = visits.bars(found, {"marks": "Отметки", "diary": "Дневник"}, "page_group", WORDS)
    assert [(bar.label, bar.value) for bar in made] == [("Отметки", 5), ("Дневник", 1)]


def test_the_way_to_the_first_visit_adds_schools_up_and_rounds_half_up():
    found = [
        Funnel("a", "parent", 5, 4, 3, 2, 1),
        Funnel("b", "parent", 3, 1, 0, 0, 0),
        Funnel("a", "pupil", 9, 9, 9, 9, 9),
    ]
    steps = visits.steps(found, "parent")
    assert [(step.people, step.share) for step in steps] == [(8, 100), (5, 63), (3, 38), (2, 25), (1, 13)]


def test_nobody_at_all_is_no_percentage():
    assert [step.share for step in visits.steps([], "staff")] == [0] * 5


def test_the_board_puts_the_worst_first_and_says_who_was_not_heard_of_today():
    schools = [
        make_school(1),
        make_school(2, level="error"),
        make_school(3, last_seen=datetime(2026, 11, 22, 20, 59, tzinfo=UTC)),  # 23:59 in Moscow, yesterday
        make_school(4, last_seen=datetime(2026, 11, 22, 21, 1, tzinfo=UTC)),  # 00:01 in Moscow, today
    ]
    rows = visits.board(schools, {"23-001": counted(7)}, NOW.astimezone(MOSCOW).date(), MOSCOW)
    assert [(row.school.school, row.heard_today) for row in rows] == [
        ("23-002", True),
        ("23-003", False),
        ("23-001", True),
        ("23-004", True),
    ]
    assert visits.board_totals(rows) == visits.BoardTotals(4, 3, 1, 3)


def test_a_week_is_seven_days():
    over = visits.span("", "", TODAY)
    assert (over.days, over.until - over.since) == (7, timedelta(days=6))
