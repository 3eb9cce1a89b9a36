"""What a school's staff see: a school of the demo city in a real database, compared with what its rows say."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import pytest

from collector.store import classes
from tests.fix_staff import FURTHER, SCHOOL, StaffPortal

if TYPE_CHECKING:
    from tests.portal_world import Client

pytestmark = pytest.mark.integration

_GROUP = """
SELECT l.teaching_group_id FROM gorod.lesson l JOIN gorod.assignment a ON a.school_id = l.school_id AND a.lesson_id = l.source_id
JOIN gorod.mark m ON m.school_id = a.school_id AND m.assignment_id = a.source_id AND m.value_kind = 'numeric'
JOIN gorod.teaching_group g ON g.school_id = l.school_id AND g.source_id = l.teaching_group_id AND g.kind = 'class'
WHERE l.school_id = %s AND l.date BETWEEN '2026-10-01' AND '2026-10-31' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"""
_MARKS = """
SELECT m.pupil_id, sum(m.value), count(*) FROM gorod.lesson l
JOIN gorod.assignment a ON a.school_id = l.school_id AND a.lesson_id = l.source_id AND a.deleted IS NOT TRUE
JOIN gorod.mark m ON m.school_id = a.school_id AND m.assignment_id = a.source_id AND m.value_kind = 'numeric'
WHERE l.school_id = %s AND l.teaching_group_id = %s AND l.date BETWEEN '2026-10-01' AND '2026-10-31'
  AND coalesce(m.weight, a.weight, 1) <> 0 GROUP BY 1"""
_CLASS = """
SELECT c.source_id FROM gorod.class c JOIN gorod.academic_year y ON y.school_id = c.school_id AND y.source_id = c.year_id AND NOT y.closed
WHERE c.school_id = %s AND c.parallel {sign} 7 ORDER BY c.letter LIMIT 1"""


def own_class(staff: StaffPortal) -> str:
    """The class that the class teacher leads."""
    return str(staff.one(_CLASS.format(sign="="), SCHOOL))


def journals(client: Client) -> list[str]:
    """Addresses of the journals that the list names."""
    return re.findall(r'<a href="(/journals/[^"?]+)">', client.get("/journals").text)


def test_a_teacher_opens_with_the_lessons_of_today(staff: StaffPortal):
    answer = staff.client("teacher").get("/")
    assert answer.status == 200
    assert re.search(r"\d урок\w* сегодня, первый в \d\d:\d\d", answer.words)
    assert "Данные на 12:13" in answer.words


def test_a_teacher_s_journals_are_the_own_ones_and_no_other_opens(staff: StaffPortal):
    teacher, head = staff.client("teacher"), staff.client("head")
    own, every = journals(teacher), journals(head)
    assert own
    assert set(own) < set(every)
    assert {teacher.get(address).status for address in own} == {200}
    assert {teacher.get(address).status for address in set(every) - set(own)} == {404}


def test_a_journal_shows_every_mean_with_what_it_is_made_of(staff: StaffPortal):
    group = staff.one(_GROUP, SCHOOL)
    page = staff.client("head").get(f"/journals/{SCHOOL}/{group}?month=2026-10").words
    for _, total, number in staff.world.select(_MARKS, SCHOOL, group):
        mean = (Decimal(total) / number).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert f"{mean} {total.normalize():f}/{number}".replace(".", ",") in page


def test_a_journal_of_a_term_shows_its_results(staff: StaffPortal):
    group = staff.one(_GROUP, SCHOOL)
    head = staff.client("head")
    page = head.get(f"/journals/{SCHOOL}/{group}").text
    term = re.search(r'href="[^"]*\?term=([^"]+)"', page)
    assert term
    shown = head.get(f"/journals/{SCHOOL}/{group}?term={term[1]}")
    results = staff.world.select(
        "SELECT raw FROM gorod.period_result WHERE school_id = %s AND teaching_group_id = %s AND term_id = %s",
        SCHOOL,
        group,
        term[1],
    )
    assert results
    assert (
        shown.text.count("четверть</th>") + shown.text.count("полугодие</th>") + shown.text.count("триместр</th>") >= 1
    )
    for (raw,) in results:
        assert f">{raw}</td>" in shown.text


def test_a_gap_leads_to_its_day_in_the_journal(staff: StaffPortal):
    head = staff.client("head")
    link = re.search(r'href="(/lessons/[^"]+)"', head.get(f"/day/{SCHOOL}/unfilled").text)
    assert link
    answer = head.get(link[1])
    assert answer.status == 303
    address, anchor = answer.headers["location"].split("#")
    page = head.get(address).text
    assert f'<tr id="{anchor}" class="chosen">' in page
    assert "нет темы" in page or "нет посещаемости" in page


@pytest.mark.parametrize(
    "page",
    [
        "/journals/42-001/no-such",
        "/journals/42-003/1",
        "/journals/99-999/1",
        "/lessons/42-001/0",
        "/journals?school=42-003",
    ],
)
def test_what_is_foreign_or_unknown_is_not_there(staff: StaffPortal, page: str):
    assert staff.client("teacher").get(page).status == 404


@pytest.mark.parametrize(
    "address", ["/today?day=0000-00-00", "/today?day=9999-12-31", "/gaps?lacks=%00", "/journals?after=%FF&subject=x"]
)
def test_nonsense_in_an_address_is_no_error(staff: StaffPortal, address: str):
    assert staff.client("teacher").get(address).status == 200


def test_somebody_whom_netschool_does_not_know_is_told_what_to_do(staff: StaffPortal):
    nobody = staff.client("nobody")
    assert "Сегодня у вас нет уроков" in nobody.get("/").words
    assert "спросите в канцелярии школы" in nobody.get("/journals").words


def test_further_education_has_groups_and_no_classes(staff: StaffPortal):
    assert journals(staff.client("coach"))
    assert "вместо классов группы" in staff.client("other head").get("/classes").words


def test_a_class_teacher_sees_the_own_class_whole_and_no_other(staff: StaffPortal):
    leader, own = staff.client("class_teacher"), own_class(staff)
    other = staff.one(_CLASS.format(sign=">"), SCHOOL)
    assert leader.get("/class").headers["location"] == f"/classes/{SCHOOL}/{own}"
    for view in ("", "/risk", "/contacts", "/meeting", "/meeting.pdf"):
        assert leader.get(f"/classes/{SCHOOL}/{own}{view}").status == 200
        assert leader.get(f"/classes/{SCHOOL}/{other}{view}").status == 404
        assert leader.get(f"/classes/{FURTHER}/{own}{view}").status == 404
    assert leader.get("/classes").status == 403


def test_the_roll_has_every_pupil_of_the_day_and_no_one_who_left(staff: StaffPortal):
    own = own_class(staff)
    number = staff.one(
        "SELECT count(DISTINCT pupil_id) FROM gorod.enrollment WHERE school_id = %s AND class_id = %s AND from_date <= '2026-11-23' "
        "AND (to_date IS NULL OR to_date > '2026-11-23')",
        SCHOOL,
        own,
    )
    page = staff.client("class_teacher").get(f"/classes/{SCHOOL}/{own}").text
    assert page.count('<th scope="row">') == number


def test_contacts_name_those_who_are_barred(staff: StaffPortal):
    page = staff.client("class_teacher").get(f"/classes/{SCHOOL}/{own_class(staff)}/contacts")
    assert "tel:" in page.text
    assert "мать" in page.words or "отец" in page.words


def test_a_secretary_sees_lists_and_contacts_but_neither_marks_nor_attendance(staff: StaffPortal):
    secretary, own = staff.client("secretary"), own_class(staff)
    assert "Отсутствующих, журналы, долги и поздние изменения видят директор и завучи" in secretary.get("/").words
    roll = secretary.get(f"/classes/{SCHOOL}/{own}")
    assert (roll.status, "Пропуски" in roll.words) == (200, False)
    assert secretary.get(f"/classes/{SCHOOL}/{own}/contacts").status == 200
    for address in (
        f"/classes/{SCHOOL}/{own}/risk",
        f"/classes/{SCHOOL}/{own}/meeting.pdf",
        f"/day/{SCHOOL}/absent",
        "/journals",
    ):
        assert secretary.get(address).status == 403


def test_the_five_lines_count_what_their_lists_hold(staff: StaffPortal):
    head = staff.client("head")
    lines = re.findall(r"<b>([\d\s\xa0]+)</b>", head.get("/").text)
    unfilled, debts = head.get(f"/day/{SCHOOL}/unfilled"), head.get(f"/day/{SCHOOL}/debts")
    assert len(lines) == 4
    assert int(lines[1]) == unfilled.text.count('href="/lessons/')
    assert int(lines[2]) == int(re.search(r"Всего (\d+)", debts.words)[1])  # type: ignore[index]  # it is there or the test fails


def test_a_head_of_another_school_finds_nothing_of_this_one(staff: StaffPortal):
    other = staff.client("other head")
    for address in (
        f"/day/{SCHOOL}/absent",
        f"/day/{SCHOOL}/changes",
        f"/classes/{SCHOOL}/{own_class(staff)}",
        f"/access/{SCHOOL}/responsible",
        f"/schools/{SCHOOL}",
        f"/sync?school={SCHOOL}",
    ):
        assert other.get(address).status == 404


def test_the_own_synchronisation_is_the_page_that_the_system_administrator_sees(staff: StaffPortal):
    head, sysadmin = staff.client("head"), staff.client("sysadmin")
    assert head.get("/sync").headers["location"] == f"/schools/{SCHOOL}"
    cards = [
        client.get(f"/schools/{SCHOOL}").text.split('<div id="card">')[1].split("</main>")[0]
        for client in (head, sysadmin)
    ]
    assert cards[0] == cards[1]


@pytest.mark.parametrize("role", ["operator", "analyst", "security", "admin", "sysadmin"])
def test_pages_of_a_school_s_staff_are_for_its_staff(staff: StaffPortal, role: str):
    client = staff.client(role)
    for address in ("/today", "/journals", "/gaps", "/class", "/classes", "/day", "/access", f"/day/{SCHOOL}/absent"):
        assert client.get(address).status == 403


def test_less_than_three_marks_stand_for_no_mark(staff: StaffPortal):
    number = staff.accounts.people["head"].account.id
    with staff.world.database.reader(number, staff.now) as reader:
        own = own_class(staff)
        rows = [
            subject
            for term in classes.terms(reader, SCHOOL, own)
            for row in classes.summary(reader, staff.world.names, SCHOOL, own, term)
            for subject in row.subjects
            if subject.result is None
        ]
    assert rows
    assert all(subject.expected is None for subject in rows if subject.marks < 3)
