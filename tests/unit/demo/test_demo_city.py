"""The specification of a city and what its organisations share."""

from dataclasses import replace
from datetime import date

import pytest

from install.demo import town
from install.demo.generate import draw
from install.demo.model import LETTERS
from install.demo.sizing import size_of
from install.demo.spec import CitySpec
from tests.fix_demo import CITY, TODAY


def drawn_rows(spec: CitySpec, number: int) -> int:
    return sum(map(len, draw(spec.school(number)).rows.values()))


def test_the_third_organisation_teaches_after_school() -> None:
    assert [one.kind for one in CitySpec(TODAY, schools=4).organisations()] == [
        "school",
        "school",
        "addl_edu",
        "school",
    ]


def test_ids_and_codes_differ_from_each_other_and_between_schools() -> None:
    schools = CitySpec(TODAY, schools=20).organisations()
    assert len({one.id for one in schools} | {one.organisation for one in schools}) == 40


def test_neighbours_are_mutual() -> None:
    for one in CitySpec(TODAY, schools=20).organisations():
        assert one.neighbour is None or (one.neighbour.neighbour == one and one.neighbour != one)
        assert (one.neighbour is None) == one.further


@pytest.mark.parametrize(
    ("day", "year"), [(date(2026, 9, 1), 2026), (date(2027, 8, 31), 2026), (date(2026, 1, 15), 2025)]
)
def test_the_school_year_begins_in_september(day: date, year: int) -> None:
    assert CitySpec(day).school(1).year == year


def test_the_same_seed_draws_the_same_rows() -> None:
    assert draw(CITY.school(1)).rows == draw(CITY.school(1)).rows


def test_another_seed_draws_other_people() -> None:
    assert draw(CITY.school(1)).rows["People"] != draw(replace(CITY, seed=8).school(1)).rows["People"]


def test_a_school_does_not_depend_on_how_many_others_are_built() -> None:
    assert draw(CitySpec(TODAY, 1, 0.01, 7).school(1)).rows == draw(CitySpec(TODAY, 9, 0.01, 7).school(1)).rows


@pytest.mark.parametrize("number", [1, 2, 4, 5])
def test_a_tenth_of_the_scale_gives_about_forty_three_thousand_rows_a_year(number: int) -> None:
    rows = drawn_rows(CitySpec(date(2027, 6, 10), scale=0.1), number)
    assert 32_000 < rows < 56_000


@pytest.mark.full
def test_the_full_scale_gives_about_four_hundred_and_thirty_thousand_rows_a_year() -> None:
    assert 390_000 < drawn_rows(CitySpec(date(2027, 6, 10), scale=1.0), 1) < 470_000


def test_a_steady_school_is_larger_when_the_year_is_young() -> None:
    spec = CitySpec(TODAY, scale=0.1, steady=True)
    assert 33_000 < drawn_rows(spec, 1) < 52_000
    assert size_of(spec.school(1)).pupils > size_of(replace(spec, steady=False).school(1)).pupils


def test_every_school_has_classes_one_to_eleven() -> None:
    for scale in (0.01, 0.1, 1.0):
        seats = size_of(CitySpec(TODAY, scale=scale).school(1)).seats(LETTERS)
        assert {parallel for parallel, _ in seats} == set(range(1, 12))
        assert len(set(seats)) == len(seats)


def test_shared_families_send_children_to_both_schools_of_a_pair() -> None:
    assert town.residents(CITY.school(1)) == town.residents(CITY.school(2))
    assert {one.school for one in town.residents(CITY.school(1))} == {1, 2}


def test_a_move_between_schools_is_the_same_seen_from_either_side() -> None:
    moves = town.movers(CITY.school(1))
    assert moves == town.movers(CITY.school(2))
    assert moves
    assert all({move.origin, move.target} == {1, 2} and move.left <= move.arrived for move in moves)


def test_further_education_has_no_pair() -> None:
    assert not town.residents(CITY.school(3))
    assert not town.movers(CITY.school(3))


def test_circle_goers_are_children_of_the_schools_nearby() -> None:
    names = {one.child for one in town.residents(CITY.school(1))}
    assert {one.child for one in town.circle_goers(CITY.school(3))} == names
