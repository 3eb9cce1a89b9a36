"""A school's program at work: one connection, the open school-year, and short writes that tell what they changed."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from install.demo import database
from install.demo.draft import local

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime
    from random import Random

    from install.demo.database import Database

INSERT: Final = "insert"
UPDATE: Final = "update"
DELETE: Final = "delete"
_LESSONS: Final = 400  # of the latest ones, among which people are at work
_REMEMBERED: Final = 300  # marks that may still be corrected
_GRADED_KINDS: Final = 3  # class, subgroup, individual plan

_LATEST_LESSONS: Final = """
    SELECT m.MeetingId, m.GroupId, m.EmployeeId, m.MeetingDate, g.GroupKind, c.Parallel, m.FilledAt
    FROM ClassMeetings m
    JOIN SubjectGroups g ON g.OrgCode = m.OrgCode AND g.GroupId = m.GroupId
    LEFT JOIN Classes c ON c.OrgCode = m.OrgCode AND c.ClassId =
        (SELECT MIN(x.ClassId) FROM GroupClasses x WHERE x.OrgCode = m.OrgCode AND x.GroupId = m.GroupId)
    WHERE m.OrgCode = ? AND m.YearId = ? AND m.MeetingDate <= ? AND (m.StateCode IS NULL OR m.StateCode IN (1, 4))
    ORDER BY m.MeetingDate DESC, m.MeetingId DESC LIMIT ?
"""
_LATEST_MARKS: Final = "SELECT MarkId FROM Marks WHERE OrgCode = ? AND YearId = ? ORDER BY MarkId DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class ChangeNote:
    """One row of one canonical entity that a committed action changed; ``key`` is its canonical key, ``kind`` insert, update or delete."""

    organisation: str
    entity: str
    key: str
    kind: str


@dataclass(frozen=True, slots=True)
class Clock:
    """One moment as the school's clock shows it: the date, the time to the second, the server's stamp to the millisecond."""

    day: date
    time: str
    stamp: str

    @classmethod
    def at(cls, now: datetime) -> Clock:
        """Read an aware time."""
        here = local(now)
        return cls(
            here.date(), here.isoformat(sep=" ", timespec="seconds"), here.isoformat(sep=" ", timespec="milliseconds")
        )


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as a teacher picks it from the journal."""

    id: int
    group: int
    teacher: int
    day: str
    marked: bool
    written: bool


class Desk:
    """Reads and writes one organisation. Every write adds to ``notes``, which :meth:`take` hands over after the commit."""

    def __init__(self, url: str, organisation: str) -> None:
        self.db: Database = database.connect(url)
        self.organisation = organisation
        self.notes: list[ChangeNote] = []
        self.year = 0
        self.lessons: list[Lesson] = []
        self.marks: deque[int] = deque(maxlen=_REMEMBERED)
        self._members: dict[int, list[int]] = {}

    def close(self) -> None:
        """End the connection."""
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One committed action; what a failed one noted before is forgotten."""
        self.notes.clear()
        with self.db.transaction():
            yield

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a SELECT whose first parameter is the organisation."""
        return self.db.query(sql, self.organisation, *values)

    def value(self, sql: str, *values: object) -> Any:
        """First column of the first row of a SELECT whose first parameter is the organisation."""
        return self.db.value(sql, self.organisation, *values)

    def next(self, table: str, column: str) -> int:
        """The next running number of a table."""
        return int(self.value(f"SELECT COALESCE(MAX({column}), 0) + 1 FROM {table} WHERE OrgCode = ?"))

    def add(self, table: str, clock: Clock, **values: object) -> None:
        """Insert a row."""
        self.db.insert(table, OrgCode=self.organisation, **values, ChangedAt=clock.stamp)

    def note(self, entity: str, key: object, kind: str = INSERT) -> None:
        """Remember what has been changed."""
        self.notes.append(ChangeNote(self.organisation, entity, str(key), kind))

    def take(self) -> list[ChangeNote]:
        """What has been changed since the last time."""
        taken, self.notes = self.notes, []
        return taken

    def log(
        self,
        clock: Clock,
        action: int,
        teacher: int,
        what: tuple[int, int | None, int],
        values: tuple[str | None, str | None],
    ) -> None:
        """A line in the log of changes; ``what`` is meeting, mark and pupil, ``values`` before and after."""
        meeting, mark, student = what
        number = self.next("JournalLog", "LogId")
        head = {
            "LogId": number,
            "YearId": self.year,
            "MeetingId": meeting,
            "MarkId": mark,
            "StudentId": student,
            "EmployeeId": teacher,
        }
        self.add(
            "JournalLog", clock, **head, ActionCode=action, LoggedAt=clock.time, OldValue=values[0], NewValue=values[1]
        )
        self.note("journal_change", number)

    def look_around(self, clock: Clock) -> None:
        """Find the open year, its latest lessons, and the marks that may still be corrected."""
        self._members.clear()
        self.year = int(self.value("SELECT MAX(YearId) FROM SchoolYears WHERE OrgCode = ? AND NOT ClosedFlag") or 0)
        self.lessons = [
            Lesson(number, group, teacher, str(day), kind <= _GRADED_KINDS and (parallel or 0) > 1, bool(filled))
            for number, group, teacher, day, kind, parallel, filled in self.rows(
                _LATEST_LESSONS, self.year, str(clock.day), _LESSONS
            )
        ]
        if not self.marks:
            self.marks.extend(row[0] for row in reversed(self.rows(_LATEST_MARKS, self.year, _REMEMBERED)))

    def latest(self, rng: Random, lessons: Sequence[Lesson] | None = None) -> Lesson | None:
        """One of the lessons, the latest ones more often."""
        choice = self.lessons if lessons is None else lessons
        return choice[int(len(choice) * rng.random() ** 2)] if choice else None

    def members(self, lesson: Lesson) -> list[int]:
        """Numbers of the pupils who take part in the lesson."""
        if lesson.group not in self._members:
            sql = "SELECT StudentId FROM GroupStudents WHERE OrgCode = ? AND GroupId = ? AND ToDate IS NULL AND NOT ExemptFlag ORDER BY StudentId"
            self._members[lesson.group] = [row[0] for row in self.rows(sql, lesson.group)]
        return self._members[lesson.group]

    def written(self, lesson: Lesson) -> None:
        """Remember that the lesson has its topic now."""
        self.lessons[self.lessons.index(lesson)] = replace(lesson, written=True)

    def forget_members(self) -> None:
        """Read the rolls anew: somebody has moved."""
        self._members.clear()
