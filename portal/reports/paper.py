"""Paper that all our documents are printed on: A4, a typeface with Cyrillic letters, head and foot on each page, a watermark.

The typeface is Roboto (Apache-2.0) out of the package `font-roboto`: no font is committed, none of the system is needed, so that a document
looks the same on every server. It is embedded as the subset of letters that the document uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN, BOLD = "Roboto", "Roboto-Bold"
INK: Final = colors.HexColor("#1b1f24")
MUTED: Final = colors.HexColor("#57606a")
LINE: Final = colors.HexColor("#d0d7de")
SURFACE: Final = colors.HexColor("#f6f8fa")
BAD: Final = colors.HexColor("#b42318")
WIDTH, HEIGHT = A4
MARGIN: Final = 15 * mm
_HEAD_Y: Final = HEIGHT - 11 * mm
_FOOT_Y: Final = 9 * mm


@cache
def load_fonts() -> None:
    """Register the typeface; once in a process."""
    files = resources.files("font_roboto") / "files"
    for name in ("Regular", "Bold"):
        with resources.as_file(files / f"Roboto-{name}.ttf") as path:
            pdfmetrics.registerFont(TTFont(PLAIN if name == "Regular" else BOLD, str(path)))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def style(size: float = 9, *, bold: bool = False, **changes: Any) -> ParagraphStyle:
    """A style of paragraphs; the size is in points."""
    options = {"leading": size * 1.25, "textColor": INK, "splitLongWords": 1, **changes}
    return ParagraphStyle("text", fontName=BOLD if bold else PLAIN, fontSize=size, **options)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the text of every page.

    Attributes:
        head: at the top, left.
        foot: at the bottom, left: whose paper it is.
        page: "page 3 of 31" out of both numbers, at the bottom, right.
        mark: the watermark; who printed it and when.
    """

    head: str
    foot: str
    page: Callable[[int, int], str]
    mark: str


def canvas_maker(frame: Frame) -> type[Canvas]:
    """A canvas that draws the frame when all pages are known, so that each can say of how many it is one."""

    class Framed(Canvas):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._held: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  the name is reportlab's
            self._held.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]  # the stubs leave it out

        def save(self) -> None:
            for number, page in enumerate(self._held, 1):
                self.__dict__.update(page)
                _draw(self, frame, frame.page(number, len(self._held)))
                super().showPage()
            super().save()

    return Framed


def _draw(canvas: Canvas, frame: Frame, page: str) -> None:
    canvas.saveState()
    canvas.setFont(PLAIN, 8)
    canvas.setFillColor(MUTED)
    canvas.drawString(MARGIN, _HEAD_Y, frame.head)
    canvas.drawString(MARGIN, _FOOT_Y, frame.foot)
    canvas.drawRightString(WIDTH - MARGIN, _FOOT_Y, page)
    canvas.setStrokeColor(LINE)
    canvas.line(MARGIN, _HEAD_Y - 2 * mm, WIDTH - MARGIN, _HEAD_Y - 2 * mm)
    canvas.setFillColor(MUTED, alpha=0.09)
    canvas.setFont(BOLD, 20)
    canvas.translate(WIDTH / 2, HEIGHT / 2)
    canvas.rotate(52)
    for shift in (-1, 0, 1):
        canvas.drawCentredString(0, shift * 55 * mm, frame.mark)
    canvas.restoreState()
