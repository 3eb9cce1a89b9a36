"""What is told of each pupil at a meeting of parents: marks by subject with means, attendance, debts (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from collector.store.attendance import Attendance
    from collector.store.diary import Debt
    from collector.store.marks import SubjectMarks, Term
    from collector.store.people import Pupil


@dataclass(frozen=True, slots=True)
class PupilPage:
    """One pupil's page."""

    pupil: Pupil
    subjects: Sequence[SubjectMarks]
    attendance: Attendance
    debts: Sequence[Debt]


@dataclass(frozen=True, slots=True)
class ClassBook:
    """The whole class for a term."""

    school_name: str
    class_name: str
    term: Term
    pages: Sequence[PupilPage]
    as_of: datetime | None  # up to when the data are, UTC
    printed_by: str  # login
    printed_at: datetime  # UTC
