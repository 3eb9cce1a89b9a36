"""Means, times and names as pages of a school's staff say them (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from babel.dates import format_date, format_time

if TYPE_CHECKING:
    from datetime import date, time

    from collector.store.figures import Ratio
    from collector.store.names import Name
    from portal.words import Words


@dataclass(frozen=True, slots=True)
class Spoken:
    """How one page says them: its words."""

    words: Words

    def full_day(self, day: date) -> str:
        """«23.11.2026», for paper."""
        return str(format_date(day, "dd.MM.y" if self.words.lang == "ru" else "d MMM y", locale=self.words.lang))

    def month(self, day: date, *, year: bool = False) -> str:
        """«ноябрь», «ноябрь 2026»."""
        return str(format_date(day, "LLLL y" if year else "LLLL", locale=self.words.lang))

    def clock(self, at: time | None) -> str:
        """«08:30»."""
        return str(format_time(at, "HH:mm", locale=self.words.lang)) if at else ""

    def parts(self, ratio: Ratio) -> str:
        """What a mean is made of, «47/11»."""
        if not ratio.denominator:
            return ""
        return f"{self.words.decimal(ratio.numerator)}/{self.words.decimal(ratio.denominator)}"

    def person(self, name: Name | None, *, full: bool = False) -> str:
        """«Иванова А. С.», or that the name is not kept any more."""
        if name is None:
            return self.words.gettext("name not kept")
        return name.full if full else name.short
