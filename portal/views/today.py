"""«Сегодня»: a family's first page, all children in all schools; the sentence first, then what backs it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from portal.views.diary import DayView, day_view
from portal.views.shared import FURTHER, MarkView, mark_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from collector.store.attendance import Attendance
    from collector.store.diary import Debt, Week
    from collector.store.news import NewMark, NewResult
    from collector.store.people import Pupil
    from collector.store.timetable import Slot
    from portal.words import Words


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was read of one child."""

    child: Pupil
    today: date
    weeks: tuple[Week, ...]  # this week; the next one where nothing is left of this
    changes: tuple[Slot, ...]  # timetable of today
    marks: tuple[NewMark, ...]
    results: tuple[NewResult, ...]
    recent: Attendance  # of the last seven days
    debts: tuple[Debt, ...]


@dataclass(frozen=True, slots=True)
class News:
    """A new mark or result: where, what, of which day."""

    subject: str
    mark: MarkView
    about: str


@dataclass(frozen=True, slots=True)
class ChildToday:
    """One child's block."""

    child: Pupil
    name: str
    further: bool
    sentence: str
    day: DayView
    replaced: dict[str, str]  # number of a lesson → another teacher, or a lesson beside the timetable
    following: DayView | None  # the next day with lessons
    news: tuple[News, ...]
    results: tuple[News, ...]
    absences: tuple[tuple[date, int, str], ...]  # day, lessons, code
    debts: int


def child_today(words: Words, found: Gathered, name: str) -> ChildToday:
    """One child's block of the first page."""
    days = [day for week in found.weeks for day in week.days]
    today = next((day for day in days if day.day == found.today), None)
    following = next((day for day in days if day.day > found.today and day.lessons), None)
    shown = day_view(words, today, found.today) if today else DayView(found.today, today=True, lessons=())
    further = found.child.school_kind == FURTHER
    news = tuple(_mark(words, one) for one in found.marks)
    results = tuple(_result(words, one) for one in found.results)
    ahead = day_view(words, following, found.today) if following else None
    return ChildToday(
        child=found.child,
        name=name,
        further=further,
        sentence=_sentence(words, shown, ahead, (len(news), len(results)), further=further),
        day=shown,
        replaced=_replaced(words, found.changes),
        following=ahead,
        news=news,
        results=results,
        absences=tuple(_absences(found.recent)),
        debts=sum(debt.reason == "duty" for debt in found.debts),
    )


def sentence(words: Words, children: Sequence[ChildToday]) -> str:
    """The one sentence that the reader came for."""
    if len(children) == 1:
        return words.gettext("Today %(said)s.", said=children[0].sentence)
    return words.gettext("Today: %(said)s.", said="; ".join(f"{one.name} — {one.sentence}" for one in children))


def _sentence(words: Words, today: DayView, following: DayView | None, new: tuple[int, int], *, further: bool) -> str:
    lessons = sum(not lesson.off for lesson in today.lessons)
    parts = [_lessons(words, lessons, following, further=further)]
    marks, results = new
    if marks:
        parts.append(words.ngettext("%(num)s new mark", "%(num)s new marks", marks))
    if results:
        parts.append(words.ngettext("%(num)s new result", "%(num)s new results", results))
    if not marks and not results and not further:
        parts.append(words.gettext("no new marks"))
    return ", ".join(parts)


def _lessons(words: Words, lessons: int, following: DayView | None, *, further: bool) -> str:
    if lessons and further:
        return words.ngettext("%(num)s class", "%(num)s classes", lessons)
    if lessons:
        return words.ngettext("%(num)s lesson", "%(num)s lessons", lessons)
    none = words.gettext("no classes") if further else words.gettext("no lessons")
    return (
        none
        if following is None
        else words.gettext("%(none)s, the next on %(day)s", none=none, day=words.date(following.day))
    )


def _replaced(words: Words, slots: Iterable[Slot]) -> dict[str, str]:
    said = {"substitute": words.gettext("another teacher"), "extra": words.gettext("not in the usual timetable")}
    return {str(slot.number): said[slot.change] for slot in slots if slot.change in said and slot.number is not None}


def _mark(words: Words, one: NewMark) -> News:
    view = mark_view(words, one.kind, one.value, one.text, one.weight, (one.work,))
    about = [one.work, words.date(one.day) if one.day else "", one.comment or ""]
    return News(one.subject, view, ", ".join(part for part in about if part))


def _result(words: Words, one: NewResult) -> News:
    view = mark_view(words, one.value_kind, one.value, one.text, Decimal(1), ())
    return News(one.subject, view, one.term)


def _absences(recent: Attendance) -> Iterable[tuple[date, int, str]]:
    for day in reversed(recent.days):
        codes = [lesson.code for lesson in day.lessons if lesson.code in ("НП", "ОТ", "УП", "Б", "ОП")]
        for code in dict.fromkeys(codes):
            yield day.day, codes.count(code), code
