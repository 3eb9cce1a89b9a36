"""Who is missing when: illness, excuses, truancy, being late; what the teacher wrote and what the office corrected."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from install.demo.curriculum import SPORT
from install.demo.draft import moment, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from install.demo.draft import Draft
    from install.demo.model import Group
    from install.demo.roster import Student
    from install.demo.spec import SchoolSpec

_START: Final = 0.022  # chance of a pupil of usual health to fall out on a school day
_LATE_LESSON: Final = 0.1  # share of lessons for which somebody is late
_PENDING_DAYS: Final = 5  # the office corrects within so many days


class Absences:
    """Plays absences day by day; ``today`` maps a pupil's number to (submitted, corrected) codes of that day."""

    def __init__(self, draft: Draft, rng: Random, spec: SchoolSpec) -> None:
        self._draft, self._rng, self._spec = draft, rng, spec
        self._until: dict[int, tuple[date, str]] = {}
        self.today: dict[int, tuple[str, str | None]] = {}

    def begin(self, day: date, students: Iterable[Student]) -> None:
        """Decide who is missing on ``day``."""
        rng, rate = self._rng, _START * self._spec.character.absence
        chance, until = rng.random, self._until
        for student in students:
            if chance() < rate * student.frailty and student.id not in until:
                length, code = self._episode()
                until[student.id] = (day + timedelta(days=length), code)
        for gone in [number for number, (last, _) in until.items() if last < day]:
            del until[gone]
        self.today = {number: self._codes(day, code) for number, (_, code) in until.items()}

    def _episode(self) -> tuple[int, str]:
        rng = self._rng
        kind = rng.random()
        if kind < 0.55:
            return rng.randint(2, 9), "Б"
        if kind < 0.8:
            return rng.randint(0, 2), "УП"
        return 0, "НП"

    def _codes(self, day: date, code: str) -> tuple[str, str | None]:
        """A teacher usually knows only that somebody is away; the office learns the reason later, sometimes never."""
        chance = self._rng.random()
        if chance < 0.3:
            return code, None
        pending = (self._spec.today - day).days < _PENDING_DAYS
        if pending or chance > 0.93:
            return "ОТ", None
        return "ОТ", "ПР" if chance > 0.92 else code

    def submit(self, meeting: int, group: Group, year_id: int, day: date, second: int) -> None:
        """Add the attendance rows of a lesson."""
        rng, today = self._rng, self.today
        at = stamp(day, second)
        tail = (None, moment(at))
        rows: dict[int, tuple[str, str | None, int | None]] = {
            student: (*today[student], None) for student in group.members if student in today
        }
        if group.subject.id == SPORT:
            rows.update(
                {
                    number: ("ОСВ", None, None)
                    for number, one in group.members.items()
                    if one.excused and number not in rows
                }
            )
        if rng.random() < _LATE_LESSON and group.members:
            late = rng.choice(tuple(group.members))
            rows.setdefault(late, ("ОП", None, rng.randint(1, 20)))
        for student in sorted(rows):
            submitted, corrected, minutes = rows[student]
            self._draft.add("Attendance", meeting, student, year_id, submitted, corrected, minutes, at, *tail)
