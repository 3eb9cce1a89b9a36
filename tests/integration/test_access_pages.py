"""Roles and duties that a head gives: through the pages, and past them at the database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_staff import FURTHER, SCHOOL, StaffPortal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal_world import Answer, Client

pytestmark = pytest.mark.integration

ORDER = {"order_number": "12-од", "order_date": "2026-08-31", "from_date": "2026-09-01", "to_date": ""}


@pytest.fixture
def worker(staff: StaffPortal) -> Iterator[int]:
    """An account of a teacher, made for the test."""
    person = staff.one("SELECT person_id FROM gorod.staff WHERE school_id = %s ORDER BY source_id DESC LIMIT 1", SCHOOL)
    number = staff.world.account("teacher", (SCHOOL, person))
    yield number
    with staff.world.store.owner() as owner:
        owner.execute("DELETE FROM gorod.account WHERE id = %s", (number,))


def send(client: Client, address: str, **fields: str) -> Answer:
    """Send the form of the page at the address."""
    token = re.search(r'name="csrf" value="([^"]+)"', client.get(address).text)
    return client.post(address, {"csrf": token[1] if token else "", **fields})


def people(client: Client, duty: str) -> list[str]:
    """Who may be named."""
    page = client.get(f"/access/{SCHOOL}/responsible/{duty}").text
    return re.findall(r'<option value="([^"]+)"', page.split('id="deputy"')[0])


def role_of(staff: StaffPortal, number: int) -> str:
    return str(staff.one("SELECT role FROM gorod.account WHERE id = %s", number))


def test_a_head_gives_a_worker_another_role_and_it_is_recorded(staff: StaffPortal, worker: int):
    head = staff.client("head")
    answer = send(head, f"/access/{SCHOOL}/workers/{worker}", role="deputy")
    assert (answer.status, role_of(staff, worker)) == (303, "deputy")
    assert "Роль изменена" in head.get(answer.headers["location"]).words
    kind, school, details = staff.world.select(
        "SELECT kind, school, details FROM gorod.audit WHERE subject = %s", f"account:{worker}"
    )[0]
    assert (kind, school, details) == ("role_changed", SCHOOL, '{"from":"teacher","to":"deputy"}')


@pytest.mark.parametrize("role", ["head", "admin", "parent", "nonsense", ""])
def test_no_head_gives_a_role_that_is_not_a_head_s_to_give(staff: StaffPortal, worker: int, role: str):
    assert send(staff.client("head"), f"/access/{SCHOOL}/workers/{worker}", role=role).status == 404
    assert role_of(staff, worker) == "teacher"


def test_a_form_without_its_token_changes_nothing(staff: StaffPortal, worker: int):
    answer = staff.client("head").post(f"/access/{SCHOOL}/workers/{worker}", {"role": "deputy"})
    assert (answer.status, role_of(staff, worker)) == (403, "teacher")


def test_another_school_s_head_finds_no_worker_here(staff: StaffPortal, worker: int):
    other = staff.client("other head")
    for school in (SCHOOL, FURTHER):
        assert other.get(f"/access/{school}/workers/{worker}").status == 404


def test_who_works_elsewhere_too_keeps_the_role(staff: StaffPortal):
    number = staff.world.account("teacher", (SCHOOL, "x"), (FURTHER, "x"))
    assert staff.client("head").get(f"/access/{SCHOOL}/workers/{number}").status == 404


@pytest.mark.parametrize("role", ["deputy", "secretary"])
def test_deputies_and_secretaries_read_and_change_nothing(staff: StaffPortal, worker: int, role: str):
    client = staff.client(role)
    assert client.get("/access").status == 200
    assert "Изменить роль" not in client.get("/access").words
    assert client.get(f"/access/{SCHOOL}/responsible").status == 200
    assert client.get(f"/access/{SCHOOL}/workers/{worker}").status == 403
    assert client.get(f"/access/{SCHOOL}/responsible/quality").status == 403


def test_a_head_names_who_answers_and_the_one_before_is_kept(staff: StaffPortal):
    head = staff.client("head")
    first, second = people(head, "network")[:2]
    address = f"/access/{SCHOOL}/responsible/network"
    assert send(head, address, person=first, deputy=second, phone="+7 000 123-45-67", **ORDER).status == 303
    page = head.get(f"/access/{SCHOOL}/responsible").words
    assert "+7 000 123-45-67" in page
    assert "№ 12-од 31.08.2026" in page
    assert send(head, address, person=second, **{**ORDER, "order_number": "13-од"}).status == 303
    page = head.get(f"/access/{SCHOOL}/responsible").words
    assert "Раньше: Сервер, сеть и агент (1)" in page
    assert "приказ № 12-од" in page
    assert staff.one("SELECT count(*) FROM gorod.audit WHERE kind = 'responsible_named'") >= 2


def test_what_was_typed_is_not_lost_when_something_is_wrong(staff: StaffPortal):
    head = staff.client("head")
    first = people(head, "quality")[0]
    answer = send(head, f"/access/{SCHOOL}/responsible/quality", person=first, **{**ORDER, "order_date": "вчера"})
    assert answer.status == 422
    assert "Напишите дату как год-месяц-день" in answer.words
    assert 'value="12-од"' in answer.text
    assert f'<option value="{first}" selected>' in answer.text
    assert staff.one("SELECT count(*) FROM gorod.responsible WHERE duty = 'quality'") == 0


def test_the_telephone_stands_sealed_in_the_database(staff: StaffPortal):
    head = staff.client("head")
    first = people(head, "access")[0]
    send(head, f"/access/{SCHOOL}/responsible/access", person=first, phone="+7 000 765-43-21", **ORDER)
    kept = bytes(staff.one("SELECT phone FROM gorod.responsible WHERE duty = 'access' AND ended_at IS NULL"))
    assert b"765" not in kept
    assert "+7 000 765-43-21" in head.get(f"/access/{SCHOOL}/responsible").words


def test_another_school_reads_nothing_of_who_answers(staff: StaffPortal):
    other = staff.client("other head")
    assert other.get(f"/access/{SCHOOL}/responsible").status == 404
    assert "По 5 направлениям никто не назначен" in other.get(f"/access/{FURTHER}/responsible").words


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gorod.account SET role = 'admin'",
        "INSERT INTO gorod.responsible SELECT * FROM gorod.responsible",
        "UPDATE gorod.responsible SET order_number = ''",
        "DELETE FROM gorod.responsible",
        "UPDATE gorod.mark SET value = 5",
        "UPDATE gorod.lesson SET topic = ''",
        "SELECT gorod.is_head(1, '42-001')",
    ],
)
def test_the_portal_s_login_writes_none_of_it_by_itself(staff: StaffPortal, statement: str):
    with psycopg.connect(staff.world.store.roles.portal) as portal, pytest.raises(psycopg.errors.InsufficientPrivilege):
        portal.execute(statement)


def test_the_database_refuses_whoever_is_no_head_of_the_school(staff: StaffPortal, worker: int):
    actors = [staff.accounts.people[login].account.id for login in ("deputy", "other head", "admin", "teacher")]
    with psycopg.connect(staff.world.store.roles.portal) as portal:
        for actor in (*actors, worker, 0):
            given = portal.execute("SELECT gorod.give_role(%s, %s, %s, 'secretary', now())", (actor, worker, SCHOOL))
            assert given.fetchone() == (None,)
            portal.rollback()
