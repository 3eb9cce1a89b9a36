"""Example files: valid TOML that changes nothing, and every fact of a setting in words."""

import tomllib
from pathlib import Path

import pytest

from install import examples
from proto.settings import Setting

TABLE = (
    Setting("late_s", 900, "A silent school is late after", unit="s", kind=int, minimum=1),
    Setting("health_mode", "collapse", 'How illness is told: "collapse" or "full"', choices=("collapse", "full")),
    Setting("database_url", None, "Address of the database.", secret=True),
    Setting("compress", default=True, help="Compress what is sent", kind=bool),
    Setting("folder", Path("папка с пробелом"), "Where state lies", kind=Path),
    Setting("ratio", 0.5, "A share", kind=float),
)


@pytest.fixture
def rendered() -> str:
    """The example of a program with one setting of each kind."""
    return examples.render("agent", TABLE)


def test_an_example_as_it_is_sets_nothing(rendered: str):
    assert tomllib.loads(rendered) == {}


def test_an_example_uncommented_sets_the_defaults(rendered: str):
    lines = [line.removeprefix("# ") for line in rendered.splitlines() if " = " in line]
    assert tomllib.loads("\n".join(lines)) == {
        "late_s": 900,
        "health_mode": "collapse",
        "database_url": "",
        "compress": True,
        "folder": "папка с пробелом",
        "ratio": 0.5,
    }


@pytest.mark.parametrize(
    "line",
    [
        "# A silent school is late after (s; at least 1).",
        '# How illness is told: "collapse" or "full" (one of collapse, full).',
        "# Address of the database (secret).",
        "# Compress what is sent.",
    ],
)
def test_a_setting_is_told_with_its_unit_its_limits_and_its_choices(rendered: str, line: str):
    assert line in rendered.splitlines()


def test_the_head_names_the_file_and_the_environment(rendered: str):
    head = rendered.split("\n\n", maxsplit=1)[0]
    assert "/etc/gorod/agent.toml" in head
    assert "GOROD_AGENT_<KEY>" in head


def test_the_command_writes_one_file_per_program_and_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(examples, "FOLDER", tmp_path)
    monkeypatch.setattr(examples, "PAGE", tmp_path / "SETTINGS.md")
    monkeypatch.setattr(examples, "table", lambda _program: TABLE)
    examples.main()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "SETTINGS.md",
        "agent.example.toml",
        "collector.example.toml",
        "portal.example.toml",
    ]
