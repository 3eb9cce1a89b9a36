"""Indexes for people's pages. Additive: the previous release neither needs nor notices them.

``mark`` and ``attendance_event`` carry the load of the first synchronisation, so that each gets one full index only. Both begin with what
comes in order of time (the work, the lesson): new entries go to the index's end, and a pupil's rows are found by the works and lessons
of the pupil's groups, a few hundred short descents for a whole term. All others are small tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEXES: dict[str, list[tuple[str, ...]]] = {
    "mark": [("assignment_id", "pupil_id")],  # journal page, diary, marks of a term
    "attendance_event": [("lesson_id", "pupil_id")],  # journal page, diary, a pupil's period, who is absent today
    "period_result": [("pupil_id",)],  # results of a pupil, of a class
    "lesson": [
        ("teaching_group_id", "date"),  # every page that shows days
        ("staff_id", "date"),  # substitutes: the reach of a teacher
    ],
    "assignment": [("lesson_id",)],  # works of a week, of a journal
    "teaching_assignment": [("staff_id",), ("teaching_group_id",)],  # the reach of a teacher; who teaches
    "group_membership": [("pupil_id",), ("teaching_group_id",)],  # groups of a pupil; a group's list
    "enrollment": [("pupil_id",), ("class_id",)],  # class of a pupil; a class's list
    "timetable_slot": [("teaching_group_id",)],  # timetable
    "pupil": [("person_id",)],  # the reach of a pupil
    "staff": [("person_id",)],  # the reach of a teacher
    "legal_representative": [("person_id",)],  # the reach of a parent
    "representation": [("representative_id",), ("pupil_id",)],  # children of a parent; contacts of a pupil
    "journal_change": [("at",)],  # changes after a term's end
}


def upgrade() -> None:
    """Apply."""
    for table, indexes in INDEXES.items():
        for columns in indexes:
            name = "_".join(("ix", table, "school_id", *columns))
            op.create_index(op.f(name), table, ["school_id", *columns], unique=False, schema="gorod")
    # Debts of a pupil and of a school. One mark in a hundred stands in it.
    op.create_index(
        "ix_mark_duty",
        "mark",
        ["school_id", "pupil_id"],
        schema="gorod",
        postgresql_where=sa.text("value_kind = 'duty'"),
    )
