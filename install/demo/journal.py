"""The journal of a school-year, lesson by lesson: meetings, homework, work for marks, the marks themselves, and who changed what."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from install.demo import texts
from install.demo.absence import Absences
from install.demo.curriculum import (
    ANSWER,
    CODE,
    CONTROL,
    DUTY,
    HOMEWORK,
    LANGUAGE_WORKS,
    NUMERIC,
    PASS,
    PASS_FAIL,
    WRITTEN,
    WorkType,
)
from install.demo.draft import moment, morning, stamp
from install.demo.model import CIRCLE, EXTRA

if TYPE_CHECKING:
    from install.demo.model import Group, Slot
    from install.demo.roster import Student
    from install.demo.structure import Structure

HELD, CANCELLED, MOVED, DISTANCE = 1, 2, 3, 4  # the vendor's states of lessons; NULL is planned
MARK_CHANGED, MARK_DELETED, ATTENDANCE_DELETED, MARK_SET, LATE_ENTRY = 1, 2, 3, 4, 5  # the vendor's actions in the log
PLANNED_AHEAD: Final = timedelta(days=10)
_DOUBLE: Final = frozenset(work.id for work in LANGUAGE_WORKS)  # one mark for grammar, one for contents
_LANGUAGES: Final = frozenset({"russian", "english", "literature"})
_FORGOTTEN_AFTER: Final = 14  # days; older lessons without a topic are seldom


class Journal:
    """Plays a year's lessons. ``tally`` gathers, per group and pupil, what a term's result is made of: number, sum, weights."""

    def __init__(self, structure: Structure) -> None:
        self.structure, self.draft, self.rng, self.spec = structure, structure.draft, structure.rng, structure.spec
        self.absences = Absences(self.draft, self.rng, self.spec)
        self.tally: defaultdict[tuple[int, int], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        self._homework: dict[int, int] = {}

    def plan(self) -> dict[date, list[tuple[Slot, date | None]]]:
        """Lessons of every day until the planning horizon, each with the date of the group's next lesson."""
        week: defaultdict[int, list[Slot]] = defaultdict(list)
        for slot in sorted(self.structure.timetable.slots, key=lambda slot: (slot.relay, slot.number, slot.group.id)):
            week[slot.weekday].append(slot)
        horizon = self.spec.today + PLANNED_AHEAD
        following: dict[int, date] = {}
        plan: dict[date, list[tuple[Slot, date | None]]] = {}
        for day in reversed([day for day in self.structure.year.school_days if day <= horizon]):
            parity = 2 - day.isocalendar().week % 2
            lessons = [slot for slot in week[day.isoweekday()] if slot.parity in (0, parity)]
            plan[day] = [(slot, following.get(slot.group.id)) for slot in lessons]
            following.update({slot.group.id: day for slot in lessons})
        return dict(reversed(plan.items()))

    def lesson(self, slot: Slot, day: date, following: date | None) -> None:
        """Add one lesson with everything that belongs to it."""
        group, rng = slot.group, self.rng
        if not group.members:
            return
        meeting = self.draft.number("ClassMeetings")
        if day >= self.spec.today:
            self._meeting(meeting, slot, day, (None, None, None))
            return
        state = HELD if rng.random() < 0.975 else rng.choice((CANCELLED, MOVED, DISTANCE, DISTANCE))
        filled = self._filled(day) if state in (HELD, DISTANCE) else None
        topic = texts.topic(rng, group.subject.code) if filled else None
        self._meeting(meeting, slot, day, (topic, state, filled))
        if state not in (HELD, DISTANCE):
            return
        if rng.random() >= self.spec.character.no_attendance:
            self.absences.submit(
                meeting, group, self.structure.year_id, day, 8 * 3600 + slot.number * 2700 + rng.randint(0, 1200)
            )
        if group.parallel > 1 and group.kind not in (EXTRA, CIRCLE):
            self._work(meeting, group, day, following)

    def _meeting(self, meeting: int, slot: Slot, day: date, filling: tuple[str | None, int | None, str | None]) -> None:
        topic, state, filled = filling
        changed = moment(filled) if filled else morning(self.structure.year.first)
        row = (
            meeting,
            self.structure.year_id,
            slot.group.id,
            str(day),
            slot.number,
            slot.relay,
            slot.group.teacher_on(day).id,
        )
        self.draft.add("ClassMeetings", *row, topic, state, filled, None, changed)

    def _filled(self, day: date) -> str | None:
        """When the teacher wrote the topic: the same day, days later, or not yet."""
        rng, late = self.rng, self.spec.character.late_topics
        if rng.random() >= late:
            return stamp(day, rng.randint(9 * 3600, 21 * 3600))
        written = day + timedelta(days=rng.randint(2, _FORGOTTEN_AFTER))
        return (
            None
            if written >= self.spec.today or rng.random() < 0.1
            else stamp(written, rng.randint(15 * 3600, 22 * 3600))
        )

    def _work(self, meeting: int, group: Group, day: date, following: date | None) -> None:
        rng, density = self.rng, self.spec.character.density
        at = stamp(day, 13 * 3600 + rng.randint(0, 7 * 3600))
        due = self._homework.pop(group.id, None)
        if due and rng.random() < 0.45 * density:
            self._marks(group, meeting, due, HOMEWORK, at)
        chance = rng.random()
        if chance < 0.1 * density:
            kind = (
                rng.choice(LANGUAGE_WORKS if group.subject.code in _LANGUAGES else WRITTEN)
                if chance > 0.02
                else CONTROL
            )
            self._marks(group, meeting, self._assignment(meeting, kind, day, day), kind, at)
        elif chance < 0.7 * density:
            self._marks(group, meeting, self._assignment(meeting, ANSWER, day, day), ANSWER, at)
        if following and rng.random() < 0.6:
            self._homework[group.id] = self._assignment(meeting, HOMEWORK, day, following)

    def _assignment(self, meeting: int, kind: WorkType, day: date, due: date) -> int:
        rng = self.rng
        number = self.draft.number("Assignments")
        title = texts.homework(rng) if kind is HOMEWORK else kind.name
        text = title if kind is HOMEWORK and rng.random() < 0.2 else None
        files = rng.randint(1, 2) if rng.random() < 0.04 else 0
        at = stamp(day, rng.randint(9 * 3600, 20 * 3600))
        dates = (str(day), str(due), kind in (CONTROL, HOMEWORK), at, rng.random() < 0.004)
        row = (number, self.structure.year_id, meeting, kind.id, title, text, kind.weight, *dates, files, moment(at))
        self.draft.add("Assignments", *row)
        return number

    def log(
        self, what: tuple[int, int, int], teacher: int, action: int, at: str, values: tuple[str | None, str | None]
    ) -> None:
        """Add a line to the log of changes; ``what`` is meeting, mark, pupil; ``values`` before and after."""
        number = self.draft.number("JournalLog")
        head = (number, self.structure.year_id, *what, teacher, action, at)
        self.draft.add("JournalLog", *head, *values, f"PC-{teacher:03d}", moment(at))

    def _marks(self, group: Group, meeting: int, assignment: int, kind: WorkType, at: str) -> None:
        rng = self.rng
        page = _Page(self, group, (meeting, assignment), kind, at)
        away = self.absences.today
        for student in group.members.values():
            if rng.random() >= kind.share or self.structure.is_exempt(group, student):
                continue
            if student.id not in away:
                page.mark(student)
            elif kind.share > 0.8:
                page.debt(student)


class _Page:
    """Marks of one assignment, all saved together."""

    def __init__(self, journal: Journal, group: Group, place: tuple[int, int], kind: WorkType, at: str) -> None:
        self._journal, self._draft, self._rng = journal, journal.draft, journal.rng
        self._group, self._kind, self._at = group, kind, at
        self._meeting, self._assignment = place
        self._changed, self._teacher = moment(at), group.teacher_on(date.fromisoformat(at[:10])).id
        self._bias = 3.95 + journal.spec.character.generosity + group.bias

    def mark(self, student: Student) -> None:
        """A mark for a pupil who was there; two in one cell for grammar and contents; now and then a code."""
        rng = self._rng
        if self._group.subject.grading == PASS:
            passed = rng.random() < 0.96
            self._write(student, 1, PASS_FAIL, None, "зач" if passed else "незач")
            return
        self._write_number(student, 1)
        if self._kind.id in _DOUBLE and rng.random() < 0.7:
            self._write_number(student, 2)

    def debt(self, student: Student) -> None:
        """A dot for work that is still owed, or «н/а»; some debts are paid later: the cell then holds a dot and a mark."""
        rng = self._rng
        if rng.random() < 0.3:
            self._write(student, 1, CODE, None, rng.choice(("н/а", "осв")))
            return
        self._write(student, 1, DUTY, None, ".")
        if rng.random() < 0.4:
            self._write_number(student, 2)

    def _write_number(self, student: Student, ordinal: int) -> None:
        value = max(2, min(5, round(self._bias + student.ability + self._rng.gauss(0, 0.62))))
        tally = self._journal.tally[self._group.id, student.id]
        tally[0] += 1
        tally[1] += value * self._kind.weight
        tally[2] += self._kind.weight
        self._write(student, ordinal, NUMERIC, value, str(value))

    def _write(self, student: Student, ordinal: int, kind: int, value: int | None, text: str) -> None:
        draft, rng = self._draft, self._rng
        number = draft.number("Marks")
        chance = rng.random()
        comment = rng.choice(texts.COMMENTS) if chance < 0.03 else None
        edited, changed = None, self._changed
        if chance > 0.965 and value:
            edited = self._history(number, student, MARK_CHANGED, str(6 - value if value != 3 else 4), text)
            changed = moment(edited)
        elif chance > 0.96:
            self._history(draft.number("Marks"), student, MARK_DELETED, text, None)
        row = (
            number,
            self._journal.structure.year_id,
            self._assignment,
            student.id,
            ordinal,
            kind,
            value,
            text,
            None,
            comment,
        )
        draft.add("Marks", *row, self._at, edited, self._teacher, changed)

    def _history(self, mark: int, student: Student, action: int, before: str | None, after: str | None) -> str:
        """A line in the log of changes, minutes to hours after the mark was set; tells when."""
        day, second = self._at[:10], int(self._at[11:13]) * 3600 + self._rng.randint(3600, 5400)
        at = stamp(date.fromisoformat(day), second)
        self._journal.log((self._meeting, mark, student.id), self._teacher, action, at, (before, after))
        return at
