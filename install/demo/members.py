"""Who of a demo school gets the accounts of its people: found in the vendor's tables, the same for the same city.

class teacher ── leads a class ── pupil ── parent (the one with most children here)      teacher: whoever has most groups
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from install.demo import database

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBERS: Final = ("pupil", "parent", "teacher", "class_teacher")
"""Roles that are somebody's."""

_LED: Final = """
SELECT c.ClassId, e.PersonId FROM Classes c
JOIN SchoolYears y ON y.OrgCode = c.OrgCode AND y.YearId = c.YearId AND NOT y.ClosedFlag
JOIN Employees e ON e.OrgCode = c.OrgCode AND e.EmployeeId = c.EmployeeId AND e.FiredOn IS NULL
JOIN ClassStudents s ON s.OrgCode = c.OrgCode AND s.ClassId = c.ClassId AND s.ToDate IS NULL
WHERE c.OrgCode = ? GROUP BY c.ClassId, e.PersonId, c.Parallel ORDER BY ABS(c.Parallel - 8), COUNT(*) DESC, c.ClassId"""
_FAMILY: Final = """
SELECT s.PersonId, p.PersonId FROM ClassStudents c
JOIN Students s ON s.OrgCode = c.OrgCode AND s.StudentId = c.StudentId
JOIN Kinship k ON k.OrgCode = c.OrgCode AND k.StudentId = c.StudentId AND k.CanView AND NOT k.CourtBan AND k.ToDate IS NULL
JOIN Parents p ON p.OrgCode = k.OrgCode AND p.ParentId = k.ParentId
WHERE c.OrgCode = ? AND c.ClassId = ? AND c.ToDate IS NULL
ORDER BY (SELECT COUNT(*) FROM Kinship o WHERE o.OrgCode = k.OrgCode AND o.ParentId = k.ParentId) DESC, s.StudentId, p.ParentId"""
_TEACHER: Final = """
SELECT e.PersonId FROM GroupTeachers t
JOIN SchoolYears y ON y.OrgCode = t.OrgCode AND y.YearId = t.YearId AND NOT y.ClosedFlag
JOIN Employees e ON e.OrgCode = t.OrgCode AND e.EmployeeId = t.EmployeeId AND e.FiredOn IS NULL
WHERE t.OrgCode = ? AND t.ToDate IS NULL GROUP BY e.PersonId, e.EmployeeId ORDER BY COUNT(*) DESC, e.EmployeeId"""


def members(url: str, organisation: str) -> Mapping[str, str]:
    """Role → canonical key of ``person``, for the roles that are somebody's; a role that nobody has is left out."""
    found: dict[str, str] = {}
    with database.connect(url) as source, source.transaction():
        led = source.query(_LED, organisation)
        family = source.query(_FAMILY, organisation, led[0][0]) if led else []
        teachers = source.query(_TEACHER, organisation)
    if led:
        found["class_teacher"] = _key(led[0][1])
    if family:
        found["pupil"], found["parent"] = _key(family[0][0]), _key(family[0][1])
    if teachers:
        found["teacher"] = next(
            (key for key in (_key(row[0]) for row in teachers) if key not in found.values()), _key(teachers[0][0])
        )
    return found


def _key(person: object) -> str:
    return str(person).lower()
