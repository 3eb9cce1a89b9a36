"""Announcements that are for the reader, today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from collector.store.names import Name, Names
    from collector.store.reader import Reader


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
    """What is published, not expired, and meant for the reader, newest first, over all of the reader's schools."""
    raise RuntimeError
