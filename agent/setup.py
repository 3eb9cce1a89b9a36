"""``gorod-agent setup``: enrolment for a person who does it once: questions one by one, each answer checked before the next."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent import asking, enrolling
from agent.config import BESIDE, read_config
from agent.services import commands as services
from agent.sources.base import Options
from agent.sources.factory import open_source
from proto.cli import FAILED, OK, Command, tell
from proto.enrolment import parse_code
from proto.files import private_folder
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from proto.cli import Context

_NOBODY_TO_ASK: Final = "GOR-1015"
_CODE_IS_WRONG: Final = frozenset({"GOR-1101", "GOR-1102", "GOR-1103", "GOR-1104"})

_Answer = TypeVar("_Answer")


def setup(context: Context) -> int:
    """Code, database, password, check of the profile, service. Nothing is changed in the database; may be repeated."""
    say, text = context.say, context.text
    private_folder(context.data)
    say(text(_("This connects the school to the department. The database is only read. Ctrl-C ends it at any time.")))
    code = _until_right(context, lambda: _code(context))
    wish = _until_right(context, lambda: _source(context, code))
    school = _enrol(context, wish)
    say(text(_("Connected as school {school}.")).format(school=school))
    fits = _check_profile(context)
    runs = _offer_service(context)
    context.result({"school": school, "data": str(context.data), "profile_ok": fits, "service": runs})
    return OK if fits else FAILED


def _until_right(context: Context, ask: Callable[[], _Answer]) -> _Answer:
    """Ask until the answer is right; what is wrong with one is said in words."""
    while True:
        try:
            return ask()
        except Problem as problem:
            if problem.code == _NOBODY_TO_ASK:
                raise
            tell(problem, context.lang)


def _code(context: Context) -> str:
    """The code, free of typing errors; where it leads is shown."""
    code = asking.line(context, _("Connection code from the department: "))
    context.say(context.text(_("The department's address: {address}")).format(address=parse_code(code).address))
    return code


def _source(context: Context, code: str) -> enrolling.Wish:
    """A database that can be opened and read."""
    url = asking.line(
        context, _("NetSchool database: path of the SQLite file, or postgresql://login@server/database: ")
    )
    url = url if "://" in url else f"sqlite:///{Path(url).expanduser().resolve()}"
    password = "" if url.startswith("sqlite") else asking.line_unseen(context, _("Password of the database login: "))
    source = open_source(Options(url, "", password=password))
    try:
        tables = len(source.describe(counts=False).tables)
    finally:
        source.close()
    context.say(context.text(_("The database can be read, tables: {count}.")).format(count=tables))
    return enrolling.Wish(code, url, password, proxy=context.environ.get("GOROD_AGENT_PROXY", ""))


def _enrol(context: Context, wish: enrolling.Wish) -> str:
    """Use the code; after a failure the person decides whether to try again, with another code if that was at fault."""
    while True:
        try:
            return asyncio.run(enrolling.run(context.data, wish)).identity.facts.school
        except Problem as problem:
            tell(problem, context.lang)
            if not asking.agrees(context, _("Try again? [Y/n] ")):
                raise
            if problem.code in _CODE_IS_WRONG:
                wish = replace(wish, code=_until_right(context, lambda: _code(context)))


def _check_profile(context: Context) -> bool:
    """Whether everything that the department wants can be read here."""
    from agent import profile_check
    from agent.offline import opened_source

    with opened_source(read_config(context.data, context.data / BESIDE, context.environ)) as (source, profile):
        found = profile_check.check(profile, source)
    for entity in found.entities:
        for problem in entity.problems:
            context.say(f"✕ {entity.entity}: {problem.code}: {problem.text(context.lang)}")
    told = context.text(_("mapping checked: {passed} of {total}"))
    context.say(told.format(passed=found.passed, total=len(found.entities)))
    return found.ok


def _offer_service(context: Context) -> bool:
    """Install the service if the person may and wants it, else say how to start the agent; returns whether it runs."""
    try:
        administrator = services.manager().is_administrator()
    except Problem:
        return _say_next(context, f"gorod-agent run --data {context.data.resolve()}")
    wanted = administrator and asking.agrees(context, _("Install the service that starts with the computer? [Y/n] "))
    if not wanted:
        return _say_next(context, f"gorod-agent service install --data {context.data.resolve()}")
    services.install_for(context.data)
    context.say(context.text(_("The service is installed and runs.")))
    return True


def _say_next(context: Context, command: str) -> bool:
    context.say(context.text(_("Next: {command}")).format(command=command))
    return False


COMMANDS: Final = (Command(("setup",), _("Connect this school step by step, asking what is needed"), setup),)
