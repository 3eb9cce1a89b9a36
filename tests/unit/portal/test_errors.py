"""Errors are pages that say what happened and what to do next; programs get the same as a problem document."""

import json

import pytest

from portal.shell import BODY_LIMIT, HEADERS
from proto.problems import Problem
from tests.portal_world import Client, World, make_school, make_world


@pytest.fixture
def world() -> World:
    return make_world(make_school(1))


@pytest.fixture
def client(world: World) -> Client:
    client = Client(world.app())
    client.sign_in("operator")
    return client


def test_a_page_that_is_not_there_says_what_to_do(client: Client):
    answer = client.get("/nowhere")
    assert answer.status == 404
    assert "Такой страницы нет" in answer.words
    assert "Начните" in answer.words or "начните" in answer.words


def test_a_program_gets_a_problem_document(client: Client):
    answer = client.get("/nowhere", accept="application/json")
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.text)["status"] == 404


def test_a_program_without_a_session_is_told_to_sign_in(world: World):
    answer = Client(world.app()).get("/", accept="application/json")
    assert (answer.status, json.loads(answer.text)["title"]) == (401, "Unauthorized")


def test_when_the_database_is_away_the_page_says_so_in_both_languages(client: Client, world: World):
    world.reader.down = Problem("GOR-1801", cause="refused")
    answer = client.get("/")
    assert answer.status == 503
    assert "GOR-1801: База данных департамента недоступна: refused." in answer.words
    assert "Проверьте сервер PostgreSQL" in answer.words
    assert "The department's database" in client.get("/?lang=en").text.replace("&#39;", "'")


def test_a_program_is_told_the_code_when_the_database_is_away(client: Client, world: World):
    world.reader.down = Problem("GOR-1801", cause="refused")
    answer = client.get("/", accept="application/json")
    assert (answer.status, json.loads(answer.text)["title"]) == (503, "GOR-1801")


def test_readiness_follows_the_database_and_life_does_not(client: Client, world: World):
    assert (client.get("/healthz").text, client.get("/readyz").text) == ("ok\n", "ok\n")
    world.reader.down = Problem("GOR-1801", cause="refused")
    assert client.get("/healthz").status == 200
    assert (client.get("/readyz").status, client.get("/readyz").text) == (503, "GOR-1801\n")


def test_an_unforeseen_mistake_shows_a_number_and_no_trace(
    client: Client, world: World, caplog: pytest.LogCaptureFixture
):
    world.reader.down = RuntimeError("row 4711 of Ivanova")  # type: ignore[assignment]  # what nobody foresaw
    answer = client.get("/")
    assert answer.status == 500
    assert "Портал ошибся" in answer.words
    assert "Ivanova" not in answer.text
    assert "Ivanova" not in caplog.text
    number = answer.words.split("Номер для оператора: ")[1].split()[0]
    assert number in caplog.text


@pytest.mark.parametrize("address", ["/login", "/", "/nowhere", "/static/portal.css", "/healthz"])
def test_every_answer_carries_the_security_headers(client: Client, address: str):
    answer = client.get(address)
    for name, value in HEADERS.items():
        assert answer.headers[name.lower()] == value


def test_the_page_of_a_mistake_carries_them_too(client: Client, world: World):
    world.reader.down = RuntimeError("?")  # type: ignore[assignment]  # what nobody foresaw
    assert client.get("/").headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


def test_no_cache_keeps_a_page_and_every_cache_may_keep_a_static_file(client: Client):
    assert client.get("/").headers["cache-control"] == "no-store"
    assert "immutable" in client.get("/static/portal.css?0123456789ab").headers["cache-control"]
    assert client.get("/static/portal.css").headers["cache-control"] == "no-cache"


def test_plain_http_promises_no_tls(client: Client):
    assert "strict-transport-security" not in client.get("/login").headers


def test_a_trusted_proxy_says_how_the_reader_came(world: World):
    from dataclasses import replace

    world.config = replace(world.config, trusted_proxies=("10.0.0.5",))
    forwarded = {"x_forwarded_proto": "https", "x_forwarded_for": "198.51.100.9"}
    fields = {"login": "operator", "password": "x", "code": "y"}
    answer = Client(world.app(), peer="10.0.0.5").post("/login", fields, **forwarded)
    assert "strict-transport-security" in answer.headers
    assert world.accounts.attempts[-1].address == "198.51.100.9"


def test_a_stranger_s_forwarding_headers_are_not_believed(world: World):
    from dataclasses import replace

    world.config = replace(world.config, trusted_proxies=("10.0.0.5",))
    fields = {"login": "operator", "password": "x", "code": "y"}
    answer = Client(world.app()).post("/login", fields, x_forwarded_proto="https", x_forwarded_for="198.51.100.9")
    assert "strict-transport-security" not in answer.headers
    assert world.accounts.attempts[-1].address == "192.0.2.7"


@pytest.mark.parametrize("length", [str(BODY_LIMIT + 1), "-1", "many", "9" * 30])
def test_more_than_any_form_holds_is_refused_unread(client: Client, length: str):
    assert client.post("/login", {"login": "a"}, content_length=length).status == 413


def test_a_body_of_unknown_length_is_refused(client: Client):
    assert client.post("/login", {"login": "a"}, content_length="-", transfer_encoding="chunked").status == 413


def test_a_field_that_no_person_fills_is_refused(client: Client):
    answer = client.post("/login", {"login": "a" * 2000, "password": "my secret"})
    assert answer.status == 422
    assert "my secret" not in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_change_nothing(client: Client, method: str):
    assert client.request(method, "/", b"", {}).status == 405


def test_pages_are_sent_compressed_to_those_who_can_read_it(client: Client):
    assert client.get("/", accept_encoding="gzip").headers["content-encoding"] == "gzip"


def test_a_page_too_many_does_not_update_itself_and_is_told_when_to_ask_again(world: World):
    from dataclasses import replace

    world.config = replace(world.config, viewers=0)
    client = Client(world.app())
    client.sign_in("operator")
    answer = client.get("/events/schools", accept="text/event-stream")
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert client.get("/").status == 200


def test_figures_for_monitoring_name_routes_and_no_readers(client: Client, world: World):
    from portal.app import create_monitoring_app

    client.get("/schools/23-001")
    client.get("/secret-guess")
    metrics = client.app.state.portal.metrics
    text = Client(create_monitoring_app(metrics, world.reader)).get("/metrics").text
    assert 'route="/schools/{school}",status="200"' in text
    assert "gorod_portal_sign_ins_total" in text
    assert "23-001" not in text
    assert "secret-guess" not in text
    assert "operator" not in text
