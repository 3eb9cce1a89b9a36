"""Whose accounts the demo makes: real people of the school, tied to each other as the portal will show them."""

from __future__ import annotations

import sqlite3
from datetime import date
from typing import TYPE_CHECKING

from install.demo.generate import build_school
from install.demo.members import members
from install.demo.spec import SchoolSpec

if TYPE_CHECKING:
    from pathlib import Path


def test_the_parent_may_see_the_pupil_and_the_class_teacher_leads_the_pupils_class(tmp_path: Path):
    spec = SchoolSpec(number=1, seed=7, rows=9000, today=date(2026, 11, 23))
    url = f"sqlite:///{tmp_path / 'netschool.db'}"
    build_school(spec, url)
    found = members(url, spec.organisation)
    assert set(found) == {"pupil", "parent", "teacher", "class_teacher"}
    assert len(set(found.values())) == 4
    with sqlite3.connect(tmp_path / "netschool.db") as source:
        (leads,) = source.execute(
            "SELECT COUNT(*) FROM ClassStudents c JOIN Students s USING (OrgCode, StudentId) JOIN Classes k USING (OrgCode, ClassId)"
            " JOIN Employees e USING (OrgCode, EmployeeId) WHERE c.ToDate IS NULL AND lower(s.PersonId) = ? AND lower(e.PersonId) = ?",
            (found["pupil"], found["class_teacher"]),
        ).fetchone()
        (sees,) = source.execute(
            "SELECT COUNT(*) FROM Kinship k JOIN Students s USING (OrgCode, StudentId) JOIN Parents p USING (OrgCode, ParentId)"
            " WHERE k.CanView AND NOT k.CourtBan AND lower(s.PersonId) = ? AND lower(p.PersonId) = ?",
            (found["pupil"], found["parent"]),
        ).fetchone()
    source.close()
    assert (leads, sees) == (1, 1)
