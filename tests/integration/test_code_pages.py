"""The office's pages of codes: whom they show, whose codes they make, and that a code's text is shown once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.store import audit
from tests.fix_people import CLASS, OTHER, SCHOOL

if TYPE_CHECKING:
    from tests.fix_town import Browser, Town
    from tests.portal_world import Answer

pytestmark = pytest.mark.integration
CODES = f"/schools/{SCHOOL}/codes"
CLASS_CODES = f"{CODES}/class?class={CLASS}"


def codes_of(answer: Answer) -> list[str]:
    return re.findall(r"<code>([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})</code>", answer.text)


def send(desk: Browser, address: str, *pairs: tuple[str, str]) -> Answer:
    """Send a form in which one name may stand several times."""
    from urllib.parse import urlencode

    from tests.fix_town import csrf_of

    token = csrf_of(desk.get("/account").text)
    body = urlencode([("csrf", token), *pairs]).encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return desk.client.request("POST", address, body, kind)


def test_the_office_sees_its_classes_and_goes_on_to_their_people(town: Town):
    desk = town.desk("secretary")
    assert "Коды доступа" in desk.get("/account").words
    assert "7Б 2 0" in desk.get(CODES).words
    page = desk.get(CLASS_CODES).words
    for name in ("Абрамов Пётр", "Абрамова Анна", "Ёлкина Мария", "Ёлкина Ольга"):
        assert name in page
    assert "У 4 человек ещё нет учётной записи" in page


def test_nobody_who_has_left_or_is_barred_is_offered_a_code(town: Town):
    page = town.desk("secretary").get(CLASS_CODES).words
    assert "Яковлев" not in page
    assert "Павел" not in page


def test_a_sheet_has_a_slip_for_each_who_was_chosen(town: Town):
    desk = town.desk("secretary")
    sheet = send(desk, CLASS_CODES, ("chosen", "pupil|101"), ("chosen", "parent|201"))
    assert sheet.status == 200
    first, second = codes_of(sheet)
    for word in ("Школа № 1 · 7Б", "Ёлкина Мария Ильинична", "ученик: Ёлкина Мария", "http://portal.test/activate"):
        assert word in sheet.words
    assert sheet.headers["cache-control"] == "no-store"
    cards = [town.people.look(code) for code in (first, second)]
    assert [card and (card.role, card.person) for card in cards] == [("pupil", "101"), ("parent", "201")]


def test_a_code_is_shown_once(town: Town):
    desk = town.desk("secretary")
    (code,) = codes_of(send(desk, CLASS_CODES, ("chosen", "pupil|101")))
    page = desk.get(CLASS_CODES)
    assert code not in page.text
    assert "код до" in page.words
    assert town.people.look(code) is not None


def test_a_second_sheet_makes_the_first_worthless_and_that_is_recorded(town: Town):
    desk = town.desk("secretary")
    (first,) = codes_of(send(desk, CLASS_CODES, ("chosen", "pupil|101")))
    (second,) = codes_of(send(desk, CLASS_CODES, ("chosen", "pupil|101")))
    assert town.people.look(first) is None
    assert town.people.look(second) is not None
    with town.people.owner.begin() as connection:
        again, issued = audit.entries(connection, limit=2)
    actor = town.people.account("secretary").id
    assert [one.kind for one in (issued, again)] == ["code_issued", "code_reissued"]
    assert (again.actor, again.subject, again.school) == (actor, "person:23-001/101", SCHOOL)


def test_without_anybody_chosen_nothing_happens(town: Town):
    assert send(town.desk("secretary"), CLASS_CODES).status == 303


@pytest.mark.parametrize("chosen", ["parent|203", "pupil|103", "head|301", "teacher|301", "parent|999", "|", "pupil"])
def test_nobody_outside_the_list_gets_a_code(town: Town, chosen: str):
    answer = send(town.desk("secretary"), CLASS_CODES, ("chosen", chosen))
    assert answer.status == 303
    with town.people.owner.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM gorod.activation").scalar_one() == 0


def test_staff_get_codes_in_the_role_that_is_chosen(town: Town):
    desk = town.desk("head")
    page = desk.get(f"{CODES}/staff").words
    assert "Громова Вера Ильинична" in page
    sheet = send(
        desk,
        f"{CODES}/staff",
        ("chosen", "301"),
        ("chosen", "302"),
        ("role.301", "class_teacher"),
        ("role.302", "secretary"),
    )
    cards = [town.people.look(code) for code in codes_of(sheet)]
    assert [card and (card.person, card.role) for card in cards] == [("301", "class_teacher"), ("302", "secretary")]


@pytest.mark.parametrize("role", ["deputy", "head", "secretary", "admin", "pupil", "nonsense"])
def test_a_secretary_makes_codes_of_staff_for_teachers_only(town: Town, role: str):
    desk = town.desk("secretary")
    answer = send(desk, f"{CODES}/staff", ("chosen", "302"), ("role.302", role))
    assert answer.status == 403
    with town.people.owner.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM gorod.activation").scalar_one() == 0


def test_nobody_takes_over_an_account_of_a_role_above_by_a_new_code(town: Town):
    town.browser().activate(town.people.issue("302", "deputy").code, "oleg")
    desk = town.desk("secretary")
    answer = send(desk, f"{CODES}/staff", ("chosen", "302"), ("role.302", "teacher"))
    assert answer.status == 403
    assert 'value="302"' not in desk.get(f"{CODES}/staff").text


@pytest.mark.parametrize("role", ["teacher", "class_teacher", "deputy", "sysadmin", "operator", "admin", "analyst"])
def test_other_roles_have_no_codes(town: Town, role: str):
    desk = town.desk(role) if role in {"teacher", "class_teacher", "deputy", "sysadmin"} else city(town, role)
    for address in (CODES, CLASS_CODES, f"{CODES}/staff"):
        assert desk.get(address).status == 403, address
    assert send(desk, CLASS_CODES, ("chosen", "pupil|101")).status == 403


def city(town: Town, role: str) -> Browser:
    from collector.store import accounts
    from tests.fix_town import STAFF_PASSWORD

    with town.people.owner.begin() as connection:
        new = accounts.NewAccount(role, role, STAFF_PASSWORD)
        accounts.add(connection, new, town.now, town.people.rules.factor_key)
    desk = town.browser()
    desk.client.sign_in(role, STAFF_PASSWORD, "")
    desk.enrol()
    return desk


def test_another_school_is_as_if_there_were_none(town: Town):
    desk = town.desk("head")
    for address in (f"/schools/{OTHER}/codes", f"/schools/{OTHER}/codes/class?class={CLASS}", "/schools/x/codes/staff"):
        assert desk.get(address).status == 404
    assert send(desk, f"/schools/{OTHER}/codes/class?class={CLASS}", ("chosen", "pupil|101")).status == 404
    assert desk.get(f"{CODES}/class?class=nothing").status == 404


def test_a_form_without_its_token_makes_no_code(town: Town):
    desk = town.desk("head")
    for address in (CLASS_CODES, f"{CODES}/staff"):
        assert desk.client.post(address, {"csrf": "x", "chosen": "pupil|101"}).status == 403


def test_a_code_that_ran_out_is_offered_again(town: Town):
    desk = town.desk("secretary")
    send(desk, CLASS_CODES, ("chosen", "pupil|101"))
    town.passed = timedelta(days=31)
    desk = town.browser()
    from tests.fix_town import STAFF_PASSWORD

    town.staff("head")
    desk.client.sign_in("head", STAFF_PASSWORD, "")
    desk.enrol()
    assert "срок кода вышел" in desk.get(CLASS_CODES).words
