"""The calendar file, read again by a library that knows the standard."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from hypothesis import given
from hypothesis import strategies as st

from collector.store.names import Name
from collector.store.timetable import Slot
from portal.icalendar import calendar
from portal.words import Words

WORDS = Words("ru", ZoneInfo("Europe/Moscow"))
MADE = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def slot(**changes: Any) -> Slot:
    """A lesson of physics."""
    values: dict[str, Any] = {
        "day": date(2026, 11, 23),
        "number": 2,
        "shift": 1,
        "start": time(8, 50),
        "end": time(9, 30),
        "group": "5/7",
        "group_name": "7А/Физика",
        "subject": "Физика",
        "room": "302",
        "teacher": Name("Успенская", "Анастасия", "Константиновна"),
        "change": None,
    }
    return Slot(**values | changes)


def events(*slots: Slot, zone: str = "Europe/Moscow") -> list[Any]:
    return list(icalendar.Calendar.from_ical(calendar(WORDS, slots, zone, "Расписание 7А", MADE)).walk("VEVENT"))


def test_a_lesson_keeps_its_hours_in_the_school_s_zone():
    (event,) = events(slot())
    assert event["DTSTART"].dt == datetime(2026, 11, 23, 5, 50, tzinfo=UTC)
    assert event["DTEND"].dt == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
    (there,) = events(slot(), zone="Asia/Yekaterinburg")
    assert there["DTSTART"].dt == datetime(2026, 11, 23, 3, 50, tzinfo=UTC)


def test_what_the_standard_asks_for_is_there():
    text = calendar(WORDS, [slot()], "Europe/Moscow", "Расписание 7А", MADE).decode()
    found = icalendar.Calendar.from_ical(text)
    assert (found["VERSION"], found["X-WR-CALNAME"]) == ("2.0", "Расписание 7А")
    assert "PRODID" in found
    assert text.endswith("END:VCALENDAR\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY"} <= set(found.walk("VEVENT")[0])


def test_nobody_is_named():
    assert "Успенская" not in calendar(WORDS, [slot()], "Europe/Moscow", "Расписание 7А", MADE).decode()


def test_a_cancelled_lesson_says_so_and_a_distance_one_too():
    cancelled, distance = events(slot(change="cancelled"), slot(number=3, change="distance"))
    assert cancelled["STATUS"] == "CANCELLED"
    assert distance["SUMMARY"] == "Физика (дистанционно)"


def test_a_lesson_without_hours_is_left_out():
    assert events(slot(start=None), slot(end=None), slot(start=time(10), end=time(9))) == []


def test_a_lesson_keeps_its_name_when_room_and_hours_change():
    (before,), (after,) = events(slot()), events(slot(room="1", start=time(9), end=time(9, 40)))
    assert before["UID"] == after["UID"]


def test_different_lessons_have_different_names():
    different = [slot(), slot(number=3), slot(group="57"), slot(day=date(2026, 11, 24)), slot(group="5.7")]
    assert len({event["UID"] for event in events(*different)}) == len(different)


@given(st.text(min_size=1, max_size=200))
def test_any_subject_comes_back_as_it_was(subject: str):
    (event,) = events(slot(subject=subject, room=None))
    told = "".join(sign for sign in subject if sign.isprintable() or sign == "\n").replace("\r", "")
    assert str(event["SUMMARY"]) == told
