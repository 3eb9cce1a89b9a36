"""Pupils who move while the school is alive: to another class, to the neighbour school. Runs inside a transaction of the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from install.demo import people
from install.demo.desk import UPDATE
from install.demo.model import CLASS, EXTRA, SUBGROUP
from install.demo.movement import AWAY, ENROLL, LEAVE, MOVE_CLASS, OTHER_ORGANISATION, WISH
from install.demo.texts import REASONS

if TYPE_CHECKING:
    from random import Random

    from install.demo.desk import Clock, Desk

_ROLL: Final = """
    SELECT s.ClassStudentId, s.StudentId, s.ClassId, c.Parallel FROM ClassStudents s
    JOIN Classes c ON c.OrgCode = s.OrgCode AND c.ClassId = s.ClassId
    WHERE s.OrgCode = ? AND s.YearId = ? AND s.ToDate IS NULL ORDER BY s.ClassStudentId
"""
_GROUPS: Final = """
    SELECT g.GroupId, g.SubjectId FROM SubjectGroups g
    JOIN GroupClasses c ON c.OrgCode = g.OrgCode AND c.GroupId = g.GroupId
    WHERE g.OrgCode = ? AND g.YearId = ? AND c.ClassId = ? AND g.GroupKind IN (?, ?, ?) ORDER BY g.GroupId
"""
_PERSON: Final = ("LastName", "FirstName", "Patronymic", "BirthDate", "SexCode")


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody on the way to another school, with the family: persons as tuples of names, birth date and sex."""

    person: tuple[Any, ...]
    parallel: int
    family: tuple[tuple[tuple[Any, ...], int, str | None], ...]


def change_class(desk: Desk, rng: Random, clock: Clock) -> None:
    """A pupil moves to another class of the same parallel, if there is one."""
    roll = desk.rows(_ROLL, desk.year)
    if not roll:
        return
    stay, student, old, parallel = rng.choice(roll)
    sql = "SELECT ClassId FROM Classes WHERE OrgCode = ? AND YearId = ? AND Parallel = ? AND ClassId <> ? ORDER BY ClassId"
    others = desk.rows(sql, desk.year, parallel, old)
    if others:
        order = _order(desk, clock, MOVE_CLASS, WISH)
        new = rng.choice(others)[0]
        _end_stay(desk, clock, stay, student, order)
        _begin_stay(desk, clock, student, new, order)
        _line(desk, clock, order, student, FromClassId=old, ToClassId=new)


def leave(desk: Desk, rng: Random, clock: Clock, target: str) -> Leaver | None:
    """A pupil leaves for the organisation ``target``."""
    roll = desk.rows(_ROLL, desk.year)
    if not roll:
        return None
    stay, student, old, parallel = rng.choice(roll)
    order = _order(desk, clock, LEAVE, OTHER_ORGANISATION)
    _end_stay(desk, clock, stay, student, order)
    _line(desk, clock, order, student, FromClassId=old, ToOrg=target)
    columns = ", ".join(f"p.{name}" for name in _PERSON)
    joined = "JOIN People p ON p.OrgCode = s.OrgCode AND p.PersonId = s.PersonId"
    child = desk.rows(f"SELECT {columns} FROM Students s {joined} WHERE s.OrgCode = ? AND s.StudentId = ?", student)[0]
    kin = desk.rows(
        f"SELECT {columns}, k.RelationCode, s.ContactPhone FROM Kinship k "
        f"JOIN Parents s ON s.OrgCode = k.OrgCode AND s.ParentId = k.ParentId {joined} "
        "WHERE k.OrgCode = ? AND k.StudentId = ? AND NOT k.CourtBan ORDER BY k.KinshipId",
        student,
    )
    family = tuple((row[:-2], row[-2], row[-1]) for row in kin)
    return Leaver(child, parallel, family)


def admit(desk: Desk, rng: Random, leaver: Leaver, clock: Clock, origin: str) -> None:
    """Admit somebody who left the organisation ``origin``: person, pupil, family, class and groups are new rows here."""
    sql = "SELECT MIN(ClassId) FROM Classes WHERE OrgCode = ? AND YearId = ? AND Parallel = ?"
    new = desk.value(sql, desk.year, leaver.parallel)
    if new is None:
        return
    student = desk.next("Students", "StudentId")
    guid = _person(desk, rng, clock, leaver.person)
    desk.add(
        "Students", clock, StudentId=student, PersonId=guid, FileNumber=f"{leaver.person[0][0]}-{student}", StudyForm=1
    )
    desk.note("pupil", student)
    for person, relation, phone in leaver.family:
        _parent(desk, rng, clock, student, (person, relation, phone))
    order = _order(desk, clock, ENROLL, AWAY)
    _begin_stay(desk, clock, student, new, order)
    _line(desk, clock, order, student, ToClassId=new, FromOrg=origin)


def _person(desk: Desk, rng: Random, clock: Clock, person: tuple[Any, ...]) -> str:
    guid = people.guid(rng)
    values = dict(zip(_PERSON, person, strict=True))
    desk.add("People", clock, PersonId=guid, **{**values, "BirthDate": str(values["BirthDate"])})
    desk.note("person", guid)
    return guid


def _parent(desk: Desk, rng: Random, clock: Clock, student: int, kin: tuple[tuple[Any, ...], int, str | None]) -> None:
    person, relation, phone = kin
    parent, kinship = desk.next("Parents", "ParentId"), desk.next("Kinship", "KinshipId")
    desk.add("Parents", clock, ParentId=parent, PersonId=_person(desk, rng, clock, person), ContactPhone=phone)
    desk.note("legal_representative", parent)
    head = {"KinshipId": kinship, "ParentId": parent, "StudentId": student, "RelationCode": relation}
    desk.add("Kinship", clock, **head, CanView=True, FromDate=str(clock.day), CourtBan=False)
    desk.note("representation", kinship)


def _order(desk: Desk, clock: Clock, kind: int, reason: int) -> int:
    number, day = desk.next("Decrees", "DecreeId"), str(clock.day)
    head = {"DecreeId": number, "YearId": desk.year, "Number": f"{number}-у", "DecreeDate": day, "EffectiveDate": day}
    desk.add("Decrees", clock, **head, KindCode=kind, ReasonCode=reason, NoteText=REASONS[reason - 1])
    desk.note("movement_order", number)
    return number


def _line(desk: Desk, clock: Clock, order: int, student: int, **places: object) -> None:
    number = desk.next("DecreeLines", "DecreeLineId")
    desk.add("DecreeLines", clock, DecreeLineId=number, YearId=desk.year, DecreeId=order, StudentId=student, **places)
    desk.note("movement_line", number)


def _end_stay(desk: Desk, clock: Clock, stay: int, student: int, order: int) -> None:
    sql = "UPDATE ClassStudents SET ToDate = ?, DecreeOutId = ?, ChangedAt = ? WHERE OrgCode = ? AND ClassStudentId = ?"
    desk.db.execute(sql, str(clock.day), order, clock.stamp, desk.organisation, stay)
    desk.note("enrollment", stay, UPDATE)
    sql = "SELECT GroupId FROM GroupStudents WHERE OrgCode = ? AND StudentId = ? AND YearId = ? AND ToDate IS NULL ORDER BY GroupId"
    for (group,) in desk.rows(sql, student, desk.year):
        sql = "UPDATE GroupStudents SET ToDate = ?, ChangedAt = ? WHERE OrgCode = ? AND GroupId = ? AND StudentId = ?"
        desk.db.execute(sql, str(clock.day), clock.stamp, desk.organisation, group, student)
        desk.note("group_membership", f"{group}/{student}", UPDATE)


def _begin_stay(desk: Desk, clock: Clock, student: int, new: int, order: int) -> None:
    number, day = desk.next("ClassStudents", "ClassStudentId"), str(clock.day)
    head = {"ClassStudentId": number, "YearId": desk.year, "StudentId": student, "ClassId": new}
    desk.add("ClassStudents", clock, **head, FromDate=day, DecreeInId=order)
    desk.note("enrollment", number)
    first_of_subject: dict[int, int] = {}
    for group, subject in desk.rows(_GROUPS, desk.year, new, CLASS, SUBGROUP, EXTRA):
        first_of_subject.setdefault(subject, group)
    for group in first_of_subject.values():
        _join(desk, clock, student, group)
    desk.forget_members()


def _join(desk: Desk, clock: Clock, student: int, group: int) -> None:
    """Onto a group's roll; who was on it before comes back to the same row."""
    sql = "UPDATE GroupStudents SET ToDate = NULL, ChangedAt = ? WHERE OrgCode = ? AND GroupId = ? AND StudentId = ?"
    back = desk.db.execute(sql, clock.stamp, desk.organisation, group, student)
    if not back:
        head = {"GroupId": group, "StudentId": student, "YearId": desk.year}
        desk.add("GroupStudents", clock, **head, FromDate=str(clock.day), ExemptFlag=False)
    desk.note("group_membership", f"{group}/{student}", UPDATE if back else "insert")
