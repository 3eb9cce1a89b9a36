"""Rows of the small schema, and its entities, as the contract of sources uses them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from agent.sources.base import Page, Source, Window
from tests.contract.vendors import ORGANISATION, Vendor, profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.profile import EntityProfile


PROFILE = profile()
SUBJECT, PERSON, PUPIL = PROFILE.entity("subject"), PROFILE.entity("person"), PROFILE.entity("pupil")
KIND, ABSENCE, YEAR = (
    PROFILE.entity("assignment_type"),
    PROFILE.entity("attendance_event"),
    PROFILE.entity("academic_year"),
)
WHOLE = Window()
MORNING = datetime(2026, 11, 20, 8, 0)  # noqa: DTZ001  the school's local time

INSERT_SUBJECT = "INSERT INTO Subjects (SubjectId, OrgCode, Name, Area, ChangedAt) VALUES (?, ?, ?, ?, ?)"
INSERT_PERSON = "INSERT INTO People (PersonId, OrgCode, LastName, BirthDate, Phone, Photo) VALUES (?, ?, ?, ?, ?, ?)"
INSERT_KIND = "INSERT INTO WorkKinds (Code, OrgCode, Name) VALUES (?, ?, ?)"
INSERT_ABSENCE = "INSERT INTO Absences (LessonId, PupilId, OrgCode, YearId, Code, HappenedAt, ChangedAt) VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_LOG = "INSERT INTO JournalLog (LogId, OrgCode, LessonId, PupilId, LoggedAt) VALUES (?, ?, ?, ?, ?)"

ODD_TEXTS = (
    "a/b",
    "a~b",
    "a,b",
    "",
    " ",
    "a\\b",
    "a\tb",
    "a\nb",
    "a\rb",
    "'",
    '"',
    "%s",
    ":p",
    "\\N",
    "Ёж",
    "ёж",
    "а\u0301",
    "😀",
    "x" * 190,
)


def stamp(minutes: float = 0) -> str:
    """A moment of the school's morning as a vendor writes it."""
    return (MORNING + timedelta(minutes=minutes)).isoformat(" ")


def guid(number: int) -> str:
    return str(UUID(int=number * 0x1_0000_0001_0001_0001_0001))


def subject(
    number: int, name: str = "Алгебра", minutes: float = 0, organisation: str = ORGANISATION
) -> tuple[Any, ...]:
    return number, organisation, name, None, stamp(minutes)


def absence(lesson: int, pupil: int, minutes: float = 0, code: str = "НП", year: int = 7) -> tuple[Any, ...]:
    return lesson, guid(pupil), ORGANISATION, year, code, stamp(minutes), stamp(minutes)


def pages(source: Source, entity: EntityProfile, limit: int, window: Window = WHOLE) -> Iterator[Page]:
    """Every page of an entity, one after the other."""
    after = None
    while True:
        page = source.page(entity, after, limit, window)
        yield page
        if not page.full:
            return
        after = page.last


def all_keys(source: Source, entity: EntityProfile, limit: int = 3, window: Window = WHOLE) -> list[str]:
    return [key for page in pages(source, entity, limit, window) for key in page.keys]


@pytest.fixture
def source(vendor: Vendor) -> Iterator[Source]:
    """The vendor's database as the agent opens it."""
    found = vendor.open()
    yield found
    found.close()
