"""``gorod-collector school …``: schools, their codes, certificates and confirmations."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from collector.commands.shared import LEVELS, SCHOOL, department, facts, moment, table
from collector.department import utc_now
from collector.store import health, schools
from collector.store.schools import DEFAULT_ZONE, KINDS, NewSchool
from proto.cli import OK, Argument, Command
from proto.identity import SCHOOL_ID
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from collector.department import Department
    from collector.store.schools import School
    from proto.cli import Context

_COLUMNS: Final = ("id", "name", "kind", "zone", "organisation")


def add(context: Context) -> int:
    """Add one school, or all of a CSV file (columns id, name, and optionally kind, zone, organisation)."""
    given = context.arguments
    if bool(given.school) == bool(given.csv) or (given.school and not given.name):
        raise Problem("GOR-1010", value="school add", cause="ID --name N | --from CSV")
    new = (
        _from_csv(Path(given.csv))
        if given.csv
        else [NewSchool(given.school, given.name, given.kind, given.zone, given.organisation)]
    )
    with department(context) as opened:
        _refuse_early(opened, new)
        made = [_add(opened, one) for one in new]
    for school in made:
        context.say(context.text("School {school} added.").format(school=school.id))
    context.result(_shown(made[0]) if not given.csv else [_shown(school) for school in made])
    return OK


def _refuse_early(opened: Department, new: list[NewSchool]) -> None:
    """All or none: GOR-1010 or 1012 before the first of a file is added."""
    with opened.database.begin(scope="*") as connection:
        known = {school.id for school in schools.every(connection)}
    for one in new:
        schools.check(one)
        if one.id in known:
            raise Problem("GOR-1012", school=one.id)
        known.add(one.id)


def _add(opened: Department, new: NewSchool) -> School:
    """The school and its keys: the keys are made before the row is committed, so that no school is ever without them."""
    with opened.database.begin(scope="*", school=new.id) as connection:
        school = schools.add(connection, new, utc_now())
        opened.keys.add_school(school.id)
    return school


def _from_csv(path: Path) -> list[NewSchool]:
    try:
        rows = _rows(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Problem("GOR-1013", path=path, cause=error) from error
    return [
        NewSchool(
            row["id"],
            row["name"],
            row.get("kind") or "school",
            row.get("zone") or DEFAULT_ZONE,
            row.get("organisation") or "",
        )
        for row in rows
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    text = path.read_text("utf-8-sig")
    head = text.partition("\n")[0]
    rows = list(csv.DictReader(text.splitlines(), delimiter=";" if head.count(";") > head.count(",") else ","))
    missing = [name for name in ("id", "name") if rows and name not in rows[0]]
    if not rows or missing:
        raise csv.Error(f"columns id and name are needed: {', '.join(missing) or 'no rows'}")
    return rows


def every(context: Context) -> int:
    """All schools."""
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        found = schools.every(connection)
    table(
        context,
        (_("id"), _("name"), _("kind"), _("time zone"), _("organisation"), _("revoked")),
        [(s.id, s.name, s.kind, s.zone, s.organisation, s.revoked_at) for s in found],
    )
    context.result([_shown(school) for school in found])
    return OK


def show(context: Context) -> int:
    """One school with its state."""
    values = context.settings("collector.toml")
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        school = schools.get(connection, context.arguments.school)
        state = health.read_school(connection, school.id, utc_now(), values["late_s"], values["silent_s"])
    told = _shown(school) | {"status": health.school_json(state, context.lang) if state else {}}
    context.say(f"{school.id} {school.name}")
    facts(context, _registered(school) + (_lively(context, told["status"]) if state else []))
    if state and (problem := told["status"]["problem"]):
        context.say(f"{problem['code']}: {problem['text']}\n{problem['next']}")
    context.result(told)
    return OK


def _registered(school: School) -> list[tuple[str, Any]]:
    """What the department knows of a school by itself."""
    return [
        (_("kind"), school.kind),
        (_("time zone"), school.zone),
        (_("organisation"), school.organisation),
        (_("profile"), school.profile),
        (_("source"), school.identity),
        (_("another source waits"), school.offered),
        (_("added"), school.created_at),
        (_("revoked"), school.revoked_at),
    ]


def _lively(context: Context, status: dict[str, Any]) -> list[tuple[str, Any]]:
    """How the school's agent is."""
    return [
        (_("state"), context.text(LEVELS[status["level"]])),
        (_("rows"), status["rows"]),
        (_("last change"), moment(status["last_change_seen"])),
        (_("fresh"), moment(status["fresh_at"])),
        (_("complete"), moment(status["complete_at"])),
        (_("stored"), moment(status["stored_at"])),
        (_("waiting to be sent"), status["outbox_rows"]),
        (_("differences"), status["differences"]),
        (_("held"), status["held"]),
        (_("in quarantine"), status["quarantined"]),
        (_("paused"), status["paused_entities"]),
        (_("agent"), status["agent_version"]),
        (_("certificate, days left"), status["certificate_days"]),
        (_("last seen"), moment(status["last_seen"])),
    ]


def token(context: Context) -> int:
    """Make one-time codes: the only moment at which they are shown."""
    if bool(context.arguments.all) == bool(context.arguments.school):
        raise Problem("GOR-1010", value="school token", cause="an id or --all is expected")
    with department(context) as opened:
        with opened.database.begin(scope="*") as connection:
            found = (
                schools.every(connection)
                if context.arguments.all
                else [schools.get(connection, context.arguments.school)]
            )
        made = [
            (school, *opened.office.new_code(school.id, opened.enrol_address, utc_now()))
            for school in found
            if not school.revoked_at or not context.arguments.all
        ]
    for school, code, _ends in made:
        context.say(f"{school.id}\t{code}" if context.arguments.all else code)
    shown = [{"school": school.id, "code": code, "expires_at": _iso(ends)} for school, code, ends in made]
    context.result(shown if context.arguments.all else shown[0])
    return OK


def revoke(context: Context) -> int:
    """End a school's access at once."""
    with department(context) as opened:
        with opened.database.begin(scope="*", school=_id(context)) as connection:
            schools.revoke(connection, context.arguments.school, utc_now())
        serials = opened.office.revoke(context.arguments.school, utc_now())
    context.say(context.text("Certificates revoked: {count}.").format(count=len(serials)))
    context.result({"school": context.arguments.school, "revoked": serials})
    return OK


def resync(context: Context) -> int:
    """Ask the school's agent for a full sweep now."""
    with department(context) as opened, opened.database.begin(scope="*", school=_id(context)) as connection:
        schools.request_resync(connection, context.arguments.school, utc_now())
    context.say(context.text("The agent will compare everything anew."))
    context.result({"school": context.arguments.school, "resync": True})
    return OK


def confirm(context: Context) -> int:
    """Let held rows go, or take another source for the school's own."""
    given = context.arguments
    if given.identity == bool(given.entity) or bool(given.entity) != bool(given.rows):
        raise Problem("GOR-1010", value="school confirm", cause="--entity E --rows N | --identity")
    with department(context) as opened, opened.database.begin(scope="*", school=_id(context)) as connection:
        if given.identity:
            school = schools.confirm_identity(connection, given.school, utc_now())
            told: dict[str, Any] = {"school": school.id, "identity": school.identity}
        else:
            made = schools.confirm_rows(connection, given.school, given.entity, given.rows, "command line", utc_now())
            told = {"school": given.school, "entity": given.entity, "rows": made.rows, "number": made.number}
    context.say(context.text("Confirmed."))
    context.result(told)
    return OK


def _id(context: Context) -> str:
    """The id that was given; Problem GOR-1011 where no school can have it."""
    if not SCHOOL_ID.fullmatch(context.arguments.school):
        raise Problem("GOR-1011", school=context.arguments.school)
    return str(context.arguments.school)


def _shown(school: School) -> dict[str, Any]:
    return {name: _iso(value) if hasattr(value, "isoformat") else value for name, value in asdict(school).items()}


def _iso(moment: Any) -> str:
    return str(moment.isoformat(timespec="seconds")).replace("+00:00", "Z")


GROUPS: Final = {"school": _("schools, their codes and certificates")}
COMMANDS: Final = (
    Command(
        ("school", "add"),
        "Add a school, or all of a CSV file",
        add,
        (
            Argument(("school",), "id of the school, for example 23-042", {"metavar": "ID", "nargs": "?"}),
            Argument(("--name",), "name as people know it", {"metavar": "N"}),
            Argument(
                ("--kind",), "school or organisation of further education", {"choices": KINDS, "default": "school"}
            ),
            Argument(("--zone",), "time zone of the school", {"metavar": "ZONE", "default": DEFAULT_ZONE}),
            Argument(
                ("--organisation",),
                "code of the organisation in its NetSchool database; the id by default",
                {"metavar": "CODE", "default": ""},
            ),
            Argument(
                ("--from",),
                "CSV file with the columns id and name, and if you like kind, zone, organisation",
                {"metavar": "CSV", "dest": "csv"},
            ),
        ),
    ),
    Command(("school", "list"), "List the schools", every),
    Command(("school", "show"), "Show a school and its state", show, (SCHOOL,)),
    Command(
        ("school", "token"),
        "Make a one-time code for connecting a school",
        token,
        (
            Argument(("school",), "id of the school", {"metavar": "ID", "nargs": "?"}),
            Argument(("--all",), "a code for every school", {"action": "store_true"}),
        ),
    ),
    Command(("school", "revoke"), "End a school's access at once", revoke, (SCHOOL,)),
    Command(("school", "resync"), "Ask a school for a full comparison now", resync, (SCHOOL,)),
    Command(
        ("school", "confirm"),
        "Let held rows go, or take another source for the school's own",
        confirm,
        (
            SCHOOL,
            Argument(("--entity",), "entity whose held rows may go, for example mark", {"metavar": "E"}),
            Argument(("--rows",), "how many rows may go", {"metavar": "N", "type": int}),
            Argument(("--identity",), "the other source is the right one", {"action": "store_true"}),
        ),
    ),
)
