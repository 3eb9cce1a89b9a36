"""A parent with a slip and a telephone: the whole first sign-in, without scripts, on a narrow screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.fix_people import CLASS, PASSWORD, SCHOOL
from tests.fix_portal import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.fix_browser import OpenPage
    from tests.fix_town import Browser, Town

pytestmark = [pytest.mark.browser, pytest.mark.integration]
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "java_script_enabled": False,
    "user_agent": "Mozilla/5.0 (Linux; Android 11; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
}
CYRILLIC = str.maketrans("ABCEHKMPTX", "АВСЕНКМРТХ")


@pytest.fixture
def slip(town: Town) -> str:
    """The code of a mother's slip, as a Russian keyboard types it."""
    return town.people.issue().code.lower().translate(CYRILLIC)


@pytest.fixture
def desk(town: Town) -> Browser:
    """The secretary, signed in."""
    return town.desk("secretary")


@pytest.fixture
def portal(town: Town) -> Iterator[str]:
    """The address of the running portal."""
    served = Served(town)
    yield served.start()
    served.stop()


def fits(page: Page) -> bool:
    """Whether nothing stands out to the side; measured in the page's own layout, whose scripts are off."""
    box = page.locator("main").bounding_box()
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360


def test_a_parent_comes_from_the_slip_to_the_own_page(slip: str, portal: str, open_page: OpenPage):
    page = open_page(**PHONE)
    page.goto(portal + "/login")
    page.get_by_role("link", name="Ввести код с листка").click()
    page.get_by_label("Код с листка").fill(slip)
    assert fits(page)
    page.get_by_role("button", name="Дальше").click()
    assert page.locator("h1").inner_text() == "Здравствуйте, Ольга"
    page.get_by_label("Логин").fill("olga")
    page.get_by_label("Новый пароль").fill(PASSWORD)
    page.get_by_label("Тот же пароль ещё раз").fill(PASSWORD + "x")
    page.get_by_role("button", name="Создать учётную запись").click()
    assert "Пароли не совпадают" in page.get_by_role("alert").inner_text()
    assert fits(page)
    assert page.get_by_label("Логин").input_value() == "olga"
    page.get_by_label("Новый пароль").fill(PASSWORD)
    page.get_by_label("Тот же пароль ещё раз").fill(PASSWORD)
    page.get_by_label("Это мой телефон").check()
    page.get_by_role("button", name="Создать учётную запись").click()
    page.goto(portal + "/account")
    assert "Chrome, Android" in page.locator(".devices").inner_text()
    assert "вход сохранён" in page.locator(".devices").inner_text()
    assert "Школа № 1 — Мария" in page.locator("main").inner_text()
    assert fits(page)


def test_buttons_and_fields_are_large_enough_for_a_thumb(slip: str, portal: str, open_page: OpenPage):
    page = open_page(**PHONE)
    page.goto(portal + "/activate")
    page.get_by_label("Код с листка").fill(slip)
    page.get_by_role("button", name="Дальше").click()
    for one in page.locator("main button, main input:not([type=hidden]):not([type=checkbox]), main label.tick").all():
        box = one.bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_a_secretary_prints_slips_that_are_nothing_but_slips(
    town: Town, desk: Browser, portal: str, open_page: OpenPage
):
    page = open_page()
    page.context.add_cookies(
        [{"name": name, "value": value, "url": portal} for name, value in desk.client.cookies.items()]
    )
    page.goto(f"{portal}/schools/{SCHOOL}/codes")
    page.get_by_role("link", name="7Б").click()
    assert page.url.endswith(f"/codes/class?class={CLASS}")
    page.get_by_label("Абрамов Пётр Ильинична").uncheck()
    page.get_by_role("button", name="Выпустить коды").click()
    codes = page.locator(".slip-code").all_inner_texts()
    assert len(codes) == 3
    assert all(re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", code) for code in codes)
    page.emulate_media(media="print")
    assert [page.locator(name).first.is_visible() for name in (".top", "footer", ".noprint", ".slips")] == [
        False,
        False,
        False,
        True,
    ]
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert town.people.look(codes[0]) is not None
