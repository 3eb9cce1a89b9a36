"""Numbers, times and plural forms as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.words import LANGUAGES, Words

NOW = datetime(2026, 11, 23, 9, 2, 11, tzinfo=UTC)
RU = Words("ru", ZoneInfo("Europe/Moscow"))
EN = Words("en", ZoneInfo("Europe/Moscow"))


def plain(text: str) -> str:
    return text.replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("seconds", "russian", "english"),
    [
        (-3, "только что", "just now"),
        (0, "только что", "just now"),
        (5, "5 с назад", "5 s ago"),
        (59.9, "59 с назад", "59 s ago"),
        (60, "1 мин назад", "1 min ago"),
        (3599, "59 мин назад", "59 min ago"),
        (3600, "1 ч назад", "1 h ago"),
        (47 * 3600, "47 ч назад", "47 h ago"),
        (48 * 3600, "2 дн. назад", "2 d ago"),
        (29 * 86400, "29 дн. назад", "29 d ago"),
        (40 * 86400, "14.10.2026", "14 Oct 2026"),
    ],
)
def test_how_long_ago_is_one_number_and_one_word(seconds: float, russian: str, english: str):
    at = NOW - timedelta(seconds=seconds)
    assert plain(RU.ago(at, NOW)) == russian
    assert plain(EN.ago(at, NOW)) == english


def test_a_number_never_parts_from_its_word():
    assert "\xa0" in RU.ago(NOW - timedelta(seconds=30), NOW)


@given(st.floats(-1e6, 1e9), st.sampled_from(LANGUAGES))
def test_any_age_can_be_said(seconds: float, lang: str):
    assert Words(lang, UTC).ago(NOW - timedelta(seconds=seconds), NOW)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOW, "12:02"),
        (NOW - timedelta(hours=11), "01:02"),
        (NOW - timedelta(hours=13), "22 ноября, 23:02"),
        (NOW - timedelta(days=365), "23 ноября 2025, 12:02"),
    ],
)
def test_a_moment_is_said_as_short_as_it_stays_clear(at: datetime, said: str):
    assert plain(RU.clock(at, NOW)) == said


def test_today_ends_at_midnight_of_the_local_day():
    late = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)  # 00:30 of the 24th in Moscow
    assert RU.clock(late, late) == "00:30"
    assert plain(RU.clock(NOW, late)) == "23 ноября, 12:02"


def test_a_whole_moment_has_day_year_and_second():
    assert plain(RU.moment(NOW)) == "23 ноября 2026, 12:02:11"
    assert RU.instant(NOW) == "2026-11-23T09:02:11.000Z"
    assert RU.clock_seconds(NOW) == "12:02:11"


@pytest.mark.parametrize(
    ("milliseconds", "russian"),
    [
        (None, "—"),
        (-5, "0,0 с"),
        (420, "0,4 с"),
        (9990, "10,0 с"),
        (12_400, "12 с"),
        (119_000, "119 с"),
        (180_000, "3 мин"),
        (9_000_000, "2 ч"),
    ],
)
def test_a_span_has_the_unit_that_fits(milliseconds: int | None, russian: str):
    assert plain(RU.span(milliseconds)) == russian


def test_numbers_are_set_apart_by_the_customs_of_the_language():
    assert plain(RU.number(430_112)) == "430 112"
    assert EN.number(430_112) == "430,112"
    assert RU.number(None) == "—"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "1 опаздывает"),
        (2, "2 опаздывают"),
        (5, "5 опаздывают"),
        (11, "11 опаздывают"),
        (21, "21 опаздывает"),
        (112, "112 опаздывают"),
    ],
)
def test_russian_numbers_take_their_own_form(number: int, said: str):
    assert RU.ngettext("%(num)s is late", "%(num)s are late", number) == said


@pytest.mark.parametrize(("number", "said"), [(1, "1 day"), (2, "2 days"), (0, "0 days")])
def test_english_numbers_take_their_own_form(number: int, said: str):
    assert EN.ngettext("%(num)s day", "%(num)s days", number) == said


def test_texts_are_filled_with_values():
    assert RU.gettext("since %(time)s", time="07:40") == "с 07:40"
    assert EN.gettext("since %(time)s", time="07:40") == "since 07:40"
