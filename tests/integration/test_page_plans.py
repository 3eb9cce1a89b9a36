"""No query of a page reads a large table from end to end: asked of a school of full size, under every role that has the page."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from collector.store import announcements, attendance, classes, diary, journal, marks, people, timetable, today
from collector.store.reader import Reader
from tests.fix_rolls import BIG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_readers import ReadersWorld

pytestmark = pytest.mark.integration

DAY, AUTUMN = date(2026, 11, 23), date(2026, 9, 1)
PUPIL, CLASS, GROUP = "7-5", "7", "7-3"
LARGE = ("mark", "attendance_event", "lesson", "assignment", "period_result", "group_membership", "journal_change")


@dataclass(frozen=True, slots=True)
class Explaining(Reader):
    """A reader that keeps the plan of everything it asks."""

    plans: list[tuple[str, str]] = field(default_factory=list)

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Plan first, then rows."""
        plan = self.connection.execute(f"EXPLAIN {statement}", parameters).fetchall()
        self.plans.append((statement, "\n".join(line for (line,) in plan)))
        return super(Explaining, self).rows(statement, **parameters)


Page = "Callable[[Reader, Names], Any]"
FAMILY: dict[str, Page] = {
    "children": people.own_pupils,
    "teachers": lambda r, n: people.teachers_of(r, n, BIG, PUPIL, DAY),
    "diary": lambda r, n: diary.week(r, n, BIG, PUPIL, DAY),
    "debts": lambda r, _: diary.debts(r, BIG, PUPIL, DAY, AUTUMN),
    "terms": lambda r, _: marks.terms(r, BIG, PUPIL),
    "marks": lambda r, _: marks.by_subject(r, BIG, PUPIL, marks.terms(r, BIG, PUPIL)[1]),
    "results": lambda r, _: marks.results(r, BIG, PUPIL, "new"),
    "means": lambda r, _: marks.group_means(r, BIG, PUPIL, marks.terms(r, BIG, PUPIL)[1]),
    "attendance": lambda r, _: attendance.of_pupil(r, BIG, PUPIL, AUTUMN, DAY),
    "timetable": lambda r, n: timetable.of_pupil(r, n, BIG, PUPIL, DAY, date(2026, 12, 20)),
    "announcements": announcements.current,
}
TEACHER: dict[str, Page] = {
    "groups": lambda r, _: journal.groups(r, BIG),
    "journal": lambda r, n: journal.page(r, n, BIG, GROUP, date(2026, 11, 1), DAY),
    "gaps": lambda r, _: journal.gaps(r, BIG, DAY, AUTUMN),
    "lessons": lambda r, n: timetable.of_teacher(r, n, BIG, DAY, date(2026, 12, 20)),
}
LEADER: dict[str, Page] = {
    "classes": lambda r, n: people.classes(r, n, BIG),
    "list": lambda r, n: people.class_list(r, n, BIG, CLASS, DAY),
    "contacts": lambda r, n: people.contacts(r, n, BIG, [PUPIL, "7-6"]),
    "summary": lambda r, n: classes.summary(r, n, BIG, CLASS, classes.terms(r, BIG, CLASS)[1]),
    "risk": lambda r, n: classes.risk(r, n, BIG, CLASS, classes.terms(r, BIG, CLASS)[1]),
    "class timetable": lambda r, n: timetable.of_class(r, n, BIG, CLASS, DAY, DAY),
}
HEAD: dict[str, Page] = {
    "board": lambda r, _: today.board(r, BIG, DAY),
    "absent": lambda r, n: today.absent(r, n, BIG, DAY),
    "not filled": lambda r, n: today.not_filled(r, n, BIG, DAY),
    "debts": lambda r, _: today.debts_by_class(r, BIG),
    "changed": lambda r, n: today.changed_after_end(r, n, BIG, DAY),
}
WHO = {
    "pupil": ("p7-5", FAMILY),
    "parent": ("r7-5", FAMILY),
    "teacher": ("ps22", TEACHER),
    "class_teacher": ("ps7", LEADER | {f"pupil's {name}": FAMILY[name] for name in list(FAMILY)[1:]}),
    "head": ("", TEACHER | LEADER | HEAD),
}
CASES = [(role, person, name) for role, (person, pages) in WHO.items() for name in pages]


@contextmanager
def explaining(world: ReadersWorld, role: str, person: str) -> Iterator[Explaining]:
    """What an account reads, plans kept."""
    with world.reading(role, (BIG, person)) as reader:
        yield Explaining(reader.connection, reader.account, reader.role, reader.now)


@pytest.mark.parametrize(("role", "person", "name"), CASES)
def test_no_page_reads_a_large_table_from_end_to_end(rolls: ReadersWorld, role: str, person: str, name: str):
    page = WHO[role][1][name]
    with explaining(rolls, role, person) as reader:
        page(reader, rolls.names)
    assert reader.plans
    for statement, plan in reader.plans:
        scanned = [table for table in LARGE if f"Seq Scan on {table} " in plan]
        assert scanned == [], f"{scanned} in\n{statement}\n{plan}"
