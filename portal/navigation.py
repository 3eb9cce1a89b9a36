"""Sections of the portal by role: at most seven words each (pure). A section whose page is not there yet is left out.

A family's sections are about one child. On a page of a child they lead to the same child's pages; elsewhere to the section's own address,
which knows which child is meant or asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from portal import addresses
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Section:
    """One word of the navigation.

    Attributes:
        address: of its first page; a section is shown when the application has a route of exactly this path. ``{school}`` in it is the
            reader's own school, the first of several.
        label: message id.
        views: last words of the addresses below ``/children/…`` that belong to it; the first is the section's own.
        under: beginnings of further addresses that belong to it.
    """

    address: str
    label: str
    views: tuple[str, ...] = ()
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A section as a page shows it."""

    address: str
    label: str
    current: bool


_TODAY: Final = Section("/", _("Today"))
_FAMILY: Final = (
    _TODAY,
    Section("/diary", _("Diary"), ("diary",)),
    Section("/marks", _("Marks"), ("marks", "results", "debts", "whatif")),
    Section("/attendance", _("Attendance"), ("attendance",)),
    Section("/timetable", _("Timetable"), ("timetable", "feed")),
    Section("/announcements", _("Announcements")),
)
_JOURNALS: Final = Section("/journals", _("Journals"), under=("/gaps",))
_TEACHER: Final = (_TODAY, _JOURNALS)
_CLASS_TEACHER: Final = (*_TEACHER, Section("/class", _("My class"), under=("/classes/",)))
_MY_SCHOOL: Final = Section("/", _("My school"), under=("/day/",))
_CLASSES: Final = Section("/classes", _("Classes"))
_ACCESS: Final = Section("/access", _("Access"))
_CODES: Final = Section("/schools/{school}/codes", _("Access codes"))
_SYNC: Final = Section("/schools/{school}", _("Synchronisation"))
_SCHOOLS: Final = Section("/", _("Schools"), under=("/schools/",))
_ACCOUNTS: Final = Section("/accounts", _("Accounts"))
_BOARD: Final = Section("/board", _("City board"))
_VISITS: Final = Section("/visits", _("Visits"))
_AUDIT: Final = Section("/audit", _("Audit"))

SECTIONS: Final[Mapping[str, tuple[Section, ...]]] = {
    "pupil": _FAMILY,
    "parent": _FAMILY,
    "teacher": _TEACHER,
    "class_teacher": _CLASS_TEACHER,
    "deputy": (_MY_SCHOOL, _CLASSES, _JOURNALS, _ACCESS, _VISITS, _SYNC),
    "secretary": (_MY_SCHOOL, _CLASSES, _ACCESS, _CODES, _SYNC),
    "head": (_MY_SCHOOL, _CLASSES, _JOURNALS, _ACCESS, _CODES, _VISITS, _SYNC),
    "sysadmin": (Section("/", _("My school"), under=("/schools/",)),),
    "operator": (_SCHOOLS, _BOARD, _VISITS),
    "analyst": (_SCHOOLS, _BOARD, _VISITS),
    "security": (_SCHOOLS, _BOARD, _ACCOUNTS, _VISITS, _AUDIT),
    "admin": (_SCHOOLS, _BOARD, _ACCOUNTS, _VISITS, _AUDIT),
}
"""Role → its sections, in order."""


def links(role: str, schools: Sequence[str], address: str, routes: Collection[str]) -> tuple[Link, ...]:
    """The navigation of a reader on the page of that address; of several fitting sections the one that fits most is current."""
    known = [section for section in SECTIONS.get(role, ()) if section.address in routes]
    shown = [_own(section, schools) for section in known if schools or "{school}" not in section.address]
    place = addresses.child_of(address)
    best = max(shown, key=lambda section: _fit(section, address, place), default=None)
    current = best if best is not None and _fit(best, address, place) else None
    return tuple(Link(_target(section, place), section.label, section is current) for section in shown)


def _own(section: Section, schools: Sequence[str]) -> Section:
    if "{school}" not in section.address:
        return section
    return replace(section, address=section.address.replace("{school}", quote(schools[0], safe="")))


def _target(section: Section, place: tuple[str, str] | None) -> str:
    return f"{place[0]}/{section.views[0]}" if place and section.views else section.address


def _fit(section: Section, address: str, place: tuple[str, str] | None) -> int:
    """How much of the address the section explains."""
    if place is not None and place[1] in section.views:
        return len(address)
    begins = [section.address, *section.under]
    fits = [one for one in begins if address == one or (one != "/" and address.startswith(one.rstrip("/") + "/"))]
    return max(map(len, fits), default=0)
