"""How many rows of each canonical entity an organisation has, counted straight from the vendor's tables.

This is the reference by which the demo and the tests say "equal": it shares nothing with the agent's profile.
"""

from __future__ import annotations

from typing import Final

from install.demo import database

# entity → the vendor's table; the second group is scoped to school-years.
TIMELESS: Final = {
    "organization": "Organisations",
    "academic_year": "SchoolYears",
    "subject": "Subjects",
    "person": "People",
    "pupil": "Students",
    "legal_representative": "Parents",
    "representation": "Kinship",
    "staff": "Employees",
    "bell_slot": "BellTimes",
    "assignment_type": "AssignmentTypes",
    "announcement": "Announcements",
    "source_visit": "LoginSessions",
}
YEARLY: Final = {
    "term": "Terms",
    "class": "Classes",
    "teaching_group": "SubjectGroups",
    "teaching_assignment": "GroupTeachers",
    "enrollment": "ClassStudents",
    "group_membership": "GroupStudents",
    "timetable_slot": "Timetable",
    "lesson": "ClassMeetings",
    "assignment": "Assignments",
    "mark": "Marks",
    "attendance_event": "Attendance",
    "period_result": "PeriodResults",
    "movement_order": "Decrees",
    "movement_line": "DecreeLines",
    "journal_change": "JournalLog",
}
_OPEN: Final = "AND YearId IN (SELECT y.YearId FROM SchoolYears y WHERE y.OrgCode = ? AND NOT y.ClosedFlag)"


def rows_by_entity(url: str, organisation: str, *, closed_years: bool = False) -> dict[str, int]:
    """Rows per entity; with ``closed_years`` those of closed school-years too, otherwise what equality is proven for.

    ``illness_count`` is not among them: the agent derives it, the vendor has no such rows.
    """
    counted: dict[str, int] = {}
    with database.connect(url) as source, source.transaction():
        for entity, table in TIMELESS.items():
            counted[entity] = source.value(f"SELECT COUNT(*) FROM {table} WHERE OrgCode = ?", organisation)
        for entity, table in YEARLY.items():
            sql = f"SELECT COUNT(*) FROM {table} WHERE OrgCode = ?"
            if closed_years:
                counted[entity] = source.value(sql, organisation)
            else:
                counted[entity] = source.value(f"{sql} {_OPEN}", organisation, organisation)
    return counted
