"""What the centre cannot hold: one state per key is kept aside, the rest goes on, digests stay honest."""

from __future__ import annotations

import pytest

from collector.ingest import apply as module
from collector.ingest.prepare import open_held
from collector.store import digests
from proto.batch import Unfit, YearChange
from proto.canonical import leaf, row_hash
from proto.entities import BY_NAME
from tests.fix_applier import Applier, row_of, table

pytestmark = pytest.mark.integration
MARK = BY_NAME["mark"]
GOOD, BAD = row_of("mark", "1"), row_of("mark", "1", comment="нуль \0 внутри")


@pytest.fixture(params=["small", "bulk"])
def applier(applier: Applier, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Applier:
    """Every test runs on both ways into the database."""
    monkeypatch.setattr(module, "SMALL_ROWS", 10_000 if request.param == "small" else -1)
    return applier


def held(applier: Applier) -> list[tuple[str, str]]:
    return applier.select("SELECT source_id, cause FROM gorod.quarantine ORDER BY 1")  # type: ignore[return-value]


def total(applier: Applier) -> tuple[int, int, int]:
    found = applier.totals().get(MARK.number)
    return (found.rows, found.sum, found.quarantined) if found else (0, 0, 0)


def hashed(applier: Applier, row: tuple[object, ...]) -> int:
    return row_hash(MARK, row, applier.keys().fingerprint)  # type: ignore[arg-type]


def test_only_the_poison_row_is_held_and_ten_thousand_others_pass(applier: Applier):
    rows = [row_of("mark", str(key)) for key in range(2, 2000)]
    done = applier.apply(table("mark", *rows[:1000], BAD, *rows[1000:]))
    assert (done.applied, done.quarantined) == (1998, 1)
    assert held(applier) == [("1", "text_nul")]


def test_a_held_row_is_sealed_and_can_be_replayed(applier: Applier):
    applier.apply(table("mark", BAD))
    ((sealed,),) = applier.select("SELECT sealed FROM gorod.quarantine")
    assert "нуль".encode() not in sealed
    assert open_held(MARK, "1", sealed, applier.keys()) == BAD


def test_the_received_hash_stands_instead_of_the_applied_rows(applier: Applier):
    applier.apply(table("mark", GOOD))
    applier.apply(table("mark", BAD))
    assert total(applier) == (1, hashed(applier, BAD) % 2**64, 1)


def test_a_held_key_that_was_never_applied_counts_as_a_row(applier: Applier):
    applier.apply(table("mark", BAD))
    assert total(applier) == (1, hashed(applier, BAD) % 2**64, 1)


def test_a_later_poison_version_replaces_the_earlier(applier: Applier):
    worse = row_of("mark", "1", raw="x" * 51)
    applier.apply(table("mark", BAD))
    applier.apply(table("mark", worse))
    assert held(applier) == [("1", "text_too_long")]
    assert total(applier) == (1, hashed(applier, worse) % 2**64, 1)


def test_a_valid_version_clears_the_key_even_when_it_changes_nothing(applier: Applier):
    applier.apply(table("mark", GOOD))
    applier.apply(table("mark", BAD))
    done = applier.apply(table("mark", GOOD))
    assert (done.applied, done.unchanged, held(applier)) == (0, 1, [])
    assert total(applier) == (1, hashed(applier, GOOD) % 2**64, 0)


def test_a_deletion_clears_the_key(applier: Applier):
    applier.apply(table("mark", BAD))
    applier.apply(table("mark", deleted=["1"]))
    assert held(applier) == []
    assert total(applier) == (0, 0, 0)


def test_a_stub_keeps_cause_and_hash_without_values(applier: Applier):
    done = applier.apply(table("mark", unfit=[Unfit("1", "oversize", -5)]))
    assert done.quarantined == 1
    assert applier.select("SELECT cause, row_hash, sealed FROM gorod.quarantine") == [("oversize", -5, None)]
    assert total(applier) == (1, 2**64 - 5, 1)


@pytest.mark.parametrize("key", ["a\0b", "ж" * 1100, "~0", "x" * 201])
def test_a_key_that_no_index_can_hold_is_held_and_found_again(applier: Applier, key: str):
    applier.apply(table("mark", row_of("mark", key, raw="x" * 51)))
    place = leaf(MARK.number, key, applier.keys().fingerprint)
    with applier.ingest.school(applier.school) as connection:
        (found,) = digests.leaf_rows(connection, applier.school, MARK, [place])[place]
    assert found[0] == key
    applier.apply(table("mark", deleted=[key]))
    assert held(applier) == []


def test_what_only_the_database_refuses_is_found_by_halving(applier: Applier, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("collector.ingest.prepare.validate_columns", lambda _entity, _columns: {})
    rows = [row_of("mark", str(key)) for key in range(2, 40)]
    too_large = row_of("mark", "99", value=10**9)
    done = applier.apply(table("mark", *rows[:20], BAD, *rows[20:], too_large))
    assert (done.applied, done.quarantined) == (38, 2)
    assert held(applier) == [("1", "database_22021"), ("99", "database_22003")]
    ((sealed,),) = applier.select("SELECT sealed FROM gorod.quarantine WHERE source_id = '1'")
    assert open_held(MARK, "1", sealed, applier.keys()) == BAD


def test_a_sealed_row_that_the_database_refuses_keeps_its_values(applier: Applier, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("collector.ingest.prepare.validate_columns", lambda _entity, _columns: {})
    person = row_of("person", "a\0b", last_name="Иванова")
    applier.apply(table("person", person))
    ((sealed,),) = applier.select("SELECT sealed FROM gorod.quarantine")
    assert open_held(BY_NAME["person"], "a\0b", sealed, applier.keys()) == person


def test_held_rows_of_a_closed_year_leave_the_digest_with_it(applier: Applier):
    bad_old = row_of("mark", "1", year_id="2025", raw="x" * 51)
    applier.apply(table("mark", bad_old), years=[YearChange("2025", closed=True)])
    assert total(applier) == (0, 0, 0)


def test_a_stub_has_the_year_of_the_row_that_it_stands_for(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1", year_id="2025"), row_of("mark", "2")))
    applier.apply(table("mark", unfit=[Unfit("1", "oversize", 11), Unfit("2", "oversize", 7)]))
    applier.apply(years=[YearChange("2025", closed=True)])
    assert total(applier) == (1, 7, 1)
