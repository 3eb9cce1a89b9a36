"""Errors for people: a code, a sentence in Russian and English, and the next step. The sentences stand in ``catalogue.txt``.

A :class:`Problem` is raised where a cause is known and shown, in the same words, by commands, ``status``, logs and the portal.
Details fill the sentences; they hold names of files, tables, addresses and numbers, never values of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Final

from proto.causes import CAUSE
from proto.texts import translations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

KINDS: Final = frozenset(
    "transient clock expired revoked configuration schema data disk interception code_used code_expired source identity lease".split()  # noqa: SIM905  a list to read
)
PERMANENT: Final = frozenset({"revoked", "configuration", "interception", "code_used", "code_expired", "identity"})
"""Classes that waiting alone does not cure; they are retried all the same, at the longest pause."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One problem of the catalogue; sentences may hold ``{placeholders}``."""

    code: str
    kind: str
    ru: str
    next_ru: str
    en: str
    next_en: str


def _read() -> dict[str, Entry]:
    entries = {}
    text = (Path(__file__).parent / "catalogue.txt").read_text("utf-8")
    for block in text.strip().split("\n\n"):
        if block.startswith("#"):
            continue
        head, ru, next_ru, en, next_en = (line.strip() for line in block.strip().splitlines())
        code, kind = head.split()
        entries[code] = Entry(code, kind, ru, next_ru, en, next_en)
    return entries


CATALOGUE: Final[Mapping[str, Entry]] = _read()


def _in_words(lang: str, details: Mapping[str, str]) -> Mapping[str, str]:
    """Details with the causes that we know in the reader's language; names, numbers and other programs' words stay as they are."""
    word = translations(lang)
    return {name: word.pgettext(CAUSE, value) if value else value for name, value in details.items()}


class _Shown(Formatter):
    """Fills what is known and shows the rest as an ellipsis: telling of a problem must not fail."""

    def get_value(self, key: int | str, args: object, kwargs: Mapping[str, object]) -> object:
        del args
        return kwargs.get(str(key), "…")


def text_of(code: str, lang: str, details: Mapping[str, str]) -> str:
    """The sentence of a code in ``ru`` or ``en``; an unknown code (of a newer peer) is said to be unknown."""
    entry = CATALOGUE.get(code)
    if entry is None:
        return f"Неизвестная ошибка {code}." if lang == "ru" else f"Unknown problem {code}."
    return _Shown().vformat(entry.ru if lang == "ru" else entry.en, (), _in_words(lang, details))


def next_step_of(code: str, lang: str, details: Mapping[str, str]) -> str:
    """The next step of a code in ``ru`` or ``en``."""
    entry = CATALOGUE.get(code)
    if entry is None:
        return "Обновите программу." if lang == "ru" else "Update the program."
    return _Shown().vformat(entry.next_ru if lang == "ru" else entry.next_en, (), _in_words(lang, details))


def as_json(code: str, lang: str, details: Mapping[str, str], at: datetime | None) -> dict[str, str | None]:
    """The problem as contracts write it: ``{"code", "class", "text", "next", "at"}``."""
    entry = CATALOGUE.get(code)
    return {
        "code": code,
        "class": entry.kind if entry else "transient",
        "text": text_of(code, lang, details),
        "next": next_step_of(code, lang, details),
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None,
    }


class Problem(Exception):
    """A known problem. ``details`` fill the sentences and never hold values of rows."""

    def __init__(self, code: str, **details: object) -> None:
        self.code = code
        self.details = {name: str(value) for name, value in details.items()}
        super().__init__(f"{code}: {text_of(code, 'en', self.details)}")

    @property
    def kind(self) -> str:
        """Its class, one of :data:`KINDS`: decides how it is retried."""
        return CATALOGUE[self.code].kind if self.code in CATALOGUE else "transient"

    def text(self, lang: str) -> str:
        """What happened, one sentence."""
        return text_of(self.code, lang, self.details)

    def next_step(self, lang: str) -> str:
        """What to do next, one sentence."""
        return next_step_of(self.code, lang, self.details)

    def as_json(self, lang: str, at: datetime | None = None) -> dict[str, str | None]:
        """See :func:`as_json`."""
        return as_json(self.code, lang, self.details, at)
