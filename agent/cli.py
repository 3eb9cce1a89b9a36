"""``gorod-agent``: parse, call, print, exit code. What the commands do stands elsewhere."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent import asking, words
from agent import setup as step_by_step
from agent.config import BESIDE, DEFAULT_DATA, DEFAULT_FILE, PROGRAM, SETTINGS, Config, read_config
from agent.health import in_words
from agent.services import commands as services
from proto.cli import FAILED, OK, Argument, Command, Context, Program, config_command
from proto.cli import main as run_program
from proto.problems import CATALOGUE, Problem
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Sequence


def _config(context: Context) -> Config:
    return read_config(context.data, context.config_file(BESIDE), context.environ)


def enrol(context: Context) -> int:
    """Connect this school to the department by a one-time code."""
    from agent import enrolling

    given = context.arguments
    enrolling.refuse_password(given.source)
    code = (
        asking.read_file(given.code_file)
        if given.code_file
        else context.environ.get("GOROD_CODE") or _ask_code(context)
    )
    password = (
        asking.read_file(given.source_password_file)
        if given.source_password_file
        else context.environ.get("GOROD_AGENT_SOURCE_PASSWORD", "")
    )
    wish = enrolling.Wish(
        code,
        given.source,
        password,
        str(Path(given.source_password_file).resolve()) if given.source_password_file else "",
        given.profile or "",
        context.environ.get("GOROD_AGENT_SOURCE_ORGANISATION", ""),
        context.environ.get("GOROD_AGENT_PROXY", ""),
    )
    enrolled = asyncio.run(enrolling.run(context.data, wish))
    facts = enrolled.identity.facts
    told = {
        "school": facts.school,
        "organisation": facts.organisation,
        "sync_address": facts.sync_address,
        "certificate_until": enrolled.identity.not_after.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": str(context.data),
    }
    context.say(context.text(_("Connected as school {school}.")).format(school=facts.school))
    context.say(
        context.text(_("Next: {command}")).format(
            command=f"gorod-agent service install --data {context.data.resolve()}"
        )
    )
    context.result(told)
    return OK


def _ask_code(context: Context) -> str:
    """The code from the person, or the first line of stdin; Problem GOR-1015 names the other ways."""
    if sys.stdin.isatty():
        return asking.line(context, _("Connection code from the department: "))
    typed = sys.stdin.readline().strip()
    if not typed:
        what = context.text(_("connection code"))
        raise Problem("GOR-1015", what=what, option="--code-file", env="GOROD_CODE")
    return typed


def run(context: Context) -> int:
    """Run the agent until it is told to stop."""
    from agent.service import Service

    config = _config(context)
    context.keep_log(config.log_level)
    service = Service(config)
    asyncio.run(service.run())
    return OK


def once(context: Context) -> int:
    """One full sweep, proven equal."""
    from agent.service import Service

    config = _config(context)
    context.keep_log(config.log_level)
    service = Service(config)
    complete = asyncio.run(service.once())
    told = (
        _without_details(in_words(json.loads(service.final), context.lang)) if service.final else _saved_status(context)
    )
    _say_status(context, told)
    context.result(told)
    return OK if complete else FAILED


def status(context: Context) -> int:
    """How the agent is."""
    told = _saved_status(context)
    _say_status(context, told)
    context.result(told)
    return OK


def _saved_status(context: Context) -> dict[str, Any]:
    """The status of the running agent, else of the state that the last one left."""
    from agent.offline import status_of

    told = status_of(context.data, context.lang)
    return _without_details(in_words(told, context.lang))


def _without_details(told: dict[str, Any]) -> dict[str, Any]:
    if told.get("problem"):
        told = {**told, "problem": {name: value for name, value in told["problem"].items() if name != "details"}}
    return told


def _say_status(context: Context, told: dict[str, Any]) -> None:
    for one in words.in_lines(context, told):
        context.say(one)


def doctor(context: Context) -> int:
    """Check everything that could be wrong here."""
    from agent.doctor import Doctor, bundle

    config = _config(context)
    checks = Doctor(config, context.lang, context.text).run()
    for check in checks:
        context.say(
            f"{'✓' if check.ok else '✕'} {check.name}: {check.text}" + (f"\n    → {check.next}" if check.next else "")
        )
    if context.arguments.bundle:
        bundle(config, checks, Path(context.arguments.bundle))
        context.say(context.text("Report written: {path}").format(path=context.arguments.bundle))
    told = {"checks": [check.as_json() for check in checks], "ok": all(check.ok for check in checks)}
    context.result(told)
    return OK if told["ok"] else FAILED


def explain(context: Context) -> int:
    """What a problem code means and what to do."""
    code = context.arguments.code.upper()
    if code not in CATALOGUE:
        raise Problem("GOR-1010", value=context.arguments.code, cause="a code looks like GOR-1207")
    problem = Problem(code)
    context.say(f"{code}\n{problem.text(context.lang)}\n{problem.next_step(context.lang)}")
    if code == "GOR-1203":
        context.say("\n" + context.text(LETTER))
    context.result(problem.as_json(context.lang))
    return OK


LETTER: Final = _(
    "Letter to the provider:\n"
    "Our school sends data to the department of education over an encrypted connection (TLS 1.3, mutual certificates). A device or "
    "program in your network replaces the server's certificate by its own, and the connection is refused. Please exempt the address "
    "of the department's collector and its two ports from the inspection of encrypted traffic."
)


def profile_survey(context: Context) -> int:
    """Tables, columns, types and row counts of the database, no values: for the department to make a profile from."""
    from agent.offline import surveyed_source

    with surveyed_source(_config(context)) as source:
        told = source.describe().as_json()
    context.say(json.dumps(told, ensure_ascii=False, indent=1))
    context.result(told)
    return OK


def profile_check(context: Context) -> int:
    """Whether the profile fits the database."""
    from agent import profile_check as checks
    from agent.offline import opened_source

    with opened_source(_config(context), context.arguments.profile) as (source, profile):
        found = checks.check(profile, source)
    for entity in found.entities:
        context.say(f"{'✓' if entity.ok else '✕'} {entity.entity}")
        for problem in entity.problems:
            context.say(f"    {problem.code}: {problem.text(context.lang)}")
    context.say(
        context.text("mapping checked: {passed} of {total}").format(passed=found.passed, total=len(found.entities))
    )
    context.result(found.as_json(context.lang))
    return OK if found.ok else FAILED


def profile_preview(context: Context) -> int:
    """What would leave the school, masked."""
    from agent import profile_check as checks
    from agent.offline import opened_source

    told = []
    with opened_source(_config(context), context.arguments.profile) as (source, profile):
        for entity in profile.entities:
            seen = checks.preview(entity, source)
            told.append(asdict(seen))
    for one in told:
        _say_preview(context, one)
    context.result(told)
    return OK


def _say_preview(context: Context, one: dict[str, Any]) -> None:
    context.say(one["entity"])
    leaving = ", ".join(name for name, *_privacy in one["leaving"])
    context.say("  " + context.text(_("leaves: {columns}")).format(columns=leaving))
    if one["staying"]:
        context.say("  " + context.text(_("stays: {columns}")).format(columns=", ".join(one["staying"])))
    for row in one["rows"]:
        context.say("    " + " | ".join("" if cell is None else str(cell) for cell in row))


_PROFILE: Final = Argument(
    ("--profile",), "name or file of the profile; without it the one that the department sent", {"metavar": "NAME|FILE"}
)

COMMANDS: Final = (
    *step_by_step.COMMANDS,
    Command(
        ("enrol",),
        "Connect this school to the department by a one-time code",
        enrol,
        (
            Argument(
                ("--code-file",), "file that holds the connection code; else GOROD_CODE or a prompt", {"metavar": "F"}
            ),
            Argument(
                ("--source",),
                "address of the NetSchool database without a password: sqlite:///path or postgresql://login@server/database",
                {"metavar": "URL", "required": True},
            ),
            Argument(
                ("--source-password-file",),
                "file that holds the password of the database login; else GOROD_AGENT_SOURCE_PASSWORD",
                {"metavar": "F"},
            ),
            _PROFILE,
        ),
    ),
    Command(("run",), "Run the agent until it is stopped", run),
    Command(("once",), "Compare everything once and send what differs; exit 0 if proven equal", once),
    Command(("status",), "Show how the agent is and what the department has", status),
    Command(
        ("doctor",),
        "Check everything that could be wrong here",
        doctor,
        (
            Argument(
                ("--bundle",),
                "also write a report for the department, without secrets and without rows",
                {"metavar": "FILE", "nargs": "?", "const": "gorod-doctor.zip"},
            ),
        ),
    ),
    Command(
        ("explain",),
        "Explain a problem code",
        explain,
        (Argument(("code",), "for example GOR-1207", {"metavar": "CODE"}),),
    ),
    config_command(BESIDE),
    Command(("profile", "survey"), "Describe the database's schema, no values", profile_survey),
    Command(("profile", "check"), "Check that a profile fits the database", profile_check, (_PROFILE,)),
    Command(("profile", "preview"), "Show, masked, what would leave the school", profile_preview, (_PROFILE,)),
    *services.COMMANDS,
)

PROGRAM_OF_AGENT: Final = Program(
    PROGRAM,
    "The agent of one school: reads its NetSchool database and keeps the department equal to it",
    COMMANDS,
    SETTINGS,
    DEFAULT_FILE,
    DEFAULT_DATA,
    {"profile": _("how the database is mapped to what the department wants"), **services.GROUPS},
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_program(PROGRAM_OF_AGENT, argv)
