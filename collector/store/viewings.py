"""Who looked at what is held on a person: from the record of what happened, for the person and the person's family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store.audit import person_subject

if TYPE_CHECKING:
    from datetime import datetime

    from collector.store.reader import Reader

MOST: Final = 100

_OF_PERSON: Final = """
SELECT a.at, a.kind, c.role, a.actor = %(account)s
FROM gorod.audit a LEFT JOIN gorod.account c ON c.id = a.actor
WHERE a.subject = %(subject)s AND a.kind IN ('card_viewed', 'exported')
ORDER BY a.number DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Viewing:
    """Somebody looked: when, what for (``card_viewed`` | ``exported``), in which role; who it was is told to the school on request."""

    at: datetime
    kind: str
    role: str | None  # None: the account is gone
    own: bool  # the reader


def of_person(reader: Reader, school: str, person: str) -> tuple[Viewing, ...]:
    """The newest 100 viewings of a person's data, newest first. That the reader may see the person was checked."""
    rows = reader.rows(_OF_PERSON, subject=person_subject(school, person), account=reader.account, limit=MOST)
    return tuple(Viewing(at, kind, role, bool(own)) for at, kind, role, own in rows)
