"""A teacher's, a class teacher's and a head's ways through the portal in a real browser, on a desk and on a telephone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.fix_axe import violations
from tests.fix_browser import OpenPage
from tests.fix_staff import FURTHER, SCHOOL, StaffPortal
from tests.portal_world import CODE, PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.integration]

Serve = Callable[[Any], str]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


def sign_in(page: "Page", url: str, login: str) -> None:
    page.goto(f"{url}/login")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.fill("#code", CODE)
    page.click("main button")
    page.wait_for_url(f"{url}/")


def fits(page: "Page") -> bool:
    """Nothing stands out of the page to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@SIZES
def test_a_teacher_goes_from_today_to_a_mark_in_the_journal(
    open_page: OpenPage, serve_portal: Serve, staff: StaffPortal, size: dict[str, int]
):
    page = open_page(viewport=size, java_script_enabled=True)
    sign_in(page, serve_portal(staff), "teacher")
    assert "сегодня" in page.inner_text(".sentence")
    assert fits(page)
    page.click("nav >> text=Журналы")
    assert fits(page)
    page.click(".cards tbody a >> nth=0")
    page.click("nav[aria-label=Четверть] a >> nth=0")
    assert fits(page)
    cell = page.locator(".journal td[data-l] .mark").first
    assert cell.is_visible()
    assert page.locator(".journal thead").is_visible() is (size is DESK)
    assert page.locator(".journal tbody th").first.is_visible()


def test_on_a_desk_names_stay_while_a_wide_journal_moves(open_page: OpenPage, serve_portal: Serve, staff: StaffPortal):
    page = open_page(viewport={"width": 700, "height": 700})
    sign_in(page, serve_portal(staff), "head")
    group = staff.one(
        "SELECT teaching_group_id FROM gorod.lesson WHERE school_id = %s AND date BETWEEN '2026-11-01' AND '2026-11-30' "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
        SCHOOL,
    )
    page.goto(f"{page.url}journals/{SCHOOL}/{group}")
    page.click("nav[aria-label=Четверть] a >> nth=0")
    moved = page.evaluate(
        "(() => { const s = document.querySelector('.scroll'); s.scrollLeft = 300; return s.scrollLeft })()"
    )
    name, table = page.locator(".journal tbody th").first.bounding_box(), page.locator(".scroll").bounding_box()
    assert moved > 0
    assert name is not None
    assert table is not None
    assert abs(name["x"] - table["x"]) < 2
    assert fits(page)


@SIZES
def test_a_class_teacher_finds_who_is_at_risk_and_makes_the_paper(
    open_page: OpenPage, serve_portal: Serve, staff: StaffPortal, size: dict[str, int]
):
    page = open_page(viewport=size, java_script_enabled=False)
    sign_in(page, serve_portal(staff), "class_teacher")
    page.click("text=Мой класс")
    assert "ученик" in page.inner_text(".sentence")
    for view in ("Кому нужна помощь", "Контакты", "На родительское собрание"):
        page.click(f".tabs >> text={view}")
        assert fits(page)
        assert page.locator(".tabs [aria-current]").first.inner_text() == view
    with page.expect_download() as download:
        page.click("main button")
    assert download.value.suggested_filename == "meeting-2026-11-23.pdf"


@SIZES
def test_a_head_goes_from_the_five_lines_to_their_lists_and_names_who_answers(
    open_page: OpenPage, serve_portal: Serve, staff: StaffPortal, size: dict[str, int]
):
    page = open_page(viewport=size)
    sign_in(page, serve_portal(staff), "head")
    assert page.locator(".five li").count() == 5
    for link in ("Кого нет", "Какие уроки", "По классам", "Что изменили"):
        page.click(f".five >> text={link}")
        assert fits(page)
        page.click(".crumbs a")
    page.click("nav >> text=Доступ")
    page.click(".tabs >> text=Кто за что отвечает")
    page.click("text=/Назначить( другого)?: Защита персональных данных/")
    page.select_option("#person", index=1)
    page.fill("#order_number", "7")
    page.fill("#order_date", "2026-08-31")
    page.click("main button")
    page.wait_for_selector("[role=status]")
    assert "№ 7" in page.inner_text("main")
    assert fits(page)


def test_every_page_is_reached_by_the_keyboard_alone(open_page: OpenPage, serve_portal: Serve, staff: StaffPortal):
    page = open_page()
    sign_in(page, serve_portal(staff), "teacher")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "Журналы":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/journals")


def addresses_of(open_page: OpenPage, url: str) -> dict[str, list[str]]:
    """Every page of each role, as people find them."""

    def seen(login: str, address: str) -> "Page":
        page = open_page()
        sign_in(page, url, login)
        page.goto(url + address)
        return page

    own = urlsplit(seen("class_teacher", "/class").url).path
    journal, further = (
        str(seen(login, "/journals").locator("a[href^='/journals/']").first.get_attribute("href")).partition("?")[0]
        for login in ("teacher", "coach")
    )
    lists = [f"/day/{SCHOOL}/{name}" for name in ("absent", "unfilled", "debts", "changes")]
    named = f"/access/{SCHOOL}/responsible"
    return {
        "teacher": ["/", "/today?day=2026-11-22", "/journals", journal, f"{journal}?month=2026-10", "/gaps"],
        "coach": ["/", further],
        "class_teacher": [own, f"{own}/risk", f"{own}/contacts", f"{own}/meeting"],
        "secretary": ["/", own],
        "head": ["/", *lists, "/classes", "/access", named, f"{named}/quality", "/access?kind=teacher", "/visits"],
        "other head": ["/", "/classes", f"/access/{FURTHER}/responsible"],
        "admin": ["/board", "/visits?since=2026-10-01&until=2026-11-23", "/accounts", "/audit", "/journals/x/y"],
    }


@pytest.mark.full
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_page_of_staff_breaks_a_rule_or_scrolls_sideways(
    open_page: OpenPage, serve_portal: Serve, staff: StaffPortal, width: int
):
    url, wrong = serve_portal(staff), {}
    for login, pages in addresses_of(open_page, url).items():
        page = open_page(viewport={"width": width, "height": 800}, color_scheme="dark" if width == 360 else "light")
        sign_in(page, url, login)
        for address in pages:
            page.goto(url + address)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            found = violations(page) if width in (360, 1280) else []
            if not fits(page):
                found.append("broader than the screen")
            if found:
                wrong[address] = found
    assert wrong == {}


def test_on_paper_there_is_no_navigation_and_the_journal_is_whole(
    open_page: OpenPage, serve_portal: Serve, staff: StaffPortal
):
    page = open_page()
    url = serve_portal(staff)
    sign_in(page, url, "teacher")
    page.goto(url + addresses_of(open_page, url)["teacher"][4])
    page.emulate_media(media="print")
    assert not page.locator(".top nav").is_visible()
    assert page.locator(".journal tbody th").first.is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
