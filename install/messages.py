"""Catalogues of messages: gathers what the code says, brings the ``.po`` files up to date and compiles them.

Run ``python -m install.messages`` after changing a text, translate what it lists, run it again. English is the language of the code, so
only Russian must be whole.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).parents[1]
WORDS: Final[dict[str, Any]] = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
# What commands and their tables say: the text of a context, and which argument of a table's row is for people.
COMMANDS: Final[dict[str, Any]] = {
    "text": None,
    "ntext": (1, 2),
    "Setting": (3,),
    "Command": (2,),
    "Argument": (2,),
    "Program": (2,),
}


@dataclass(frozen=True, slots=True)
class Domain:
    """One family of catalogues: its name, where they lie, and which calls in which folders speak its words."""

    name: str
    locale: str
    sources: Mapping[str, Mapping[str, Any]]


# Commands of the portal speak like those of the other programs; its pages have a catalogue of their own.
DOMAINS: Final = (
    Domain(
        "gorod",
        "proto/locale",
        {**dict.fromkeys(("proto", "agent", "collector", "install"), WORDS | COMMANDS), "portal": COMMANDS},
    ),
    Domain("portal", "portal/locale", {"portal": WORDS}),
)


def said(domain: Domain) -> Catalog:
    """Every message that the sources of a domain mark."""
    messages = Catalog(project="gorod", charset="utf-8")
    for folder, keywords in domain.sources.items():
        for file in sorted((ROOT / folder).rglob("*")):
            for message, comments, context in _extract(file, keywords):
                messages.add(
                    message, locations=[(file.relative_to(ROOT).as_posix(), 0)], auto_comments=comments, context=context
                )
    return messages


def _extract(file: Path, keywords: Mapping[str, Any]) -> Iterator[tuple[Any, list[str], str | None]]:
    if file.suffix == ".html":
        for _line, message, comments, context in extract_from_file("jinja2", file, keywords, ["i18n:"]):
            yield message, comments, context
    elif file.suffix == ".py":
        code = file.read_bytes()
        # In files that speak SQL `text` is SQLAlchemy's.
        spoken = {name: spec for name, spec in keywords.items() if name != "text" or b"sqlalchemy" not in code}
        for call in ast.walk(ast.parse(code)):
            if isinstance(call, ast.Call) and (said := _said_by(call, spoken)):
                yield said[0], [], said[1]


def _said_by(call: ast.Call, keywords: Mapping[str, Any]) -> tuple[Any, str | None] | None:
    """The message of a call and its context, also where calls stand inside calls, as commands hold their arguments."""
    name: str | None = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    if name is None or name not in keywords:
        return None
    spec = keywords[name] or (1,)
    places = [place for place in spec if isinstance(place, int)]
    texts = [_constant(call.args, place) for place in places]
    if not all(texts):
        return None
    contexts = [_constant(call.args, place[0]) for place in spec if isinstance(place, tuple)]
    return (texts[0] if len(texts) == 1 else tuple(texts)), (contexts[0] if contexts else None)


def _constant(arguments: Sequence[ast.expr], place: int) -> str | None:
    """The text at a place counted from 1, None if there is none that is known before the program runs."""
    found = arguments[place - 1] if place <= len(arguments) else None
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


def catalogues(domain: Domain) -> list[Path]:
    """The readable catalogues of a domain, one per language; the Russian one is always among them."""
    folder = ROOT / domain.locale
    russian = folder / "ru" / "LC_MESSAGES" / f"{domain.name}.po"
    return sorted({russian, *folder.glob(f"*/LC_MESSAGES/{domain.name}.po")})


def language(file: Path) -> str:
    """The name of the folder above LC_MESSAGES."""
    return file.parts[-3]


def read(file: Path) -> Catalog:
    """A readable catalogue; one that is not there yet is empty."""
    if not file.exists():
        head = f"# {language(file)}: words of gorod. Brought up to date by `python -m install.messages`."
        return Catalog(language(file), project="gorod", header_comment=head, charset="utf-8", fuzzy=False)
    with file.open("rb") as stream:
        return read_po(stream, locale=language(file))


def untranslated(messages: Catalog) -> list[str]:
    """Message ids that lack a text, or any of their plural forms, or whose text is only a guess."""
    return [
        message.id if isinstance(message.id, str) else message.id[0]
        for message in messages
        if message.id
        and (message.fuzzy or not all(message.string if isinstance(message.string, tuple) else (message.string,)))
    ]


def renew(domain: Domain, file: Path) -> list[str]:
    """Bring one catalogue up to date and compile it; returns what is still to be translated."""
    messages = read(file)
    messages.update(said(domain), no_fuzzy_matching=True, update_creation_date=False)
    messages.obsolete.clear()
    # Babel would fill in placeholders for people and addresses.
    messages.version = messages.msgid_bugs_address = messages.last_translator = messages.language_team = ""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        write_po(stream, messages, width=120, sort_by_file=True, include_lineno=False)
    with file.with_suffix(".mo").open("wb") as stream:
        write_mo(stream, messages)
    return untranslated(messages) if language(file) == "ru" else []


def main() -> int:
    """Renew every catalogue; 1 when Russian is not whole."""
    missing = [text for domain in DOMAINS for file in catalogues(domain) for text in renew(domain, file)]
    for text in missing:
        sys.stdout.write(f"{text!r}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
