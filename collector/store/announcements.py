"""Announcements that are for the reader, today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from collector.store.names import Name, Names
    from collector.store.reader import Reader

# Time and audience are the policies' business.
_CURRENT: Final = """
SELECT a.school_id, a.source_id, coalesce(a.title, ''), coalesce(a.body, ''), a.published_at, a.expires_at, f.person_id, a.audience
FROM gorod.announcement a LEFT JOIN gorod.staff f ON f.school_id = a.school_id AND f.source_id = a.author_id
WHERE a.school_id = ANY (string_to_array(current_setting('gorod.touched'), ','))
ORDER BY a.published_at DESC, a.school_id, a.source_id LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A school's word to its people."""

    school: str
    announcement: str
    title: str
    body: str
    published_at: datetime | None  # the school's local time, naive
    expires_at: datetime | None
    author: Name | None
    audience: str | None


def current(reader: Reader, names: Names, limit: int = 50) -> tuple[Announcement, ...]:
    """What is published, not expired, and meant for the reader, newest first, over all of the reader's schools.

    The author's name is told to those who know the author: a family knows its own teachers.
    """
    rows = reader.rows(_CURRENT, limit=limit)
    known = {
        school: names.of(reader, school, (row[6] for row in rows if row[0] == school))
        for school in {row[0] for row in rows}
    }
    return tuple(
        Announcement(school, key, title, body, published, expires, known[school].get(person or ""), audience)
        for school, key, title, body, published, expires, person, audience in rows
    )
