"""How many forms pass in a minute, how browsers are reduced to two words, and how visits are gathered."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.accounts import Account
from collector.store.visits import Visit
from portal.devices import device_words
from portal.security import CODES_BY, RIGHTS, Measure, Right
from portal.visits import MOST_ROWS, Visits, group_of
from proto.problems import Problem

DAY = date(2026, 11, 23)
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_minute_s_worth_passes_at_once_and_then_one_by_one():
    measure = Measure(6)
    assert [measure.wait_s("a", 0.0) for _ in range(6)] == [0] * 6
    assert measure.wait_s("a", 0.0) == 10
    assert measure.wait_s("a", 9.0) > 0
    assert measure.wait_s("a", 10.5) == 0
    assert measure.wait_s("a", 10.5) > 0


def test_one_subject_does_not_slow_another():
    measure = Measure(1)
    assert [measure.wait_s(name, 0.0) for name in ("a", "b", "a")] == [0, 0, 60]


def test_subjects_that_went_away_are_forgotten():
    measure = Measure(1)
    for number in range(Measure.MOST):
        measure.wait_s(str(number), 0.0)
    measure.wait_s("new", 120.0)
    assert len(measure._left) == 1


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_more_passes_than_the_measure_and_what_time_brings(pauses: list[float]):
    measure, now, passed = Measure(10), 0.0, 0
    for pause in pauses:
        now += pause
        passed += measure.wait_s("a", now) == 0
    assert passed <= 10 + now * 10 / 60 + 1e-6


CHROME = (
    "Mozilla/5.0 (Linux; Android 13; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (CHROME, "Chrome, Android"),
        (CHROME + " SamsungBrowser/27.0", "Samsung Internet, Android"),
        (CHROME.replace("Android 13; K", "arm_64; Android 14; SM-A515F") + " YaBrowser/24.1.0", "Yandex Browser, Android"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Version/17 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1 CriOS/131 Safari/604.1", "Chrome, iPad"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17 Safari/605.1", "Safari, macOS"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_browser_is_two_words(sent: str, words: str):
    assert device_words(sent) == words


@given(st.text(max_size=300))
def test_nothing_of_what_a_browser_sends_is_kept_but_known_words(sent: str):
    known = {"", "Chrome", "Edge", "Opera", "Safari", "Firefox", "Yandex Browser", "Samsung Internet", "Mi Browser"}
    known |= {"Android", "iPhone", "iPad", "Windows", "ChromeOS", "macOS", "Linux"}
    assert set(device_words(sent).split(", ")) <= known


def reader(number: int = 1, *schools: str) -> Account:
    return Account(number, "x", "parent", schools, factor=False, created_at=MADE, signed_in_at=None, disabled_at=None)


def test_pages_are_gathered_and_written_together():
    written: list[list[Visit]] = []
    visits = Visits(lambda rows: written.append(list(rows)), 1.0)
    for _ in range(3):
        visits.note(reader(1, "23-001", "23-002"), "/schools/{school}/codes/class", "23-002", DAY)
    visits.note(reader(1, "23-001"), "/", "99-999", DAY)
    visits.note(reader(2), "/account/password", "", DAY)
    visits.flush()
    assert written == [
        [
            Visit("", DAY, 2, "parent", "account", 1),
            Visit("23-001", DAY, 1, "parent", "first", 1),
            Visit("23-002", DAY, 1, "parent", "codes", 3),
        ]
    ]


def test_what_could_not_be_written_is_written_later_with_what_came_meanwhile():
    written: list[list[Visit]] = []
    away = [True]

    def write(rows: list[Visit]) -> None:
        if away:
            away.clear()
            raise Problem("GOR-1801")
        written.append(rows)

    visits = Visits(write, 1.0)
    visits.note(reader(), "/", "", DAY)
    visits.flush()
    visits.note(reader(), "/", "", DAY)
    visits.flush()
    assert [[one.pages for one in rows] for rows in written] == [[2]]


def test_counts_that_wait_are_bounded():
    visits = Visits(len, 1.0)
    for number in range(MOST_ROWS + 10):
        visits.note(reader(number), "/", "", DAY)
    visits.note(reader(0), "/", "", DAY)
    assert len(visits._waiting) == MOST_ROWS
    assert max(visits._waiting.values()) == 2


@pytest.mark.parametrize(
    ("route", "group"),
    [
        ("/", "first"),
        ("/schools/{school}", "schools"),
        ("/schools/{school}/codes", "codes"),
        ("/schools/{school}/codes/staff", "codes"),
        ("/account/factor/code", "account"),
    ],
)
def test_a_route_has_its_group(route: str, group: str):
    assert group_of(route) == group
    assert re.fullmatch("[a-z]+", group)


def test_who_has_the_right_to_make_codes_is_named_with_the_roles_they_make():
    assert {role for role, grant in RIGHTS.items() if Right.CODES in grant.rights} == set(CODES_BY)
    for role, made in CODES_BY.items():
        assert role not in made
        assert "head" not in made
