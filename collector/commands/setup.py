"""``gorod-collector init | serve | status | verify | db migrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from collector.commands.shared import LEVELS, department, moment, table
from collector.department import Department, utc_now
from collector.store import health, schools
from collector.store.migrate import migrate
from collector.verify import verify_school
from proto.cli import FAILED, OK, Argument, Command
from proto.texts import _

if TYPE_CHECKING:
    from proto.cli import Context


def init(context: Context) -> int:
    """Make everything that the collector needs; safe to repeat."""
    with Department.initialise(context.data, context.settings("collector.toml")) as made:
        told = {"ca_pin": made.authority.pin, "sync_public": made.sync_address, "enrol_public": made.enrol_address}
    context.say(context.text("The collector is ready in {path}.").format(path=context.data))
    for name, value in told.items():
        context.say(f"  {name}: {value}")
    context.say(
        context.text(
            "Next: gorod-collector serve; gorod-collector school add ID --name N; gorod-collector user add LOGIN --role admin"
        )
    )
    context.result(told)
    return OK


def serve(context: Context) -> int:
    """Run the daemon until it is told to stop."""
    from collector.service import run

    values = context.settings("collector.toml")
    context.keep_log(values["log_level"])
    return run(context.data, values)


def status(context: Context) -> int:
    """Every school: level, stamps, rows, problem."""
    values = context.settings("collector.toml")
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        told = health.status_json(
            health.read_health(connection, utc_now(), values["late_s"], values["silent_s"]), context.lang
        )
    context.say(_summary(context, told["totals"]))
    if told["schools"]:
        heads = (_("state"), _("school"), _("name"), _("rows"), _("complete"), _("problem"))
        table(context, heads, [_line(context, one) for one in told["schools"]])
    context.result(told)
    return OK


def _summary(context: Context, totals: dict[str, int]) -> str:
    """The answer first: how many schools are in order, and how many are not."""
    total = sum(totals.values())
    parts = [
        context.ntext("{ok} of {total} school is in order", "{ok} of {total} schools are in order", total),
        *([context.text(_("late: {late}"))] if totals["late"] else []),
        *([context.text(_("silent: {silent}"))] if totals["silent"] else []),
        *([context.text(_("with an error: {error}"))] if totals["error"] else []),
    ]
    return ", ".join(parts).format(total=total, **totals) + "."


def _line(context: Context, one: dict[str, Any]) -> tuple[Any, ...]:
    """A school's row for people."""
    level = context.text(LEVELS[one["level"]])
    return level, one["school"], one["name"], one["rows"], moment(one["complete_at"]), _first_words(one["problem"])


def _first_words(problem: dict[str, Any] | None) -> str:
    return f"{problem['code']} {problem['text']}" if problem else ""


def verify(context: Context) -> int:
    """Check what the store holds against its own ledger and digests; with ``--deep`` every stored value."""
    with department(context) as opened:
        with opened.database.begin(scope="*") as connection:
            named = context.arguments.school
            ids = [schools.get(connection, named).id] if named else [school.id for school in schools.every(connection)]
        checked = [
            verify_school(
                opened.database, opened.keys, one, utc_now(), opened.office.signers(one), deep=context.arguments.deep
            )
            for one in ids
        ]
    told = {"ok": all(one["equal"] and one["chain"] for one in checked), "schools": checked}
    table(
        context,
        (_("school"), _("equal"), _("chain"), _("rows"), _("differences")),
        [(o["school"], o["equal"], o["chain"], o["rows"], len(o["differences"])) for o in checked],
    )
    context.result(told)
    return OK if told["ok"] else FAILED


def migrate_database(context: Context) -> int:
    """Bring the database to this program's schema."""
    values = context.settings("collector.toml")
    with department(context) as opened:
        version = migrate(opened.owner_url, values["lock_timeout_s"])
    context.say(context.text("The database is at version {version}.").format(version=version))
    context.result({"version": version})
    return OK


GROUPS: Final = {"db": _("the database")}
COMMANDS: Final = (
    Command(("init",), "Prepare the collector: keys, certificate authority, database; may be repeated", init),
    Command(("serve",), "Run the collector until it is stopped", serve),
    Command(("status",), "Show how every school is", status),
    Command(
        ("verify",),
        "Prove that the store holds what the agents sent; exit 1 unless it does",
        verify,
        (
            Argument(("--school",), "only this school", {"metavar": "ID"}),
            Argument(("--deep",), "read every stored value back", {"action": "store_true"}),
        ),
    ),
    Command(("db", "migrate"), "Bring the database to the newest schema", migrate_database),
)
