"""What the office keeps: the school's card, dictionaries, bells, announcements, and the log of sign-ins."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from install.demo import texts
from install.demo.curriculum import AREAS, CIRCLE_BASE, CIRCLES, PASS, SUBJECTS, WORK_TYPES
from install.demo.draft import moment, morning, stamp
from install.demo.model import WEEKDAYS, bell_code

if TYPE_CHECKING:
    from random import Random

    from install.demo.draft import Draft
    from install.demo.roster import Roster, Teacher
    from install.demo.spec import SchoolSpec

_LESSONS: Final = 9
_FIRST_BELL: Final = (8 * 60, 13 * 60 + 30)  # minutes after midnight, first and second shift
_LESSON_MINUTES, _BREAK_MINUTES = 40, 10
_VISITS_A_DAY: Final = 0.075  # per pupil
_ANNOUNCED: Final = 0.25  # chance a day


def add_card(draft: Draft, spec: SchoolSpec, director: Teacher, capacity: int) -> None:
    """The organisation itself. Numbers are of the right form and belong to nobody."""
    number = spec.number
    kind = 3 if spec.further else 2
    card = (
        f"Муниципальное учреждение: {spec.name}",
        spec.name,
        str(number),
        f"0000000{number:03d}",
        f"000000000000{number:03d}",
        "00000000",
        f"г. Светлоозёрск, ул. Школьная, д. {number}",
        f"+7 000 000-{number:02d}-00",
        f"school{number}@example.org",
        f"https://school{number}.example.org",
        director.person.full_name,
    )
    changed = morning(date(spec.year, 8, 20))
    tail = (1, spec.character.shifts, capacity, f"0000 0000 0000 {number:04d}", changed)
    draft.rows["Organisations"].append((spec.organisation, "42000", kind, *card, *tail))


def add_dictionaries(draft: Draft, spec: SchoolSpec) -> None:
    """Areas, subjects in the school's own spelling, kinds of work, bells."""
    changed = morning(date(spec.year, 8, 20))
    for number, area in enumerate(AREAS, start=1):
        draft.add("SubjectAreas", number, area, changed)
    if spec.further:
        for place, circle in enumerate(CIRCLES):
            draft.add("Subjects", CIRCLE_BASE + place, len(AREAS), circle, f"circle_{place}", PASS, changed)
    else:
        for subject in SUBJECTS:
            name = subject.short if spec.character.spelling == "short" else subject.name
            draft.add("Subjects", subject.id, subject.area, name, subject.code, subject.grading, changed)
        for order, work in enumerate(WORK_TYPES, start=1):
            draft.add("AssignmentTypes", work.id, work.name, work.abbr, order, work.id != 9)
    _add_bells(draft)


def _add_bells(draft: Draft) -> None:
    for weekday in range(1, len(WEEKDAYS) + 1):
        for relay, first in enumerate(_FIRST_BELL, start=1):
            for number in range(1, _LESSONS + 1):
                start = first + (number - 1) * (_LESSON_MINUTES + _BREAK_MINUTES)
                times = (_clock(start), _clock(start + _LESSON_MINUTES))
                draft.add("BellTimes", bell_code(weekday, relay, number), weekday, relay, number, *times, "Обычное")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"


class Days:
    """The office's part of each school day: now and then an announcement, and everybody who signed in."""

    def __init__(self, draft: Draft, rng: Random, roster: Roster) -> None:
        self._draft, self._rng, self._roster = draft, rng, roster

    def begin(self, day: date) -> None:
        """Play one day."""
        if self._rng.random() < _ANNOUNCED:
            self._announce(day)
        for _ in range(round(len(self._roster.students) * _VISITS_A_DAY * self._rng.uniform(0.6, 1.4))):
            self._visit(day)

    def _announce(self, day: date) -> None:
        rng, draft = self._rng, self._draft
        title, body = texts.announcement(rng)
        posted = stamp(day, rng.randint(8 * 3600, 17 * 3600))
        expires = stamp(day + timedelta(days=rng.randint(3, 30)), 0) if rng.random() < 0.8 else None
        author = rng.choice(self._roster.teachers).id
        number = draft.number("Announcements")
        draft.add(
            "Announcements", number, title, body, posted, expires, author, rng.choice(texts.AUDIENCES), moment(posted)
        )

    def _visit(self, day: date) -> None:
        rng, roster = self._rng, self._roster
        chance = rng.random()
        if chance < 0.35 or not roster.students:
            guid, role = rng.choice(roster.teachers).guid, "Учитель"
        elif chance < 0.75 and roster.parents:
            guid, role = rng.choice(roster.parents), "Родитель"
        else:
            guid, role = rng.choice(roster.students).guid, "Ученик"
        second = rng.randint(7 * 3600, 22 * 3600)
        last = stamp(day, second + rng.randint(30, 3000))
        address = f"192.0.2.{rng.randint(1, 254)}"
        number = self._draft.number("LoginSessions")
        self._draft.add(
            "LoginSessions", number, guid, f"u{guid[:6]}", role, stamp(day, second), last, address, moment(last)
        )
