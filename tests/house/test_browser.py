"""The browser fixture itself: Chromium starts, draws Cyrillic, and lives beside asyncio tests in one worker."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fix_browser import MISSING_EN, MISSING_RU, OpenPage

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]


@pytest.mark.browser
def test_chromium_starts_and_shows_cyrillic_text(page: "Page"):
    page.set_content("<h1>Сетевой город</h1>")
    assert page.get_by_role("heading").inner_text() == "Сетевой город"


async def test_an_asyncio_test_runs_after_a_browser_test():
    await asyncio.sleep(0)


@pytest.mark.browser
def test_a_browser_test_runs_after_an_asyncio_test(page: "Page"):
    page.set_content("<p>ещё раз</p>")
    assert page.locator("p").inner_text() == "ещё раз"


@pytest.mark.browser
def test_a_page_opens_as_a_phone_without_script(open_page: OpenPage):
    page = open_page(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page.set_content("<noscript>без скрипта</noscript><script>document.body.textContent = 'скрипт'</script>")
    assert page.locator("body").inner_text().strip() == "без скрипта"


def test_a_missing_chromium_is_named_with_the_command_that_installs_it(tmp_path: Path):
    said = subprocess.run(
        [sys.executable, "-m", "tests.fix_browser"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert said.stderr.decode().splitlines() == [MISSING_RU, MISSING_EN]
    assert "apt-get install chromium" in MISSING_RU
    assert "apt-get install chromium" in MISSING_EN
