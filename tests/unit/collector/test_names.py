"""Names as people write and sort them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.names import Name, by_name, russian


@pytest.mark.parametrize(
    ("name", "full", "short"),
    [
        (Name("Иванова", "Анна", "Сергеевна"), "Иванова Анна Сергеевна", "Иванова А. С."),
        (Name("Ли", "Ён"), "Ли Ён", "Ли Ё."),
        (Name("", "Анна", "Сергеевна"), "Анна Сергеевна", "Анна Сергеевна"),
        (Name("Оглы", ""), "Оглы", "Оглы"),
    ],
)
def test_a_name_is_shown_in_full_and_in_short(name: Name, full: str, short: str):
    assert (name.full, name.short) == (full, short)


def test_yo_stands_between_ye_and_zhe():
    assert sorted(["Жуков", "Ёлкин", "Ежов", "ёжиков", "Яшин", "Абрамов"], key=russian) == [
        "Абрамов",
        "Ежов",
        "ёжиков",
        "Ёлкин",
        "Жуков",
        "Яшин",
    ]


def test_a_double_name_follows_the_plain_one_and_strangers_come_last():
    names = [
        None,
        Name("Smith", "John"),
        Name("Мамин Сибиряк", ""),
        Name("Маминов", ""),
        Name("Мамин", "Я"),
        Name("Мамин", "А"),
    ]
    assert sorted(names, key=by_name) == [
        Name("Мамин", "А"),
        Name("Мамин", "Я"),
        Name("Мамин Сибиряк", ""),
        Name("Маминов", ""),
        Name("Smith", "John"),
        None,
    ]


@given(st.text("абвеёжяАБВЕЁЖЯ -", max_size=8), st.text("абвеёжяАБВЕЁЖЯ -", max_size=8))
def test_capitals_make_no_difference_and_yo_alone_parts_two_texts(one: str, other: str):
    assert russian(one.upper()) == russian(one.lower())
    without = one.strip().lower().replace("ё", "е") == other.strip().lower().replace("ё", "е")
    assert (russian(one) == russian(other)) <= without
