from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from collector.store.class_days import Place
from collector.store.classes import AtRisk, Reason
from portal.views import roll
from portal.words import Words
from tests.staff_factories import make_pupil

RU, EN = (Words(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))
MONDAY, TODAY = date(2026, 11, 23), date(2026, 11, 24)
PUPILS = [make_pupil("p1"), make_pupil("p2", "Петров")]


def place(pupil: str, code: str | None, day: date = TODAY, *, submitted: bool = True) -> Place:
    return Place(pupil, day, 1, "Математика", code, None, submitted)


def test_the_missing_of_today_and_of_the_week_are_counted_apart():
    view = roll.roll(
        PUPILS,
        [place("p1", "ОТ"), place("p1", "НП", MONDAY), place("p2", None), place("p2", "Б", MONDAY)],
        (),
        (),
        TODAY,
    )
    assert (view.missing, view.unknown) == (1, 1)
    assert [row.week_missed for row in view.rows] == [2, 1]


def test_late_is_not_missing_and_what_was_corrected_to_present_is_nothing():
    view = roll.roll(PUPILS, [place("p1", "ОП"), place("p2", "ПР")], (), (), TODAY)
    assert (view.missing, view.rows[0].week_late, view.rows[0].week_missed) == (0, 1, 0)
    assert [len(row.today) for row in view.rows] == [1, 0]


def test_coverage_says_for_how_many_places_attendance_was_entered():
    view = roll.roll(
        PUPILS, [place("p1", None), place("p2", None, submitted=False), place("p2", None, MONDAY)], (), (), TODAY
    )
    assert (view.held, view.entered) == (2, 1)


def risks(*kinds: str) -> list[AtRisk]:
    return [
        AtRisk(make_pupil(f"p{number}"), (Reason(kind, "Алгебра", Decimal(2)),)) for number, kind in enumerate(kinds)
    ]


def test_filters_gather_kinds_of_reasons():
    found = risks("two", "absent_10", "absent_days", "debts")
    assert roll.totals(found) == {"two": 1, "one_three": 0, "one_four": 0, "falling": 0, "absence": 2, "debts": 1}
    assert [one.pupil.pupil for one in roll.chosen(found, "absence")] == ["p1", "p2"]
    assert len(roll.chosen(found, "")) == len(roll.chosen(found, "nonsense")) == 4


@pytest.mark.parametrize(
    ("kind", "value", "russian", "english"),
    [
        ("two", "2", "«2»: Алгебра", "a “2”: Алгебра"),
        ("one_four", "4", "одна «4»: Алгебра", "the only “4”: Алгебра"),
        ("falling", "0.75", "отметки снизились на 0,75", "marks fall by 0.75"),
        (
            "absent_10",
            "12.5",
            "12,50 % уроков пропущено без уважительной причины",
            "12.50 % of lessons missed without a reason",
        ),
        ("absent_days", "3", "3 дня подряд без причины", "3 days running without a reason"),
        ("debts", "1", "1 долг", "1 work owed"),
    ],
)
def test_every_reason_has_its_sentence(kind: str, value: str, russian: str, english: str):
    reason = Reason(kind, "Алгебра", Decimal(value))
    assert (roll.sentence(reason, RU), roll.sentence(reason, EN)) == (russian, english)


def test_what_has_happened_is_louder_than_what_may():
    assert [roll.tone(one.reasons[0]) for one in risks("two", "one_three", "one_four")] == ["bad", "late", ""]
