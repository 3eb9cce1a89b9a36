"""Lessons ahead: the vendor's program writes the next school days from the timetable, as a planned lesson has a row already."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from install.demo.schoolyear import SchoolYear

if TYPE_CHECKING:
    from install.demo.desk import Clock, Desk

_AHEAD: Final = timedelta(days=3)
_TIMETABLE: Final = """
    SELECT t.GroupId, b.Number, b.Relay, t.WeekParity, g.EmployeeId FROM Timetable t
    JOIN BellTimes b ON b.OrgCode = t.OrgCode AND b.BellCode = t.BellCode
    JOIN GroupTeachers g ON g.OrgCode = t.OrgCode AND g.GroupId = t.GroupId AND NOT g.Substitute
    WHERE t.OrgCode = ? AND t.YearId = ? AND t.Weekday = ? ORDER BY b.Relay, b.Number, t.GroupId
"""


def plan_ahead(desk: Desk, clock: Clock) -> None:
    """Write the lessons of today and the next three days as far as they are not planned yet; days that were missed stay empty."""
    begun = desk.value("SELECT StartDate FROM SchoolYears WHERE OrgCode = ? AND YearId = ?", desk.year)
    last = desk.value("SELECT MAX(MeetingDate) FROM ClassMeetings WHERE OrgCode = ? AND YearId = ?", desk.year)
    if begun is None or last is None:
        return
    planned = date.fromisoformat(str(last))
    days = SchoolYear(date.fromisoformat(str(begun)).year, days=6).school_days
    for day in days:
        if day > planned and clock.day <= day <= clock.day + _AHEAD:
            _plan(desk, clock, day)


def _plan(desk: Desk, clock: Clock, day: date) -> None:
    parity = 2 - day.isocalendar().week % 2
    for group, number, relay, week, teacher in desk.rows(_TIMETABLE, desk.year, day.isoweekday()):
        if week in (0, parity):
            meeting = desk.next("ClassMeetings", "MeetingId")
            head = {"MeetingId": meeting, "YearId": desk.year, "GroupId": group, "MeetingDate": str(day)}
            desk.add("ClassMeetings", clock, **head, Number=number, Relay=relay, EmployeeId=teacher)
            desk.note("lesson", meeting)
