"""A real browser for tests: Chromium from the system's packages, driven by Playwright; nothing is downloaded.

`page` is a fresh desktop page, `open_page(**options)` makes others (a phone, no script, another language). A test
fails when its pages threw a script error or broke their content security policy.
`python -m tests.fix_browser` says in a sentence whether the browser tests will run.
"""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",  # /dev/shm of containers is small
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING_RU = "Chromium не найден, браузерные тесты не пойдут: установите его командой «apt-get install chromium»."
MISSING_EN = 'Chromium is missing, the browser tests will not run: install it with "apt-get install chromium".'
DESKTOP = {"viewport": {"width": 1280, "height": 800}, "locale": "ru-RU", "timezone_id": "Europe/Moscow"}


class OpenPage(Protocol):
    """Opens a page in a context of its own; options are those of Playwright's `new_context`."""

    def __call__(self, **options: Any) -> "Page": ...


def find_chromium() -> str | None:
    """The first Chromium on the search path, if any."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """One browser for the session; absent Chromium is a loud skip with the command that helps."""
    executable = find_chromium()
    if executable is None:
        pytest.skip(MISSING_EN)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        loop = _leave_loop()
        yield browser
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def open_page(chromium: "Browser") -> Iterator[OpenPage]:
    """Opens pages, closes them after the test, and fails it on script errors."""
    loop = _enter_loop(chromium)
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opened(**options: Any) -> "Page":
        context = chromium.new_context(**{**DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    asyncio._set_running_loop(loop)
    assert errors == []


@pytest.fixture
def page(open_page: OpenPage) -> "Page":
    """A desktop page in Russian."""
    return open_page()


# Playwright's synchronous face keeps its event loop marked as running in this thread, between calls too, and the
# asyncio tests of the same worker would then refuse to start. So the mark stands only while a browser test runs.
def _leave_loop() -> asyncio.AbstractEventLoop | None:
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    return loop


def _enter_loop(browser: "Browser") -> asyncio.AbstractEventLoop | None:
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(browser._loop)
    return outer


if __name__ == "__main__" and find_chromium() is None:
    sys.stderr.write(f"{MISSING_RU}\n{MISSING_EN}\n")
