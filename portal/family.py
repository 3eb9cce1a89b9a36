"""A family's visit to a page: whose child it is about, who else is there, as of when the data are. One transaction for a page.

A school or a pupil that is not the reader's is as if there were none: the same page, whatever the reason.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.exceptions import HTTPException
from starlette.status import HTTP_404_NOT_FOUND

from collector.store import freshness, people
from collector.store.account_tables import PERSON_ROLES
from portal import addresses
from portal.views import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from collector.store.names import Names
    from collector.store.people import Pupil
    from collector.store.reader import Reader
    from portal.deps import Caller
    from portal.words import Words

_LONGEST_NEWS: Final = timedelta(days=14)
_FIRST_NEWS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Household:
    """A family on a page of all children."""

    caller: Caller
    reader: Reader
    children: tuple[Pupil, ...]

    @property
    def words(self) -> Words:
        """The page's words."""
        return self.caller.page.words

    @property
    def names(self) -> Names:
        """Opens sealed names."""
        return self.caller.names

    def local(self, child: Pupil) -> datetime:
        """Now by the clock of the child's school, naive as its data are."""
        return local_time(self.reader.now, child.zone)

    def since(self, child: Pupil) -> datetime:
        """What came later is new to the reader, by the clock of the child's school: the end of the visit before, at most two weeks ago."""
        previous = self.caller.session.previous_at or self.reader.now - _FIRST_NEWS
        return local_time(max(previous, self.reader.now - _LONGEST_NEWS), child.zone)

    def values(self) -> dict[str, Any]:
        """What the templates of a family's pages need."""
        found = freshness.of_schools(self.reader, (child.school for child in self.children))
        return {
            "children": self.children,
            "called": shared.called(self.words, self.children),
            "stamps": shared.stamps(self.words, found, self.reader.now),
            "self_pupil": self.reader.role == "pupil",
        }


@dataclass(frozen=True, slots=True)
class Visit(Household):
    """A family on a page of one child."""

    child: Pupil

    @property
    def today(self) -> date:
        """Today at the child's school."""
        return self.local(self.child).date()

    @property
    def key(self) -> tuple[str, str]:
        """School and pupil, as the store's queries take them."""
        return self.child.school, self.child.pupil

    def values(self) -> dict[str, Any]:
        """What the templates of a child's pages need."""
        household = Household(self.caller, self.reader, (self.child,)).values()
        everyone = {"children": self.children, "called": shared.called(self.words, self.children)}
        further = self.child.school_kind == shared.FURTHER
        return household | everyone | {"child": self.child, "today": self.today, "further": further}


@contextmanager
def household(caller: Caller) -> Iterator[Household]:
    """The family's page of all children; 404 for whoever is no family."""
    if caller.session.account.role not in PERSON_ROLES:
        raise HTTPException(HTTP_404_NOT_FOUND)
    with caller.reading() as reader:
        yield Household(caller, reader, people.own_pupils(reader, caller.names))


@contextmanager
def visit(caller: Caller, school: str, pupil: str) -> Iterator[Visit]:
    """The page of one child, named by its address; 404 unless it is the reader's."""
    with household(caller) as family:
        wanted = school, addresses.key_of(pupil)
        child = next((one for one in family.children if (one.school, one.pupil) == wanted), None)
        if child is None:
            raise HTTPException(HTTP_404_NOT_FOUND)
        yield Visit(caller, family.reader, family.children, child)


def local_time(at: datetime, zone: str) -> datetime:
    """A moment by a school's clock, without its zone; an unknown zone is UTC."""
    try:
        return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except (ZoneInfoNotFoundError, ValueError):
        return at.replace(tzinfo=None)
