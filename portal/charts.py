"""Numbers as accessible pictures: SVG without script and style, drawn from zero, with title and description (pure).

A picture never stands alone: its page shows the same numbers as a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH: Final = 400
_BAR: Final = 22  # height of a lying bar, with the gap below it
_LABELS: Final = 150  # room for the labels of lying bars
_HEIGHT: Final = 160
_FOOT: Final = 20
_HEAD: Final = 16
_MOST_LABELS: Final = 7
_LETTER: Final = 6.5  # width of a letter, at the most that most have


@dataclass(frozen=True, slots=True)
class Bar:
    """One value: its label, its size, and the size as people read it."""

    label: str
    value: int
    text: str


def lying(bars: Sequence[Bar], title: str, about: str) -> Markup:
    """Bars from left to right, one below the other; for things with names."""
    most = max((bar.value for bar in bars), default=0) or 1
    room = _WIDTH - _LABELS - 45
    parts = []
    for number, bar in enumerate(bars):
        y = number * _BAR
        width = round(bar.value * room / most, 1)
        parts.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text><rect x="{}" y="{}" width="{}" height="14"/><text x="{}" y="{}">{}</text>'
            ).format(_LABELS - 8, y + 14, _cut(bar.label), _LABELS, y + 3, width, _LABELS + width + 6, y + 14, bar.text)
        )
    return _svg(parts, max(_BAR, len(bars) * _BAR), title, about)


def standing(bars: Sequence[Bar], title: str, about: str) -> Markup:
    """Bars side by side from a common ground; for days. Every so manieth is labelled where there are many."""
    most = max((bar.value for bar in bars), default=0) or 1
    step = _WIDTH / max(1, len(bars))
    each = max(1, -(-len(bars) // _MOST_LABELS))
    ground = _HEIGHT - _FOOT
    parts = [Markup('<line x1="0" x2="{}" y1="{}" y2="{}"/>').format(_WIDTH, ground, ground)]
    for number, bar in enumerate(bars):
        height = round(bar.value * (ground - _HEAD) / most, 1)
        x = number * step
        parts.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
                round(x + step * 0.15, 1), round(ground - height, 1), round(step * 0.7, 1), height
            )
        )
        middle = round(x + step / 2, 1)
        if number % each == 0:
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(middle, _HEIGHT - 5, bar.label)
            )
        if bar.value and each == 1:
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    middle, round(ground - height - 4, 1), bar.text
                )
            )
    return _svg(parts, _HEIGHT, title, about)


def _cut(label: str) -> str:
    most = int((_LABELS - 8) / _LETTER)
    return label if len(label) <= most else label[: most - 1] + "…"


def _svg(parts: Sequence[Markup], height: int, title: str, about: str) -> Markup:
    name = f"chart{abs(hash((title, about))) % 10**8}"
    head = Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{} {}d"><title id="{}">{}</title><desc id="{}d">{}</desc>'
    ).format(_WIDTH, height, name, name, name, escape(title), name, escape(about))
    return head + Markup("").join(parts) + Markup("</svg>")
