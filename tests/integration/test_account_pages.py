"""Pages of the first sign-in and of the own account, over real accounts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.store import audit
from tests.fix_people import OTHER, PASSWORD, SCHOOL
from tests.fix_town import STAFF_PASSWORD, code_of
from tests.portal_world import Client

if TYPE_CHECKING:
    from tests.fix_town import Browser, Town

pytestmark = pytest.mark.integration
OTHER_PASSWORD = "река несёт старую лодку"
PHONE = "Mozilla/5.0 (Linux; Android 13; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36"


def kinds(town: Town) -> list[str]:
    with town.people.owner.begin() as connection:
        return [entry.kind for entry in reversed(audit.entries(connection))]


def sign_in(town: Town, login: str = "olga", password: str = PASSWORD, code: str = "", **fields: str) -> Browser:
    browser = town.browser(user_agent=PHONE)
    given = {"login": login, "password": password, "code": code, **fields}
    browser.client.post("/login", given, **browser.headers)
    return browser


def is_in(browser: Browser) -> bool:
    return browser.get("/account").status == 200


# The first sign-in ------------------------------------------------------------------------------------------------------------------


def test_a_code_says_a_first_name_and_nothing_more(town: Town):
    answer = town.browser().client.post("/activate", {"code": town.people.issue("101", "pupil").code})
    assert answer.status == 200
    assert "Здравствуйте, Мария" in answer.words
    assert "Школа № 1, 7 класс" in answer.words
    for hidden in ("Ёлкина", "Ильинична", "7Б", "101"):
        assert hidden not in answer.text


def test_a_parent_is_in_at_once_after_choosing_login_and_password(town: Town):
    browser = town.family("olga")
    page = browser.get("/account").words
    assert "olga · родитель" in page
    assert "Школа № 1 — Мария" in page
    assert is_in(sign_in(town))


def test_a_teacher_sets_up_the_second_step_first(town: Town):
    browser = town.browser()
    answer = browser.activate(town.people.issue("301", "teacher").code, "vera")
    assert (answer.status, answer.headers["location"]) == (303, "/login/factor")
    assert browser.get("/account").headers["location"] == "/login/factor"
    browser.enrol()
    assert is_in(browser)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"again": "something else entirely"}, "Пароли не совпадают"),
        ({"password": "short", "again": "short"}, "Пароль слишком простой"),
        ({"password": "qwerty123456", "again": "qwerty123456"}, "легко угадать"),
        ({"login": "два слова"}, "не подходит"),
        ({"login": ""}, "не подходит"),
    ],
)
def test_what_does_not_fit_is_said_and_the_code_stays_good(town: Town, fields: dict[str, str], said: str):
    code = town.people.issue().code
    given = {"code": code, "login": "olga", "password": PASSWORD, "again": PASSWORD, **fields}
    answer = town.browser().client.post("/activate/account", given)
    assert answer.status == 400
    assert said in answer.words
    assert town.people.look(code) is not None


def test_a_login_that_is_taken_is_said(town: Town):
    town.family("olga")
    answer = town.browser().activate(town.people.issue("202").code, "OLGA")
    assert answer.status == 400
    assert "Логин olga уже есть" in answer.words


def test_a_used_a_revoked_an_expired_and_an_unknown_code_get_the_same_answer(town: Town):
    used = town.people.issue("202").code
    town.browser().activate(used, "anna")
    revoked = town.people.issue("101", "pupil").code
    town.people.issue("101", "pupil")
    expired = town.people.issue("201").code
    town.passed = timedelta(days=31)
    texts = set()
    for code in (used, revoked, expired, "0000-0000-0000"):
        answer = town.browser().client.post("/activate", {"code": code})
        assert answer.status == 400
        texts.add(answer.text.replace(code, ""))
    assert len(texts) == 1
    assert "Код не подошёл" in texts.pop()


def test_a_typing_error_is_named_and_costs_no_guess(town: Town):
    client = Client(town.app())
    code = town.people.issue().code
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    for _ in range(40):
        answer = client.post("/activate", {"code": wrong})
    assert answer.status == 400
    assert "В коде опечатка" in answer.words
    assert client.post("/activate", {"code": code}).status == 200


def test_whoever_guesses_codes_has_to_wait_and_others_do_not(town: Town):
    thief, code = Client(town.app(), peer="198.51.100.9"), town.people.issue().code
    answers = [thief.post("/activate", {"code": "0000-0000-0000"}) for _ in range(21)]
    assert [answer.status for answer in answers[:20]] == [400] * 20
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert thief.post("/activate", {"code": code}).status == 429
    assert Client(town.app()).post("/activate", {"code": code}).status == 200


def test_forms_of_another_site_are_refused(town: Town):
    code = town.people.issue().code
    for address in ("/activate", "/activate/account"):
        answer = town.browser().client.post(address, {"code": code}, sec_fetch_site="cross-site")
        assert answer.status == 403


def test_a_forgotten_password_is_replaced_by_a_new_code_and_the_login_is_told(town: Town):
    first = town.family("olga")
    code = town.people.issue().code
    page = town.browser().client.post("/activate", {"code": code})
    assert "Логин останется прежним: olga" in page.words
    again = town.browser()
    assert again.activate(code, "thief", OTHER_PASSWORD).status == 303
    assert is_in(again)
    assert not is_in(first)
    assert not is_in(sign_in(town))
    assert is_in(sign_in(town, password=OTHER_PASSWORD))
    assert not is_in(sign_in(town, "thief", OTHER_PASSWORD))


def test_a_teacher_s_new_code_leaves_the_second_step_standing(town: Town):
    browser = town.browser()
    browser.activate(town.people.issue("301", "teacher").code, "vera")
    browser.enrol()
    answer = town.browser().activate(town.people.issue("301", "teacher").code, "", OTHER_PASSWORD)
    assert answer.headers["location"] == "/login?said=password"
    assert not is_in(sign_in(town, "vera", OTHER_PASSWORD))
    town.passed = timedelta(minutes=5)
    assert is_in(sign_in(town, "vera", OTHER_PASSWORD, code_of(browser.secret, town.now)))


def test_the_sign_in_page_tells_newcomers_and_forgetful_people_what_to_do(town: Town):
    page = town.browser().get("/login")
    assert 'href="/activate"' in page.text
    assert "Попросите у секретаря школы новый код" in page.words
    assert "Новый пароль задан" in town.browser().get("/login?said=password").words


# Sessions ---------------------------------------------------------------------------------------------------------------------------


def test_this_is_my_telephone_keeps_a_family_for_sixty_days(town: Town):
    town.family("olga")
    kept, passing = sign_in(town, kept="1"), sign_in(town)
    town.passed = timedelta(minutes=31)
    assert (is_in(kept), is_in(passing)) == (True, False)
    town.passed = timedelta(days=59, hours=23)
    assert is_in(kept)
    town.passed = timedelta(days=60)
    assert not is_in(kept)


def test_the_telephone_s_cookie_lives_as_long_as_its_session(town: Town):
    town.family("olga")
    for kept, expected in (("1", True), ("", False)):
        answer = town.browser().client.post("/login", {"login": "olga", "password": PASSWORD, "kept": kept})
        assert ("Max-Age=5184000" in answer.cookies[0]) is expected


def test_staff_are_never_kept(town: Town):
    desk = town.desk("head")
    town.passed = timedelta(minutes=5)
    code = code_of(desk.secret, town.now)
    answer = town.browser().client.post(
        "/login", {"login": "head", "password": STAFF_PASSWORD, "code": code, "kept": "1"}
    )
    assert answer.status == 303
    assert "Max-Age" not in answer.cookies[0]
    town.passed += timedelta(minutes=31)
    assert not is_in(desk)


def test_sessions_are_listed_by_device_and_one_can_be_ended(town: Town):
    here = town.family("olga")
    there = sign_in(town, kept="1")
    page = here.get("/account")
    assert "Chrome, Android" in page.words
    assert "KHTML" not in page.text
    (number,) = re.findall(r'name="number" value="(\d+)"', page.text)
    assert here.send("/account/sessions", "/account", number=number).headers["location"] == "/account?said=session"
    assert (is_in(here), is_in(there)) == (True, False)


def test_everything_but_this_device_is_signed_out(town: Town):
    here, first, second = town.family("olga"), sign_in(town), sign_in(town, kept="1")
    here.send("/account/sessions", "/account")
    assert [is_in(one) for one in (here, first, second)] == [True, False, False]
    assert kinds(town)[-1] == "session_ended"


@pytest.mark.parametrize("number", ["1", "2", "0", "-1", "x", "9" * 30, "²"])
def test_nobody_ends_a_stranger_s_session(town: Town, number: str):
    stranger = town.family("anna", "202")
    town.family("olga").send("/account/sessions", "/account", number=number)
    assert is_in(stranger)


def test_the_last_visit_is_the_one_before_this(town: Town):
    browser = town.family("olga", kept="1")
    assert "прошлый визит" not in browser.get("/account").words
    town.passed = timedelta(minutes=20)
    assert "прошлый визит" not in browser.get("/account").words
    town.passed = timedelta(days=1)
    assert "прошлый визит: 1 октября, 12:50" in browser.get("/account").words
    town.passed = timedelta(days=1, minutes=10)
    assert "прошлый визит: 1 октября, 12:50" in browser.get("/account").words


# Password, second step, recovery codes ------------------------------------------------------------------------------------------------


def test_another_password_ends_the_other_sessions(town: Town):
    here, there = town.family("olga"), sign_in(town)
    answer = here.send("/account/password", old=PASSWORD, password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    assert answer.headers["location"] == "/account?said=password"
    assert (is_in(here), is_in(there)) == (True, False)
    assert not is_in(sign_in(town))
    assert is_in(sign_in(town, password=OTHER_PASSWORD))
    assert "password_changed" in kinds(town)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wrong", OTHER_PASSWORD, "Пароль не подошёл"),
        (PASSWORD, "olga olga olga olga", "легко угадать"),
        (PASSWORD, "short", "слишком простой"),
    ],
)
def test_a_password_is_not_changed_to_or_by_what_does_not_fit(town: Town, old: str, new: str, said: str):
    here = town.family("olga")
    answer = here.send("/account/password", old=old, password=new, again=new)
    assert answer.status == 400
    assert said in answer.words
    assert is_in(sign_in(town))


def test_whoever_sits_at_an_open_page_cannot_guess_the_password_for_ever(town: Town):
    here = town.family("olga")
    said = [
        here.send("/account/password", old=f"guess {number}", password=OTHER_PASSWORD, again=OTHER_PASSWORD).words
        for number in range(4)
    ]
    assert ["Слишком много попыток" in words for words in said] == [False, False, False, True]


def test_a_parent_sets_the_second_step_up_and_removes_it(town: Town):
    here = town.family("olga")
    assert here.send("/account/factor", password=PASSWORD).headers["location"] == "/account/factor/code"
    page = here.get("/account/factor/code").text
    found = re.search(r'id="secret">([^<]+)<', page)
    assert found
    from collector.store.accounts import secret_from_text

    secret = secret_from_text(found[1])
    assert here.send("/account/factor/code", code="000000").status == 400
    assert is_in(sign_in(town)), "not in force before its first code"
    assert here.send("/account/factor/code", code=code_of(secret, town.now)).status == 303
    town.passed = timedelta(minutes=2)
    assert not is_in(sign_in(town))
    assert is_in(sign_in(town, code=code_of(secret, town.now)))
    assert here.send("/account/factor", password="wrong").status == 400
    assert here.send("/account/factor", password=PASSWORD).headers["location"] == "/account?said=no-factor"
    assert is_in(sign_in(town))
    assert [kind for kind in kinds(town) if kind.startswith("factor")] == ["factor_added", "factor_removed"]


def test_staff_cannot_remove_their_second_step(town: Town):
    desk = town.desk("secretary")
    page = desk.get("/account/factor")
    assert "в вашей роли без него нельзя" in page.words
    desk.send("/account/factor", "/account", password=STAFF_PASSWORD)
    assert "настроен: при входе нужен код" in desk.get("/account").words


def test_a_recovery_code_opens_once_in_the_place_of_the_telephone(town: Town):
    desk = town.desk("secretary")
    page = desk.send("/account/recovery", password=STAFF_PASSWORD)
    codes = re.findall(r"<li><code>([-0-9A-Z]+)</code>", page.text)
    assert len(set(codes)) == 8
    assert not re.findall(r"<li><code>", desk.get("/account/recovery").text)
    assert is_in(sign_in(town, "secretary", STAFF_PASSWORD, codes[0].lower()))
    assert not is_in(sign_in(town, "secretary", STAFF_PASSWORD, codes[0]))
    assert not is_in(sign_in(town, "secretary", "wrong password here", codes[1]))
    assert "осталось 7 кодов" in desk.get("/account").words
    assert "recovery_code_used" in kinds(town)


def test_new_recovery_codes_replace_the_old_ones(town: Town):
    desk = town.desk("secretary")
    old = re.findall(r"<li><code>([-0-9A-Z]+)", desk.send("/account/recovery", password=STAFF_PASSWORD).text)
    assert desk.send("/account/recovery", password="wrong").status == 400
    desk.send("/account/recovery", password=STAFF_PASSWORD)
    assert not is_in(sign_in(town, "secretary", STAFF_PASSWORD, old[0]))


def test_without_a_second_step_there_are_no_recovery_codes(town: Town):
    here = town.family("olga")
    assert "Сначала настройте второй шаг" in here.get("/account/recovery").words
    page = here.send("/account/recovery", "/account", password=PASSWORD)
    assert not re.findall(r"<li><code>", page.text)


# One more child ---------------------------------------------------------------------------------------------------------------------


def test_a_second_code_adds_a_child(town: Town):
    here = town.family("olga")
    code = town.people.issue("901", "parent", OTHER).code
    assert here.send("/account/child", code=code).headers["location"] == "/account?said=child"
    page = here.get("/account?said=child").words
    assert "Школа № 2" in page
    assert "добавлен ещё один человек" in page
    assert here.send("/account/child", code=code).status == 400


def test_a_teacher_s_code_adds_nothing_to_a_parent(town: Town):
    here = town.family("olga")
    answer = here.send("/account/child", code=town.people.issue("301", "teacher").code)
    assert "для учётной записи другого вида" in answer.words
    assert town.people.account("olga").people == ((SCHOOL, "201"),)


@pytest.mark.parametrize(
    "address",
    [
        "/account/sessions",
        "/account/password",
        "/account/factor",
        "/account/factor/code",
        "/account/recovery",
        "/account/child",
    ],
)
def test_forms_need_a_session_and_its_token(town: Town, address: str):
    stranger = town.browser().client.post(address, {"password": PASSWORD})
    assert (stranger.status, stranger.headers["location"].partition("?")[0]) == (303, "/login")
    here = town.family("olga")
    assert here.client.post(address, {"csrf": "x", "password": PASSWORD}).status == 403


def test_forms_faster_than_people_are_slowed(town: Town):
    from dataclasses import replace

    town.config = replace(town.config, forms_per_minute=5)
    here = town.family("olga")
    statuses = [here.client.post("/account/child", {"csrf": "x"}).status for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    town.passed = timedelta(seconds=13)
    assert here.client.post("/account/child", {"csrf": "x"}).status == 403


def test_the_pages_are_counted_by_group(town: Town):
    here = town.family("olga")
    here.get("/account")
    here.get("/account/password")
    here.get("/")
    town.app().state.portal.visits.flush()
    with town.people.owner.begin() as connection:
        rows = connection.exec_driver_sql(
            "SELECT school_id, role, page_group, pages, day FROM gorod.visit ORDER BY page_group"
        ).all()
    assert [tuple(row)[:4] for row in rows] == [(SCHOOL, "parent", "account", 2), (SCHOOL, "parent", "first", 1)]
    assert {row.day for row in rows} == {town.now.date()}
