"""How the agent tells a person how it is: the same facts as ``status --json``, in words, the answer first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proto.cli import Context

STATES: Final = {
    "ok": _("School {school}: all is well, the department holds what NetSchool holds."),
    "syncing": _("School {school}: data are on their way to the department."),
    "adopting": _("School {school}: comparing everything with the department."),
    "paused": _("School {school}: works, but some data are paused."),
    "offline": _("School {school}: not connected to the department."),
    "error": _("School {school}: something must be mended."),
}
_MOMENTS: Final = {
    "last_change_seen": _("Last change seen"),
    "fresh_at": _("Changes sent up to"),
    "complete_at": _("Proven equal as of"),
    "stored_at": _("Department's store checked"),
}
_COUNTS: Final = {
    "outbox_rows": _("Rows waiting to be sent"),
    "differences": _("Differences"),
    "held": _("Rows held until the department confirms"),
    "quarantined": _("Rows in quarantine"),
}


def in_lines(context: Context, told: dict[str, Any]) -> Iterator[str]:
    """Lines for a person: the state in a sentence, a problem with its next step, then the figures."""
    text = context.text
    yield text(STATES.get(told["state"], STATES["error"])).format(school=told["school"])
    if problem := told.get("problem"):
        yield f"{problem['code']}: {problem['text']}"
        yield problem["next"]
    rows = [(text(label), moment(told[name]) or text(_("not yet"))) for name, label in _MOMENTS.items()]
    rows += [(text(label), str(told[name])) for name, label in _COUNTS.items()]
    if told["paused_entities"]:
        rows.append((text(_("Paused")), ", ".join(told["paused_entities"])))
    rows.append((text(_("Certificate, days left")), str(told["certificate_days"])))
    if told["clock_offset_s"] is not None:
        rows.append((text(_("Clock differs by, seconds")), f"{told['clock_offset_s']:+.1f}"))
    width = max(len(label) for label, _value in rows)
    for label, value in rows:
        yield f"  {label:<{width}}  {value}"


def moment(stamp: str | None) -> str:
    """A moment of the contract (UTC) on this computer's clock, empty for none."""
    return f"{datetime.fromisoformat(stamp).astimezone():%d.%m.%Y %H:%M:%S}" if stamp else ""
