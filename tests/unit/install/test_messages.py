"""Gathering of messages: what is found in code, what becomes of catalogues, what is still to be translated."""

import gettext
from collections.abc import Callable
from pathlib import Path

import pytest

from install import messages

SAID = """\
from proto.settings import Setting
from proto.texts import _

SETTINGS = (Setting("late_s", 900, "A silent school is late"),)
COMMANDS = (Command(("show",), "Show a school", tell, (Argument(("school",), "id " "of it", {"metavar": "ID"}),)),)

def tell(context):
    context.say(context.text("Nothing to do"))
    context.say(context.ntext("{num} school", "{num} schools", 2))
    return _("Done")
"""
TABLE = {"Show a school", "id of it"}
QUERY = 'from sqlalchemy import text\n\nquery = text("select 1")\n'
PAGE = '<h1>{{ _("Schools") }}</h1>{% trans %}No data{% endtrans %}'


@pytest.fixture
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> messages.Domain:
    """A domain of one folder with code, a page and a query."""
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    (tmp_path / "town").mkdir()
    for name, text in (("code.py", SAID), ("query.py", QUERY), ("page.html", PAGE)):
        (tmp_path / "town" / name).write_text(text, "utf-8")
    return messages.Domain("town", "town/locale", {"town": messages.WORDS | messages.COMMANDS})


def ids(domain: messages.Domain) -> set[object]:
    """Message ids of a domain."""
    return {message.id for message in messages.said(domain) if message.id}


def test_code_tables_and_pages_are_heard(domain: messages.Domain):
    schools = ("{num} school", "{num} schools")
    assert ids(domain) == {"A silent school is late", "Nothing to do", schools, "Done", "Schools", "No data", *TABLE}


def test_a_query_is_not_taken_for_words(domain: messages.Domain):
    assert "select 1" not in ids(domain)


def translate(file: Path, message: str, *texts: str) -> None:
    """Write the translation of one message into the file, as a person would with an editor."""
    catalogue = file.read_text("utf-8")
    empty = 'msgstr ""' if len(texts) == 1 else "".join(f'msgstr[{index}] ""\n' for index in range(3)).rstrip()
    filled = (
        f'msgstr "{texts[0]}"'
        if len(texts) == 1
        else "\n".join(f'msgstr[{i}] "{text}"' for i, text in enumerate(texts))
    )
    start = catalogue.index(f'"{message}"')
    file.write_text(catalogue[:start] + catalogue[start:].replace(empty, filled, 1), "utf-8")


@pytest.fixture
def renewed(domain: messages.Domain) -> Callable[[], list[str]]:
    """Renews the Russian catalogue; returns what is missing."""
    return lambda: messages.renew(domain, messages.catalogues(domain)[0])


def test_a_new_catalogue_lists_everything_as_missing(renewed: Callable[[], list[str]], domain: messages.Domain):
    assert len(renewed()) == len(ids(domain))


def test_a_translation_stays_and_is_compiled(renewed: Callable[[], list[str]], domain: messages.Domain):
    renewed()
    file = messages.catalogues(domain)[0]
    translate(file, "Done", "Готово")
    translate(file, "{num} schools", "{num} школа", "{num} школы", "{num} школ")
    assert not {"Done", "{num} school"} & set(renewed())
    with file.with_suffix(".mo").open("rb") as stream:
        compiled = gettext.GNUTranslations(stream)
    assert compiled.gettext("Done") == "Готово"
    assert [compiled.ngettext("{num} school", "{num} schools", number) for number in (21, 3, 11)] == [
        "{num} школа",
        "{num} школы",
        "{num} школ",
    ]


def test_renewing_twice_changes_nothing(renewed: Callable[[], list[str]], domain: messages.Domain):
    renewed()
    first = messages.catalogues(domain)[0].read_bytes()
    renewed()
    assert messages.catalogues(domain)[0].read_bytes() == first


def test_what_is_no_longer_said_leaves_the_catalogue(
    renewed: Callable[[], list[str]], domain: messages.Domain, tmp_path: Path
):
    renewed()
    (tmp_path / "town/code.py").write_text("", "utf-8")
    renewed()
    assert "Nothing to do" not in messages.catalogues(domain)[0].read_text("utf-8")


def test_a_catalogue_with_holes_is_a_failure_of_the_command(
    domain: messages.Domain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(messages, "DOMAINS", (domain,))
    assert messages.main() == 1
    assert "'Nothing to do'" in capsys.readouterr().out.splitlines()
