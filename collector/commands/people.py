"""``gorod-collector user …``: accounts of staff. Passwords come by prompt, file or ``GOROD_PASSWORD``, never in argv."""

from __future__ import annotations

import getpass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from collector.commands.shared import at_terminal, department, read_secret, table
from collector.core.activation import code_key
from collector.department import utc_now
from collector.store import accounts, activations, schools
from proto.cli import OK, Argument, Command
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from proto.cli import Context

_LOGIN: Final = Argument(("login",), "login name", {"metavar": "LOGIN"})
_ROLE: Final = Argument(
    ("--role",),
    "role: pupil, parent, teacher, class_teacher, deputy, secretary, head, sysadmin, operator, analyst, security, admin",
    {"metavar": "R", "required": True},
)
_SCHOOL: Final = Argument(
    ("--school",),
    "the school that the account belongs to; may be given several times",
    {"metavar": "ID", "action": "append", "default": []},
)
_PASSWORD: Final = Argument(
    ("--password-file",), "file that holds the password; else GOROD_PASSWORD or a prompt", {"metavar": "F"}
)


def _password(context: Context) -> str:
    """From ``--password-file``, else ``GOROD_PASSWORD``, else asked for twice."""
    if context.arguments.password_file:
        return read_secret(context.arguments.password_file)
    if context.environ.get("GOROD_PASSWORD"):
        return context.environ["GOROD_PASSWORD"]
    if not at_terminal():
        raise Problem("GOR-1015", what=context.text(_("password")), option="--password-file", env="GOROD_PASSWORD")
    first = getpass.getpass(context.text(_("Password: ")))
    if first != getpass.getpass(context.text(_("The same once more: "))):
        raise Problem("GOR-1010", value="…", cause="the two entries differ")
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
        found = accounts.every(connection)
    table(
        context,
        (_("login"), _("role"), _("schools"), _("second factor"), _("last sign-in"), _("disabled")),
        [(a.login, a.role, a.schools, a.factor, a.signed_in_at, a.disabled_at) for a in found],
    )
    context.result([account.as_json() for account in found])
    return OK


def role(context: Context) -> int:
    """Give an account another role."""
    given = context.arguments
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        changed = accounts.set_role(connection, given.login, given.role, tuple(given.school), utc_now())
    context.say(context.text(_("Account {login} has the role {role}.")).format(login=changed.login, role=changed.role))
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


def code(context: Context) -> int:
    """Make an activation code for a person of a school: the only moment at which it is shown."""
    given = context.arguments
    wanted = [activations.Wanted(given.person, given.role)]
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        school = schools.get(connection, given.school)
        (made,) = activations.issue(
            connection,
            school.id,
            wanted,
            by=None,
            now=utc_now(),
            life=timedelta(days=given.days),
            key=code_key(opened.keys.master_key()),
        )
    context.say(made.code)
    context.result(
        {
            "school": school.id,
            "person": made.person,
            "role": made.role,
            "code": made.code,
            "expires_at": made.expires_at.isoformat().replace("+00:00", "Z"),
        }
    )
    return OK


GROUPS: Final = {"user": _("accounts for the portal")}
COMMANDS: Final = (
    Command(("user", "add"), "Add an account", add, (_LOGIN, _ROLE, _SCHOOL, _PASSWORD)),
    Command(("user", "list"), "List the accounts", every),
    Command(("user", "role"), "Give an account another role", role, (_LOGIN, _ROLE, _SCHOOL)),
    Command(("user", "disable"), "Lock an account", disable, (_LOGIN,)),
    Command(("user", "reset"), "Give an account a new password", reset, (_LOGIN, _PASSWORD)),
    Command(
        ("user", "code"),
        "Make a one-time code with which a person of a school makes the own account",
        code,
        (
            Argument(("person",), "key of the person in the school's source", {"metavar": "PERSON"}),
            _ROLE,
            Argument(("--school",), "id of the school", {"metavar": "ID", "required": True}),
            Argument(("--days",), "how long the code is good", {"metavar": "N", "type": int, "default": 30}),
        ),
    ),
)
