"""What every command of ours shares: the same options after the subcommand, exit codes, results to stdout, the rest to stderr.

Exit 0 ok, 1 failed, 2 misused, 130 interrupted. With ``--json`` the last line of stdout is one JSON value: the result, or the problem.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from proto import __version__, argparse_words
from proto.plain import make_output_safe
from proto.problems import Problem
from proto.settings import describe, load
from proto.texts import choose_language, translations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from proto.settings import Setting

OK, FAILED, MISUSED = 0, 1, 2
_INTERRUPTED: Final = 130
_MISUSE: Final = frozenset({"GOR-1004", "GOR-1010", "GOR-1015", "GOR-1016"})


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command, as argparse takes it; ``help`` is an English message id."""

    names: tuple[str, ...]
    help: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """One command, by its words: ``("school", "add")``. ``run`` returns the exit code."""

    words: tuple[str, ...]
    help: str
    run: Callable[[Context], int]
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A program: its name for settings (``agent``), its commands, its table of settings, where its file and data usually are."""

    name: str
    description: str
    commands: Sequence[Command]
    settings: Sequence[Setting]
    config: Path
    data: Path
    groups: Mapping[str, str] = field(default_factory=dict)
    """What a first word with several commands below it is about: ``{"school": "schools and their codes"}``."""


class Context:
    """What a running command knows of its call."""

    def __init__(self, program: Program, arguments: argparse.Namespace, lang: str, environ: Mapping[str, str]) -> None:
        self.program, self.arguments, self.lang, self.environ = program, arguments, lang, environ
        self.json: bool = arguments.json
        self.data = Path(arguments.data).expanduser() if arguments.data else self._default_data()
        self.text = translations(lang).gettext
        self.ntext = translations(lang).ngettext

    def _default_data(self) -> Path:
        return Path(self.environ.get(f"GOROD_{self.program.name.upper()}_DATA") or self.program.data).expanduser()

    def config_file(self, beside: str | None = None) -> Path | None:
        """The settings file: ``--config``, else ``beside`` in the data folder, else the system's, else None."""
        if self.arguments.config:
            return Path(self.arguments.config)
        for candidate in ([self.data / beside] if beside else []) + [self.program.config]:
            if candidate.exists():
                return candidate
        return None

    def settings(self, beside: str | None = None) -> dict[str, Any]:
        """Checked settings of the program; raises Problem."""
        return load(self.program.name, self.program.settings, self.config_file(beside), self.environ)

    def keep_log(self, level: str) -> None:
        """Log at this level from now on, unless ``GOROD_LOG`` says otherwise: for programs that run on. Others only warn."""
        logging.getLogger().setLevel(_log_level(self.environ, level.upper()))

    def say(self, line: str = "") -> None:
        """A line for people on stdout; nothing with ``--json``."""
        if not self.json:
            print(line)

    def result(self, value: Any) -> None:
        """The result as JSON, one line, with ``--json``; nothing otherwise."""
        if self.json:
            _print_json(value)


def _log_level(environ: Mapping[str, str], level: str) -> str:
    """``GOROD_LOG`` if it names a level, else the given one."""
    asked = environ.get("GOROD_LOG", "").upper()
    return asked if asked in logging.getLevelNamesMapping() else level


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=not _is_unicode(sys.stdout.encoding), default=str), flush=True)


def _is_unicode(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("-", "").startswith("utf")


class _Parser(argparse.ArgumentParser):
    """A mistake in the command line is a problem like any other."""

    def error(self, message: str) -> NoReturn:
        raise Problem("GOR-1016", message=message, command=self.prog)


def main(program: Program, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command line; returns the exit code. Problems are told in words, or as JSON with ``--json``."""
    arguments, environ = list(sys.argv[1:] if argv is None else argv), os.environ if environ is None else environ
    lang = choose_language(_early_lang(arguments), environ)
    make_output_safe()
    try:
        return _run(program, arguments, lang, environ)
    except Problem as problem:
        tell(problem, lang)
        if "--json" in arguments:
            _print_json(problem.as_json(lang))
        return MISUSED if problem.code in _MISUSE else FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of stdout went away, as `| head` does
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  keeps the interpreter's last flush quiet
        return FAILED


def _run(program: Program, arguments: list[str], lang: str, environ: Mapping[str, str]) -> int:
    namespace = _parser(program, lang).parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=_log_level(environ, "WARNING"),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        force=True,
    )
    context = Context(program, namespace, lang, environ)
    try:
        return int(namespace.run(context))
    except BrokenPipeError:
        raise
    except (
        OSError
    ) as error:  # a file or folder that nobody foresaw: its name and the system's word tell more than a traceback
        logging.getLogger(__name__).debug("unforeseen", exc_info=error)
        if error.filename is None:
            raise Problem("GOR-1099", cause=error) from error
        raise Problem("GOR-1021", path=error.filename, cause=error.strerror) from error


def tell(problem: Problem, lang: str) -> None:
    """The problem on stderr: code and sentence, then the next step."""
    for line in (f"{problem.code}: {problem.text(lang)}", problem.next_step(lang)):
        print(line, file=sys.stderr)


def _early_lang(arguments: Sequence[str]) -> str | None:
    """``--lang`` before parsing, so that help and errors speak it too."""
    for position, word in enumerate(arguments):
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
        if word == "--lang" and position + 1 < len(arguments):
            return arguments[position + 1]
    return None


def _parser(program: Program, lang: str) -> argparse.ArgumentParser:
    text = translations(lang).gettext
    argparse_words.speak(translations(lang))
    name = "gorod" if program.name == "demo" else f"gorod-{program.name}"
    top = _Parser(prog=name, description=text(program.description), allow_abbrev=False)
    version = text("show program's version number and exit")
    top.add_argument("--version", action="version", version=f"{name} {__version__}", help=version)
    groups: dict[tuple[str, ...], Any] = {(): top.add_subparsers(dest="command", required=True, metavar="COMMAND")}
    shared = _shared_options(text)
    for command in program.commands:
        for depth in range(1, len(command.words)):
            group = command.words[:depth]
            if group not in groups:
                about = text(program.groups[group[-1]])
                child = groups[group[:-1]].add_parser(group[-1], help=about, description=about, allow_abbrev=False)
                groups[group] = child.add_subparsers(required=True, metavar="COMMAND")
        leaf = groups[command.words[:-1]].add_parser(
            command.words[-1],
            help=text(command.help),
            description=text(command.help),
            parents=[shared],
            allow_abbrev=False,
        )
        for argument in command.arguments:
            leaf.add_argument(*argument.names, help=_help(text, argument), **argument.options)
        leaf.set_defaults(run=command.run)
    return top


def _help(text: Callable[[str], str], argument: Argument) -> str:
    """The argument's help with its default, where that says something; argparse fills in ``%(default)s`` itself."""
    default = argument.options.get("default")
    shown = default not in (None, "", []) and argument.options.get("action") != "store_true"
    return text(argument.help).replace("%", "%%") + (" (%(default)s)" if shown else "")


def _shared_options(text: Callable[[str], str]) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    group = shared.add_argument_group(text("options of every command"))
    group.add_argument("--config", metavar="FILE", help=text("settings file"))
    group.add_argument("--data", metavar="FOLDER", help=text("data folder"))
    group.add_argument("--json", action="store_true", help=text("result as JSON, in the last line"))
    group.add_argument("--lang", choices=("ru", "en"), help=text("language of the output"))
    return shared


def config_command(beside: str | None = None) -> Command:
    """The command ``config``: every setting with its value, default and meaning."""

    def run(context: Context) -> int:
        rows = describe(context.program.name, context.program.settings, context.settings(beside))
        for row in rows:
            unit = f" {row['unit']}" if row["unit"] else ""
            context.say(f"{row['key']} = {row['value']}{unit}    {row['env']}\n    {context.text(row['help'])}")
        context.result(rows)
        return OK

    return Command(("config",), "Show every setting, its value and its meaning", run)
