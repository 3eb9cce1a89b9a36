"""``gorod-collector quarantine | profile | key``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.commands.shared import department, table
from collector.department import utc_now
from collector.ingest.replay import replay as replay_held
from collector.store import profiles, quarantine, schools
from collector.store.reseal import rows_under, seal_school
from proto.cli import OK, Argument, Command
from proto.problems import Problem
from proto.texts import _

if TYPE_CHECKING:
    from proto.cli import Context

_SCHOOL: Final = Argument(("--school",), "only this school", {"metavar": "ID"})


def held(context: Context) -> int:
    """Rows in quarantine, with the cause."""
    with department(context) as opened, opened.database.scope("*") as connection:
        found = [row for row in quarantine.every(connection) if context.arguments.school in (None, row.school)]
    table(
        context,
        (_("school"), _("data"), _("key"), _("cause"), _("since")),
        [(r.school, r.entity, r.key, r.cause, r.since) for r in found],
    )
    context.result([row.as_json() for row in found])
    return OK


def replay(context: Context) -> int:
    """Judge held rows again."""
    told = []
    with department(context) as opened:
        with opened.database.begin(scope="*") as connection:
            named = context.arguments.school
            ids = [schools.get(connection, named).id] if named else [school.id for school in schools.every(connection)]
        for school in ids:
            with opened.database.school(school) as connection:
                done = replay_held(connection, opened.keys.school(school, utc_now()), utc_now())
            told.append({"school": school, **asdict(done)})
    table(context, (_("school"), _("applied"), _("held"), _("unreadable")), [tuple(one.values()) for one in told])
    context.result(told)
    return OK


def profile_add(context: Context) -> int:
    """Sign a profile and keep it for the schools whose schema it names."""
    path = Path(context.arguments.file)
    try:
        toml = path.read_bytes()
    except OSError as error:
        raise Problem("GOR-1013", path=path, cause=error.strerror) from error
    with department(context) as opened:
        stored = opened.add_profile(toml)
    context.say(context.text("Profile {name} version {version} kept.").format(name=stored.name, version=stored.version))
    context.result({"name": stored.name, "version": stored.version, "schemas": list(stored.schemas)})
    return OK


def profile_list(context: Context) -> int:
    """The profiles that the department has."""
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        found = profiles.every(connection)
    table(
        context, (_("name"), _("version"), _("schemas")), [(one.name, one.version, len(one.schemas)) for one in found]
    )
    context.result([{"name": one.name, "version": one.version, "schemas": list(one.schemas)} for one in found])
    return OK


def profile_show(context: Context) -> int:
    """The TOML of a profile."""
    with department(context) as opened, opened.database.begin(scope="*") as connection:
        found = profiles.get(connection, context.arguments.name)
    if found is None:
        raise Problem("GOR-1401", profile=context.arguments.name, known="gorod-collector profile list")
    context.say(found.toml.decode())
    context.result(
        {"name": found.name, "version": found.version, "schemas": list(found.schemas), "toml": found.toml.decode()}
    )
    return OK


def key_list(context: Context) -> int:
    """Keys and their state; no secret in it."""
    with department(context) as opened:
        found = opened.keys.list(utc_now())
    table(
        context,
        (_("kind"), _("name"), _("school"), _("state"), _("at")),
        [tuple(asdict(one).values()) for one in found],
    )
    context.result([asdict(one) for one in found])
    return OK


def key_rotate(context: Context) -> int:
    """Seal to a new key from now on; envelopes sealed to the old ones can still be opened."""
    with department(context) as opened:
        made = opened.keys.rotate_sealing(utc_now())
    context.say(context.text("New sealing key {key}.").format(key=made.key_id))
    context.result({"key_id": made.key_id})
    return OK


def key_destroy(context: Context) -> int:
    """Destroy a year's key for ever: rows last live in that year can never be read again, backups included.

    What lives is sealed anew first, so that nothing living ends with the key; Problem GOR-1814 if some of it is just being written.
    """
    given, now = context.arguments, utc_now()
    with department(context) as opened:
        with opened.database.begin(scope="*") as connection:
            schools.get(connection, given.school)
        keys = opened.keys.school(given.school, now)
        done = seal_school(opened.database, keys, [given.year])
        with opened.database.scope(given.school) as connection:
            left = rows_under(connection, given.school, given.year) - done.unreadable
        if left > 0 and given.year in keys.years and given.year < keys.year:
            raise Problem("GOR-1814", school=given.school, year=given.year, rows=left)
        opened.keys.destroy(given.school, given.year, now)
    context.say(context.text("The key of {year} is destroyed.").format(year=given.year))
    context.result({"school": given.school, "year": given.year, "destroyed": True, "sealed_anew": done.rows})
    return OK


GROUPS: Final = {
    "quarantine": _("rows that the centre cannot hold as they are"),
    "profile": _("how schools' databases are mapped"),
    "key": _("keys of the key ring"),
}
COMMANDS: Final = (
    Command(("quarantine", "list"), "List the rows in quarantine", held, (_SCHOOL,)),
    Command(("quarantine", "replay"), "Judge the rows in quarantine again", replay, (_SCHOOL,)),
    Command(
        ("profile", "add"),
        "Sign and keep a profile",
        profile_add,
        (Argument(("file",), "TOML file", {"metavar": "FILE"}),),
    ),
    Command(("profile", "list"), "List the profiles", profile_list),
    Command(
        ("profile", "show"),
        "Show a profile",
        profile_show,
        (Argument(("name",), "name of the profile", {"metavar": "NAME"}),),
    ),
    Command(("key", "list"), "List the keys", key_list),
    Command(("key", "rotate"), "Make a new sealing key", key_rotate),
    Command(
        ("key", "destroy"),
        "Destroy a school-year's data key for ever",
        key_destroy,
        (
            Argument(("--school",), "the school", {"metavar": "ID", "required": True}),
            Argument(
                ("--year",),
                "the year in which the school-year began",
                {"metavar": "YEAR", "type": int, "required": True},
            ),
        ),
    ),
)
