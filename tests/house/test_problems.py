"""The problem catalogue: every code speaks both languages, says what to do next, and is raised somewhere."""

import re
import string

import pytest

from proto.problems import CATALOGUE, KINDS, Entry, Problem
from tests.house.tree import ROOT, files, name

CODE = re.compile(r"\bGOR-\d{4}\b")
CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
# Codes are looked for in what we write for machines and operators; changelogs may speak of old ones.
SUFFIXES = {".py", ".html", ".yml", ".yaml", ".json", ".sql", ".toml"}
entries = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())


def placeholders(text: str) -> set[str]:
    """Names that details fill in."""
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def mentioned(*folders: str) -> set[str]:
    """Codes named in files of these folders, the catalogue itself left out."""
    texts = (path.read_text("utf-8") for path in files() if path.suffix in SUFFIXES and name(path).startswith(folders))
    return {code for text in texts for code in CODE.findall(text)}


def test_codes_of_the_catalogue_are_written_once():
    heads = re.findall(r"^GOR-\d{4} \w+$", (ROOT / "proto/catalogue.txt").read_text("utf-8"), re.MULTILINE)
    assert len(heads) == len(CATALOGUE)
    assert all(CODE.fullmatch(code) and entry.code == code for code, entry in CATALOGUE.items())


@entries
def test_a_problem_is_of_a_known_class(entry: Entry):
    assert entry.kind in KINDS


@entries
def test_a_problem_says_what_happened_and_what_to_do_in_both_languages(entry: Entry):
    for russian in (entry.ru, entry.next_ru):
        assert CYRILLIC.search(russian), russian
    for english in (entry.en, entry.next_en):
        assert english, entry.code
        assert not CYRILLIC.search(english), english
    for sentence in (entry.ru, entry.next_ru, entry.en, entry.next_en):
        assert sentence.endswith((".", "?")), sentence
        assert "!" not in sentence, sentence


@entries
def test_both_languages_tell_the_same_details(entry: Entry):
    assert placeholders(entry.ru) == placeholders(entry.en)
    assert placeholders(entry.next_ru) == placeholders(entry.next_en)


def test_every_code_that_is_raised_stands_in_the_catalogue():
    assert mentioned("proto/", "agent/", "collector/", "portal/", "install/") - set(CATALOGUE) == set()


def test_every_code_of_the_catalogue_is_used():
    assert set(CATALOGUE) - mentioned("proto/", "agent/", "collector/", "portal/", "install/") == set()


def test_telling_of_a_problem_never_fails_for_want_of_a_detail():
    assert [
        Problem(code).text(lang) for code in CATALOGUE for lang in ("ru", "en") if not Problem(code).text(lang)
    ] == []
