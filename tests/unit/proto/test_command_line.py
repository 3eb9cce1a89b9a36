"""What holds for every command of ours: help, mistakes, languages, streams, exit codes, consoles."""

import json
import logging
import re
from pathlib import Path

import pytest

from proto import cli
from proto.cli import OK, Argument, Command, Context, Program, config_command
from proto.problems import Problem
from proto.settings import Setting
from tests.fix_console import PROGRAMS, Console

CYRILLIC = re.compile("[а-яё]")
COMMANDS = [(name, command) for name, program in PROGRAMS.items() for command in program.commands]
commands = pytest.mark.parametrize(
    ("name", "command"), COMMANDS, ids=[" ".join((name, *command.words)) for name, command in COMMANDS]
)
GROUPS = [(name, group) for name, program in PROGRAMS.items() for group in program.groups]


@commands
@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_command_explains_itself_in_both_languages(console: Console, name: str, command: Command, lang: str):
    said = console(name, *command.words, "--help", GOROD_LANG=lang)
    assert (said.code, said.err) == (0, "")
    assert all(option in said.out for option in ("--config", "--data", "--json", "--lang"))
    prose = re.sub(r"\(.*?\)|--?[\w-]+", "", said.out)
    assert bool(CYRILLIC.search(prose)) == (lang == "ru")


@commands
def test_every_argument_of_a_command_has_a_sentence_in_russian(console: Console, name: str, command: Command):
    said = console(name, *command.words, "--help", GOROD_LANG="ru").out
    text = " ".join(said.split())
    assert "show this" not in text
    assert [argument.names for argument in command.arguments if argument.help in text] == []


@pytest.mark.parametrize(("name", "group"), GROUPS)
def test_a_group_of_commands_lists_them(console: Console, name: str, group: str):
    said = console(name, group, "--help", GOROD_LANG="ru")
    listed = [command.words[1] for command in PROGRAMS[name].commands if command.words[0] == group]
    assert said.code == 0
    assert [word for word in listed if word not in said.out] == []


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("words", [(), ("nonsense",), ("config", "--nonsense"), ("--lang", "de"), ("config", "--lang")])
def test_a_command_that_is_not_written_correctly_is_refused_with_exit_2(
    console: Console, name: str, words: tuple[str, ...]
):
    said = console(name, *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("GOR-1016: The command is not written correctly")
    assert "--help" in said.err.splitlines()[1]


def test_a_mistake_is_told_in_russian_too(console: Console):
    said = console("gorod-agent", "enrol", GOROD_LANG="ru")
    assert said.err.startswith("GOR-1016: Команда написана с ошибкой: не хватает --source.")


def test_a_mistake_with_json_is_an_object_too(console: Console):
    said = console("gorod-agent", "enrol", "--json")
    assert (said.code, said.json["code"], set(said.json)) == (2, "GOR-1016", {"code", "class", "text", "next", "at"})


def test_an_option_is_never_guessed_from_its_beginning(console: Console):
    assert console("gorod-agent", "config", "--js").code == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp866", "cp1251", "utf-8"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_help_can_be_printed_on_any_console(console: Console, name: str, encoding: str):
    assert console(name, "--help", encoding=encoding, GOROD_LANG="ru").code == 0


def test_russian_on_a_console_without_cyrillic_is_readable(console: Console):
    said = console("gorod-agent", "explain", "GOR-1107", encoding="ascii", GOROD_LANG="ru")
    assert "Agent eshchyo ne podklyuchyon k departamentu" in said.out


def test_json_on_such_a_console_is_the_same_value(console: Console):
    plain, rich = (
        console("gorod-agent", "explain", "GOR-1107", "--json", encoding=encoding, GOROD_LANG="ru").json
        for encoding in ("ascii", "utf-8")
    )
    assert plain == rich


@pytest.mark.parametrize("name", ["gorod-agent", "gorod-collector", "gorod-portal"])
def test_config_lists_every_setting_as_the_contract_says(console: Console, name: str, tmp_path: Path):
    said = console(name, "config", "--json", "--data", tmp_path)
    program = PROGRAMS[name]
    assert said.code == 0
    assert [row["key"] for row in said.json] == [setting.key for setting in program.settings]
    assert all(set(row) == {"key", "env", "value", "default", "unit", "help"} for row in said.json)
    assert all(row["env"] == f"GOROD_{program.name.upper()}_{row['key'].upper()}" for row in said.json)


@pytest.mark.parametrize("url", ["postgresql://reader:очень тайно@host/db", "postgresql://reader:p@s/s@host/db"])
def test_config_never_shows_a_password_inside_an_address(console: Console, tmp_path: Path, url: str):
    said = console("gorod-agent", "config", "--json", "--data", tmp_path, GOROD_AGENT_SOURCE_URL=url)
    assert {row["key"]: row["value"] for row in said.json}["source_url"] == "postgresql://reader:***@host/db"
    assert "тайно" not in console("gorod-agent", "config", "--data", tmp_path, GOROD_AGENT_SOURCE_URL=url).out


def test_config_hides_a_password_among_the_parameters_of_an_address(console: Console, tmp_path: Path):
    url = "postgresql://host/db?user=a&password=b&sslmode=require"
    said = console("gorod-agent", "config", "--json", "--data", tmp_path, GOROD_AGENT_SOURCE_URL=url)
    shown = {row["key"]: row["value"] for row in said.json}["source_url"]
    assert shown == "postgresql://host/db?user=a&password=***&sslmode=require"


def test_config_masks_secrets(console: Console, tmp_path: Path):
    said = console("gorod-agent", "config", "--json", "--data", tmp_path, GOROD_AGENT_SOURCE_PASSWORD="тайно")
    assert {row["key"]: row["value"] for row in said.json}["source_password"] == "***"


@pytest.mark.parametrize(
    ("text", "code"), [("nonsense = 1", "GOR-1002"), ("source_url = [", "GOR-1001"), ("hot_days = 'two'", "GOR-1003")]
)
def test_a_mistake_in_the_settings_file_is_named(console: Console, tmp_path: Path, text: str, code: str):
    file = tmp_path / "agent.toml"
    file.write_text(text, "utf-8")
    said = console("gorod-agent", "config", "--config", file)
    assert (said.code, said.err[:8]) == (1, code)


# What happens around a command's own work.


def program(run: object) -> Program:
    settings = (Setting("late_s", 1.0, "How late", "s", float, minimum=0.5),)
    command = Command(("go",), "Go", run, (Argument(("--far",), "how far"),))  # type: ignore[arg-type]
    return Program("demo", "Tries", (command, config_command()), settings, Path("none.toml"), Path("none"))


def raising(problem: BaseException) -> Program:
    def run(_context: Context) -> int:
        raise problem

    return program(run)


def go(program: Program, *words: str) -> int:
    return cli.main(program, ["go", *words], {"GOROD_LANG": "en"})


@pytest.mark.usefixtures("console")
class TestAroundACommand:
    """The frame of every command, with commands made for the test."""

    def test_a_problem_goes_to_stderr_and_its_json_to_stdout(self, capsys: pytest.CaptureFixture[str]):
        assert go(raising(Problem("GOR-1012", school="42")), "--json") == 1
        told = capsys.readouterr()
        assert (
            told.err == "GOR-1012: The school 42 exists already.\nChoose another id or work with the existing school.\n"
        )
        assert json.loads(told.out) == {
            "code": "GOR-1012",
            "class": "configuration",
            "text": "The school 42 exists already.",
            "next": "Choose another id or work with the existing school.",
            "at": None,
        }

    def test_a_file_that_nobody_foresaw_is_named(self, capsys: pytest.CaptureFixture[str]):
        assert go(raising(PermissionError(13, "Permission denied", "/etc/shadow"))) == 1
        assert capsys.readouterr().err.startswith("GOR-1021: Access to /etc/shadow failed: Permission denied.")

    def test_a_reader_that_went_away_is_no_traceback(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("sys.stdout", None)
        assert go(raising(BrokenPipeError())) == 1
        __import__("sys").stdout.close()

    def test_an_interrupted_command_ends_as_shells_expect(self):
        assert go(raising(KeyboardInterrupt())) == 130

    def test_commands_only_warn_in_the_log_unless_told_otherwise(self):
        go(program(lambda _context: OK))
        assert logging.getLogger().level == logging.WARNING
        go(program(lambda context: context.keep_log("info") or OK))
        assert logging.getLogger().level == logging.INFO
        cli.main(program(lambda context: context.keep_log("info") or OK), ["go"], {"GOROD_LOG": "debug"})
        assert logging.getLogger().level == logging.DEBUG
        cli.main(program(lambda _context: OK), ["go"], {"GOROD_LOG": "loud"})
        assert logging.getLogger().level == logging.WARNING

    def test_with_json_nothing_but_the_value_is_on_stdout(self, capsys: pytest.CaptureFixture[str]):
        def run(context: Context) -> int:
            context.say("words")
            context.result({"far": context.arguments.far})
            return OK

        assert go(program(run), "--json", "--far", "ё") == 0
        assert capsys.readouterr().out == '{"far": "ё"}\n'
        go(program(run))
        assert capsys.readouterr().out == "words\n"
