"""``gorod-collector audit …``: the record of what people did, and the proof that nobody changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collector.commands.shared import department, table
from collector.store import audit
from proto.cli import FAILED, OK, Argument, Command
from proto.texts import _

if TYPE_CHECKING:
    from proto.cli import Context


def verify(context: Context) -> int:
    """Check the chain and the anchors; names the first row that does not fit."""
    with department(context) as opened, opened.database.begin() as connection:
        anchors = audit.read_anchors(opened.data / audit.ANCHORS)
        found = audit.verify(connection, anchors)
    if found.broken is None:
        context.say(
            context.text(_("The record is whole: {rows} rows, {anchors} anchors.")).format(
                rows=found.rows, anchors=len(anchors)
            )
        )
    else:
        context.say(
            context.text(
                _(
                    "Row {row} of the record does not fit ({cause}). Keep a copy of the database and tell the security officer."
                )
            ).format(row=found.broken, cause=found.cause)
        )
    context.result(
        {
            "ok": found.broken is None,
            "rows": found.rows,
            "anchors": len(anchors),
            "broken": found.broken,
            "cause": found.cause or None,
        }
    )
    return OK if found.broken is None else FAILED


def every(context: Context) -> int:
    """The newest rows."""
    with department(context) as opened, opened.database.begin() as connection:
        found = audit.entries(connection, limit=context.arguments.limit)
    table(
        context,
        (_("number"), _("when"), _("what"), _("account"), _("about"), _("school")),
        [(one.number, one.at, one.kind, one.actor, one.subject, one.school) for one in found],
    )
    context.result(
        [
            {
                "number": one.number,
                "at": one.at.isoformat().replace("+00:00", "Z"),
                "kind": one.kind,
                "actor": one.actor,
                "subject": one.subject,
                "school": one.school,
                "details": dict(one.details),
            }
            for one in found
        ]
    )
    return OK


GROUPS: Final = {"audit": _("the record of what people did")}
COMMANDS: Final = (
    Command(("audit", "verify"), "Check that nobody changed the record", verify),
    Command(
        ("audit", "list"),
        "The newest rows of the record",
        every,
        (Argument(("--limit",), "how many rows", {"metavar": "N", "type": int, "default": 50}),),
    ),
)
