"""Common Russian names, from ``names.toml``."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any, Final

_BOOK: Final[dict[str, Any]] = tomllib.loads(
    resources.files("install.demo").joinpath("names.toml").read_text(encoding="utf-8")
)


def _words(key: str) -> tuple[str, ...]:
    return tuple(str(_BOOK[key]).split())


SURNAMES: Final = _words("surnames")
UNCHANGING: Final = _words("unchanging")
MALE: Final = _words("male")
FEMALE: Final = _words("female")
FATHERS: Final = (*MALE, *_words("fathers"))
PATRONYMICS: Final[dict[str, tuple[str, str]]] = {
    name: (str(son), str(daughter)) for name, (son, daughter) in _BOOK["patronymics"].items()
}
