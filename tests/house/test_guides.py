"""The guides: both languages speak of every command, the page of settings is the programs' own, what they point to is there."""

import re
from pathlib import Path

import pytest

from install import examples
from tests.fix_console import PROGRAMS
from tests.house.tree import ROOT

GUIDES = [ROOT / "install/README.md", ROOT / "install/README.ru.md"]
guides = pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
SERVICES = ("gorod-agent", "gorod-collector", "gorod-portal")
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")


def documented(text: str) -> set[str]:
    """Commands of the tables: the first word of a group stands once, `school add`, `list`, `show`."""
    found: list[str] = []
    for line in text.splitlines():
        for words in CODE.findall(line.split("|")[1]) if line.startswith("| `") else []:
            found.append(words if words.startswith("gorod-") else f"{found[-1].rpartition(' ')[0]} {words}")
    return set(found)


@guides
def test_every_command_is_documented_and_no_other(guide: Path):
    commands = {" ".join((name, *command.words)) for name in SERVICES for command in PROGRAMS[name].commands}
    assert documented(guide.read_text("utf-8")) == commands


def test_the_page_of_settings_is_what_the_tables_say():
    assert examples.PAGE.read_text("utf-8") == examples.page(), "run `python -m install.examples`"


def test_the_page_of_settings_explains_each_in_russian():
    rows = [line.split(" | ") for line in examples.PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if not re.search("[а-яё]", row[-1])] == []


@pytest.mark.parametrize(
    "page", [*GUIDES, ROOT / "install/linux/README.md", ROOT / "README.md"], ids=lambda path: str(path.name)
)
def test_what_a_page_points_to_is_there(page: Path):
    targets = [target.strip() for target in LINK.findall(page.read_text("utf-8")) if "//" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_agent_carries_the_unit_of_the_guide():
    shipped = ROOT / "agent/services/gorod-agent.service"
    assert shipped.read_bytes() == (ROOT / "install/linux/gorod-agent.service").read_bytes()
