"""What teachers do in the journal, one action at a time: marks, corrections, attendance, topics, homework. Runs inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from install.demo import texts
from install.demo.curriculum import ANSWER, DUTY, HOMEWORK, NUMERIC
from install.demo.desk import DELETE, UPDATE
from install.demo.journal import ATTENDANCE_DELETED, HELD, LATE_ENTRY, MARK_CHANGED, MARK_DELETED, MARK_SET

if TYPE_CHECKING:
    from random import Random

    from install.demo.desk import Clock, Desk, Lesson

_DEBT: Final = 0.04
_COMMENTED: Final = 0.05
_MISTAKEN: Final = 0.3  # of the attendance entries that are looked at again
_KNOWN_MARK: Final = """
    SELECT m.MarkId, m.StudentId, m.MarkText, m.EmployeeId, a.MeetingId FROM Marks m
    JOIN Assignments a ON a.OrgCode = m.OrgCode AND a.AssignmentId = m.AssignmentId
    WHERE m.OrgCode = ? AND m.MarkId = ?
"""
_FILL: Final = """
    UPDATE ClassMeetings SET Topic = ?, StateCode = COALESCE(StateCode, ?), FilledAt = COALESCE(FilledAt, ?), ChangedAt = ?
    WHERE OrgCode = ? AND MeetingId = ?
"""
_CORRECT: Final = """
    UPDATE Marks SET MarkValue = ?, MarkText = ?, KindCode = ?, EditedAt = ?, ChangedAt = ? WHERE OrgCode = ? AND MarkId = ?
"""


def mark(desk: Desk, rng: Random, clock: Clock) -> None:
    """A mark, now and then a dot, for work in one of the latest lessons."""
    lesson = desk.latest(rng, [lesson for lesson in desk.lessons if lesson.marked])
    if lesson is None or not desk.members(lesson):
        return
    student = rng.choice(desk.members(lesson))
    assignment = _assignment_for(desk, rng, lesson, clock)
    taken = desk.value(
        "SELECT MAX(Ordinal) FROM Marks WHERE OrgCode = ? AND AssignmentId = ? AND StudentId = ?", assignment, student
    )
    number, debt = desk.next("Marks", "MarkId"), rng.random() < _DEBT
    value = None if debt else rng.choices((2, 3, 4, 5), (6, 24, 42, 28))[0]
    text = "." if debt else str(value)
    desk.add(
        "Marks",
        clock,
        MarkId=number,
        YearId=desk.year,
        AssignmentId=assignment,
        StudentId=student,
        Ordinal=(taken or 0) + 1,
        KindCode=DUTY if debt else NUMERIC,
        MarkValue=value,
        MarkText=text,
        Comment=rng.choice(texts.COMMENTS) if rng.random() < _COMMENTED else None,
        SetAt=clock.time,
        EmployeeId=lesson.teacher,
    )
    desk.note("mark", number)
    desk.marks.append(number)
    desk.log(clock, MARK_SET, lesson.teacher, (lesson.id, number, student), (None, text))


def _assignment_for(desk: Desk, rng: Random, lesson: Lesson, clock: Clock) -> int:
    sql = "SELECT AssignmentId FROM Assignments WHERE OrgCode = ? AND MeetingId = ? AND NOT DeletedFlag AND TypeId <> ? ORDER BY 1"
    found = desk.rows(sql, lesson.id, HOMEWORK.id)
    return int(rng.choice(found)[0]) if found else _assign(desk, clock, lesson, ANSWER.id, ANSWER.name)


def _assign(desk: Desk, clock: Clock, lesson: Lesson, kind: int, title: str) -> int:
    number = desk.next("Assignments", "AssignmentId")
    desk.add(
        "Assignments",
        clock,
        AssignmentId=number,
        YearId=desk.year,
        MeetingId=lesson.id,
        TypeId=kind,
        Title=title,
        Weight=1,
        IssuedOn=lesson.day,
        DueDate=max(lesson.day, str(clock.day)) if kind == HOMEWORK.id else lesson.day,
        MandatoryFlag=kind == HOMEWORK.id,
        PublishedAt=clock.time,
        DeletedFlag=False,
        FileCount=0,
    )
    desk.note("assignment", number)
    return number


def homework(desk: Desk, rng: Random, clock: Clock) -> None:
    """Something to do at home."""
    lesson = desk.latest(rng, [lesson for lesson in desk.lessons if lesson.marked])
    if lesson is not None:
        _assign(desk, clock, lesson, HOMEWORK.id, texts.homework(rng))


def correct(desk: Desk, rng: Random, clock: Clock) -> None:
    """Another value for a mark that is there."""
    found = _known_mark(desk, rng)
    if found is None:
        return
    number, student, before, teacher, lesson = found
    value = rng.choice([mark for mark in (2, 3, 4, 5) if str(mark) != before])
    desk.db.execute(_CORRECT, value, str(value), NUMERIC, clock.time, clock.stamp, desk.organisation, number)
    desk.note("mark", number, UPDATE)
    desk.log(clock, MARK_CHANGED, teacher, (lesson, number, student), (before, str(value)))


def remove(desk: Desk, rng: Random, clock: Clock) -> None:
    """A mark that should not have been."""
    found = _known_mark(desk, rng)
    if found is None:
        return
    number, student, before, teacher, lesson = found
    desk.db.execute("DELETE FROM Marks WHERE OrgCode = ? AND MarkId = ?", desk.organisation, number)
    desk.marks.remove(number)
    desk.note("mark", number, DELETE)
    desk.log(clock, MARK_DELETED, teacher, (lesson, number, student), (before, None))


def _known_mark(desk: Desk, rng: Random) -> tuple[int, int, str, int, int] | None:
    """Number, pupil, text, author and lesson of a mark that may be corrected."""
    if not desk.marks:
        return None
    number = rng.choice(desk.marks)
    rows = desk.rows(_KNOWN_MARK, number)
    if not rows:
        desk.marks.remove(number)
        return None
    mark_id, student, text, teacher, lesson = rows[0]
    return mark_id, student, text, teacher, lesson


def attendance(desk: Desk, rng: Random, clock: Clock) -> None:
    """Somebody is missing; or the office learns why; or it was a mistake."""
    lesson = desk.latest(rng)
    if lesson is None or not desk.members(lesson):
        return
    student = rng.choice(desk.members(lesson))
    before = desk.value(
        "SELECT COALESCE(CodeCorrected, CodeSubmitted) FROM Attendance WHERE OrgCode = ? AND MeetingId = ? AND StudentId = ?",
        lesson.id,
        student,
    )
    if before is None:
        _miss(desk, rng, clock, lesson, student)
    elif rng.random() < _MISTAKEN:
        _unmiss(desk, clock, lesson, student, before)
    else:
        after = rng.choice([code for code in ("Б", "УП", "НП", "ПР") if code != before])
        sql = "UPDATE Attendance SET CodeCorrected = ?, ChangedAt = ? WHERE OrgCode = ? AND MeetingId = ? AND StudentId = ?"
        desk.db.execute(sql, after, clock.stamp, desk.organisation, lesson.id, student)
        desk.note("attendance_event", f"{lesson.id}/{student}", UPDATE)
        desk.log(clock, LATE_ENTRY, lesson.teacher, (lesson.id, None, student), (before, after))


def _miss(desk: Desk, rng: Random, clock: Clock, lesson: Lesson, student: int) -> None:
    code = rng.choices(("ОТ", "Б", "УП", "НП", "ОП"), (50, 15, 12, 8, 15))[0]
    late = rng.randint(1, 20) if code == "ОП" else None
    head = {"MeetingId": lesson.id, "StudentId": student, "YearId": desk.year}
    desk.add("Attendance", clock, **head, CodeSubmitted=code, MinutesLate=late, MarkedAt=clock.time)
    desk.note("attendance_event", f"{lesson.id}/{student}")


def _unmiss(desk: Desk, clock: Clock, lesson: Lesson, student: int, before: str) -> None:
    sql = "DELETE FROM Attendance WHERE OrgCode = ? AND MeetingId = ? AND StudentId = ?"
    desk.db.execute(sql, desk.organisation, lesson.id, student)
    desk.note("attendance_event", f"{lesson.id}/{student}", DELETE)
    desk.log(clock, ATTENDANCE_DELETED, lesson.teacher, (lesson.id, None, student), (before, None))


def topic(desk: Desk, rng: Random, clock: Clock) -> None:
    """A teacher writes a topic, which makes a planned lesson a held one; lessons without one come first."""
    lesson = desk.latest(rng, [lesson for lesson in desk.lessons if not lesson.written] or None)
    if lesson is None:
        return
    words = f"{texts.topic(rng, '')}, {clock.time[11:16]}"
    desk.db.execute(_FILL, words, HELD, clock.time, clock.stamp, desk.organisation, lesson.id)
    desk.note("lesson", lesson.id, UPDATE)
    desk.written(lesson)
