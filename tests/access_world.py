"""Two schools with the same keys in both, so that a policy that compares keys alone would show the neighbour's rows.

classes   7a (led by s1): u1, u2     7b (led by s2): u3     old: last year's 6a, led by s1
groups    g1 mathematics of 7a (taught by s1)   g2 art of 7a (s3 now, s2 until October)   g3 mathematics of 7b (s2)   gp last year's of u1
families  r1 → u1, u3    r2 → u2    r3 → u1, by a court's word blocked    r4 → u1, over since October    r5 → u1, may not view
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from proto.entities import BY_NAME
from tests.fix_applier import row_of, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proto.batch import TableRows

SCHOOLS = ("23-001", "23-002")
NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)  # 12:15 in Moscow
TODAY = date(2026, 11, 23)
GROUP_PUPILS = {"g1": ("u1", "u2"), "g2": ("u1", "u2"), "g3": ("u3",), "gp": ("u1",)}
GROUP_LESSONS = {"g1": "l1", "g2": "l2", "g3": "l3", "gp": "lp"}
WORKS = {
    "now": {"published_at": "2026-11-23 12:15:00"},
    "later": {"published_at": "2026-11-23 12:15:01"},
    "gone": {"published_at": "2026-11-01 12:00:00", "deleted": True},
    "bare": {"published_at": None},
}
"""Works of every lesson; a family sees «now» and «bare»."""


def days(text: str | None) -> int | None:
    """A date as canonical rows hold it."""
    return None if text is None else date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def stamp(text: str | None) -> int | None:
    """A local time as canonical rows hold it."""
    return None if text is None else round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


_TYPES = {"from_date", "to_date", "date", "start_date", "end_date", "due_date", "given_at", "effective_date"}
_STAMPS = {"published_at", "expires_at", "filled_at", "at", "set_at"}


def rows(entity: str, text: str, **common: Any) -> TableRows:
    """Rows written as lines ``key name=value name=value``; «-» is NULL, other fields get plain values."""
    made = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        key, *cells = line.split()
        values: dict[str, Any] = common | dict(cell.split("=", 1) for cell in cells)
        made.append(row_of(entity, key, **{name: _value(name, value) for name, value in values.items()}))
    return table(entity, *made)


def _value(name: str, value: Any) -> Any:
    if value == "-":
        return None
    if name in _TYPES and isinstance(value, str):
        return days(value)
    if name in _STAMPS and isinstance(value, str):
        return stamp(value)
    return {"yes": True, "no": False}.get(value, value) if isinstance(value, str) else value


def structure() -> Iterator[TableRows]:
    """Who and what there is."""
    yield rows("organization", "o")
    yield rows("academic_year", "new closed=no\nold closed=yes")
    yield rows(
        "term", "q2\nq1", year_id="new", start_date="2026-11-01", end_date="2026-12-28", parallel=7, profile=None
    )
    yield rows("class", "7a class_teacher_id=s1\n7b class_teacher_id=s2", year_id="new", parallel=7, letter="А")
    yield rows("class", "6a class_teacher_id=s1", year_id="old", parallel=6, letter="А")
    yield rows("subject", "math\nart")
    yield rows(
        "teaching_group",
        "g1 class_ids=7a\ng2 class_ids=7a subject_id=art\ng3 class_ids=7b",
        year_id="new",
        subject_id="math",
    )
    yield rows("teaching_group", "gp class_ids=6a", year_id="old", subject_id="math")
    yield rows("bell_slot", "b")
    yield rows("timetable_slot", "t1 teaching_group_id=g1\nt3 teaching_group_id=g3", year_id="new")
    yield rows("assignment_type", "kind")


def people() -> Iterator[TableRows]:
    """Persons and what they are."""
    keys = ["pu1", "pu2", "pu3", "ps1", "ps2", "ps3", "ps4", "ps5", "pr1", "pr2", "pr3", "pr4", "pr5"]
    yield rows("person", "\n".join(keys), sex="f", middle_name=None)
    yield rows("pupil", "u1 person_id=pu1\nu2 person_id=pu2\nu3 person_id=pu3")
    yield rows(
        "staff",
        "s1 person_id=ps1\ns2 person_id=ps2\ns3 person_id=ps3\ns4 person_id=ps4 to_date=2026-11-23\ns5 person_id=ps5",
        from_date="2020-09-01",
        to_date=None,
    )
    yield rows("legal_representative", "\n".join(f"r{n} person_id=pr{n}" for n in range(1, 6)))
    yield rows(
        "representation",
        """
        k1 representative_id=r1 pupil_id=u1
        k2 representative_id=r1 pupil_id=u3
        k3 representative_id=r2 pupil_id=u2
        k4 representative_id=r3 pupil_id=u1 blocked=yes
        k5 representative_id=r4 pupil_id=u1 to_date=2026-11-23
        k6 representative_id=r5 pupil_id=u1 may_view=no
        """,
        may_view=True,
        blocked=False,
        from_date="2020-09-01",
        to_date=None,
    )
    term = {"from_date": "2026-09-01", "to_date": None}
    yield rows(
        "enrollment",
        "e1 pupil_id=u1 class_id=7a\ne2 pupil_id=u2 class_id=7a\ne3 pupil_id=u3 class_id=7b",
        year_id="new",
        **term,
    )
    yield rows("enrollment", "ep pupil_id=u1 class_id=6a", year_id="old", from_date="2025-09-01", to_date="2026-09-01")
    members = "\n".join(f"{g}-{u} pupil_id={u} teaching_group_id={g}" for g, own in GROUP_PUPILS.items() for u in own)
    yield rows("group_membership", members, year_id="new", exempt=False, **term)
    yield rows(
        "teaching_assignment",
        """
        a1 staff_id=s1 teaching_group_id=g1
        a2 staff_id=s3 teaching_group_id=g2 from_date=2026-10-01
        a3 staff_id=s2 teaching_group_id=g2 to_date=2026-10-01
        a4 staff_id=s2 teaching_group_id=g3
        a5 staff_id=s1 teaching_group_id=gp year_id=old
        a6 staff_id=s4 teaching_group_id=g1
        """,
        year_id="new",
        **term,
    )


def journal() -> Iterator[TableRows]:
    """Lessons, works, marks, absences, results, what was changed."""
    places = [(group, GROUP_LESSONS[group], pupil) for group, own in GROUP_PUPILS.items() for pupil in own]
    lessons = "\n".join(f"{lesson} teaching_group_id={group} staff_id=-" for group, lesson in GROUP_LESSONS.items())
    yield rows("lesson", lessons, year_id="new", date="2026-11-20", state="held")
    works = [
        row_of("assignment", f"{lesson}-{work}", **_work(lesson, limits))
        for lesson in GROUP_LESSONS.values()
        for work, limits in WORKS.items()
    ]
    yield table("assignment", *works)
    marks = "\n".join(
        f"{lesson}-{work}-{pupil} assignment_id={lesson}-{work} pupil_id={pupil}"
        for _, lesson, pupil in places
        for work in WORKS
    )
    yield rows("mark", marks, year_id="new", value_kind="numeric", value=500)
    yield rows(
        "attendance_event",
        "\n".join(f"{lesson}-{pupil} lesson_id={lesson} pupil_id={pupil}" for _, lesson, pupil in places),
    )
    yield rows(
        "period_result",
        "\n".join(f"{g}-{u} teaching_group_id={g} pupil_id={u}" for g, _, u in places),
        year_id="new",
        term_id="q1",
    )
    yield rows("journal_change", "\n".join(f"{lesson} lesson_id={lesson}" for lesson in GROUP_LESSONS.values()))


def _work(lesson: str, limits: dict[str, Any]) -> dict[str, Any]:
    plain = {"lesson_id": lesson, "year_id": "new", "deleted": False, "title": "Работа"}
    return plain | {name: _value(name, value) for name, value in limits.items()}


def office() -> Iterator[TableRows]:
    """Movement, announcements, visits, illness."""
    yield rows("movement_order", "m")
    yield rows("movement_line", "ml order_id=m pupil_id=u1")
    made = {
        "all": ("Все", "2026-11-23 12:15:00", None),
        "parents": ("Родители", "2026-11-01 08:00:00", "2026-11-23 12:15:01"),
        "seven": ("Ученики 5–7 классов", "2026-11-01 08:00:00", None),
        "ten": ("Ученики 10–11 классов", "2026-11-01 08:00:00", None),
        "teachers": ("Все учителя", "2026-11-01 08:00:00", None),
        "later": ("Все", "2026-11-23 12:15:01", None),
        "over": ("Все", "2026-11-01 08:00:00", "2026-11-23 12:15:00"),
    }
    yield table(
        "announcement",
        *(
            row_of("announcement", key, audience=words, published_at=stamp(since), expires_at=stamp(until))
            for key, (words, since, until) in made.items()
        ),
    )
    yield rows("source_visit", "v person_id=pu1")
    yield rows("illness_count", "i")


def everything() -> list[TableRows]:
    """All rows of one school."""
    return [*structure(), *people(), *journal(), *office()]


def every_entity_has_rows() -> bool:
    """Whether no entity was forgotten."""
    return {one.entity.name for one in everything()} == set(BY_NAME)
