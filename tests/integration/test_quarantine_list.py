"""Held rows, as ``quarantine list`` tells them."""

import pytest

from collector.store import quarantine
from collector.store.engine import Database
from proto.batch import Unfit
from tests.fix_applier import Applier, row_of, table

pytestmark = pytest.mark.integration


def held(applier: Applier) -> list[quarantine.HeldRow]:
    """What the command sees: it works as the owner."""
    with applier.store.owner() as connection:
        return quarantine.every(connection)


def test_nothing_is_held_at_first(applier: Applier) -> None:
    assert held(applier) == []


def test_a_row_that_the_agent_could_not_ship_is_listed_with_its_cause(applier: Applier) -> None:
    applier.apply(table("subject", unfit=[Unfit("7", "text_nul", 1)]))
    (row,) = held(applier)
    assert row.as_json() == {
        "school": "23-001",
        "entity": "subject",
        "key": "7",
        "cause": "text_nul",
        "seq": 1,
        "since": row.since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    assert row.since.tzinfo is not None


def test_rows_come_in_order_of_school_entity_and_key(applier: Applier) -> None:
    applier.apply(
        table("person", unfit=[Unfit("2", "text_nul", 1)]),
        table("subject", unfit=[Unfit("9", "text_nul", 1), Unfit("10", "text_nul", 1)]),
    )
    assert [(row.entity, row.key) for row in held(applier)] == [("subject", "10"), ("subject", "9"), ("person", "2")]


def test_a_valid_version_takes_the_row_off_the_list(applier: Applier) -> None:
    applier.apply(table("subject", unfit=[Unfit("7", "text_nul", 1)]))
    applier.apply(table("subject", row_of("subject", "7")))
    assert held(applier) == []


def test_the_portal_sees_schools_of_its_scope_only(applier: Applier, reader: Database) -> None:
    applier.apply(table("subject", unfit=[Unfit("7", "text_nul", 1)]))
    seen = {}
    for scope in ("23-002", "23-001,23-002"):
        with reader.scope(scope) as connection:
            seen[scope] = len(quarantine.every(connection))
    assert seen == {"23-002": 0, "23-001,23-002": 1}
