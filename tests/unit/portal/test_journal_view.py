from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.store.journal import Gap, JournalLesson, JournalRow
from collector.store.marks import Term
from portal.spoken import Spoken
from portal.views import journal as journal_view
from portal.words import Words
from tests.staff_factories import make_lesson, make_mark, make_page, make_row, make_term

WORDS = Words("ru", ZoneInfo("Europe/Moscow"))
SAY = Spoken(WORDS)
TODAY = date(2026, 11, 23)
MON, TUE, NEXT = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 24)


def shown(
    lessons: list[JournalLesson],
    rows: list[JournalRow],
    chosen: date | None = None,
    results: dict[tuple[str, str], str] | None = None,
    terms: Sequence[Term] = (),
) -> journal_view.Journal:
    return journal_view.journal(make_page(lessons, rows), terms, results or {}, TODAY, chosen, WORDS)


def test_means_are_sums_over_counts_and_weights_are_counted_apart():
    marks = [make_mark("5", "3"), make_mark("5"), make_mark("4", "5")]
    view = shown([make_lesson("l1", MON)], [make_row("p1", ("l1", marks, None))])
    row = view.rows[0]
    assert (SAY.parts(row.mean), WORDS.hundredths(row.mean.value)) == ("14/3", "4,67")
    assert (SAY.parts(row.weighted), WORDS.hundredths(row.weighted.value)) == ("40/9", "4,44")
    assert view.weighs


def test_codes_dots_and_weightless_marks_enter_no_mean():
    marks = [
        make_mark("4"),
        make_mark(None, kind="duty"),
        make_mark(None, kind="code", text="н/а"),
        make_mark("2", "0"),
    ]
    row = shown([make_lesson("l1", MON)], [make_row("p1", ("l1", marks, None))]).rows[0]
    assert (SAY.parts(row.mean), SAY.parts(row.weighted)) == ("4/1", "4/1")


def test_the_mean_of_the_group_adds_up_marks_not_means():
    rows = [
        make_row("p1", ("l1", [make_mark("5")], None)),
        make_row("p2", ("l1", [make_mark("2"), make_mark("2")], None)),
    ]
    assert SAY.parts(shown([make_lesson("l1", MON)], rows).mean) == "9/3"


def test_cells_stand_under_their_lessons():
    lessons = [make_lesson("l1", MON), make_lesson("l2", TUE)]
    row = shown(lessons, [make_row("p1", ("l2", [make_mark("3")], "ОП"))]).rows[0]
    assert [cell.empty for cell in row.cells] == [True, False]
    assert (row.cells[1].marks[0].text, row.cells[1].marks[0].tone, row.cells[1].absence) == ("3", "mid", "ОП")


def test_late_is_not_missed_and_exempt_is_neither():
    lessons = [make_lesson(f"l{number}", MON) for number in range(6)]
    codes = ["УП", "Б", "НП", "ОТ", "ОП", "ОСВ"]
    row = make_row("p1", *((f"l{number}", [], code) for number, code in enumerate(codes)))
    assert shown(lessons, [row]).rows[0].missed == 4


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        ({}, ()),
        ({"topic": " "}, ("topic",)),
        ({"topic": None, "filled_at": None}, ("topic", "attendance")),
        ({"topic": None, "filled_at": None, "state": "cancelled"}, ()),
    ],
)
def test_an_entry_lacks_what_a_held_lesson_should_have(words: dict[str, Any], lacks: tuple[str, ...]):
    assert shown([make_lesson("l1", MON, **words)], []).columns[0].lacks == lacks


@pytest.mark.parametrize("day", [TODAY, NEXT])
def test_lessons_of_today_and_later_lack_nothing_yet(day: date):
    assert shown([make_lesson("l1", day, topic=None, filled_at=None)], []).columns[0].lacks == ()


def test_only_lessons_up_to_today_count_as_held():
    lessons = [
        make_lesson("l1", MON),
        make_lesson("l2", TUE, state="moved"),
        make_lesson("l3", TODAY, state=None),
        make_lesson("l4", NEXT, state=None),
    ]
    assert shown(lessons, []).held == 2


def test_months_span_their_lessons():
    lessons = [make_lesson("l1", date(2026, 10, 30)), make_lesson("l2", MON), make_lesson("l3", TUE)]
    assert shown(lessons, []).months == ((date(2026, 10, 30), 1), (MON, 2))


def test_results_stand_under_their_terms():
    terms = [make_term("q1"), make_term("q2")]
    view = shown([make_lesson("l1", MON)], [make_row("p1")], results={("p1", "q2"): "4"}, terms=terms)
    assert view.rows[0].results == ("", "4")


def test_the_day_of_the_address_is_marked():
    view = shown([make_lesson("l1", MON), make_lesson("l2", TUE)], [], chosen=TUE)
    assert [column.chosen for column in view.columns] == [False, True]


def gap(lesson: str | None, kind: str, day: date | None = MON, **words: int) -> Gap:
    return Gap("g1", "7Б/Математика", "Математика", kind, lesson, day, 1, words.get("marks"), words.get("pupils"))


def test_a_lesson_that_lacks_two_things_is_one_row():
    found = journal_view.gaps([gap("l1", "topic"), gap("l1", "attendance"), gap("l2", "topic", TUE)])
    assert [(entry.day, entry.lacks) for entry in found.entries] == [(TUE, ("topic",)), (MON, ("topic", "attendance"))]
    assert (found.lacking("topic"), found.lacking("attendance")) == (2, 1)
    assert [entry.day for entry in found.chosen("attendance")] == [MON]


def test_groups_with_few_marks_are_told_per_pupil_and_counted_with_the_gaps():
    found = journal_view.gaps([gap("l1", "topic"), gap(None, "few_marks", None, marks=18, pupils=13)])
    assert WORDS.hundredths(found.few[0].each.value) == "1,38"
    assert journal_view.by_group(found) == {"g1": 2}
