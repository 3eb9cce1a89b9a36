"""The ground that sweeps stand on: another database, a school that is not in it, columns that come, go and change their type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent.core.sweep import Kind
from proto.entities import BY_NAME
from proto.problems import Problem
from tests.fix_ca import code_of

if TYPE_CHECKING:
    from agent.core.origin import Origin
    from tests.fix_reading import Bench

OTHER = "sqlite:another"
SUBJECT = BY_NAME["subject"].number


def news(bench: Bench) -> list[tuple[str, dict[str, str]]]:
    """Events that the department has not been told yet."""
    return [(kind, details) for kind, details, _at in bench.store.events()]


@pytest.fixture
def identity(filled: Bench) -> str:
    """The school's source, recorded at the department; nothing is left to tell."""
    found = filled.source.origin().identity
    filled.store.put(recorded_identity=found)
    filled.store.database.connection.execute("DELETE FROM event")
    return found


def other(bench: Bench) -> Origin:
    """What a page of another database would say of itself."""
    return replace(bench.source.origin(), identity=OTHER)


# ---- which database


def test_another_database_is_refused_as_often_as_it_is_read_and_told_once(filled: Bench, identity: str) -> None:
    for _again in range(3):
        with pytest.raises(Problem) as problem:
            filled.capture.watch(other(filled))
        assert code_of(problem) == "GOR-1604"
        assert problem.value.details == {"recorded": identity, "found": OTHER}
    assert news(filled) == [("identity", {"recorded": identity, "found": OTHER})]
    assert filled.store.get("found_identity") == OTHER
    assert filled.store.get("based"), "what was read of the right one still counts"


def test_a_database_that_the_department_confirmed_begins_a_new_life(filled: Bench, identity: str) -> None:
    filled.store.put(recorded_identity=OTHER)
    filled.capture.watch(other(filled))
    assert news(filled) == [("identity", {"to": OTHER})]
    assert filled.capture.life is not None
    assert filled.capture.life.identity == OTHER != identity
    assert not filled.store.get("based"), "everything is read anew"
    filled.capture.watch(other(filled))
    assert len(news(filled)) == 1


def test_a_new_life_is_remembered_after_a_restart(filled: Bench, identity: str) -> None:
    del identity
    filled.store.put(recorded_identity=OTHER)
    filled.capture.watch(other(filled))
    filled.stop()
    again = type(filled)(filled.demo, filled.data, filled.source, filled.config)
    try:
        assert again.capture.life is not None
        assert again.capture.life.identity == OTHER
    finally:
        again.stop()


def test_a_database_without_the_school_is_not_a_school_emptied(filled: Bench, identity: str) -> None:
    """Somebody restored another organisation's backup in its place: nothing may be taken for deleted."""
    held = {name: len(rows) for name, rows in filled.centre.items()}
    filled.write("UPDATE Organisations SET OrgCode = 'elsewhere' WHERE OrgCode = :org")
    with pytest.raises(Problem) as problem:
        filled.capture.check_home()
    assert code_of(problem) == "GOR-1604"
    assert problem.value.details["found"] == f"{identity} = ∅"
    filled.reader.plan.hurry(Kind.FULL)
    for _step in range(20):
        filled.reader.step()
        filled.receive()
    assert {name: len(rows) for name, rows in filled.centre.items()} == held
    assert filled.reader.progress.problem is not None
    assert filled.reader.progress.problem.code == "GOR-1604"


def test_the_school_that_came_back_ends_the_word_of_another(filled: Bench, identity: str) -> None:
    del identity
    filled.write("UPDATE Organisations SET OrgCode = 'elsewhere' WHERE OrgCode = :org")
    with pytest.raises(Problem):
        filled.capture.check_home()
    filled.write("UPDATE Organisations SET OrgCode = :org WHERE OrgCode = 'elsewhere'")
    filled.capture.check_home()
    assert filled.store.get("found_identity") is None


# ---- which columns


def columns(bench: Bench, **retyped: str) -> list[tuple[str, str, bool]]:
    """What was remembered of the subject's columns, as if some had had another type."""
    known = bench.store.described(SUBJECT)
    assert known
    return [(name, retyped.get(name, kind), used) for name, kind, used in known]


def check(bench: Bench) -> None:
    (subject,) = [one for one in bench.capture.profile.entities if one.name == "subject"]
    bench.capture.check_drift(subject)


def test_a_column_of_another_type_is_refused_with_both_types(filled: Bench, identity: str) -> None:
    del identity
    now = {name: kind for name, kind, _used in columns(filled)}
    filled.store.describe(SUBJECT, columns(filled, name="BLOB"))
    with pytest.raises(Problem) as problem:
        check(filled)
    assert code_of(problem) == "GOR-1407"
    assert problem.value.details == {"entity": "subject", "column": "name", "old": "BLOB", "new": now["name"]}
    assert ["name", "BLOB", True] in filled.store.described(SUBJECT), "until somebody has mended it"


@pytest.mark.parametrize("column", ["Colour", "ё"])
def test_a_column_that_nobody_reads_is_told_once_and_stops_nothing(filled: Bench, identity: str, column: str) -> None:
    del identity
    filled.write(f"ALTER TABLE Subjects ADD COLUMN {column} TEXT")
    filled.sweep(Kind.FULL)
    filled.sweep(Kind.FULL)
    assert news(filled) == [("drift", {"entity": "subject", "added": f"Subjects.{column}", "lost": ""})]
    assert filled.store.paused() == {}


def test_a_column_that_nobody_read_goes_without_a_pause(filled: Bench, identity: str) -> None:
    del identity
    filled.write("ALTER TABLE Subjects ADD COLUMN Colour TEXT")
    filled.sweep(Kind.FULL)
    filled.write("ALTER TABLE Subjects DROP COLUMN Colour")
    filled.sweep(Kind.FULL)
    assert news(filled)[-1] == ("drift", {"entity": "subject", "added": "", "lost": "Subjects.Colour"})
    assert filled.store.paused() == {}
