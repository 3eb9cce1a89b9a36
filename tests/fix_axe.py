"""axe-core in the browser of the tests: what on a page breaks WCAG 2.1 AA."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RUN = """() => axe.run(document, {runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}).then(
    found => found.violations.map(one => one.id + ": " + one.help + " | " + one.nodes.map(node => node.html.slice(0, 160)).join(" | ")))"""


def violations(page: Page) -> list[str]:
    """Each rule that the page breaks, with the places. The script comes with a package; nothing is fetched."""
    page.evaluate(resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found: list[str] = page.evaluate(_RUN)
    return found
