"""The first page and a school's own page: who sees what, in which words, in which order."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from collector.store.account_tables import ROLES
from collector.store.health import HeldEntity, PausedEntity, ReceivedBatch, SchoolEvent, SchoolProblem
from portal import names
from portal.ports import Card
from proto.entities import ENTITIES
from tests.portal_world import NOW, Client, World, make_school, make_world

PROBLEM = SchoolProblem("GOR-1201", {"address": "sync.example:7443", "cause": "timeout"}, NOW - timedelta(minutes=4))
SILENT: dict[str, Any] = {"level": "silent", "last_seen": NOW - timedelta(hours=4, minutes=22), "problem": PROBLEM}


@pytest.fixture
def world() -> World:
    return make_world(
        make_school(1), make_school(2, level="late"), make_school(3, **SILENT), make_school(10, kind="addl_edu")
    )


@pytest.fixture
def client(world: World) -> Client:
    client = Client(world.app())
    client.sign_in("operator")
    return client


def order(page: str) -> list[str]:
    """Ids of schools as they stand on the page."""
    return [part.split('"')[0] for part in page.split('<tbody id="school-')[1:]]


def test_the_first_page_opens_with_the_sentence(client: Client):
    assert "2 из 4 школ в порядке, 1 опаздывает, 1 молчит с 07:40." in client.get("/").words


def test_a_row_tells_state_stamps_figures_and_version(client: Client):
    row = client.get("/").words.split("Школа № 1 ")[1].split("Центр")[0]
    for said in ("в порядке", "только что", "3 ч назад", "2 дн. назад", "430 001", "за 0,4 с", "0.1.0", "83 дня"):
        assert said in row


def test_a_stamp_carries_its_whole_moment(client: Client):
    page = unescape(client.get("/").text)
    assert 'datetime="2026-11-23T06:02:11.000Z" title="23 ноября 2026, 09:02:11"' in page


def test_a_problem_is_told_with_its_next_step(client: Client):
    words = client.get("/").words
    assert (
        "GOR-1201 Нет связи с департаментом: sync.example:7443 не отвечает (время ожидания вышло). Проверьте интернет"
        in words
    )
    assert "4 мин назад" in words


def test_the_page_speaks_english_too(client: Client):
    words = client.get("/?lang=en").words
    assert "2 of 4 schools are in order, 1 is late, 1 is silent since 07:40." in words
    assert "further education" in words


def test_a_filter_shows_one_state_and_keeps_the_order_in_its_links(client: Client):
    page = client.get("/?state=silent&sort=-rows")
    assert order(page.text) == ["23-003"]
    assert "/?sort=-rows&amp;state=late" in page.text
    assert "/?sort=rows&amp;state=silent" in page.text


def test_a_state_without_schools_says_so(client: Client):
    words = client.get("/?state=error").words
    assert "В этом состоянии школ нет. Показать все школы" in words


def test_the_list_is_sorted_by_the_column_of_the_address(client: Client):
    assert order(client.get("/?sort=rows").text) == ["23-001", "23-002", "23-003", "23-010"]
    assert order(client.get("/?sort=-rows").text) == ["23-010", "23-003", "23-002", "23-001"]
    assert 'aria-sort="descending"' in client.get("/?sort=-rows").text


@pytest.mark.parametrize(
    "query", ["sort=nonsense", "state=nonsense", "sort=&state=", "sort=%00", "state=<b>", "lang=%F0", "x=1"]
)
def test_an_address_that_makes_no_sense_shows_the_usual_page(client: Client, query: str):
    answer = client.get(f"/?{query}")
    assert answer.status == 200
    assert order(answer.text)[0] == "23-003"
    assert "<b>&" not in answer.text


def test_a_city_without_schools_says_how_to_add_one():
    client = Client(make_world().app())
    client.sign_in("admin")
    words = client.get("/").words
    assert "Пока нет ни одной школы." in words
    assert "gorod-collector school add" in words


def test_when_nothing_arrives_the_page_says_where_to_look():
    long_ago = NOW - timedelta(minutes=40)
    world = make_world(make_school(1, last_seen=long_ago), make_school(2, last_seen=long_ago))
    client = Client(world.app())
    client.sign_in("operator")
    assert "Ни от одной школы ничего не поступает с 11:22." in client.get("/").words


def test_names_cannot_break_the_page():
    world = make_world(make_school(1, name="<script>alert(1)</script>"))
    client = Client(world.app())
    client.sign_in("operator")
    assert "<script>alert" not in client.get("/").text
    assert "&lt;script&gt;alert" in client.get("/").text


def test_the_page_says_of_when_its_data_are(client: Client):
    assert "Данные на 12:02:11" in client.get("/").words


def test_without_scripts_the_page_reloads_itself_and_that_is_no_sign_of_its_reader(client: Client, world: World):
    assert '<meta http-equiv="refresh" content="30;url=/?auto=1">' in client.get("/").text
    world.accounts.touched.clear()
    client.get("/?auto=1")
    client.get("/")
    assert world.accounts.touched == [False, True]


def test_a_school_has_its_own_page(client: Client, world: World):
    world.reader.cards["23-001"] = Card(
        make_school(1),
        (SchoolEvent(NOW - timedelta(days=1), "restored", {}), SchoolEvent(NOW, "unheard_of", {"address": "x"})),
        (ReceivedBatch(812, NOW - timedelta(minutes=3), 240, 239, 1, 0),),
    )
    words = client.get("/schools/23-001").words
    for said in ("Школа № 1", "в порядке", "База школы восстановлена из копии", "unheard_of", "812", "240", "239"):
        assert said in words


def test_what_waits_for_the_department_is_shown_with_the_command_that_confirms_it(client: Client, world: World):
    held = (HeldEntity("mark", 812, 0),)
    paused = (PausedEntity("lesson", "GOR-1402", "lessons.topic"),)
    world.reader.put(make_school(1, held=held, paused=paused, offered_identity="other"))
    words = client.get("/schools/23-001").words
    assert "отметки : 812 удалений, 0 изменений gorod-collector school confirm 23-001 --entity mark --rows 812" in words
    assert "gorod-collector school confirm 23-001 --identity" in words
    assert "уроки : GOR-1402" in words
    assert "lessons.topic" in words


def test_a_school_that_was_never_heard_of_tells_how_to_connect_it(client: Client, world: World):
    world.reader.put(make_school(7, level="silent", last_seen=None, fresh_at=None, complete_at=None, stored_at=None))
    words = client.get("/schools/23-007").words
    assert "Агент школы ещё не выходил на связь." in words
    assert "gorod-collector school token 23-007" in words
    assert "Пока ничего не поступало." in words


def test_a_school_that_does_not_exist_and_one_that_is_not_mine_look_the_same(world: World):
    client = Client(world.app())
    client.sign_in("head")
    foreign, missing = client.get("/schools/23-002"), client.get("/schools/99-999")
    assert (foreign.status, missing.status) == (404, 404)
    assert foreign.text.replace("23-002", "") == missing.text.replace("99-999", "")


@pytest.mark.parametrize("school", ["..%2F..", "%00", "a" * 500, "';--", "*"])
def test_an_odd_school_id_is_a_page_that_is_not_there(client: Client, school: str):
    assert client.get(f"/schools/{school}").status == 404


def test_the_system_administrator_of_a_school_comes_straight_to_its_own_page(world: World):
    client = Client(world.app())
    client.sign_in("sysadmin")
    assert client.get("/").headers["location"] == "/schools/23-001"
    page = client.get("/schools/23-001")
    assert page.status == 200
    assert "Школа № 2" not in page.words


def test_the_system_administrator_of_two_schools_sees_both_and_no_other(world: World):
    world.accounts.add("two", "sysadmin", "23-001", "23-003")
    client = Client(world.app())
    client.sign_in("two")
    assert order(client.get("/").text) == ["23-003", "23-001"]
    assert world.reader.asked[-1] == "23-001,23-003"


@pytest.mark.parametrize("role", ["teacher", "class_teacher", "deputy", "secretary", "head"])
def test_a_worker_whom_no_school_knows_is_told_what_to_do(world: World, role: str):
    client = Client(world.app())
    client.sign_in(role)
    page = client.get("/")
    assert page.status == 200
    assert "не привязана к школе" in page.words
    assert "Попросите в канцелярии школы код доступа" in page.words


@pytest.mark.parametrize("role", ["teacher", "class_teacher"])
def test_the_synchronisation_is_not_for_teachers(world: World, role: str):
    client = Client(world.app())
    client.sign_in(role)
    assert client.get("/schools/23-001").status == 403
    assert client.get("/events/schools", accept="text/event-stream").status == 403


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_greeted_in_its_own_words(world: World, role: str):
    client = Client(world.app())
    client.sign_in(role)
    page = client.get("/schools/23-001" if client.get("/").status == 303 else "/")
    assert world.app().state.portal.renderer is not None
    assert f"<small>{client_word(role)}</small>" in page.text


def client_word(role: str) -> str:
    """The role in Russian."""
    from portal.words import catalogue

    return catalogue("ru").gettext(names.ROLES[role])


def test_every_entity_has_its_word():
    assert set(names.ENTITIES) == {entity.name for entity in ENTITIES}
