"""Who may see what at a school: workers by role, the form of who answers for what (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store.access import DUTIES, GIVEN, Naming
from collector.store.rights import RIGHTS, Extent
from portal.periods import day_of
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from collector.store.access import Responsible, Worker

NO_ACCOUNT: Final = "none"
NEVER: Final = "never"
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    _("Lists of pupils"): ("people", "names"),
    _("Contacts of parents"): ("contacts",),
    _("Journals and topics"): ("journal",),
    _("Marks and results"): ("results",),
    _("Attendance"): ("attendance",),
    _("Changes in journals"): ("changes",),
    _("Orders of movement"): ("movement",),
    _("State of the synchronisation"): ("health",),
}
"""Rows of the table of rights: head → kinds of data."""

ROLES: Final = ("teacher", "class_teacher", "secretary", "deputy", "head", "sysadmin")
_PHONE: Final = re.compile(r"[0-9+()\-–., /доб]{5,40}")
_ORDER_MOST: Final = 40
_TEXT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Overview:
    """The list of workers for the address, and how many there are of each kind."""

    rows: tuple[Worker, ...]
    total: int
    with_account: int
    never: int
    counts: Mapping[str, int]  # by filter


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty: who has it now, who had it before; `over` when the order's term has run out."""

    duty: str
    now: Responsible | None
    before: tuple[Responsible, ...]
    over: bool


def overview(workers: Sequence[Worker], kind: str) -> Overview:
    """Workers of one kind: a role, ``none`` for those without an account, ``never`` for accounts nobody used; "" for all."""
    counts = {"": len(workers), **{role: sum(one.role == role for one in workers) for role in ROLES}}
    counts[NO_ACCOUNT] = sum(one.account is None for one in workers)
    counts[NEVER] = sum(_never(one) for one in workers)
    shown = tuple(one for one in workers if _is(one, kind))
    return Overview(shown, len(workers), len(workers) - counts[NO_ACCOUNT], counts[NEVER], counts)


def _never(worker: Worker) -> bool:
    return worker.account is not None and worker.signed_in_at is None


def _is(worker: Worker, kind: str) -> bool:
    if kind == NO_ACCOUNT:
        return worker.account is None
    return _never(worker) if kind == NEVER else kind in ("", worker.role)


def may_change(worker: Worker, own: int) -> bool:
    """Whether a head may give this account another role."""
    return worker.account not in (None, own) and worker.role in GIVEN and not worker.elsewhere


def table() -> tuple[tuple[str, tuple[Extent, ...]], ...]:
    """What each role of :data:`ROLES` sees, by kinds of data: the widest of those in a row."""
    order = list(Extent)
    return tuple(
        (head, tuple(max((RIGHTS[role][section] for section in sections), key=order.index) for role in ROLES))
        for head, sections in SHOWN.items()
    )


def duties(named: Sequence[Responsible], today: date) -> tuple[Duty, ...]:
    """Every duty with its holder."""
    found = []
    for duty in DUTIES:
        own = [one for one in named if one.duty == duty]
        now = next((one for one in own if one.ended_at is None), None)
        over = now is not None and now.last is not None and now.last < today
        found.append(Duty(duty, now, tuple(one for one in own if one.ended_at is not None), over))
    return tuple(found)


def read_naming(duty: str, form: Mapping[str, str], people: Collection[str]) -> tuple[Naming | None, dict[str, str]]:
    """The form as it was meant, or what is wrong with it: field → sentence (a message id). `people` may be named."""
    values = {name: form.get(name, "").strip()[:_TEXT_MOST] for name in FIELDS}
    wrong: dict[str, str] = {}
    if values["person"] not in people:
        wrong["person"] = _("Choose who answers for it.")
    if values["deputy"] and values["deputy"] not in people:
        wrong["deputy"] = _("Choose the deputy from the list, or nobody.")
    if values["deputy"] and values["deputy"] == values["person"]:
        wrong["deputy"] = _("The deputy must be somebody else.")
    if values["phone"] and not _PHONE.fullmatch(values["phone"]):
        wrong["phone"] = _("Write the telephone in digits, for example +7 495 000-00-00, ext. with a comma.")
    if not values["order_number"] or len(values["order_number"]) > _ORDER_MOST:
        wrong["order_number"] = _("Write the number of the order, 40 signs at most.")
    days = {name: day_of(values[name]) for name in ("order_date", "from_date", "to_date")}
    wrong |= {
        name: _("Write the day as year-month-day, for example 2026-09-01.")
        for name, day in days.items()
        if day is None and (values[name] or name != "to_date")
    }
    ordered, first, last = days.values()
    if first is not None and last is not None and last < first:
        wrong["to_date"] = _("The last day is before the first one.")
    if wrong or ordered is None or first is None:
        return None, wrong
    naming = Naming(
        duty, values["person"], values["deputy"] or None, values["phone"], values["order_number"], ordered, first, last
    )
    return naming, {}


FIELDS: Final = ("person", "deputy", "phone", "order_number", "order_date", "from_date", "to_date")
"""Fields of the form, in order."""
