"""Codes of people over a real database, under the portal's own login: one use, one person, and no more than the holder may know."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from collector.core.credentials import password_fits
from collector.store import activations, audit, roster, sessions
from proto.problems import Problem
from tests.fix_people import CLASS, OTHER, PASSWORD, SCHOOL, People

pytestmark = pytest.mark.integration


def kinds(people: People) -> list[str]:
    with people.owner.begin() as connection:
        return [entry.kind for entry in reversed(audit.entries(connection))]


def test_a_code_makes_an_account_tied_to_its_person(people: People):
    made = people.activate(people.issue().code, "Olga")
    assert made is not None
    assert (made.login, made.role, made.schools, made.people) == ("olga", "parent", (SCHOOL,), ((SCHOOL, "201"),))
    assert people.account("olga") == made


def test_the_chosen_password_is_the_account_s(people: People):
    made = people.activate(people.issue().code, "olga")
    assert made is not None
    with people.owner.begin() as connection:
        stored = connection.execute(text("SELECT password_hash FROM gorod.account")).scalar_one()
    assert password_fits(PASSWORD, stored)


def test_a_code_is_good_once(people: People):
    code = people.issue().code
    assert people.activate(code, "olga") is not None
    assert people.look(code) is None
    assert people.activate(code, "other") is None


def test_of_two_who_use_one_code_at_the_same_moment_one_gets_the_account(people: People):
    code = people.issue().code
    made: list[object] = []
    threads = [
        threading.Thread(target=lambda login=login: made.append(people.activate(code, login))) for login in ("a1", "b2")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one is None for one in made) == [False, True]


def test_a_code_runs_out(people: People):
    issued = people.issue()
    assert people.look(issued.code, issued.expires_at - timedelta(seconds=1)) is not None
    assert people.look(issued.code, issued.expires_at) is None


def test_issuing_again_revokes_the_code_before(people: People):
    first, second = people.issue(), people.issue()
    assert (first.again, second.again) == (False, True)
    assert people.look(first.code) is None
    assert people.activate(first.code, "thief") is None
    assert people.look(second.code) is not None
    assert kinds(people)[-2:] == ["code_issued", "code_reissued"]


def test_the_holder_of_a_code_sees_a_first_name_and_a_number_of_a_class_and_nothing_else(people: People):
    card = people.look(people.issue("101", "pupil").code)
    assert card is not None
    keys = people.ring.reader(SCHOOL, people.now)
    assert roster.first_name(card.first_name, card.person, keys) == "Мария"
    assert (card.school_name, card.role, card.parallel, card.login) == ("Школа № 1", "pupil", 7, None)
    parent = people.look(people.issue("201", "parent").code)
    assert parent is not None
    assert parent.parallel is None


def test_only_a_keyed_hash_of_a_code_is_kept(people: People):
    code = people.issue().code
    with people.owner.begin() as connection:
        row = connection.execute(text("SELECT a::text AS row FROM gorod.activation a")).scalar_one()
        told = connection.execute(text("SELECT string_agg(a::text, ' ') FROM gorod.audit a")).scalar_one()
    for text_of in (row, told):
        assert code not in text_of
        assert code.replace("-", "") not in text_of


def test_a_login_that_somebody_has_is_refused_and_the_code_stays_good(people: People):
    people.activate(people.issue("202").code, "anna")
    code = people.issue("201").code
    with pytest.raises(Problem, match="GOR-1901"):
        people.activate(code, "Anna")
    assert people.look(code) is not None


def test_a_second_code_adds_a_child_of_another_school(people: People):
    made = people.activate(people.issue().code, "olga")
    assert made is not None
    other = people.issue("901", "parent", OTHER)
    with people.reader.begin() as connection:
        letters = other.code.replace("-", "")
        added = activations.add_person(connection, letters, made.id, people.rules.code_key, people.now)
    assert added == OTHER
    assert people.account("olga").people == ((SCHOOL, "201"), (OTHER, "901"))
    assert people.account("olga").schools == (SCHOOL, OTHER)


@pytest.mark.parametrize(("person", "role"), [("301", "teacher"), ("101", "pupil")])
def test_a_code_of_another_role_adds_nothing_and_stays_good(people: People, person: str, role: str):
    made = people.activate(people.issue().code, "olga")
    assert made is not None
    other = people.issue(person, role)
    with people.reader.begin() as connection:
        letters = other.code.replace("-", "")
        assert activations.add_person(connection, letters, made.id, people.rules.code_key, people.now) == "role"
    assert people.account("olga") == made
    assert people.look(other.code) is not None


def test_a_forgotten_password_is_replaced_by_a_new_code_under_the_same_login(people: People):
    made = people.activate(people.issue().code, "olga")
    assert made is not None
    with people.reader.begin() as connection:
        token = sessions.begin(connection, made.id, people.rules.life, people.now)
    again = people.issue()
    card = people.look(again.code)
    assert card is not None
    assert card.login == "olga"
    renewed = people.activate(again.code, "something-else", password="another long password here")
    assert renewed is not None
    assert (renewed.id, renewed.login) == (made.id, "olga")
    with people.reader.begin() as connection:
        assert sessions.find(connection, token, people.now) is None


def test_a_new_code_of_one_school_opens_nothing_of_another(people: People):
    made = people.activate(people.issue().code, "olga")
    assert made is not None
    with people.reader.begin() as connection:
        letters = people.issue("901", "parent", OTHER).code.replace("-", "")
        activations.add_person(connection, letters, made.id, people.rules.code_key, people.now)
    people.activate(people.issue().code, "olga")
    assert people.account("olga").people == ((SCHOOL, "201"),)


@pytest.mark.parametrize("role", ["admin", "operator", "nobody"])
def test_no_code_makes_an_account_of_the_department(people: People, role: str):
    with pytest.raises(Problem, match="GOR-1904"):
        people.issue(role=role)


def test_an_office_makes_codes_of_its_own_school_only(people: People):
    with pytest.raises(Problem, match="GOR-1809"), people.reader.begin(scope=OTHER) as connection:
        activations.issue(
            connection,
            SCHOOL,
            [activations.Wanted("201", "parent")],
            by=1,
            now=people.now,
            life=timedelta(days=1),
            key=people.rules.code_key,
        )
    people.issue()
    with people.reader.begin(scope=OTHER) as connection:
        assert activations.standings(connection, SCHOOL, ["201"]) == {}
        assert activations.revoke(connection, SCHOOL, "201", people.now) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT code_hash FROM gorod.activation",
        "UPDATE gorod.activation SET used_at = NULL",
        "UPDATE gorod.activation SET expires_at = now() + interval '1 year'",
        "DELETE FROM gorod.activation",
        "INSERT INTO gorod.account_scope (account_id, school_id, person_id) VALUES (1, '23-001', '101')",
        "UPDATE gorod.account SET role = 'head'",
    ],
)
def test_the_portal_cannot_go_round_the_codes(people: People, statement: str):
    people.issue()
    with pytest.raises(Problem, match="GOR-1809"), people.reader.begin(scope=SCHOOL) as connection:
        connection.execute(text(statement))


def test_the_class_is_read_by_name_with_those_who_may_see(people: People):
    found = people.pupils()
    assert [pupil.person.name.short for pupil in found] == ["Абрамов П. И.", "Ёлкина М. И."]
    assert [[one.id for one in pupil.representatives] for pupil in found] == [["202"], ["201"]]
    assert found[1].representatives[0].relation == "mother"


def test_another_school_s_office_reads_nobody(people: People):
    assert people.pupils(OTHER) == []


def test_classes_tell_how_many_pupils_they_have_and_how_many_of_them_have_an_account(people: People):
    people.activate(people.issue("101", "pupil").code, "masha")
    with people.reader.begin(reader=people.office()) as connection:
        (found,) = roster.classes(connection, SCHOOL, people.now.date())
    assert (found.id, found.name, found.pupils, found.with_account) == (CLASS, "7Б", 2, 1)


def test_staff_are_read_with_their_position_and_whether_they_lead_a_class(people: People):
    with people.reader.begin(reader=people.office()) as connection:
        found = roster.staff(connection, SCHOOL, people.ring.reader(SCHOOL, people.now), people.now.date())
    assert [(one.name.full, one.position, one.leads) for one in found] == [
        ("Громова Вера Ильинична", "учитель", True),
        ("Лисин Олег Ильинична", "секретарь", False),
    ]


def test_the_office_sees_how_far_each_person_has_come(people: People):
    people.activate(people.issue("201").code, "olga")
    waiting = people.issue("202")
    with people.reader.begin(scope=SCHOOL) as connection:
        found = activations.standings(connection, SCHOOL, ["201", "202", "101"])
        counted = activations.counts(connection, SCHOOL, people.now)
    assert (found["201"].login, found["201"].code_until) == ("olga", None)
    assert (found["202"].login, found["202"].code_until) == (None, waiting.expires_at)
    assert "101" not in found
    assert counted == {"parent": {"waiting": 1, "expired": 0, "used": 1}}
