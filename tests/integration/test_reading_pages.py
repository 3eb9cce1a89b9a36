"""What pages are told, against a plain reading of the same rows: a small school of the demo city, pupil by pupil."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.store import announcements, attendance, classes, diary, journal, marks, people, timetable, today
from tests.fix_demo import CITY
from tests.reading_reference import Reference, day_of, means, number_of

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from collector.store.reader import Reader
    from tests.fix_readers import ReadersWorld

pytestmark = pytest.mark.integration
SCHOOL, CIRCLES = "42-001", "42-003"
TODAY, AUTUMN = date(2026, 11, 23), date(2026, 9, 1)


@pytest.fixture(scope="module")
def plain(demo_files: dict[int, Path]) -> Reference:
    """The school as it stands in its own database."""
    local = datetime(2026, 11, 23, 12, 15)  # noqa: DTZ001  the school's own time
    return Reference(f"sqlite:///{demo_files[1]}", CITY.school(1).organisation, local)


@pytest.fixture
def head(city_readers: ReadersWorld) -> Iterator[Reader]:
    """The head of the school."""
    with city_readers.reading("head", (SCHOOL, "")) as reader:
        yield reader


@pytest.fixture
def some(plain: Reference, rng: random.Random) -> list[str]:
    """Pupils; others in each run."""
    return rng.sample(sorted(plain.by_id["pupil"]), 12)


def as_pupil(world: ReadersWorld, plain: Reference, pupil: str):
    """What the pupil reads."""
    return world.reading("pupil", (SCHOOL, plain.by_id["pupil"][pupil]["person_id"]))


def test_means_of_every_subject_and_term_are_those_of_a_plain_reading(
    city_readers: ReadersWorld, plain: Reference, some: list[str]
):
    compared = 0
    for pupil in some:
        with as_pupil(city_readers, plain, pupil) as reader:
            for term in marks.terms(reader, SCHOOL, pupil):
                expected = {
                    group: means(pairs) for group, pairs in plain.numbers(pupil, plain.by_id["term"][term.term]).items()
                }
                found = {
                    one.group: (one.mean.exact, one.weighted.exact)
                    for one in marks.by_subject(reader, SCHOOL, pupil, term)
                }
                assert found == expected
                compared += sum(one != (None, None) for one in expected.values())
    assert compared > 5


def test_attendance_of_a_term_and_of_a_day_are_those_of_a_plain_reading(
    city_readers: ReadersWorld, plain: Reference, some: list[str], rng: random.Random
):
    for pupil in some:
        first = AUTUMN + timedelta(days=rng.randint(0, 60))
        last = first + timedelta(days=rng.choice((0, 6, 30, 90)))
        with as_pupil(city_readers, plain, pupil) as reader:
            found = attendance.of_pupil(reader, SCHOOL, pupil, first, last)
        expected = plain.attendance(pupil, first, last)
        assert dict(found.lessons_by_reason) == dict(expected["lessons"])
        assert dict(found.days_by_reason) == dict(expected["days"])
        assert (found.missed_lessons, found.missed_days) == (expected["missed"], sum(expected["days"].values()))
        assert found.rate.denominator == expected["planned"]
        assert (found.coverage.numerator, found.coverage.denominator) == (expected["planned"], expected["held"])
        assert sum(day.held for day in found.days) == expected["held"]


def test_debts_are_those_of_a_plain_reading(city_readers: ReadersWorld, plain: Reference, some: list[str]):
    for pupil in some:
        with as_pupil(city_readers, plain, pupil) as reader:
            found = {(one.assignment, one.reason) for one in diary.debts(reader, SCHOOL, pupil, TODAY, AUTUMN)}
        assert found == plain.debts(pupil, AUTUMN, TODAY)


def test_a_week_holds_the_pupils_lessons_with_their_works_marks_and_codes(
    city_readers: ReadersWorld, plain: Reference, some: list[str], rng: random.Random
):
    for pupil in some:
        monday = date(2026, 9, 7) + timedelta(weeks=rng.randint(0, 10))
        with as_pupil(city_readers, plain, pupil) as reader:
            week = diary.week(reader, city_readers.names, SCHOOL, pupil, monday + timedelta(days=rng.randint(0, 6)))
        assert week.monday == monday
        lessons = {lesson.lesson: lesson for day in week.days for lesson in day.lessons}
        expected = plain.lessons(pupil, monday, monday + timedelta(days=6))
        assert set(lessons) == {row["id"] for row in expected}
        for row in expected:
            shown = lessons[row["id"]]
            assert (shown.topic, shown.number) == (row["topic"], row["number"])
            assert shown.attendance == plain.code_of.get((row["id"], pupil))
            assert {work.assignment for work in shown.works} == {
                work["id"] for work in plain.works_of[row["id"]] if work["type_id"] != "3"
            }
            for work in (*shown.works, *shown.homework):
                assert [mark.mark for mark in work.marks] == [
                    mark["id"] for mark in plain.marks_of[work.assignment, pupil]
                ]


def test_homework_stands_where_it_is_due(city_readers: ReadersWorld, plain: Reference, some: list[str]):
    seen = 0
    for pupil in some:
        with as_pupil(city_readers, plain, pupil) as reader:
            weeks = [
                diary.week(reader, city_readers.names, SCHOOL, pupil, TODAY - timedelta(weeks=back))
                for back in range(1, 9)
            ]
        for day in (day for week in weeks for day in week.days):
            for work in (work for lesson in day.lessons for work in lesson.homework):
                row = plain.by_id["assignment"][work.assignment]
                given = plain.by_id["lesson"][row["lesson_id"]]["date"]
                assert number_of(day.day) in (row["due_date"], given)
                seen += work.due == day.day
    assert seen > 5


def test_a_class_list_is_in_the_russian_order_with_opened_names(
    head: Reader, city_readers: ReadersWorld, plain: Reference
):
    for one in people.classes(head, city_readers.names, SCHOOL):
        found = people.class_list(head, city_readers.names, SCHOOL, one.class_id, TODAY)
        on_roll = {
            row["pupil_id"]
            for row in plain.tables["enrollment"]
            if row["class_id"] == one.class_id
            and (row["from_date"] or 0) <= number_of(TODAY) < (row["to_date"] or 10**6)
        }
        persons = {pupil: plain.by_id["person"][plain.by_id["pupil"][pupil]["person_id"]] for pupil in on_roll}
        assert {pupil.pupil: pupil.name.full if pupil.name else "" for pupil in found} == {
            pupil: " ".join(filter(None, (row["last_name"], row["first_name"], row["middle_name"])))
            for pupil, row in persons.items()
        }
        lasts = [pupil.name.last.casefold().replace("ё", "е\uffff") for pupil in found if pupil.name]
        assert lasts == sorted(lasts)
        assert one.pupils == len(found)


def test_contacts_and_cards_open_what_is_sealed(
    head: Reader, city_readers: ReadersWorld, plain: Reference, some: list[str]
):
    for pupil in some:
        for contact in people.contacts(head, city_readers.names, SCHOOL, [pupil]):
            row = plain.by_id["legal_representative"][contact.representative]
            assert (contact.phone, contact.email) == (row["phone"], row["email"])
        person = plain.by_id["pupil"][pupil]["person_id"]
        card = people.card(head, city_readers.names, SCHOOL, person)
        assert card is not None
        assert (card.birth, card.sex) == (
            day_of(plain.by_id["person"][person]["birth_date"]),
            plain.by_id["person"][person]["sex"],
        )


def test_a_journal_page_holds_every_mark_and_code_of_its_lessons(
    head: Reader, city_readers: ReadersWorld, plain: Reference
):
    for group in journal.groups(head, SCHOOL):
        page = journal.page(head, city_readers.names, SCHOOL, group.group, AUTUMN, TODAY)
        assert page is not None
        lessons = {
            row["id"]
            for row in plain.tables["lesson"]
            if row["teaching_group_id"] == group.group and row["date"] <= number_of(TODAY)
        }
        works = {
            work["id"] for work in plain.tables["assignment"] if work["lesson_id"] in lessons and not work["deleted"]
        }
        assert {one.lesson for one in page.lessons} == lessons
        shown = {mark.mark for row in page.rows for cell in row.cells for mark in cell.marks}
        assert shown == {mark["id"] for mark in plain.tables["mark"] if mark["assignment_id"] in works}
        codes = {
            (cell.lesson, row.pupil.pupil): cell.attendance
            for row in page.rows
            for cell in row.cells
            if cell.attendance
        }
        assert codes == {key: code for key, code in plain.code_of.items() if key[0] in lessons}


def test_lessons_that_lack_something_are_the_same_for_teacher_and_head(
    head: Reader, city_readers: ReadersWorld, plain: Reference
):
    found = {(gap.lesson, gap.kind) for gap in journal.gaps(head, SCHOOL, TODAY, AUTUMN) if gap.lesson}
    with_events = {lesson for lesson, _ in plain.code_of}
    past = [row for row in plain.tables["lesson"] if number_of(AUTUMN) <= row["date"] < number_of(TODAY)]
    past = [row for row in past if row["state"] not in ("cancelled", "moved")]
    expected = {(row["id"], "topic") for row in past if not row["topic"]}
    expected |= {(row["id"], "attendance") for row in past if row["filled_at"] is None and row["id"] not in with_events}
    assert found == expected
    recent = {lesson for lesson, _ in expected if plain.by_id["lesson"][lesson]["date"] >= number_of(TODAY) - 14}
    assert {one.lesson for one in today.not_filled(head, city_readers.names, SCHOOL, TODAY)} == recent


def test_the_board_counts_what_its_lists_hold(head: Reader, city_readers: ReadersWorld, plain: Reference):
    days = {
        day_of(plain.by_id["lesson"][lesson]["date"]) for (lesson, _), code in plain.code_of.items() if code == "ОТ"
    }
    day = max(one for one in days if one)
    board = today.board(head, SCHOOL, day)
    assert board is not None
    absent = today.absent(head, city_readers.names, SCHOOL, day)
    expected = {
        pupil
        for (lesson, pupil), code in plain.code_of.items()
        if plain.by_id["lesson"][lesson]["date"] == number_of(day) and code in ("НП", "ОТ", "УП", "Б")
    }
    assert {one.pupil.pupil for one in absent} == expected
    assert (board.absent, board.absent_unknown) == (len(expected), sum("ОТ" in one.codes for one in absent))
    assert board.not_filled == len(today.not_filled(head, city_readers.names, SCHOOL, day))
    assert board.debts == sum(one.debts for one in today.debts_by_class(head, SCHOOL))
    assert board.changed_after_end == len(today.changed_after_end(head, city_readers.names, SCHOOL, day))
    rolled = {
        row["pupil_id"]
        for row in plain.tables["enrollment"]
        if (row["from_date"] or 0) <= number_of(day) < (row["to_date"] or 10**6)
    }
    assert board.on_roll == len(rolled)


def test_a_classs_summary_says_what_each_pupils_own_page_says(head: Reader, city_readers: ReadersWorld):
    names = city_readers.names
    for one in people.classes(head, names, SCHOOL):
        term = classes.terms(head, SCHOOL, one.class_id)[0]
        for row in classes.summary(head, names, SCHOOL, one.class_id, term):
            own = marks.by_subject(head, SCHOOL, row.pupil.pupil, term)
            expected = {each.subject: each.weighted for each in own if each.mean.denominator or each.result}
            assert {each.subject: each.weighted for each in row.subjects} == expected
            missed = attendance.of_pupil(head, SCHOOL, row.pupil.pupil, term.first, term.last)
            assert row.missed_lessons == missed.missed_lessons


def test_a_timetable_follows_planned_lessons_and_then_the_weekly_one(
    city_readers: ReadersWorld, plain: Reference, some: list[str]
):
    for pupil in some:
        with as_pupil(city_readers, plain, pupil) as reader:
            found = timetable.of_pupil(reader, city_readers.names, SCHOOL, pupil, TODAY, date(2026, 12, 31))
        planned = {
            (day_of(row["date"]), row["teaching_group_id"])
            for row in plain.lessons(pupil, TODAY, date(2026, 12, 31), exempt=False)
        }
        horizon = max((day for day, _ in planned if day), default=TODAY)
        assert {(slot.day, slot.group) for slot in found if slot.day <= horizon} == planned
        assert all(slot.day <= date(2026, 12, 28) for slot in found)  # the term's last day
        assert [slot.day for slot in found] == sorted(slot.day for slot in found)


def test_announcements_are_those_of_the_day_for_the_readers_audience(city_readers: ReadersWorld, plain: Reference):
    fits = {
        row["id"]
        for row in plain.tables["announcement"]
        if row["published_at"] <= plain.now < (row["expires_at"] or 10**14)
    }
    for role, unseen in (("teacher", ()), ("parent", ("Учителя", "Ученики 10–11 классов"))):
        scope = "" if role == "teacher" else _parent_of(plain, parallel=7)
        with city_readers.reading(role, (SCHOOL, scope)) as reader:
            found = announcements.current(reader, city_readers.names)
        assert {one.announcement for one in found} == {
            one for one in fits if plain.by_id["announcement"][one]["audience"] not in unseen
        }
        assert [one.published_at for one in found] == sorted((one.published_at for one in found), reverse=True)  # type: ignore[type-var]


def _parent_of(plain: Reference, parallel: int) -> str:
    """Person of a parent, not blocked, of somebody in that parallel."""
    open_classes = {row["id"] for row in plain.tables["class"] if row["parallel"] == parallel and row["year_id"] == "2"}
    rolled = {
        row["pupil_id"] for row in plain.tables["enrollment"] if row["class_id"] in open_classes and not row["to_date"]
    }
    row = next(
        row
        for row in plain.tables["representation"]
        if row["pupil_id"] in rolled and row["may_view"] and not row["to_date"]
    )
    return str(plain.by_id["legal_representative"][row["representative_id"]]["person_id"])


def test_further_education_has_groups_and_no_classes(city_readers: ReadersWorld):
    names = city_readers.names
    with city_readers.reading("head", (CIRCLES, "")) as reader:
        board = today.board(reader, CIRCLES, TODAY)
        assert board is not None
        assert board.on_roll > 0
        group = next(one for one in journal.groups(reader, CIRCLES) if one.pupils)
        (first, *_) = people.group_list(reader, names, CIRCLES, group.group, TODAY)
    assert (first.school_kind, first.class_id, first.class_name) == ("addl_edu", None, None)
    with city_readers.reading("pupil", (CIRCLES, first.person)) as reader:
        assert [one.pupil for one in people.own_pupils(reader, names)] == [first.pupil]
        assert marks.terms(reader, CIRCLES, first.pupil)
        assert any(day.lessons for day in diary.week(reader, names, CIRCLES, first.pupil, TODAY).days)
        assert {one.group for one in people.teachers_of(reader, names, CIRCLES, first.pupil, TODAY)} >= {group.group}
