"""The weekly timetable: lessons are put one after the other, without gaps, when their teachers are free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from install.demo.draft import morning
from install.demo.model import PRIMARY, Group, SchoolClass, Slot, bell_code

if TYPE_CHECKING:
    from install.demo.draft import Draft
    from install.demo.schoolyear import SchoolYear

_LESSONS_A_DAY: Final = 9
LAST_LESSON: Final = 9  # of the bells; kept for those who are taught alone


class Timetable:
    """Places in the week of a school-year, and their rows. ``year_id`` is set when the year is opened."""

    def __init__(self, draft: Draft, year: SchoolYear) -> None:
        self.year_id = 0
        self.slots: list[Slot] = []
        self._draft, self._year = draft, year
        self._busy: set[tuple[int, int, int, int]] = set()

    def is_free(self, groups: list[Group], relay: int, weekday: int, number: int) -> bool:
        """Whether all teachers of the groups are free then."""
        return all((group.teacher.id, relay, weekday, number) not in self._busy for group in groups)

    def place(self, slot: Slot) -> None:
        """Put one group into the week."""
        group, first = slot.group, self._year.first
        self._busy.add((group.teacher.id, slot.relay, slot.weekday, slot.number))
        self.slots.append(slot)
        room = group.classes[0].room if group.classes else "зал"
        head = (self._draft.number("Timetable"), self.year_id, group.id, slot.weekday)
        bell = bell_code(slot.weekday, slot.relay, slot.number)
        self._draft.add("Timetable", *head, bell, room, str(first), None, slot.parity, morning(first))


class ClassWeek:
    """The week of one class. Mondays begin with the class hour."""

    def __init__(self, timetable: Timetable, one: SchoolClass, days: int) -> None:
        self._timetable, self._class = timetable, one
        last = 5 if one.parallel <= PRIMARY else days
        self._next = {weekday: 2 if weekday == 1 else 1 for weekday in range(1, last + 1)}

    def fill(self, groups: list[Group], weekly: int) -> None:
        """Give groups that are taught side by side ``weekly`` lessons, on different days as far as possible."""
        used: set[int] = set()
        for _ in range(weekly):
            day = self._best_day(groups, used)
            if day is None:
                return
            for group in groups:
                self._timetable.place(Slot(group, day, self._next[day], self._class.relay))
            self._next[day] += 1
            used.add(day)

    def _best_day(self, groups: list[Group], used: set[int]) -> int | None:
        """The emptiest day on which all teachers are free; if there is none, the emptiest; None when the week is full."""
        days = sorted(self._next, key=lambda day: (day in used, self._next[day], day))
        days = [day for day in days if self._next[day] < _LESSONS_A_DAY]
        relay = self._class.relay
        free = (day for day in days if self._timetable.is_free(groups, relay, day, self._next[day]))
        return next(free, days[0] if days else None)
