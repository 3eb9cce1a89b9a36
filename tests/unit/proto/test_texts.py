"""The language of what people read: chosen once, the same for texts, help and causes."""

import errno
import locale
import os

import pytest

from proto.causes import KNOWN
from proto.problems import Problem
from proto.texts import choose_language, translations


@pytest.fixture(autouse=True)
def _no_system_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getlocale", lambda: (None, None))


@pytest.mark.parametrize(
    ("asked", "environ", "chosen"),
    [
        (None, {}, "ru"),
        (None, {"LANG": "C.UTF-8"}, "ru"),
        (None, {"LANG": "de_DE.UTF-8"}, "ru"),
        (None, {"LANG": "en_GB.UTF-8"}, "en"),
        (None, {"LC_ALL": "ru_RU.UTF-8", "LANG": "en_GB.UTF-8"}, "ru"),
        (None, {"LC_MESSAGES": "en_US.UTF-8", "LANG": "ru_RU.UTF-8"}, "en"),
        (None, {"GOROD_LANG": "en", "LC_ALL": "ru_RU.UTF-8"}, "en"),
        ("ru", {"GOROD_LANG": "en"}, "ru"),
    ],
)
def test_the_language_asked_for_wins_over_the_locale_and_russian_is_the_last_word(
    asked: str | None, environ: dict[str, str], chosen: str
):
    assert choose_language(asked, environ) == chosen


def test_a_locale_that_python_does_not_know_is_no_obstacle(monkeypatch: pytest.MonkeyPatch):
    def unknown() -> tuple[None, None]:
        raise ValueError("unknown locale: UTF-8")

    monkeypatch.setattr(locale, "getlocale", unknown)
    assert choose_language(None, {}) == "ru"


def test_english_is_what_the_code_says():
    assert translations("en").gettext("Account {login} added.") == "Account {login} added."
    assert translations("ru").gettext("Account {login} added.") == "Учётная запись {login} добавлена."


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EISDIR, errno.EIO])
def test_the_systems_words_for_common_causes_are_told_in_russian(number: int):
    problem = Problem("GOR-1013", path="/etc/code", cause=os.strerror(number))
    assert os.strerror(number) in problem.text("en")
    assert os.strerror(number) not in problem.text("ru")


@pytest.mark.parametrize("cause", KNOWN)
def test_every_known_cause_has_russian_words(cause: str):
    assert translations("ru").pgettext("cause", cause) != cause


def test_a_name_that_happens_to_be_a_word_of_ours_stays_a_name():
    assert "«school»" in Problem("GOR-1010", value="school", cause="x").text("ru")


def test_a_detail_that_nobody_knows_is_shown_as_it_is():
    assert "connection reset by aliens" in Problem("GOR-1207", cause="connection reset by aliens").text("ru")
