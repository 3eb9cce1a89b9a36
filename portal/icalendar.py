"""A timetable as an iCalendar file (RFC 5545), for calendars on telephones (pure).

It names subjects, rooms and hours: no pupil, no teacher, no school by name. Whoever gets hold of the address learns when somebody has
physics.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from collector.store.timetable import Slot
    from portal.words import Words

_LINE: Final = 75
_ESCAPED: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


def calendar(words: Words, slots: Iterable[Slot], zone: str, name: str, made: datetime) -> bytes:
    """The file. `name` is how the calendar shows itself; lessons without hours are left out, cancelled ones say so."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Gorod//Timetable//RU",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT3H",
        "X-PUBLISHED-TTL:PT3H",
    ]
    for slot in slots:
        lines += _event(words, slot, ZoneInfo(zone), made)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line)).encode()


def _event(words: Words, slot: Slot, zone: ZoneInfo, made: datetime) -> Iterator[str]:
    if slot.start is None or slot.end is None or slot.end <= slot.start:
        return
    begin, end = (datetime.combine(slot.day, at, zone) for at in (slot.start, slot.end))
    cancelled = slot.change == "cancelled"
    said = {"distance": words.gettext("distance lesson"), "moved": words.gettext("moved")}.get(slot.change or "", "")
    yield "BEGIN:VEVENT"
    yield f"UID:{_uid(slot)}"
    yield f"DTSTAMP:{_instant(made)}"
    yield f"DTSTART:{_instant(begin)}"
    yield f"DTEND:{_instant(end)}"
    yield f"SUMMARY:{_text(f'{slot.subject} ({said})' if said else slot.subject)}"
    if slot.room:
        yield f"LOCATION:{_text(slot.room)}"
    yield f"STATUS:{'CANCELLED' if cancelled else 'CONFIRMED'}"
    yield "END:VEVENT"


def _uid(slot: Slot) -> str:
    """The same lesson keeps its name when its room or hours change."""
    key = "".join(sign if sign.isascii() and sign.isalnum() else f"-{ord(sign):x}-" for sign in slot.group)
    return f"{key}.{slot.day:%Y%m%d}.{slot.shift or 0}.{slot.number if slot.number is not None else 'x'}@gorod"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    return "".join(sign for sign in value.translate(_ESCAPED) if sign.isprintable())


def _folded(line: str) -> Iterator[str]:
    """Pieces of at most 75 bytes, cut between characters; each further one begins with a blank."""
    piece, size = "", 0
    for sign in line:
        width = len(sign.encode())
        if size + width > _LINE:
            yield piece
            piece, size = " ", 1
        piece, size = piece + sign, size + width
    yield piece
