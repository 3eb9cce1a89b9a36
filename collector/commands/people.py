"""``gorod-collector user …``: accounts of staff. Passwords come by prompt, file or ``GOROD_PASSWORD``, never in argv."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.commands.shared import department, table
from collector.department import utc_now
from collector.store import accounts
from proto.cli import OK, Argument, Command
from proto.problems import Problem

if TYPE_CHECKING:
    from proto.cli import Context

_LOGIN: Final = Argument(("login",), "login name", {"metavar": "LOGIN"})
_ROLE: Final = Argument(("--role",), "role of the account", {"metavar": "R", "required": True})
_SCHOOL: Final = Argument(
    ("--school",), "the school that the account belongs to", {"metavar": "ID", "action": "append", "default": []}
)
_PASSWORD: Final = Argument(("--password-file",), "file that holds the password", {"metavar": "F"})


def _password(context: Context) -> str:
    """From ``--password-file``, else ``GOROD_PASSWORD``, else asked for twice."""
    given = context.arguments.password_file
    if given:
        try:
            return Path(given).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Problem("GOR-1013", path=given, cause=error) from error
    if context.environ.get("GOROD_PASSWORD"):
        return context.environ["GOROD_PASSWORD"]
    if not sys.stdin.isatty():
        raise Problem("GOR-1010", value="password", cause="--password-file F | GOROD_PASSWORD")
    first = getpass.getpass(context.text("Password: "))
    if first != getpass.getpass(context.text("The same once more: ")):
        raise Problem("GOR-1903", cause="≠")
    return first


def add(context: Context) -> int:
    """Add an account; its second factor is set up at the first sign-in."""
    given = context.arguments
    new = accounts.NewAccount(given.login, given.role, _password(context), tuple(given.school))
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        made = accounts.add(connection, new, utc_now(), accounts.factor_key(opened.keys.master_key()))
    context.say(context.text("Account {login} added.").format(login=made.login))
    context.result(made.as_json())
    return OK


def every(context: Context) -> int:
    """All accounts."""
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        found = [account.as_json() for account in accounts.every(connection)]
    heads = list(found[0]) if found else ["login"]
    table(context, heads, [[account[head] for head in heads] for account in found])
    context.result(found)
    return OK


def role(context: Context) -> int:
    """Give an account another role."""
    given = context.arguments
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        changed = accounts.set_role(connection, given.login, given.role, tuple(given.school))
    context.result(changed.as_json())
    return OK


def disable(context: Context) -> int:
    """Lock an account and end its sessions."""
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        changed = accounts.disable(connection, context.arguments.login, utc_now())
    context.say(context.text("Account {login} disabled.").format(login=changed.login))
    context.result(changed.as_json())
    return OK


def reset(context: Context) -> int:
    """Give an account a new password and let it set up its second factor anew."""
    password = _password(context)
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        changed = accounts.reset(connection, context.arguments.login, password, utc_now())
    context.say(context.text("Account {login} has a new password.").format(login=changed.login))
    context.result(changed.as_json())
    return OK


COMMANDS: Final = (
    Command(("user", "add"), "Add an account", add, (_LOGIN, _ROLE, _SCHOOL, _PASSWORD)),
    Command(("user", "list"), "List the accounts", every),
    Command(("user", "role"), "Give an account another role", role, (_LOGIN, _ROLE, _SCHOOL)),
    Command(("user", "disable"), "Lock an account", disable, (_LOGIN,)),
    Command(("user", "reset"), "Give an account a new password", reset, (_LOGIN, _PASSWORD)),
)
