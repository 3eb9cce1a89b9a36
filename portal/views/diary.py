"""A week of the diary: lessons by day, what was given, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from portal.views.shared import MarkView, mark_view, week_text

if TYPE_CHECKING:
    from datetime import date, time

    from collector.store.diary import DiaryDay, DiaryLesson, Week, Work
    from collector.store.names import Name
    from portal.words import Words

_SUNDAY: Final = 6
_WORKDAYS: Final = 5


@dataclass(frozen=True, slots=True)
class Task:
    """Something given to do: what, its kind where that is not homework, and a debt's word."""

    text: str
    kind: str
    due: date | None
    files: bool


@dataclass(frozen=True, slots=True)
class LessonView:
    """A row of a day."""

    number: str
    start: str
    end: str
    subject: str
    room: str
    teacher: str
    topic: str
    change: str  # message of a change: cancelled, moved, distance
    off: bool  # does not take place for the pupil
    homework: tuple[Task, ...]
    works: tuple[Task, ...]
    marks: tuple[MarkView, ...]
    comments: tuple[str, ...]
    attendance: str
    minutes_late: int | None


@dataclass(frozen=True, slots=True)
class DayView:
    """A day; `today` is set apart."""

    day: date
    today: bool
    lessons: tuple[LessonView, ...]


@dataclass(frozen=True, slots=True)
class WeekView:
    """A week with its neighbours, as addresses name them."""

    first: date
    last: date
    days: tuple[DayView, ...]
    previous: str
    following: str
    current: bool
    lessons: int
    marks: int
    missed: int
    homework: int


def week_view(words: Words, week: Week, today: date) -> WeekView:
    """The week without its empty Saturday and Sunday."""
    days = [day_view(words, day, today) for day in week.days]
    shown = [day for number, day in enumerate(days) if number < _WORKDAYS or day.lessons]
    lessons = [lesson for day in days for lesson in day.lessons]
    return WeekView(
        first=week.monday,
        last=shown[-1].day,
        days=tuple(shown),
        previous=week_text(week.monday - timedelta(days=7)),
        following=week_text(week.monday + timedelta(days=7)),
        current=week.monday <= today <= week.monday + timedelta(days=_SUNDAY),
        lessons=sum(not lesson.off for lesson in lessons),
        marks=sum(mark.tone not in ("debt", "word") for lesson in lessons for mark in lesson.marks),
        missed=sum(lesson.attendance in ("УП", "Б", "НП", "ОТ") for lesson in lessons),
        homework=sum(bool(lesson.homework) for lesson in lessons),
    )


def day_view(words: Words, day: DiaryDay, today: date) -> DayView:
    """One day."""
    return DayView(day.day, day.day == today, tuple(_lesson(words, one) for one in day.lessons))


def _lesson(words: Words, one: DiaryLesson) -> LessonView:
    works = (*one.homework, *one.works)
    return LessonView(
        number="" if one.number is None else str(one.number),
        start=hours(one.start),
        end=hours(one.end),
        subject=one.subject,
        room=room_words(words, one.room),
        teacher=short_name(one.teacher),
        topic=one.topic or "",
        change=change_word(words, one.state),
        off=one.state == "cancelled" or one.exempt,
        homework=tuple(_task(work, "") for work in one.homework),
        works=tuple(_task(work, work.type_name) for work in one.works if _worth_telling(work)),
        marks=tuple(
            mark_view(words, mark.kind, mark.value, mark.text, mark.weight, (work.type_name, work.title, mark.comment))
            for work in works
            for mark in work.marks
        ),
        comments=tuple(mark.comment for work in works for mark in work.marks if mark.comment),
        attendance="ОСВ" if one.exempt and not one.attendance else one.attendance or "",
        minutes_late=one.minutes_late,
    )


def change_word(words: Words, state: str | None) -> str:
    """A change of a lesson in words; empty for a lesson as planned or held."""
    return {
        "cancelled": words.gettext("cancelled"),
        "moved": words.gettext("moved"),
        "distance": words.gettext("distance lesson"),
        "substitute": words.gettext("another teacher"),
        "extra": words.gettext("not in the usual timetable"),
    }.get(state or "", "")


def room_words(words: Words, room: str | None) -> str:
    """«каб. 302»; a room with a name of its own keeps it."""
    if not room:
        return ""
    return words.gettext("room %(room)s", room=room) if room[0].isdigit() else room


def short_name(name: Name | None) -> str:
    """«Иванова А. С.», never broken between the initials."""
    return name.short.replace(". ", ".\N{NO-BREAK SPACE}") if name else ""


def hours(at: time | None) -> str:
    """«08:30», or nothing."""
    return f"{at:%H:%M}" if at else ""


def _task(work: Work, kind: str) -> Task:
    text = work.title
    if work.description and work.description.strip() != text.strip():
        text = f"{text}. {work.description}" if text else work.description
    return Task(text, "" if kind == text else kind, work.due, work.files)


def _worth_telling(work: Work) -> bool:
    """Work at the lesson is told when it has a title of its own; an answer at the lesson is told by its mark."""
    return (bool(work.title) and work.title != work.type_name) or bool(work.description) or work.kind == "control"
