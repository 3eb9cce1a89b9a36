"""What one envelope does to rows, history, tombstones and counters; small and large envelopes alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.ingest import apply as module
from collector.store.guard import closed_years, forget_counts, guard_counts
from proto.batch import YearChange
from proto.canonical import leaf, row_hash
from proto.entities import BY_NAME, ENTITIES
from proto.envelope import Malformed
from tests.fix_applier import NOW, Applier, changes, row_of, table

if TYPE_CHECKING:
    from collector.core.digest import EntityTotal

pytestmark = pytest.mark.integration
MARK = BY_NAME["mark"].number


@pytest.fixture(params=["small", "bulk"])
def applier(applier: Applier, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Applier:
    """Every test runs on both ways into the database."""
    monkeypatch.setattr(module, "SMALL_ROWS", 10_000 if request.param == "small" else -1)
    return applier


def counts(applier: Applier) -> tuple[int, int]:
    """Deletions net of inserts, and updates, of marks in the last 24 hours."""
    with applier.ingest.school(applier.school) as connection:
        return guard_counts(connection, applier.school, applier.now)[MARK]


def sum_of(applier: Applier, *rows: tuple[object, ...]) -> int:
    """The digest's sum by an independent road: row by row."""
    key = applier.keys().fingerprint
    return sum(row_hash(BY_NAME["mark"], row, key) for row in rows) % 2**64  # type: ignore[arg-type]


def mark_total(applier: Applier) -> EntityTotal:
    return applier.totals()[MARK]


def test_new_rows_stand_in_the_table_with_hash_and_leaf_computed_here(applier: Applier):
    row = row_of("mark", "1", raw="5")
    done = applier.apply(table("mark", row))
    key = applier.keys().fingerprint
    stored = applier.select("SELECT school_id, source_id, raw, value, row_hash, leaf, applied_seq FROM gorod.mark")
    assert (done.applied, done.unchanged, done.growth) == (1, 0, 1)
    (found,) = stored
    assert found[:3] == ("23-001", "1", "5")
    assert str(found[3]) == "4.50"
    assert found[4:] == (row_hash(BY_NAME["mark"], row, key), leaf(MARK, "1", key), 1)


def test_rows_said_to_be_new_are_told_apart_from_those_that_are(applier: Applier):
    """What the agent believes is no more than a hint: a row that was there is updated or left, none is lost."""
    first = table("mark", row_of("mark", "1", raw="2"), row_of("mark", "2", raw="5"))
    first.fresh = True
    assert (applier.apply(first).applied, counts(applier)) == (2, (0, 0))
    again = table("mark", row_of("mark", "1", raw="3"), row_of("mark", "2", raw="5"), row_of("mark", "3", raw="4"))
    again.fresh = True
    done = applier.apply(again)
    assert (done.applied, done.unchanged, done.quarantined, done.growth) == (2, 1, 0, 1)
    assert dict(applier.select("SELECT source_id, raw FROM gorod.mark")) == {"1": "3", "2": "5", "3": "4"}
    assert counts(applier) == (0, 1)


def test_a_row_sent_again_is_unchanged(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1")))
    done = applier.apply(table("mark", row_of("mark", "1")))
    assert (done.applied, done.unchanged) == (0, 1)
    assert applier.select("SELECT applied_seq FROM gorod.mark") == [(1,)]
    assert applier.select("SELECT count(*) FROM gorod.mark_history") == [(0,)]


def test_a_changed_mark_keeps_what_it_was(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1", raw="2")))
    done = applier.apply(table("mark", row_of("mark", "1", raw="5")))
    assert (done.applied, done.growth) == (1, 0)
    history = applier.select("SELECT raw, applied_seq, replaced_seq, gone FROM gorod.mark_history")
    assert history == [("2", 1, 2, False)]
    assert applier.select("SELECT raw FROM gorod.mark") == [("5",)]


def test_a_deleted_mark_leaves_a_tombstone_and_its_last_state(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1", raw="2"), row_of("mark", "2")))
    done = applier.apply(table("mark", deleted=["1"]))
    assert (done.applied, done.growth) == (1, -1)
    assert applier.select("SELECT source_id FROM gorod.mark") == [("2",)]
    assert applier.select("SELECT entity, source_id, seq FROM gorod.tombstone") == [(MARK, "1", 2)]
    assert applier.select("SELECT raw, gone FROM gorod.mark_history") == [("2", True)]


def test_deleting_what_is_not_there_is_unchanged(applier: Applier):
    done = applier.apply(table("mark", deleted=["404"]))
    assert (done.applied, done.unchanged) == (0, 1)
    assert applier.select("SELECT count(*) FROM gorod.tombstone") == [(0,)]


def test_a_key_that_comes_back_is_a_new_row(applier: Applier):
    row = row_of("mark", "1")
    applier.apply(table("mark", row))
    applier.apply(table("mark", deleted=["1"]))
    done = applier.apply(table("mark", row))
    assert done.entities[MARK].inserts == 1
    assert mark_total(applier).sum == sum_of(applier, row)


def test_one_envelope_may_carry_every_entity(applier: Applier):
    done = applier.apply(*(table(entity.name, row_of(entity, "1")) for entity in ENTITIES))
    assert done.applied == len(ENTITIES)
    assert {number: total.rows for number, total in applier.totals().items()} == {
        entity.number: 1 for entity in ENTITIES
    }


def test_insert_update_and_deletion_in_one_envelope_are_counted_apart(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1"), row_of("mark", "2"), row_of("mark", "3")))
    done = applier.apply(
        table("mark", row_of("mark", "1", raw="x"), row_of("mark", "3"), row_of("mark", "4"), deleted=["2", "404"])
    ).entities[MARK]
    assert (done.inserts, done.updates, done.deletes, done.unchanged) == (1, 1, 1, 2)


def test_nulls_are_stored_as_nulls(applier: Applier):
    empty = dict.fromkeys(BY_NAME["mark"].field_names[1:])
    applier.apply(table("mark", row_of("mark", "1", **empty)))
    assert applier.select("SELECT year_id, value, raw, set_at FROM gorod.mark") == [(None, None, None, None)]


def test_the_guard_counts_deletions_net_of_inserts_and_updates_apart(applier: Applier):
    applier.apply(table("mark", *(row_of("mark", str(key)) for key in range(3))))
    assert counts(applier) == (0, 0)
    applier.now += timedelta(hours=30)
    applier.apply(table("mark", row_of("mark", "0", raw="x"), row_of("mark", "9"), deleted=["1", "2"]))
    assert counts(applier) == (1, 1)


def test_the_guard_forgets_after_a_day(applier: Applier):
    applier.apply(table("mark", row_of("mark", "0"), deleted=["1"]))
    applier.now += timedelta(hours=60)
    with applier.ingest.school(applier.school) as connection:
        assert guard_counts(connection, applier.school, applier.now) == {}
        assert forget_counts(connection, applier.school, applier.now) == 1


def test_no_change_is_no_count(applier: Applier):
    applier.apply(table("mark", deleted=["404"]))
    assert applier.select("SELECT count(*) FROM gorod.guard_hour") == [(0,)]


def apply_and_fail(applier: Applier) -> None:
    context = module.ApplyContext(applier.school, 1, NOW, applier.keys())
    with applier.ingest.school(applier.school) as connection:
        module.apply(connection, context, changes(table("mark", row_of("mark", "1"), deleted=["2"])))
        raise RuntimeError


def test_what_is_rolled_back_leaves_nothing(applier: Applier):
    with pytest.raises(RuntimeError):
        apply_and_fail(applier)
    tables = ("mark", "tombstone", "guard_hour", "quarantine", "mark_history")
    assert [applier.select(f"TABLE gorod.{name}") for name in tables] == [[]] * 5


def test_two_states_of_one_key_are_refused(applier: Applier):
    with pytest.raises(Malformed):
        applier.apply(table("mark", row_of("mark", "1"), row_of("mark", "1", raw="x")))
    with pytest.raises(Malformed):
        applier.apply(table("mark", row_of("mark", "1"), deleted=["1"]))


def test_a_closed_year_keeps_its_rows_and_notes_that_they_are_archived(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1", year_id="2025"), row_of("mark", "2", year_id="2026")))
    applier.apply(years=[YearChange("2025", closed=True)])
    done = applier.apply(table("mark", deleted=["1", "2"])).entities[MARK]
    assert (done.archived, done.deletes) == (1, 1)
    assert applier.select("SELECT source_id, archived FROM gorod.mark") == [("1", True)]


def test_a_year_closes_after_the_tables_of_its_envelope(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1", year_id="2025")))
    applier.apply(table("mark", deleted=["1"]), years=[YearChange("2025", closed=True)])
    assert applier.select("SELECT count(*) FROM gorod.mark") == [(0,)]


def test_digests_leave_closed_years_out_and_take_reopened_ones_in(applier: Applier):
    old, new = row_of("mark", "1", year_id="2025"), row_of("mark", "2", year_id="2026")
    applier.apply(table("mark", old, new), years=[YearChange("2025", closed=True)])
    assert (mark_total(applier).rows, mark_total(applier).sum) == (1, sum_of(applier, new))
    applier.apply(years=[YearChange("2025", closed=False)])
    assert (mark_total(applier).rows, mark_total(applier).sum) == (2, sum_of(applier, old, new))
    with applier.ingest.school(applier.school) as connection:
        assert closed_years(connection, applier.school) == []


def test_an_archived_row_that_is_seen_again_is_no_longer_archived(applier: Applier):
    row = row_of("mark", "1", year_id="2025")
    applier.apply(table("mark", row), years=[YearChange("2025", closed=True)])
    applier.apply(table("mark", deleted=["1"]))
    applier.apply(years=[YearChange("2025", closed=False)])
    applier.apply(table("mark", row))
    assert applier.select("SELECT archived FROM gorod.mark") == [(False,)]
    assert applier.select("SELECT count(*) FROM gorod.mark_history") == [(0,)]


def test_archiving_twice_is_unchanged(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1", year_id="2025")), years=[YearChange("2025", closed=True)])
    applier.apply(table("mark", deleted=["1"]))
    done = applier.apply(table("mark", deleted=["1"])).entities[MARK]
    assert (done.archived, done.deletes, done.unchanged) == (0, 0, 1)


def test_schools_do_not_meet(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1")))
    applier.ring.add_school("23-002")
    other = Applier(applier.store, applier.ingest, applier.ring, school="23-002")
    other.apply(table("mark", row_of("mark", "1", raw="x"), deleted=["2"]))
    other.apply(table("mark", deleted=["1"]))
    assert applier.select("SELECT school_id, raw FROM gorod.mark") == [("23-001", "текст")]
