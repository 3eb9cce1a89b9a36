"""A parent on a telephone: from the sign-in over what is new to the marks, the week and the calendar; and every page as axe sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.fix_axe import violations
from tests.fix_readers_family import FURTHER, FamilyWorld
from tests.portal_world import CODE, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.fix_browser import OpenPage
    from tests.portal_world import World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PHONE = {"viewport": {"width": 360, "height": 740}}
VIEWS = ("diary", "marks", "results", "debts", "attendance", "timetable", "data")


def sign_in(page: Page, url: str, login: str) -> None:
    """Sign in as a person does."""
    page.goto(f"{url}/login")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.fill("#code", CODE)
    page.click("main button")
    page.wait_for_url(f"{url}/")


def addresses(family: FamilyWorld) -> list[str]:
    """Every page of a family."""
    pages = [family.at(view, school) for view in VIEWS for school in ("42-001", FURTHER)]
    return ["/", "/diary", "/announcements", "/mydata", *pages, "/children/42-001/nobody/diary"]


def overflow(page: Page) -> int:
    """By how many pixels the page is broader than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_axe_finds_what_is_wrong(page: Page):
    page.set_content('<html lang="ru"><title>x</title><main><h1>x</h1><img src="x.png"></main></html>')
    assert [one.split(":")[0] for one in violations(page)] == ["image-alt"]


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_parent_finds_marks_week_and_calendar_on_a_telephone(
    open_page: OpenPage, serve_portal: Callable[[World], str], family: FamilyWorld, *, script: bool
):
    url = serve_portal(family.world)
    page = open_page(**PHONE, java_script_enabled=script)
    sign_in(page, url, "mother")
    assert page.locator(".sentence").inner_text().startswith("Сегодня ")
    page.click("text=Все отметки")
    assert page.inner_text("h1") == "Отметки"
    page.locator("details.marked summary").first.click()
    assert page.locator("details.marked[open] li").first.is_visible()
    page.locator("details.marked[open] a").first.click()
    page.check("input[name=goal][value='5']")
    page.fill("#more", "5 5")
    page.click("text=Посчитать")
    assert "что нужно для 5" in page.inner_text("h1")
    assert "С вашими отметками" in page.inner_text("main")
    page.click("nav >> text=Дневник")
    page.click("text=раньше")
    assert "16–20 ноября" in page.inner_text("main")
    page.go_back()
    assert "23–27 ноября" in page.inner_text("main")
    page.click("nav >> text=Расписание")
    page.click("text=Создать адрес")
    assert re.fullmatch(rf"{url}/feeds/[\w-]+\.ics", page.inner_text(".notice code"))
    page.click("text=Отозвать")
    assert page.locator("text=Отозвать").count() == 0


def test_a_parent_of_several_goes_from_child_to_child_on_the_same_kind_of_page(
    open_page: OpenPage, serve_portal: Callable[[World], str], family: FamilyWorld
):
    page = open_page(**PHONE)
    url = serve_portal(family.world)
    sign_in(page, url, "parent")
    page.click("nav >> text=Посещаемость")
    assert "Чью страницу показать?" in page.inner_text("main")
    page.locator(".choices a").first.click()
    page.locator(".filters a:not([aria-current])").first.click()
    assert page.url.endswith("/attendance")
    assert page.locator(".top nav a[aria-current]").inner_text() == "Посещаемость"


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_page_of_a_family_breaks_a_rule_or_scrolls_sideways(
    open_page: OpenPage, serve_portal: Callable[[World], str], family: FamilyWorld, width: int
):
    page = open_page(viewport={"width": width, "height": 800})
    url = serve_portal(family.world)
    sign_in(page, url, "parent")
    wrong = {}
    for address in addresses(family):
        page.goto(url + address)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        found = violations(page) if width in (360, 1280) else []
        if overflow(page):
            found.append(f"broader by {overflow(page)}")
        if found:
            wrong[address] = found
    assert wrong == {}


def test_in_the_dark_the_contrast_suffices_too(
    open_page: OpenPage, serve_portal: Callable[[World], str], family: FamilyWorld
):
    page = open_page(color_scheme="dark")
    url = serve_portal(family.world)
    sign_in(page, url, "parent")
    for address in addresses(family):
        page.goto(url + address)
        assert violations(page) == [], address


def test_a_week_of_the_diary_is_one_sheet_of_paper(
    open_page: OpenPage, serve_portal: Callable[[World], str], family: FamilyWorld
):
    page = open_page()
    url = serve_portal(family.world)
    sign_in(page, url, "mother")
    page.goto(url + family.at("diary"))
    sheet = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
    page.emulate_media(media="print")
    for hidden in (".top nav", ".me", ".period a"):
        assert not page.locator(hidden).first.is_visible(), hidden


def test_everything_is_reached_by_keyboard_with_its_focus_in_sight(
    open_page: OpenPage, serve_portal: Callable[[World], str], family: FamilyWorld
):
    page = open_page()
    url = serve_portal(family.world)
    sign_in(page, url, "mother")
    page.goto(url + family.at("marks"))
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.tagName, e.textContent.trim().slice(0, 40), s.outlineStyle, parseFloat(s.outlineWidth)]; })()"
        )
        if found[0] == "BODY":
            break  # once round the page
        assert found[2:] == ["solid", 3], found
        seen.add(found[0])
    assert {"A", "SUMMARY", "BUTTON"} <= seen


def test_a_page_of_a_family_with_everything_is_light(
    open_page: OpenPage, serve_portal: Callable[[World], str], family: FamilyWorld
):
    page = open_page()
    url = serve_portal(family.world)
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.__setitem__(request.url, request.sizes()["responseBodySize"]))
    sign_in(page, url, "parent")
    for address in addresses(family):
        sizes.clear()
        page.goto(url + address)
        assert {one.split("/")[2] for one in sizes} == {url.split("/")[2]}
        assert sum(sizes.values()) <= 100_000, address
