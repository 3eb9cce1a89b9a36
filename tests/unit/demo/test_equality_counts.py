"""When the demo says «equal»."""

from collections import Counter

from install.demo.counts import TIMELESS, YEARLY
from install.demo.equality import Counts, _centre_sql, _is_yearly


def test_the_same_numbers_of_every_entity_are_equal() -> None:
    assert Counts(Counter(mark=3, person=2), Counter(mark=3, person=2)).equal


def test_one_row_less_is_not_equal() -> None:
    assert not Counts(Counter(mark=3, person=2), Counter(mark=3, person=1)).equal


def test_equal_sums_of_different_entities_are_not_equal() -> None:
    assert not Counts(Counter(mark=3, person=2), Counter(mark=2, person=3)).equal


def test_rows_that_the_centre_alone_has_are_not_equal() -> None:
    assert not Counts(Counter(mark=3), Counter(mark=4)).equal


def test_an_entity_without_rows_counts_as_none() -> None:
    source = Counter(mark=0)
    assert Counts(source, Counter()).equal
    assert Counts(source, Counter()).as_json()["entities"] == {"mark": {"source": 0, "centre": 0}}


def test_what_is_told_adds_up() -> None:
    told = Counts(Counter(mark=3, person=2), Counter(mark=3, person=1)).as_json()
    assert (told["equal"], told["rows_source"], told["rows_centre"]) == (False, 5, 4)
    assert list(told["entities"]) == ["mark", "person"]


def test_rows_of_closed_years_are_counted_on_neither_side() -> None:
    assert all(_is_yearly(name) for name in YEARLY)
    assert not any(_is_yearly(name) for name in TIMELESS)
    assert "closed_year" in _centre_sql("mark", yearly=True)
    assert "closed_year" not in _centre_sql("person", yearly=False)
