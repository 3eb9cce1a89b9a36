"""Signing in and out in a browser: forms, cookies, tokens, what is said and what is not."""

import re

import pytest

from tests.portal_world import CODE, PASSWORD, Client, World, make_school, make_world


@pytest.fixture
def world() -> World:
    return make_world(make_school(1), make_school(2))


@pytest.fixture
def client(world: World) -> Client:
    return Client(world.app())


def token_of(page: str) -> str:
    """The form token of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_without_a_session_every_page_leads_to_the_sign_in(client: Client):
    answer = client.get("/schools/23-001?lang=en")
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=%2Fschools%2F23-001%3Flang%3Den")
    assert client.get("/").headers["location"] == "/login"


def test_signing_in_leads_to_the_first_page(client: Client):
    answer = client.sign_in("operator")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert client.get("/").status == 200


def test_after_signing_in_one_is_where_one_wanted_to_go(client: Client):
    fields = {"login": "operator", "password": PASSWORD, "code": CODE}
    assert client.post("/login?next=%2Fschools%2F23-001", fields).headers["location"] == "/schools/23-001"
    assert client.get("/login?next=%2Fschools%2F23-002").headers["location"] == "/schools/23-002"


def test_nobody_is_sent_to_another_site_after_signing_in(client: Client):
    fields = {"login": "operator", "password": PASSWORD, "code": CODE}
    assert client.post("/login?next=https%3A%2F%2Fevil.test%2F", fields).headers["location"] == "/"


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [
        ("nobody", PASSWORD, CODE),
        ("operator", "wrong", CODE),
        ("operator", PASSWORD, "000000"),
        ("operator", PASSWORD, ""),
        ("", "", ""),
    ],
)
def test_a_refusal_never_says_what_was_wrong(client: Client, login: str, password: str, code: str):
    answer = client.sign_in(login, password, code)
    assert answer.status == 401
    assert "Логин, пароль или код не подошли" in answer.words
    assert re.sub(r'value="[^"]*"| autofocus', "", answer.text) == re.sub(
        r'value="[^"]*"| autofocus', "", client.sign_in("another", "x", "y").text
    )


def test_a_refused_form_keeps_the_login_and_never_the_password(client: Client):
    answer = client.sign_in('<b>"anna', "my secret password")
    assert "&lt;b&gt;&#34;anna" in answer.text
    assert "my secret password" not in answer.text


def test_too_many_attempts_are_told_to_wait(client: Client, world: World):
    world.accounts.wait_s = 75
    answer = client.sign_in("operator")
    assert (answer.status, answer.headers["retry-after"]) == (429, "75")
    assert "Подождите 2 минуты" in answer.words


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(client: Client):
    cookie = client.sign_in("operator").cookies[0]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_under_tls_the_cookie_never_leaves_it(world: World):
    client = Client(world.app(), scheme="https")
    answer = client.sign_in("operator")
    assert "Secure" in answer.cookies[0]
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_the_attempt_names_the_reader_s_address(client: Client, world: World):
    client.sign_in("operator")
    assert world.accounts.attempts[-1].address == "192.0.2.7"


def test_a_form_that_another_site_sent_is_refused(client: Client, world: World):
    fields = {"login": "operator", "password": PASSWORD, "code": CODE}
    assert client.post("/login", fields, sec_fetch_site="cross-site").status == 403
    assert client.post("/login", fields, origin="https://evil.test").status == 403
    assert world.accounts.attempts == []


def test_signing_out_ends_the_session(client: Client, world: World):
    client.sign_in("operator")
    stolen = dict(client.cookies)
    answer = client.post("/logout", {"csrf": token_of(client.get("/").text)})
    assert answer.headers["location"] == "/login"
    assert world.accounts.sessions == {}
    client.cookies = stolen
    assert client.get("/").status == 303


@pytest.mark.parametrize("token", ["", "AAAA", "x" * 200])
def test_signing_out_needs_the_form_s_own_token(client: Client, world: World, token: str):
    client.sign_in("operator")
    assert client.post("/logout", {"csrf": token}).status == 403
    assert len(world.accounts.sessions) == 1


def test_signing_out_twice_is_no_error(client: Client):
    assert client.post("/logout", {}).status == 303


def test_signing_out_by_a_link_is_not_possible(client: Client):
    client.sign_in("operator")
    assert client.get("/logout").status == 405


def test_an_expired_session_leads_to_the_sign_in(client: Client, world: World):
    from datetime import timedelta

    client.sign_in("operator")
    world.now += timedelta(hours=13)
    assert client.get("/").headers["location"] == "/login"


def test_a_made_up_session_leads_to_the_sign_in(client: Client):
    client.cookies["gorod_session"] = "made-up"
    assert client.get("/").status == 303


def test_at_the_first_sign_in_the_second_step_is_set_up(client: Client, world: World):
    world.accounts.add("new", "analyst", enrolled=False)
    assert client.sign_in("new", code="").headers["location"] == "/login/factor"
    page = client.get("/login/factor")
    assert "AAAQ EAYE AUDA OCAJ" in page.words
    assert '<svg width="' in page.text
    answer = client.post("/login/factor", {"csrf": token_of(page.text), "code": CODE})
    assert answer.headers["location"] == "/"
    assert client.get("/").status == 200


def test_a_wrong_first_code_is_told_and_can_be_repeated(client: Client, world: World):
    world.accounts.add("new", "analyst", enrolled=False)
    client.sign_in("new", code="")
    answer = client.post("/login/factor", {"csrf": token_of(client.get("/login/factor").text), "code": "000000"})
    assert answer.status == 401
    assert "Код не подошёл" in answer.words
    assert token_of(answer.text)


def test_before_the_second_step_is_set_up_nothing_opens(client: Client, world: World):
    world.accounts.add("new", "admin", enrolled=False)
    client.sign_in("new", code="")
    for address in ("/", "/schools/23-001"):
        assert client.get(address).headers["location"] == "/login/factor"
    assert client.get("/events/schools", accept="text/event-stream").status == 401


def test_the_second_step_needs_the_form_s_own_token(client: Client, world: World):
    world.accounts.add("new", "admin", enrolled=False)
    client.sign_in("new", code="")
    assert client.post("/login/factor", {"code": CODE}).status == 403


def test_the_secret_is_shown_to_nobody_who_has_one_already(client: Client):
    client.sign_in("operator")
    assert client.get("/login/factor").status == 303
    assert client.post("/login/factor", {"code": CODE}).status == 303


def test_the_sign_in_speaks_english_when_asked_and_remembers_it(client: Client):
    assert "Signing in" in client.get("/login?lang=en").words
    assert "Signing in" in client.get("/login").words
    assert "Вход" in client.get("/login?lang=ru").words


def test_an_unknown_language_is_russian(client: Client):
    assert '<html lang="ru">' in client.get("/login?lang=xx").text


def test_more_sign_ins_than_can_wait_are_asked_to_come_later(world: World):
    world.config = world.config.__class__(**{**_fields(world.config), "password_queue": 0})
    answer = Client(world.app()).sign_in("operator")
    assert answer.status == 503
    assert "Слишком много посетителей сразу" in answer.words


def _fields(config: object) -> dict[str, object]:
    from dataclasses import fields

    return {each.name: getattr(config, each.name) for each in fields(config)}  # type: ignore[arg-type]  # a dataclass, by its maker
