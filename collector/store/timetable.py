"""Lessons to come by weekday and bell, for a pupil, a class or a teacher; what of it changes is told by the lessons themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collector.store.lessons import bells, group_words, slots, staff_persons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import time

    from collector.store.lessons import SlotRow
    from collector.store.names import Name, Names
    from collector.store.reader import Reader

MOST_DAYS: Final = timedelta(days=61)

_OF_PUPIL: Final = """
SELECT DISTINCT m.teaching_group_id FROM gorod.group_membership m
WHERE m.school_id = %(school)s AND m.pupil_id = %(pupil)s AND m.exempt IS NOT TRUE
  AND (m.from_date IS NULL OR m.from_date <= %(last)s) AND (m.to_date IS NULL OR m.to_date > %(first)s)"""
_OF_CLASS: Final = """
SELECT g.source_id FROM gorod.teaching_group g
WHERE g.school_id = %(school)s AND %(class_id)s = ANY (string_to_array(g.class_ids, ','))"""
_OF_TEACHER: Final = "SELECT r.key FROM gorod.reached('taught') r WHERE r.school_id = %(school)s"
_LESSONS: Final = """
SELECT l.teaching_group_id, l.date, l.number, l.shift, l.state, l.staff_id FROM gorod.lesson l
WHERE l.school_id = %(school)s AND l.teaching_group_id = ANY (%(groups)s) AND l.date BETWEEN %(first)s AND %(last)s"""
_TEACHERS: Final = """
SELECT t.teaching_group_id, t.staff_id, t.from_date, t.to_date, t.kind FROM gorod.teaching_assignment t
WHERE t.school_id = %(school)s AND t.teaching_group_id = ANY (%(groups)s) ORDER BY t.kind DESC, t.source_id"""
# Days of teaching: within a term of some class of the school. Beyond what is planned lesson by lesson, holidays are known by nothing else.
_TERMS: Final = """
SELECT DISTINCT start_date, end_date FROM gorod.term
WHERE school_id = %(school)s AND term_type <> 'year' AND start_date <= %(last)s AND end_date >= %(first)s"""


@dataclass(frozen=True, slots=True)
class Slot:
    """One lesson of the timetable on one date."""

    day: date
    number: int | None
    shift: int | None
    start: time | None
    end: time | None
    group: str
    group_name: str
    subject: str
    room: str | None
    teacher: Name | None
    change: str | None  # cancelled | moved | distance | substitute | extra; None: as planned


class _Planned(NamedTuple):
    """One lesson of one day, from the journal or, where that is not planned yet, from the timetable."""

    group: str
    day: date
    number: int | None
    shift: int | None
    state: str | None
    staff: str | None
    room: str | None
    extra: bool


def of_pupil(reader: Reader, names: Names, school: str, pupil: str, first: date, last: date) -> tuple[Slot, ...]:
    """Lessons of the pupil's groups from first to last, both inclusive (at most 62 days), in order.

    What is planned lesson by lesson decides; days beyond that come from the weekly timetable, within terms.
    """
    last = min(last, first + MOST_DAYS)
    rows = reader.rows(_OF_PUPIL, school=school, pupil=pupil, first=first, last=last)
    return _slots(reader, names, school, [row[0] for row in rows], first, last)


def of_class(reader: Reader, names: Names, school: str, class_id: str, first: date, last: date) -> tuple[Slot, ...]:
    """Lessons of the groups that are taught to the class."""
    rows = reader.rows(_OF_CLASS, school=school, class_id=class_id)
    return _slots(reader, names, school, [row[0] for row in rows], first, min(last, first + MOST_DAYS))


def of_teacher(reader: Reader, names: Names, school: str, first: date, last: date) -> tuple[Slot, ...]:
    """Lessons of the groups that the reading teacher teaches now."""
    rows = reader.rows(_OF_TEACHER, school=school)
    return _slots(reader, names, school, [row[0] for row in rows], first, min(last, first + MOST_DAYS))


def _slots(reader: Reader, names: Names, school: str, groups: list[str], first: date, last: date) -> tuple[Slot, ...]:
    span: dict[str, Any] = {"school": school, "groups": groups, "first": first, "last": last}
    weekly = slots(reader, school, groups)
    planned = list(_planned(reader, span, weekly))
    main = _main_teachers(reader, span)
    persons = staff_persons(reader, school, {one.staff for one in planned} | {row[1] for row in main})
    known = names.of(reader, school, persons.values())
    words, rings = group_words(reader, school, groups), bells(reader, school)
    found = []
    for one in planned:
        usual = next((row[1] for row in main if _teaches(row, one)), None)
        staff = one.staff or usual
        start, end = rings.get((one.day.isoweekday(), one.shift, one.number), (None, None))
        called = words.get(one.group)
        found.append(
            Slot(
                one.day,
                one.number,
                one.shift,
                start,
                end,
                one.group,
                called.name if called else "",
                called.subject if called else "",
                one.room,
                known.get(persons.get(staff or "", "")),
                _change(one, usual),
            )
        )
    return tuple(sorted(found, key=lambda slot: (slot.day, slot.shift or 0, slot.number or 0, slot.group_name)))


def _planned(reader: Reader, span: dict[str, Any], weekly: list[SlotRow]) -> Iterator[_Planned]:
    lessons = reader.rows(_LESSONS, **span)
    horizon = max((row[1] for row in lessons), default=span["first"] - timedelta(days=1))
    for group, day, number, shift, state, staff in lessons:
        slot = next((one for one in weekly if one.group == group and one.number == number and one.fits(day)), None)
        yield _Planned(group, day, number, shift, state, staff, slot.room if slot else None, slot is None)
    terms = reader.rows(_TERMS, **span)
    day = horizon + timedelta(days=1)
    while day <= span["last"]:
        if any(start <= day <= end for start, end in terms):
            for slot in weekly:
                if slot.fits(day):
                    yield _Planned(slot.group, day, slot.number, slot.shift, None, None, slot.room, extra=False)
        day += timedelta(days=1)


def _main_teachers(reader: Reader, span: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Assignments of the groups, substitutes first: whoever steps in for two weeks is the teacher of those weeks."""
    return reader.rows(_TEACHERS, school=span["school"], groups=span["groups"])


def _teaches(row: tuple[Any, ...], one: _Planned) -> bool:
    group, _staff, since, until, kind = row
    within = (since is None or since <= one.day) and (until is None or one.day < until)
    return bool(group == one.group and within and kind != "substitute")


def _change(one: _Planned, usual: str | None) -> str | None:
    if one.state in ("cancelled", "moved", "distance"):
        return one.state
    if one.staff and usual and one.staff != usual:
        return "substitute"
    return "extra" if one.extra else None
