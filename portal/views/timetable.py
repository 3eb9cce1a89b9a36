"""A week of the timetable by day, in the form that the diary's days have."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from portal.views.diary import DayView, LessonView, change_word, hours, room_words, short_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.store.timetable import Slot
    from portal.words import Words

_WORKDAYS: Final = 5
_DAYS: Final = 7


def days_view(words: Words, slots: Iterable[Slot], monday: date, today: date) -> tuple[DayView, ...]:
    """Monday to Friday, and Saturday and Sunday where they have lessons."""
    by_day: dict[date, list[LessonView]] = {monday + timedelta(days=number): [] for number in range(_DAYS)}
    for slot in slots:
        if slot.day in by_day:
            by_day[slot.day].append(_lesson(words, slot))
    return tuple(
        DayView(day, day == today, tuple(lessons))
        for number, (day, lessons) in enumerate(by_day.items())
        if number < _WORKDAYS or lessons
    )


def _lesson(words: Words, slot: Slot) -> LessonView:
    return LessonView(
        number="" if slot.number is None else str(slot.number),
        start=hours(slot.start),
        end=hours(slot.end),
        subject=slot.subject,
        room=room_words(words, slot.room),
        teacher=short_name(slot.teacher),
        topic="",
        change=change_word(words, slot.change),
        off=slot.change == "cancelled",
        homework=(),
        works=(),
        marks=(),
        comments=(),
        attendance="",
        minutes_late=None,
    )
