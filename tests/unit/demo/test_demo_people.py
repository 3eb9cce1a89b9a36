"""Names agree in gender, patronymics come from fathers, ages fit classes."""

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from install.demo import people
from install.demo.names import FATHERS, FEMALE, MALE, SURNAMES, UNCHANGING
from install.demo.people import Family, Person

SEEDS = st.integers(min_value=0, max_value=2**64)
# A reference of its own: endings that only one sex carries.
ONLY_WOMEN = ("ова", "ева", "ёва", "ина", "ына", "ская", "цкая", "ая", "яя")
ONLY_MEN = ("ов", "ев", "ёв", "ин", "ын", "ский", "цкий", "ой", "ый", "ий")


def family(seed: int, parallel: int = 7) -> Family:
    return people.family(random.Random(seed), parallel, 2026)


def everybody(home: Family) -> list[Person]:
    return [*home.children, *(person for _, person in home.parents)]


def fits_sex(surname: str, sex: str) -> bool:
    halves = [half for half in surname.split("-") if half not in UNCHANGING]
    wrong = ONLY_MEN if sex == "f" else ONLY_WOMEN
    return not any(half.endswith(wrong) for half in halves)


@given(SEEDS)
def test_everybody_carries_a_surname_of_the_right_gender(seed: int) -> None:
    assert all(fits_sex(person.last, person.sex) for person in everybody(family(seed)))


@given(SEEDS)
def test_first_names_belong_to_the_sex(seed: int) -> None:
    for person in everybody(family(seed)):
        assert person.first in (FEMALE if person.sex == "f" else FATHERS)


@given(SEEDS)
def test_patronymics_have_the_ending_of_the_sex(seed: int) -> None:
    for person in everybody(family(seed)):
        assert person.middle is None or person.middle.endswith("на" if person.sex == "f" else "ич")


@given(SEEDS)
def test_brothers_and_sisters_have_the_same_father(seed: int) -> None:
    stems = {child.middle[:3] for child in family(seed).children if child.middle}
    assert len(stems) <= 1


@given(SEEDS)
def test_parents_are_grown_up_when_their_children_are_born(seed: int) -> None:
    home = family(seed)
    oldest = min(child.birth for child in home.children)
    assert home.parents
    assert all((oldest - parent.birth).days > 16 * 365 for _, parent in home.parents)


@given(SEEDS, st.integers(min_value=1, max_value=11))
def test_the_first_child_fits_its_class(seed: int, parallel: int) -> None:
    child = family(seed, parallel).children[0]
    age = (date(2026, 9, 1) - child.birth).days / 365.25
    assert parallel + 5.4 < age < parallel + 7.1


@pytest.mark.parametrize(
    ("man", "woman"),
    [
        ("Иванов", "Иванова"),
        ("Королёв", "Королёва"),
        ("Ильин", "Ильина"),
        ("Покровский", "Покровская"),
        ("Береговой", "Береговая"),
        ("Белый", "Белая"),
        ("Шевченко", "Шевченко"),
        ("Черных", "Черных"),
        ("Смирнов-Дикий", "Смирнова-Дикая"),
        ("Ким-Волков", "Ким-Волкова"),
    ],
)
def test_a_surname_is_turned_for_a_woman(man: str, woman: str) -> None:
    assert people.feminine(man) == woman


@pytest.mark.parametrize(
    ("father", "son", "daughter"),
    [
        ("Иван", "Иванович", "Ивановна"),
        ("Андрей", "Андреевич", "Андреевна"),
        ("Николай", "Николаевич", "Николаевна"),
        ("Василий", "Васильевич", "Васильевна"),
        ("Георгий", "Георгиевич", "Георгиевна"),
        ("Игорь", "Игоревич", "Игоревна"),
        ("Илья", "Ильич", "Ильинична"),
        ("Лев", "Львович", "Львовна"),
        ("Пётр", "Петрович", "Петровна"),
        ("Фёдор", "Фёдорович", "Фёдоровна"),
    ],
)
def test_a_patronymic_is_made_of_the_fathers_name(father: str, son: str, daughter: str) -> None:
    assert (people.patronymic(father, "m"), people.patronymic(father, "f")) == (son, daughter)


@pytest.mark.parametrize("father", FATHERS)
def test_no_patronymic_repeats_a_soft_sign_or_a_vowel(father: str) -> None:
    name = people.patronymic(father, "m")
    assert not any(wrong in name for wrong in ("ьь", "йе", "яо", "аович", "ьо", "ёё"))


def test_the_books_have_no_name_twice() -> None:
    for book in (SURNAMES, UNCHANGING, MALE, FEMALE):
        assert len(set(book)) == len(book)


def test_the_letter_yo_long_and_double_names_occur() -> None:
    rng = random.Random(3)
    names = [people.surname(rng) for _ in range(3000)]
    assert any("ё" in name for name in names)
    assert any("-" in name for name in names)
    assert max(map(len, names)) > 16


@given(SEEDS)
def test_the_same_seed_gives_the_same_family(seed: int) -> None:
    assert family(seed) == family(seed)


@given(st.dates(min_value=date(2005, 1, 1), max_value=date(2022, 1, 1)))
def test_a_child_is_one_class_higher_a_year_later(birth: date) -> None:
    step = people.parallel_of(birth, 2027) - people.parallel_of(birth, 2026)
    assert step == 1
