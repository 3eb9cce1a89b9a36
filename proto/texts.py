"""Words for people in Russian and English: gettext catalogues beside the code, English as the language of message ids."""

from __future__ import annotations

import gettext
import locale
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES: Final = ("ru", "en")
_VARIABLES: Final = ("GOROD_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def choose_language(asked: str | None, environ: Mapping[str, str]) -> str:
    """``--lang``, else ``GOROD_LANG``, else the locale, else Russian."""
    for candidate in (asked, *(environ.get(name) for name in _VARIABLES), _system_language()):
        if candidate and candidate[:2].lower() in LANGUAGES:
            return candidate[:2].lower()
    return "ru"


def _system_language() -> str | None:
    try:
        return locale.getlocale()[0]
    except ValueError:  # a locale that Python does not know
        return None


@cache
def translations(lang: str) -> gettext.NullTranslations:
    """The catalogue of programs' texts; English is what the code says."""
    if lang == "en":
        return gettext.NullTranslations()
    return gettext.translation("gorod", Path(__file__).parent / "locale", [lang], fallback=True)


def _(message: str) -> str:
    """Mark a text for the catalogue; it is translated where it is shown."""
    return message
