"""Who reads which rows: every role against every table of two schools that hold the same keys, compared with what stands here."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from collector.store.account_tables import ROLES
from collector.store.tables import METADATA
from tests.access_world import SCHOOLS, WORKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.store.reader import Reader
    from tests.fix_readers import ReadersWorld

pytestmark = [pytest.mark.integration, pytest.mark.access]
A, B = SCHOOLS

ALL = "all"  # every row of the school
Expected = dict[str, "set[str] | str"]

STRUCTURE = (
    "organization",
    "academic_year",
    "term",
    "class",
    "subject",
    "teaching_group",
    "bell_slot",
    "timetable_slot",
    "assignment_type",
)
HEALTH = ("ledger", "guard_hour", "quarantine", "tombstone", "digest", "event", "release", "certificate")
CARD = ("school", "school_state", "closed_year")
PEOPLE = ("pupil", "enrollment", "group_membership")
CONTACTS = ("legal_representative", "representation")
MOVEMENT = ("movement_order", "movement_line")
JOURNAL = ("lesson", "assignment", "mark", "attendance_event", "period_result")
CHANGES = ("journal_change", "mark_history", "attendance_event_history", "period_result_history")
# The portal's own tables, which have rules of their own (accounts.sql), and the codes of schools, which it never sees.
OWN = ("account_scope", "activation", "visit", "code", "feed", "announcement_read", "responsible")
TABLES = sorted(
    table.name for table in METADATA.tables.values() if "school_id" in table.columns and table.name not in OWN
)
STAFF = {"s1", "s2", "s3", "s4", "s5"}
STAFF_PERSONS = {f"p{one}" for one in STAFF}
IN_TIME = {"all", "parents", "seven", "ten", "teachers"}


def every(*tables: str) -> Expected:
    """All rows of these tables."""
    return dict.fromkeys(tables, ALL)


def of(lessons: Iterable[str], works: Iterable[str], pupils: Iterable[str] = ()) -> set[str]:
    """Keys of works, or of marks for them."""
    parts = product(lessons, works, pupils) if pupils else product(lessons, works)
    return {"-".join(one) for one in parts}


PUBLISHED = ("now", "bare")
SCHOOL_SEEN = every(*STRUCTURE, *CARD)
PUPIL: Expected = SCHOOL_SEEN | {
    "staff": {"s1", "s2", "s3", "s4"},
    "teaching_assignment": {"a1", "a2", "a3", "a5", "a6"},
    "person": {"pu1", "ps1", "ps2", "ps3", "ps4"},
    "pupil": {"u1"},
    "enrollment": {"e1", "ep"},
    "group_membership": {"g1-u1", "g2-u1", "gp-u1"},
    "lesson": {"l1", "l2", "lp"},
    "assignment": of(("l1", "l2", "lp"), PUBLISHED),
    "mark": of(("l1", "l2", "lp"), PUBLISHED, ["u1"]),
    "attendance_event": {"l1-u1", "l2-u1", "lp-u1"},
    "period_result": {"g1-u1", "g2-u1", "gp-u1"},
    "announcement": {"all", "seven"},
}
PARENT: Expected = PUPIL | {
    "teaching_assignment": {"a1", "a2", "a3", "a4", "a5", "a6"},
    "person": {"pr1", "pu1", "pu3", "ps1", "ps2", "ps3", "ps4"},
    "pupil": {"u1", "u3"},
    "legal_representative": {"r1"},
    "representation": {"k1", "k2"},
    "enrollment": {"e1", "e3", "ep"},
    "group_membership": {"g1-u1", "g2-u1", "gp-u1", "g3-u3"},
    "lesson": {"l1", "l2", "l3", "lp"},
    "assignment": of(("l1", "l2", "l3", "lp"), PUBLISHED),
    "mark": of(("l1", "l2", "lp"), PUBLISHED, ["u1"]) | of(["l3"], PUBLISHED, ["u3"]),
    "attendance_event": {"l1-u1", "l2-u1", "lp-u1", "l3-u3"},
    "period_result": {"g1-u1", "g2-u1", "gp-u1", "g3-u3"},
    "announcement": {"all", "parents", "seven"},
}
TEACHERS_ROOM = SCHOOL_SEEN | every("staff", "teaching_assignment") | {"announcement": IN_TIME}
TEACHER: Expected = TEACHERS_ROOM | {
    "person": {"pu1", "pu2"} | STAFF_PERSONS,
    "pupil": {"u1", "u2"},
    "enrollment": {"e1", "e2", "ep"},
    "group_membership": {"g1-u1", "g1-u2"},
    "lesson": {"l1"},
    "assignment": of(["l1"], WORKS),
    "mark": of(["l1"], WORKS, ("u1", "u2")),
    "attendance_event": {"l1-u1", "l1-u2"},
    "period_result": {"g1-u1", "g1-u2"},
    "journal_change": {"l1"},
}
ART_IS_OVER: Expected = TEACHERS_ROOM | {
    "person": {"pu3"} | STAFF_PERSONS,
    "pupil": {"u3"},
    "enrollment": {"e3"},
    "group_membership": {"g3-u3"},
    "lesson": {"l3"},
    "assignment": of(["l3"], WORKS),
    "mark": of(["l3"], WORKS, ["u3"]),
    "attendance_event": {"l3-u3"},
    "period_result": {"g3-u3"},
    "journal_change": {"l3"},
}
CLASS_TEACHER: Expected = TEACHER | {
    "person": {"pu1", "pu2", "pr1", "pr2", "pr3", "pr4", "pr5"} | STAFF_PERSONS,
    "legal_representative": {"r1", "r2", "r3", "r4", "r5"},
    "representation": {"k1", "k3", "k4", "k5", "k6"},
    "group_membership": {"g1-u1", "g1-u2", "g2-u1", "g2-u2", "gp-u1"},
    "lesson": {"l1", "l2", "lp"},
    "assignment": of(("l1", "l2", "lp"), WORKS),
    "mark": of(("l1", "l2"), WORKS, ("u1", "u2")) | of(["lp"], WORKS, ["u1"]),
    "attendance_event": {"l1-u1", "l1-u2", "l2-u1", "l2-u2", "lp-u1"},
    "period_result": {"g1-u1", "g1-u2", "g2-u1", "g2-u2", "gp-u1"},
}
SECRETARY = TEACHERS_ROOM | every(*PEOPLE, "person", *CONTACTS, *MOVEMENT, *HEALTH)
HEAD = SECRETARY | every(*JOURNAL, *CHANGES, "source_visit", "illness_count")
SYNC = every(*HEALTH, *CARD)
ANALYST = every(*STRUCTURE, "staff", "teaching_assignment", *PEOPLE, *MOVEMENT, *JOURNAL, *CHANGES, "source_visit")
ANALYST |= every("illness_count") | SYNC

# reader: role, scopes as (school, person), what is seen of the first school, what of the second
READERS: dict[str, tuple[str, list[tuple[str, str]], Expected, Expected]] = {
    "pupil": ("pupil", [(A, "pu1")], PUPIL, {}),
    "parent": ("parent", [(A, "pr1")], PARENT, {}),
    "parent in two schools": ("parent", [(A, "pr1"), (B, "pr1")], PARENT, PARENT),
    "parent, blocked": ("parent", [(A, "pr3")], {"person": {"pr3"}, "legal_representative": {"r3"}}, {}),
    "parent, over": ("parent", [(A, "pr4")], {"person": {"pr4"}, "legal_representative": {"r4"}}, {}),
    "parent, may not view": ("parent", [(A, "pr5")], {"person": {"pr5"}, "legal_representative": {"r5"}}, {}),
    "parent of nobody": ("parent", [(A, "")], {}, {}),
    "pupil who is a teacher": ("pupil", [(A, "ps1")], {"person": {"ps1"}}, {}),
    "teacher": ("teacher", [(A, "ps1")], TEACHER, {}),
    "teacher of two": ("teacher", [(A, "ps2")], ART_IS_OVER, {}),
    "teacher who left": ("teacher", [(A, "ps4")], TEACHERS_ROOM | {"person": STAFF_PERSONS}, {}),
    "teacher without a person": ("teacher", [(A, "")], TEACHERS_ROOM | {"person": STAFF_PERSONS}, {}),
    "class teacher": ("class_teacher", [(A, "ps1")], CLASS_TEACHER, {}),
    "deputy": ("deputy", [(A, "ps5")], HEAD, {}),
    "secretary": ("secretary", [(A, "")], SECRETARY, {}),
    "head": ("head", [(A, "")], HEAD, {}),
    "sysadmin": ("sysadmin", [(A, "")], SYNC, {}),
    "operator": ("operator", [], SYNC, SYNC),
    "analyst": ("analyst", [], ANALYST, ANALYST),
    "security": ("security", [], SYNC | every("source_visit"), SYNC | every("source_visit")),
    "admin": ("admin", [], SYNC, SYNC),
}


def key_of(table: str) -> str:
    """The column that names a row of the table."""
    columns = METADATA.tables[f"gorod.{table}"].columns
    return "source_id" if "source_id" in columns else "school_id"


def seen(rows: list[tuple[Any, ...]], school: str) -> set[str]:
    """Keys of the rows of one school."""
    return {str(key) for found, key in rows if found == school}


def everything_of(world: ReadersWorld) -> dict[str, list[tuple[Any, ...]]]:
    """Every row there is, as the owner sees it."""
    return {name: world.select(f"SELECT school_id, {key_of(name)} FROM gorod.{name}") for name in TABLES}


def read_by(reader: Reader) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that the reader sees, asked for without any condition."""
    return {name: reader.rows(f"SELECT school_id, {key_of(name)} FROM gorod.{name}") for name in TABLES}


@pytest.mark.parametrize("who", READERS)
def test_everybody_reads_exactly_the_rows_that_the_table_says(access: ReadersWorld, who: str):
    role, scopes, *expected = READERS[who]
    there = everything_of(access)
    with access.reading(role, *scopes, now=access.now) as reader:
        assert reader.role == role
        found = read_by(reader)
    for name in TABLES:
        for school, wanted in zip(SCHOOLS, expected, strict=True):
            rows = wanted.get(name, set())
            assert seen(found[name], school) == (seen(there[name], school) if rows == ALL else rows), (name, school)


def test_every_role_stands_in_the_matrix_and_every_table_has_rows(access: ReadersWorld):
    assert {role for role, *_ in READERS.values()} == set(ROLES)
    assert [name for name, rows in everything_of(access).items() if len({school for school, _ in rows}) != 2] == []


def test_every_expectation_names_rows_that_exist(access: ReadersWorld):
    there = everything_of(access)
    for who, (_, _, *expected) in READERS.items():
        for wanted in expected:
            for name, keys in wanted.items():
                assert keys == ALL or set(keys) <= seen(there[name], A), (who, name)
