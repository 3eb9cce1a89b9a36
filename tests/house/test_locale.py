"""Compiled catalogues are what their sources say, Russian is whole, and nothing said in code is missing."""

import gettext
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from install import messages
from tests.house.tree import name

CASES = [(domain, file) for domain in messages.DOMAINS for file in messages.catalogues(domain)]
cases = pytest.mark.parametrize(("domain", "file"), CASES, ids=[name(file) for _, file in CASES])


def keys(catalogue: Catalog) -> set[Any]:
    """What is looked up at run time: the id, its context if it has one."""
    first = ((message.id if isinstance(message.id, str) else message.id[0], message.context) for message in catalogue)
    return {key for key in first if key[0]}


@cases
def test_the_compiled_catalogue_is_made_of_its_source(domain: messages.Domain, file: Path):
    assert file.exists(), domain.locale
    with file.with_suffix(".mo").open("rb") as stream:
        compiled = gettext.GNUTranslations(stream)
    for message in messages.read(file):
        if isinstance(message.id, str) and message.id and message.string:
            look_up = (message.context, message.id) if message.context else (message.id,)
            found = compiled.pgettext(*look_up) if message.context else compiled.gettext(*look_up)
            assert found == message.string, f"run `python -m install.messages` ({domain.locale})"


@cases
def test_everything_said_in_code_stands_in_the_catalogue(domain: messages.Domain, file: Path):
    assert keys(messages.said(domain)) - keys(messages.read(file)) == set(), "run `python -m install.messages`"


@cases
def test_russian_is_whole(domain: messages.Domain, file: Path):
    if messages.language(file) == "ru":
        assert messages.untranslated(messages.read(file)) == [], domain.locale
