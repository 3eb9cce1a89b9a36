"""Numbers, days, times and spans as people read them, in Russian and English (pure; the time is handed in)."""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal

if TYPE_CHECKING:
    from datetime import date, datetime, tzinfo
    from decimal import Decimal

    Day = date

LANGUAGES: Final = ("ru", "en")
DASH: Final = "—"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_JUST_NOW_S: Final = 5
_DAYS_IN_WORDS: Final = 30


@cache
def catalogue(lang: str) -> gettext.NullTranslations:
    """The portal's texts in a language."""
    return gettext.translation("portal", Path(__file__).parent / "locale", [lang])


@dataclass(frozen=True, slots=True)
class Words:
    """How one page speaks: its language and time zone."""

    lang: str
    zone: tzinfo

    def gettext(self, message: str, **values: object) -> str:
        """The text in the reader's language; ``%(name)s`` is filled from values."""
        return catalogue(self.lang).gettext(message) % values if values else catalogue(self.lang).gettext(message)

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """The text in the form that the number asks for; ``%(num)s`` is the number itself."""
        return catalogue(self.lang).ngettext(one, many, number) % {"num": self.number(number), **values}

    def number(self, value: int | None) -> str:
        """A whole number with its thousands set apart."""
        return DASH if value is None else str(format_decimal(value, locale=self.lang))

    def decimal(self, value: Decimal | None) -> str:
        """A number with its fraction as it is kept: 4,44; without needless zeros where it is whole: 5."""
        if value is None:
            return DASH
        plain = value.quantize(1) if value == value.to_integral_value() else value.normalize()
        return str(format_decimal(plain, "#,##0.##########", locale=self.lang))

    def hundredths(self, value: Decimal | None) -> str:
        """A mean or a percentage, always with two digits: 4,40."""
        return DASH if value is None else str(format_decimal(value, "#,##0.00", locale=self.lang))

    def day(self, day: Day, *, year: bool = False) -> str:
        """«23 ноября, пн»."""
        return f"{self.date(day, year=year)}, {format_date(day, 'ccc', locale=self.lang)}"

    def date(self, day: Day, *, year: bool = False) -> str:
        """«23 ноября»."""
        return str(format_date(day, "d MMMM y" if year else "d MMMM", locale=self.lang))

    def short(self, day: Day) -> str:
        """«23.11» for figures in rows."""
        return str(format_date(day, "dd.MM" if self.lang == "ru" else "d MMM", locale=self.lang))

    def weekday(self, day: Day) -> str:
        """«понедельник»."""
        return str(format_date(day, "cccc", locale=self.lang))

    def weekday_short(self, day: Day) -> str:
        """«пн»."""
        return str(format_date(day, "ccc", locale=self.lang))

    def month(self, day: Day) -> str:
        """«ноябрь 2026»."""
        return str(format_date(day, "LLLL y", locale=self.lang))

    def span_of_days(self, first: Day, last: Day) -> str:
        """«23–29 ноября», «30 ноября – 6 декабря»."""
        if (first.year, first.month) == (last.year, last.month):
            return self.gettext(
                "%(first)s–%(last)s %(month)s", first=first.day, last=last.day, month=self._of_month(last)
            )
        return f"{self.date(first)} – {self.date(last)}"

    def _of_month(self, day: Day) -> str:
        return str(format_date(day, "MMMM", locale=self.lang))

    def local(self, at: datetime) -> str:
        """A moment of a school's own clock (naive): «23 ноября, 12:40»."""
        return f"{self.date(at.date())}, {at:%H:%M}"

    def clock(self, at: datetime, now: datetime) -> str:
        """A moment as short as it stays clear: the time if it is today, else the day with it."""
        local, today = at.astimezone(self.zone), now.astimezone(self.zone).date()
        time = format_time(local, "HH:mm", locale=self.lang)
        if local.date() == today:
            return time
        day = "d MMMM" if local.year == today.year else "d MMMM y"
        return f"{format_date(local.date(), day, locale=self.lang)}, {time}"

    def clock_seconds(self, at: datetime) -> str:
        """The time of day to the second."""
        return str(format_time(at.astimezone(self.zone), "HH:mm:ss", locale=self.lang))

    def moment(self, at: datetime) -> str:
        """The whole moment, for titles: day, year, time to the second."""
        return str(format_datetime(at.astimezone(self.zone), "d MMMM y, HH:mm:ss", locale=self.lang))

    def instant(self, at: datetime) -> str:
        """The moment for machines."""
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def ago(self, at: datetime, now: datetime) -> str:
        """How long ago, in one number and one short word; the script of the page knows the same rule."""
        seconds = (now - at).total_seconds()
        units = self.ago_words()
        if seconds < _JUST_NOW_S:
            return units["now"]
        for limit, size, name in ((_MINUTE, 1, "s"), (_HOUR, _MINUTE, "m"), (2 * _DAY, _HOUR, "h")):
            if seconds < limit:
                return f"{int(seconds // size)}\N{NO-BREAK SPACE}{units[name]}"
        if seconds < _DAYS_IN_WORDS * _DAY:
            return f"{int(seconds // _DAY)}\N{NO-BREAK SPACE}{units['d']}"
        return str(
            format_date(at.astimezone(self.zone).date(), "d.MM.y" if self.lang == "ru" else "d MMM y", locale=self.lang)
        )

    def ago_words(self) -> dict[str, str]:
        """The words of :meth:`ago`; short ones, so that no number changes them."""
        return {
            "now": self.gettext("just now"),
            "s": self.gettext("s ago"),
            "m": self.gettext("min ago"),
            "h": self.gettext("h ago"),
            "d": self.gettext("d ago"),
        }

    def span(self, milliseconds: int | None) -> str:
        """A length of time: 0,4 с · 12 с · 3 мин · 5 ч."""
        if milliseconds is None:
            return DASH
        seconds = max(0, milliseconds) / 1000
        if seconds < 10:  # noqa: PLR2004 - below ten seconds a tenth can be felt
            return self.gettext("%(n)s s", n=format_decimal(seconds, "0.0", locale=self.lang))
        if seconds < 2 * _MINUTE:
            return self.gettext("%(n)s s", n=int(seconds))
        if seconds < 2 * _HOUR:
            return self.gettext("%(n)s min", n=int(seconds // _MINUTE))
        return self.gettext("%(n)s h", n=self.number(int(seconds // _HOUR)))
