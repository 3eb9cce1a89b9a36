"""The department's pages about the portal itself: the board, visits, accounts, the record."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.fix_staff import SCHOOL, StaffPortal

if TYPE_CHECKING:
    from tests.portal_world import Client

pytestmark = pytest.mark.integration

WEEK = "since=2026-11-17&until=2026-11-23"


def table(client: Client, query: str = WEEK, delimiter: str = ";") -> list[list[str]]:
    """The exported table."""
    answer = client.get(f"/visits.csv?{query}")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig")), delimiter=delimiter))


def test_visits_count_people_once_and_pages_all(staff: StaffPortal):
    page = staff.client("analyst").get(f"/visits?{WEEK}&role=parent").words
    assert "17 ноября – 23 ноября 2026: 11 человек, 29 страниц." in page


def test_every_picture_has_its_table(staff: StaffPortal):
    page = staff.client("analyst").get(f"/visits?{WEEK}").text
    assert page.count("<svg") == page.count("Показать таблицу") == 2
    assert page.count('role="img"') == 2


def test_a_head_sees_visits_of_the_own_school_only(staff: StaffPortal):
    words = staff.client("head").get(f"/visits?{WEEK}&role=pupil").words
    assert "4 человека, 20 страниц" in words
    schools = {row[1] for row in table(staff.client("head")) if row[0] == "Школа"}
    assert schools == {"Школа 42-001"}


def test_the_way_to_the_first_visit_begins_with_everybody_at_the_school(staff: StaffPortal):
    page = staff.client("head").get("/visits").words
    number = staff.one(
        "SELECT count(DISTINCT person_id) FROM gorod.staff WHERE school_id = %s AND (to_date IS NULL OR to_date >= '2026-11-23')",
        SCHOOL,
    )
    assert f"Персонал {number} " in page or f"Сотрудники {number} " in page or f"Работники {number} " in page


def test_roles_that_see_no_people_get_no_way_to_the_first_visit(staff: StaffPortal):
    assert "Путь к первому посещению" not in staff.client("operator").get("/visits").words
    assert "Путь к первому посещению" in staff.client("analyst").get("/visits").words


def test_the_table_is_taken_out_with_the_separator_that_is_asked_for_and_recorded(staff: StaffPortal):
    analyst = staff.client("analyst")
    rows = table(analyst, f"{WEEK}&role=parent")
    assert rows[0] == ["Разрез", "Значение", "Человек", "Страниц"]
    assert ["Роль", "родитель", "11", "29"] in rows
    assert table(analyst, f"{WEEK}&role=parent&sep=,", ",") == rows
    number = staff.accounts.people["analyst"].account.id
    kind, details = staff.world.select(
        "SELECT kind, details FROM gorod.audit WHERE actor = %s ORDER BY number DESC LIMIT 1", number
    )[0]
    assert (kind, details) == ("exported", f'{{"rows":{len(rows) - 1},"what":"visits parent"}}')


def test_the_board_says_who_was_heard_of_and_who_is_read(staff: StaffPortal):
    page = staff.client("operator").get("/board").words
    assert "2 из 2 школ в порядке" in page
    assert "не слышно" not in page


def test_accounts_are_filtered_by_role_and_school(staff: StaffPortal):
    admin = staff.client("admin")
    page = admin.get(f"/accounts?role=secretary&school={SCHOOL}")
    assert page.text.count('<th scope="row">') == 1
    assert "Таких учётных записей нет" in admin.get(f"/accounts?role=analyst&school={SCHOOL}").words


def test_the_record_is_read_page_by_page(staff: StaffPortal):
    with staff.world.store.owner() as owner:
        for number in range(60):
            owner.execute(
                "INSERT INTO gorod.audit (at, kind, subject) VALUES (now(), 'session_ended', %s)",
                (f"account:{900_000 + number}",),
            )
    client = staff.client("security")
    first = client.get("/audit")
    older = first.text.split('rel="next" href="')[1].split('"')[0]
    second = client.get(older)
    assert (first.text.count('<th scope="row">'), "account:900059" in first.text) == (50, True)
    assert "account:900009" in second.text
    assert "account:900010" not in second.text
    assert client.get("/audit?subject=account:900007").text.count('<th scope="row">') == 1


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("operator", {"/board", "/visits", "/visits.csv"}),
        ("analyst", {"/board", "/visits", "/visits.csv"}),
        ("security", {"/board", "/visits", "/visits.csv", "/accounts", "/audit"}),
        ("admin", {"/board", "/visits", "/visits.csv", "/accounts", "/audit"}),
        ("head", {"/visits", "/visits.csv"}),
        ("deputy", {"/visits", "/visits.csv"}),
        ("secretary", set[str]()),
        ("teacher", set[str]()),
        ("sysadmin", set[str]()),
    ],
)
def test_each_role_has_its_own_of_these_pages(staff: StaffPortal, role: str, allowed: set[str]):
    client = staff.client(role)
    pages = ("/board", "/visits", "/visits.csv", "/accounts", "/audit")
    assert {page for page in pages if client.get(page).status == 200} == allowed
    assert {client.get(page).status for page in pages if page not in allowed} <= {403}


@pytest.mark.parametrize(
    "address",
    [
        "/visits?since=%00&role=x",
        "/visits?since=0001-01-01&until=9999-12-31",
        "/audit?before=%D9%A1",
        "/audit?before=99999999999999999999",
        "/accounts?after=%%%&school=<b>",
    ],
)
def test_nonsense_in_an_address_is_no_error(staff: StaffPortal, address: str):
    assert staff.client("admin").get(address).status == 200
