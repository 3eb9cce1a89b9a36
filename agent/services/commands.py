"""``gorod-agent service install | uninstall | start | stop | status``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.services.plan import SERVICE, Manager, ask, carry_out
from agent.transport.identity import IdentityFolder
from agent.wiring import IDENTITY_FOLDER
from proto.cli import OK, Command
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.services.plan import Step
    from proto.cli import Context


def manager() -> Manager:
    """The service manager of this computer.

    Raises:
        Problem: GOR-1018, there is none that we know; GOR-1014, its part of the agent is not installed.
    """
    chosen: Manager
    if sys.platform == "win32":
        from agent.services.windows import Windows

        chosen = Windows()
    else:
        from agent.services.systemd import Systemd

        chosen = Systemd()
    if problem := chosen.needs():
        raise problem
    return chosen


def own_program() -> tuple[str, ...]:
    """How a service starts this very installation, without the data folder: on Windows the host of services, else the agent."""
    if sys.platform == "win32":
        return sys.executable, "-P", "-m", "agent.services.windows_host"
    beside = Path(sys.executable).with_name("gorod-agent")
    found = str(beside) if beside.exists() else shutil.which("gorod-agent")
    return (found,) if found else (sys.executable, "-P", "-m", "agent")


def install(context: Context) -> int:
    """Let the agent start with the computer; safe to repeat."""
    IdentityFolder(context.data / IDENTITY_FOLDER).load()
    return _do(
        context, "install", lambda chosen: _install_plan(chosen, context.data), _("The service is installed and runs.")
    )


def install_for(data: Path) -> None:
    """The same without words, for ``setup``."""
    carry_out(_install_plan(manager(), data))


def _install_plan(chosen: Manager, data: Path) -> list[Step]:
    return chosen.install(own_program(), data.resolve())


def uninstall(context: Context) -> int:
    """The agent no longer starts with the computer; its data folder stays."""
    return _do(
        context, "uninstall", lambda chosen: chosen.uninstall(), _("The service is removed; the data folder stays.")
    )


def start(context: Context) -> int:
    """Start the service."""
    return _do(context, "start", lambda chosen: chosen.start(), _("The service runs."))


def stop(context: Context) -> int:
    """Stop the service until the computer starts again."""
    return _do(
        context, "stop", lambda chosen: chosen.stop(), _("The service is stopped; it starts again with the computer.")
    )


def status(context: Context) -> int:
    """Whether the service is installed and runs; exit 0 whenever that could be found out."""
    told = _look(manager())
    words = {
        (True, True): _("The service is installed and runs."),
        (True, False): _("The service is installed and does not run."),
    }
    context.say(context.text(words.get((told["installed"], told["running"]), _("The service is not installed."))))
    context.result(told)
    return OK


def _do(context: Context, verb: str, plan: Callable[[Manager], list[Step]], done: str) -> int:
    chosen = manager()
    if not chosen.is_administrator():
        raise Problem("GOR-1017", command=f"gorod-agent service {verb}")
    if verb != "install" and not chosen.look(ask).installed:
        raise Problem("GOR-1020", service=SERVICE)
    carry_out(plan(chosen))
    context.say(context.text(done))
    context.result(_look(chosen))
    return OK


def _look(chosen: Manager) -> dict[str, Any]:
    found = chosen.look(ask)
    return {"service": SERVICE, "installed": found.installed, "running": found.running}


GROUPS: Final = {"service": _("the agent as a service of this computer")}
COMMANDS: Final = (
    Command(("service", "install"), "Let the agent start with the computer", install),
    Command(("service", "uninstall"), "Remove the service; the data folder stays", uninstall),
    Command(("service", "start"), "Start the service", start),
    Command(("service", "stop"), "Stop the service", stop),
    Command(("service", "status"), "Show whether the service runs", status),
)
