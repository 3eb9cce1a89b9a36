"""A family's first page and the calendar of attendance, from plain values of the store."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from collector.core.averages import Ratio
from collector.store.attendance import AbsentLesson, Attendance, AttendanceDay
from collector.store.diary import Debt
from collector.store.news import NewMark
from portal.views import attendance as attendance_views
from portal.views import today
from tests.family_values import MONDAY, WORDS, lesson, pupil, week_of, work


def attendance(*days: AttendanceDay, first: date = date(2026, 11, 3), last: date = MONDAY) -> Attendance:
    return Attendance(
        first,
        last,
        days,
        {"Б": 2, "ОП": 1},
        {"Б": 1},
        2,
        1,
        Ratio(Decimal(53), Decimal(56)),
        Ratio(Decimal(56), Decimal(57)),
    )


def test_a_calendar_has_a_cell_for_every_day_of_the_period_at_its_weekday():
    view = attendance_views.attendance_view(WORDS, attendance(), MONDAY)
    (month,) = view.months
    assert [cell.day for week in month.weeks for cell in week if cell.inside] == [
        date(2026, 11, 3) + timedelta(days=number)
        for number in range(21)
        if (date(2026, 11, 3) + timedelta(days=number)).weekday() < 6
    ]
    assert all(cell.day.weekday() == place for week in month.weeks for place, cell in enumerate(week))


def test_a_term_over_two_months_has_two_calendars():
    view = attendance_views.attendance_view(WORDS, attendance(first=date(2026, 9, 30), last=date(2026, 10, 2)), MONDAY)
    assert [[len(month.weeks), month.first] for month in view.months] == [[1, date(2026, 9, 1)], [1, date(2026, 10, 1)]]


def test_figures_of_attendance_tell_their_own_arithmetic():
    lessons = (AbsentLesson("1", 1, "Алгебра", "Б", None), AbsentLesson("2", 2, "Химия", "Б", None))
    day = AttendanceDay(date(2026, 11, 9), 2, 2, absent=True, reason="Б", lessons=lessons)
    view = attendance_views.attendance_view(WORDS, attendance(day), MONDAY)
    assert (view.rate, view.rate_how) == ("94,64\xa0%", "53/56 = 94,64\xa0%")
    assert view.by_reason == (("Б", 2, 1),)
    cell = next(cell for week in view.months[0].weeks for cell in week if cell.day == day.day)
    assert (cell.code, cell.whole, cell.missed, cell.lessons) == ("Б", True, 2, 2)


def test_a_day_in_which_one_only_came_late_is_not_a_missed_one():
    day = AttendanceDay(
        date(2026, 11, 9), 2, 0, absent=False, reason=None, lessons=(AbsentLesson("1", 1, "Алгебра", "ОП", 5),)
    )
    view = attendance_views.attendance_view(WORDS, attendance(day), MONDAY)
    cell = next(cell for week in view.months[0].weeks for cell in week if cell.day == day.day)
    assert (cell.code, cell.whole, cell.missed) == ("ОП", False, 0)


def gathered(**changes: Any) -> today.Gathered:
    values: dict[str, Any] = {
        "child": pupil(),
        "today": MONDAY,
        "weeks": (week_of({0: (lesson(), lesson(number=2)), 1: (lesson(homework=(work(),)),)}),),
        "changes": (),
        "marks": (),
        "results": (),
        "recent": attendance(),
        "debts": (
            Debt("a", "Химия", "", "duty", None, None, "duty"),
            Debt("b", "Химия", "", "homework", None, None, "overdue"),
        ),
    }
    return today.Gathered(**values | changes)


def test_the_sentence_tells_lessons_and_what_is_new():
    mark = NewMark("Алгебра", MONDAY, "numeric", Decimal(5), "5", Decimal(1), "Диктант", None, None)
    one = today.child_today(WORDS, gathered(marks=(mark, mark)), "Даниил")
    assert today.sentence(WORDS, [one]) == "Сегодня 2 урока, 2 новые отметки."
    assert (
        today.sentence(WORDS, [one, one])
        == "Сегодня: Даниил — 2 урока, 2 новые отметки; Даниил — 2 урока, 2 новые отметки."
    )


def test_a_day_off_tells_the_next_day_with_lessons():
    one = today.child_today(WORDS, gathered(weeks=(week_of({2: (lesson(),)}),)), "Даниил")
    assert today.sentence(WORDS, [one]) == "Сегодня уроков нет, следующие — 25 ноября, новых отметок нет."


def test_further_education_speaks_of_classes_and_not_of_marks():
    one = today.child_today(WORDS, gathered(child=pupil(school_kind="addl_edu")), "Даниил")
    assert today.sentence(WORDS, [one]) == "Сегодня 2 занятия."


def test_only_dots_are_counted_as_debts():
    assert today.child_today(WORDS, gathered(), "Даниил").debts == 1
