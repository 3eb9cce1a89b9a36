"""View models of a family's pages, from plain values of the store."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from collector.core.averages import Ratio
from collector.store.diary import DiaryDay, DiaryMark
from collector.store.freshness import Freshness
from collector.store.marks import GroupMean, Result, SubjectResults, Term
from collector.store.names import Name
from portal.views import diary, marks, shared, whatif
from tests.family_values import MONDAY, NOW, WORDS, given_mark, lesson, pupil, subject, week_of, work


@pytest.mark.parametrize(
    ("kind", "value", "text", "tone"),
    [
        ("numeric", "5", "5", "good"),
        ("numeric", "4", "4", "good"),
        ("numeric", "3", "3", "mid"),
        ("numeric", "2", "2", "low"),
        ("numeric", "1", "1", "low"),
        ("code", None, "н/а", "word"),
        ("pass", None, "зач", "word"),
        ("pass", None, "незач", "low"),
    ],
)
def test_how_loud_a_mark_is(kind: str, value: str | None, text: str, tone: str):
    assert shared.tone(kind, Decimal(value) if value else None, text) == tone


def test_a_dot_is_told_as_a_debt():
    view = shared.mark_view(WORDS, "duty", None, ".", Decimal(1), ("Реферат",))
    assert (view.text, view.tone, view.title) == ("долг", "debt", "точка: работа не сдана; Реферат")


def test_a_weight_is_told_where_it_is_not_one():
    assert shared.mark_view(WORDS, "numeric", Decimal(5), "5", Decimal("1.50"), ()).weight == "1,5"
    assert shared.mark_view(WORDS, "numeric", Decimal(5), "5", Decimal("1.00"), ()).weight == ""


def test_what_is_said_twice_of_a_mark_is_said_once():
    view = shared.mark_view(WORDS, "numeric", Decimal(5), "5", Decimal(1), ("Диктант", "Диктант ", "", None))
    assert view.title == "Диктант"


@pytest.mark.parametrize(
    ("text", "monday"),
    [
        ("", date(2026, 11, 23)),
        ("2026-W48", date(2026, 11, 23)),
        ("2026-W53", date(2026, 12, 28)),
        ("2025-W53", None),
        ("2026-W00", None),
        ("2026-48", None),
        ("1999-W01", None),
        ("2026-W48 ", None),
        ("٢٠٢٦-W48", None),
    ],
)
def test_a_week_is_read_from_an_address(text: str, monday: date | None):
    assert shared.monday_of(text, date(2026, 11, 26)) == monday


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1), date(2026, 11, 23)])
def test_a_week_comes_back_from_its_address(day: date):
    assert shared.monday_of(shared.week_text(day), day) == day - timedelta(days=day.weekday())


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2026-11", (date(2026, 11, 1), date(2026, 11, 30))),
        ("2028-02", (date(2028, 2, 1), date(2028, 2, 29))),
        ("2026-12", (date(2026, 12, 1), date(2026, 12, 31))),
        ("2026-13", None),
        ("2026-1", None),
        ("", None),
    ],
)
def test_a_month_is_read_from_an_address(text: str, period: tuple[date, date] | None):
    assert shared.month_of(text) == period


def test_fresh_data_need_no_warning_and_old_or_partial_ones_say_so():
    fresh = Freshness("1", "Школа", "school", NOW - timedelta(hours=1), whole=True)
    old = replace(fresh, at=NOW - timedelta(hours=25))
    found = shared.stamps(WORDS, [fresh, old, replace(fresh, whole=False), replace(fresh, at=None)], NOW)
    said = [one.warning[0] if one.warning else None for one in found]
    assert said == [
        None,
        "Школа: новых данных нет с 22 ноября, 11:15",
        "Школа: данные ещё загружаются",
        "Школа: данные ещё загружаются",
    ]


def test_children_who_are_called_alike_are_told_apart():
    twins = [pupil(), pupil(pupil="68", class_name="2Б"), pupil(pupil="69", name=Name("Потапова", "Анна"))]
    assert list(shared.called(WORDS, twins).values()) == ["Даниил, 7А", "Даниил, 2Б", "Анна"]


def test_a_child_without_a_name_is_called_a_pupil():
    assert list(shared.called(WORDS, [pupil(name=None)]).values()) == ["ученик"]


def test_a_week_leaves_out_the_empty_saturday_and_sunday_only():
    view = diary.week_view(WORDS, week_of({0: (lesson(),)}), MONDAY)
    assert [len(day.lessons) for day in view.days] == [1, 0, 0, 0, 0]
    assert (view.previous, view.following, view.current) == ("2026-W47", "2026-W49", True)
    saturday = diary.week_view(WORDS, week_of({5: (lesson(),)}), date(2026, 12, 1))
    assert (len(saturday.days), saturday.last, saturday.current) == (6, date(2026, 11, 28), False)


def test_a_cancelled_lesson_is_no_lesson_of_the_day():
    view = diary.week_view(WORDS, week_of({0: (lesson(), lesson(state="cancelled"), lesson(exempt=True))}), MONDAY)
    assert view.lessons == 1
    assert [one.change for one in view.days[0].lessons] == ["", "отменён", ""]
    assert view.days[0].lessons[2].attendance == "ОСВ"


def test_homework_marks_and_comments_stand_at_their_lesson():
    mark = DiaryMark("k", "numeric", Decimal(2), "2", Decimal(2), "Не решил задачу", None, None)
    one = lesson(
        homework=(work(),), works=(work(kind="control", type_name="Контрольная работа", title="Дроби", marks=(mark,)),)
    )
    (found,) = diary.day_view(WORDS, DiaryDay(MONDAY, (one,)), MONDAY).lessons
    assert [task.text for task in found.homework] == ["упр. 5"]
    assert [(task.kind, task.text) for task in found.works] == [("Контрольная работа", "Дроби")]
    assert [(each.text, each.tone, each.weight) for each in found.marks] == [("2", "low", "2")]
    assert found.comments == ("Не решил задачу",)


def test_an_answer_at_the_lesson_is_told_by_its_mark_alone():
    answer = work(kind="answer", type_name="Ответ на уроке", title="Ответ на уроке")
    (found,) = diary.day_view(WORDS, DiaryDay(MONDAY, (lesson(works=(answer,)),)), MONDAY).lessons
    assert found.works == ()


@pytest.mark.parametrize(("room", "told"), [("302", "каб. 302"), ("зал", "зал"), (None, ""), ("", "")])
def test_a_room_with_a_name_of_its_own_keeps_it(room: str | None, told: str):
    assert diary.room_words(WORDS, room) == told


def test_initials_are_never_torn_apart():
    assert diary.short_name(Name("Яблоновская", "Есения", "Эдуардовна")) == "Яблоновская Е.\xa0Э."


def test_means_tell_their_own_arithmetic():
    given = (
        given_mark("5", "3"),
        given_mark("5"),
        given_mark("4", "5"),
        given_mark("5", "0"),
        given_mark(".", kind="duty"),
    )
    (view,) = marks.term_view(WORDS, [subject(*given)], []).subjects
    assert (view.mean, view.mean_how) == ("4,67", "(5+5+4)/3 = 4,67")
    assert (view.weighted, view.weighted_how) == ("4,44", "(5·3+5·1+4·5)/9 = 4,44")


def test_a_subject_without_marks_that_count_has_a_dash_and_nothing_to_explain():
    (view,) = marks.term_view(WORDS, [subject(given_mark("н/а", kind="code"))], []).subjects
    assert (view.mean, view.mean_how, view.weighted, view.weighted_how) == ("—", "", "—", "")


def test_subjects_without_anything_are_only_named():
    view = marks.term_view(WORDS, [subject(), subject(subject="Химия")], [])
    assert (view.subjects, view.empty) == ((), ("Алгебра", "Химия"))


def test_a_hidden_mean_of_a_group_is_a_dash_with_its_reason():
    shown = GroupMean("g", 12, Ratio(Decimal(50), Decimal(12)), Ratio(Decimal(49), Decimal(12)))
    view = marks.term_view(WORDS, [subject(given_mark("5"))], [shown])
    assert (view.subjects[0].beside, view.hidden) == ("4,08", False)
    hidden = marks.term_view(WORDS, [subject(given_mark("5"))], [GroupMean("g", None, None, None)])
    assert (hidden.subjects[0].beside, hidden.hidden) == ("", True)


QUARTERS = (
    Term("1", "1 четверть", "quarter", date(2026, 9, 1), date(2026, 10, 25), "y", closed=False),
    Term("2", "2 четверть", "quarter", date(2026, 11, 3), date(2026, 12, 28), "y", closed=False),
    Term("9", "Год", "year", date(2026, 9, 1), date(2027, 5, 26), "y", closed=False),
)


@pytest.mark.parametrize(
    ("wanted", "day", "term"),
    [
        ("", date(2026, 9, 10), "1"),
        ("", date(2026, 10, 28), "1"),
        ("", date(2026, 11, 23), "2"),
        ("", date(2026, 8, 20), "1"),
        ("9", date(2026, 11, 23), "9"),
        ("7", date(2026, 11, 23), None),
    ],
)
def test_the_term_is_that_of_the_address_else_of_the_day(wanted: str, day: date, term: str | None):
    found = marks.current_term(QUARTERS, wanted, day)
    assert (found.term if found else None) == term


def test_the_year_s_table_has_only_columns_with_results():
    given = (Result("1", "term", "numeric", Decimal(4), "4"), Result("9", "year", "numeric", Decimal(5), "5"))
    rows = [SubjectResults("g", "s", "Алгебра", given), SubjectResults("h", "t", "Химия", given[:1])]
    heads = {"year": "Год", "exam": "Экзамен", "final": "Итоговая", "gia": "ГИА"}
    view = marks.results_view(WORDS, rows, QUARTERS, heads)
    assert view.heads == ("1 четверть", "Год")
    assert [[cell.text if cell else None for cell in cells] for _, cells in view.rows] == [["4", "5"], ["4", None]]


def test_of_several_results_the_latest_stands():
    given = (Result("1", "term", "numeric", Decimal(3), "3"), Result("1", "term", "numeric", Decimal(4), "4"))
    view = marks.results_view(
        WORDS, [SubjectResults("g", "s", "Алгебра", given)], QUARTERS, dict.fromkeys(marks.YEAR_KINDS, "")
    )
    assert view.rows[0][1][0] == shared.MarkView("4", "good")


def test_the_calculator_reads_what_it_understands_and_names_the_rest():
    assert whatif.read("4", "2,5", "5 4, 3") == whatif.Asked(4, Decimal("2.5"), (5, 4, 3), "5 4, 3")
    assert whatif.read("", "", "") == whatif.Asked(4, Decimal(1), (), "")
    assert whatif.read("9", "0", "6").wrong == ("goal", "weight", "more")
    for weight in ("nan", "inf", "1e9", "0.001", "-1", "x", "1_0"):
        assert "weight" in whatif.read("4", weight, "").wrong, weight
    assert "more" in whatif.read("4", "1", "5" * 21).wrong


def test_the_calculator_tells_the_ways_to_a_mark():
    one = subject(given_mark("3"), given_mark("3"), given_mark("4"))
    found = whatif.answer(WORDS, one, whatif.read("4", "1", ""))
    assert (found.now.value, found.now.expected, found.after, found.reached) == ("3,33", 3, None, False)
    assert found.ways == ("ещё 1 отметка «5»", "ещё 1 отметка «4»")


def test_the_calculator_counts_from_the_marks_that_were_typed():
    found = whatif.answer(WORDS, subject(given_mark("4"), given_mark("4")), whatif.read("5", "1", "2"))
    assert found.after is not None
    assert (found.after.value, found.after.expected) == ("3,33", 3)
    assert found.ways == ("ещё 7 отметок «5»",)
