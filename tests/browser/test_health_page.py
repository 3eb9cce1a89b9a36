"""The department's first page in a real browser: signs in, updates itself, works without scripts, fits every screen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.store.health import HeldEntity, SchoolProblem
from tests.fix_browser import OpenPage
from tests.portal_world import CODE, NOW, PASSWORD, World, make_school, make_world

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.integration]

Serve = Callable[[World], str]
LONG = "Муниципальное бюджетное общеобразовательное учреждение «Средняя общеобразовательная школа с углублённым изучением отдельных предметов № 2»"
PROBLEM = SchoolProblem("GOR-1201", {"address": "sync.example:7443", "cause": "timeout"}, NOW - timedelta(hours=4))


@pytest.fixture
def world() -> World:
    return make_world(
        make_school(1),
        make_school(2, name=LONG, level="late", outbox_rows=1_204_118),
        make_school(3, level="silent", last_seen=NOW - timedelta(hours=4), problem=PROBLEM),
        make_school(4, level="error", differences=2, quarantined=3, held=(HeldEntity("mark", 812, 0),)),
        poll_ms=50,
    )


def sign_in(page: "Page", url: str, login: str = "operator", address: str = "/") -> None:
    """Sign in as a person does."""
    page.goto(url + address)
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.fill("#code", CODE)
    page.click("main button")
    page.wait_for_url(url + address)


def test_the_page_updates_itself_when_a_school_changes(page: "Page", serve_portal: Serve, world: World):
    sign_in(page, serve_portal(world))
    page.wait_for_selector("#live:not([hidden])")
    assert "1 из 4 школ в порядке" in page.inner_text("#summary")
    world.reader.put(make_school(3, rows=777_777, name="Школа № 3 снова здесь"))
    page.wait_for_selector("text=Школа № 3 снова здесь", timeout=5000)
    assert "777 777" in page.inner_text("#school-23-003").replace("\xa0", " ")
    assert "2 из 4 школ в порядке" in page.inner_text("#summary")
    assert page.inner_text("#count-silent") == "0"
    assert page.locator("#school-23-003.changed").count() == 1


def test_a_change_keeps_the_focus_of_the_keyboard(page: "Page", serve_portal: Serve, world: World):
    sign_in(page, serve_portal(world))
    page.wait_for_selector("#live:not([hidden])")
    page.focus("#school-23-001 a")
    world.reader.put(make_school(1, rows=777_777))
    page.wait_for_selector("#school-23-001.changed", timeout=5000)
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/schools/23-001"


def test_a_new_school_appears_by_itself(page: "Page", serve_portal: Serve, world: World):
    sign_in(page, serve_portal(world))
    page.wait_for_selector("#live:not([hidden])")
    world.reader.put(make_school(5))
    page.wait_for_selector("#school-23-005", timeout=10_000)


def test_a_school_s_own_page_updates_itself_too(page: "Page", serve_portal: Serve, world: World):
    url = serve_portal(world)
    sign_in(page, url, address="/schools/23-001")
    page.wait_for_selector("#live:not([hidden])")
    world.reader.put(make_school(1, level="error", problem=PROBLEM))
    page.wait_for_selector("#card >> text=GOR-1201", timeout=5000)


def test_an_open_page_ends_with_its_session(
    page: "Page", serve_portal: Serve, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("portal.pages.schools._CHECK_S", 0.0)
    url = serve_portal(world)
    sign_in(page, url)
    page.wait_for_selector("#live:not([hidden])")
    world.accounts.sessions.clear()
    world.reader.put(make_school(1, rows=777_777))
    page.wait_for_url(f"{url}/login", timeout=10_000)


def test_the_words_of_a_stamp_grow_older_in_the_browser(page: "Page", serve_portal: Serve, world: World):
    page.clock.install()
    sign_in(page, serve_portal(world))
    stamp = page.locator("#school-23-001 time").first
    assert stamp.inner_text() == "только что"
    page.clock.fast_forward(61_000)
    page.wait_for_selector("#school-23-001 time:text-is('1\xa0мин назад')", timeout=5000)
    page.clock.fast_forward(3_600_000)
    page.wait_for_selector("#school-23-001 time:text-is('1\xa0ч назад')", timeout=5000)
    assert page.inner_text("#live") == "Нет связи с порталом: данные устарели"


def test_without_scripts_the_page_is_whole_and_sorts_and_filters(
    open_page: OpenPage, serve_portal: Serve, world: World
):
    page = open_page(java_script_enabled=False)
    sign_in(page, serve_portal(world))
    assert "1 из 4 школ в порядке" in page.inner_text("#summary")
    assert page.locator("tbody[id]").count() == 4
    page.click("thead >> text=Строк")
    assert page.locator("tbody[id]").first.get_attribute("id") == "school-23-004"
    page.click(".filters >> text=Молчат")
    assert page.locator("tbody[id]").count() == 1
    assert "Проверьте интернет" in page.inner_text("#school-23-003")
    page.click("text=Выйти")
    assert page.inner_text("h1") == "Вход"


def test_the_second_step_is_set_up_at_the_first_sign_in(page: "Page", serve_portal: Serve, world: World):
    world.accounts.add("new", "analyst", enrolled=False)
    url = serve_portal(world)
    page.goto(url)
    page.fill("#login", "new")
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_selector(".qr svg")
    assert page.inner_text("#secret") == "AAAQ EAYE AUDA OCAJ BIFQ YDIO B4IB CEQT"
    page.fill("#code", CODE)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    assert "аналитик" in page.inner_text(".who")


def test_a_refusal_is_told_and_the_login_is_kept(page: "Page", serve_portal: Serve, world: World):
    page.goto(serve_portal(world))
    page.fill("#login", "operator")
    page.fill("#password", "wrong")
    page.click("main button")
    assert "Логин, пароль или код не подошли" in page.inner_text("[role=alert]")
    assert (page.input_value("#login"), page.input_value("#password")) == ("operator", "")
    assert page.evaluate("document.activeElement.id") == "password"


def test_the_language_is_switched_by_a_link_that_stays(page: "Page", serve_portal: Serve, world: World):
    url = serve_portal(world)
    sign_in(page, url)
    page.click("text=English")
    assert "1 of 4 schools is in order" in page.inner_text(
        "#summary"
    ) or "1 of 4 schools are in order" in page.inner_text("#summary")
    page.goto(f"{url}/schools/23-003")
    assert "Check the internet" in page.inner_text("#card")
    assert page.get_attribute("html", "lang") == "en"


@pytest.mark.parametrize("width", [320, 360, 480, 699, 700, 768, 1259, 1260, 1280, 1920])
def test_no_page_scrolls_sideways(open_page: OpenPage, serve_portal: Serve, world: World, width: int):
    page = open_page(viewport={"width": width, "height": 800})
    url = serve_portal(world)
    sign_in(page, url)
    for address in ("/", "/?lang=en", "/schools/23-004", "/nowhere"):
        page.goto(url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_at_four_hundred_per_cent_the_sign_in_does_not_scroll_sideways(
    open_page: OpenPage, serve_portal: Serve, world: World
):
    page = open_page(viewport={"width": 320, "height": 256}, device_scale_factor=4)
    page.goto(serve_portal(world))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_every_control_is_reached_by_keyboard_with_its_focus_in_sight(page: "Page", serve_portal: Serve, world: World):
    sign_in(page, serve_portal(world))
    seen = set()
    for _ in range(24):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.textContent.trim(), s.outlineStyle, parseFloat(s.outlineWidth)]; })()"
        )
        assert found[1:] == ["solid", 3], found
        seen.add(found[0])
    assert {"К содержанию", "Школы", "English", "Выйти", "Строк"} <= seen


def test_nothing_is_asked_of_another_host_and_a_city_s_page_is_light(open_page: OpenPage, serve_portal: Serve):
    world = make_world(*(make_school(number) for number in range(1, 123)))
    url = serve_portal(world)
    page = open_page()
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.__setitem__(request.url, _weight(request)))
    sign_in(page, url)
    page.wait_for_selector("#live:not([hidden])")
    assert {address.split("/")[2] for address in sizes} == {url.split("/")[2]}
    assert page.locator("tbody[id]").count() == 122
    assert sum(sizes.values()) <= 100_000


def _weight(request: object) -> int:
    sizes = request.sizes()  # type: ignore[attr-defined]  # a request of Playwright
    return int(sizes["responseBodySize"] + sizes["responseHeadersSize"])


def test_the_page_follows_the_system_into_the_dark(open_page: OpenPage, serve_portal: Serve, world: World):
    page = open_page(color_scheme="dark")
    page.goto(serve_portal(world))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"


def test_on_paper_there_is_the_table_and_no_navigation(page: "Page", serve_portal: Serve, world: World):
    sign_in(page, serve_portal(world))
    page.emulate_media(media="print")
    assert page.locator("thead").is_visible()
    for hidden in (".me", ".filters", ".top nav", "#live"):
        assert not page.locator(hidden).first.is_visible()


def test_the_head_of_the_table_stays_in_sight(open_page: OpenPage, serve_portal: Serve):
    world = make_world(*(make_school(number) for number in range(1, 60)))
    page = open_page(viewport={"width": 1280, "height": 600})
    sign_in(page, serve_portal(world))
    page.evaluate("scrollTo(0, 1500)")
    top = page.evaluate("document.querySelector('thead th').getBoundingClientRect().top")
    assert -1 <= top <= 1


def test_a_head_of_school_sees_one_school_and_no_way_to_others(page: "Page", serve_portal: Serve, world: World):
    url = serve_portal(world)
    page.goto(url)
    page.fill("#login", "head")
    page.fill("#password", PASSWORD)
    page.fill("#code", CODE)
    page.click("main button")
    page.wait_for_load_state()
    assert page.goto(f"{url}/schools/23-001").status == 200  # type: ignore[union-attr]  # a page was loaded
    assert page.locator("a[href*='23-002']").count() == 0
    assert page.goto(f"{url}/schools/23-002").status == 404  # type: ignore[union-attr]  # a page was loaded
    assert "Такой страницы нет" in page.inner_text("main")
    assert replace(world.reader.all["23-002"]).name not in page.content()
