"""The opening sentence, counts, filter and order of the first page."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.health import SchoolHealth
from portal import names, overview
from portal.overview import Order, arrange, counts, level_of, natural, nothing_arrives, sentence
from portal.words import Words
from tests.portal_world import NOW, make_school

RU = Words("ru", ZoneInfo("Europe/Moscow"))
EN = Words("en", ZoneInfo("Europe/Moscow"))
SILENT: dict[str, Any] = {"level": "silent", "last_seen": NOW - timedelta(hours=4, minutes=22)}
NEW: dict[str, Any] = {"level": "silent", "last_seen": None}


def city(**levels: int) -> list[SchoolHealth]:
    """So many schools of each level."""
    wanted = [level for level, number in levels.items() for _ in range(number)]
    kinds = {"silent": SILENT, "new": NEW}
    return [make_school(at, **kinds.get(level, {"level": level})) for at, level in enumerate(wanted, 1)]


@pytest.mark.parametrize(
    ("schools", "said"),
    [
        (city(ok=118, late=3, silent=1), "118 из 122 школ в порядке, 3 опаздывают, 1 молчит с 07:40."),
        (city(ok=122), "Все 122 школы в порядке."),
        (city(ok=5), "Все 5 школ в порядке."),
        (city(ok=1), "Школа в порядке."),
        (city(ok=20, error=1), "20 из 21 школы в порядке, 1 с ошибкой."),
        (city(ok=2, silent=2), "2 из 4 школ в порядке, 2 молчат, дольше всех — с 07:40."),
        (city(ok=1, new=1), "1 из 2 школ в порядке, 1 ещё не подключена."),
        (city(new=3), "0 из 3 школ в порядке, 3 ещё не подключены."),
    ],
)
def test_the_page_opens_with_how_many_are_well_and_which_are_not(schools: list[SchoolHealth], said: str):
    assert sentence(schools, RU, NOW) == said


def test_the_opening_is_said_in_english_too():
    said = sentence(city(ok=118, late=3, silent=1), EN, NOW)
    assert said == "118 of 122 schools are in order, 3 are late, 1 is silent since 07:40."


def test_a_school_that_was_never_heard_of_is_new_and_not_silent():
    assert level_of(make_school(**NEW)) == "new"
    assert level_of(make_school(**SILENT)) == "silent"
    assert level_of(make_school(level="error", last_seen=None)) == "error"


@given(st.lists(st.sampled_from(["ok", "late", "silent", "error", "new"]), max_size=40))
def test_counts_add_up_to_all_schools(levels: list[str]):
    schools = [
        make_school(at, **{"silent": SILENT, "new": NEW}.get(level, {"level": level}))
        for at, level in enumerate(levels)
    ]
    assert sum(counts(schools).values()) == len(schools)
    assert {level: number for level, number in counts(schools).items() if number} == {
        level: levels.count(level) for level in set(levels)
    }


def test_school_nine_comes_before_school_ten():
    wanted = ["Гимназия № 2", "Школа № 9", "Школа № 10", "Школа № 10а"]
    assert sorted(wanted[2:] + wanted[:2], key=natural) == wanted


@given(st.lists(st.text(max_size=12), max_size=20))
def test_any_names_can_be_sorted(names_: list[str]):
    ordered = sorted(names_, key=natural)
    assert [natural(name) for name in ordered] == sorted(natural(name) for name in names_)


def test_the_usual_order_is_the_worst_first_then_by_name():
    schools = [
        make_school(10),
        make_school(2),
        make_school(3, level="error"),
        make_school(4, **SILENT),
        make_school(5, level="late"),
    ]
    assert [one.school for one in arrange(schools, "", Order())] == ["23-003", "23-004", "23-005", "23-002", "23-010"]


@pytest.mark.parametrize("column", sorted(overview.COLUMNS))
@pytest.mark.parametrize("down", [False, True])
def test_every_column_sorts_schools_that_have_nothing_yet(column: str, *, down: bool):
    empty = make_school(
        2,
        fresh_at=None,
        complete_at=None,
        stored_at=None,
        delay_ms=None,
        agent_version=None,
        certificate_days=None,
        last_change_seen=None,
        **NEW,
    )
    assert {one.school for one in arrange([make_school(1), empty], "", Order(column, down))} == {"23-001", "23-002"}


def test_every_column_of_the_page_can_be_sorted_by():
    assert {name for name, _, _ in names.COLUMNS} == set(overview.COLUMNS)


def test_a_filter_leaves_one_state():
    schools = city(ok=3, late=2, new=1)
    assert [level_of(one) for one in arrange(schools, "late", Order())] == ["late", "late"]
    assert [level_of(one) for one in arrange(schools, "new", Order())] == ["new"]
    assert arrange(schools, "error", Order()) == []


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("rows", Order("rows")),
        ("-rows", Order("rows", down=True)),
        ("", Order()),
        ("nonsense", Order()),
        ("--rows", Order()),
    ],
)
def test_the_order_is_read_from_the_address(text: str, order: Order):
    assert Order.read(text) == order


def test_a_click_sorts_figures_from_the_largest_and_a_second_click_turns_it():
    first = Order().click("rows")
    assert (first, first.click("rows")) == (Order("rows", down=True), Order("rows"))
    assert Order().click("name") == Order("name")


def test_when_no_school_is_heard_of_the_centre_itself_is_suspected():
    silent = [make_school(number, last_seen=NOW - timedelta(minutes=20 + number)) for number in range(3)]
    assert nothing_arrives(silent, 900, NOW) == NOW - timedelta(minutes=20)
    assert nothing_arrives([*silent, make_school(9)], 900, NOW) is None


def test_one_silent_school_says_nothing_of_the_centre():
    assert nothing_arrives([make_school(1, **SILENT)], 900, NOW) is None
    assert nothing_arrives([], 900, NOW) is None
