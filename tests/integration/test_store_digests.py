"""Sums, buckets, leaves and the deep check against an independent count, for rows of every entity."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from collector.store import deep, digests
from collector.store.deep import Cursor
from proto.batch import Unfit
from proto.canonical import leaf, row_hash
from proto.entities import BY_NAME, ENTITIES, Entity
from tests.fix_applier import Applier, row_of, rows_of, table

if TYPE_CHECKING:
    import random

    from proto.canonical import Row

pytestmark = pytest.mark.integration
MARK = BY_NAME["mark"]
AGAIN = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_all(applier: Applier, limit: int = 7) -> tuple[int, int, list[tuple[str, str]]]:
    """The whole deep check: rows, destroyed rows, what is damaged and how."""
    rows = destroyed = 0
    damages: list[tuple[str, str]] = []
    cursor: Cursor | None = Cursor()
    with applier.ingest.school(applier.school) as connection:
        while cursor is not None:
            page = deep.deep_check(connection, applier.keys(), cursor, limit)
            rows, destroyed, cursor = rows + page.rows, destroyed + page.destroyed, page.next
            damages += [(damage.entity, damage.kind) for damage in page.damages]
    return rows, destroyed, damages


def filled(applier: Applier, rng: random.Random) -> dict[str, int]:
    """Many marks, some changed, deleted, held; returns what the centre should count: key → hash."""
    rows: dict[str, Row] = {str(key): row_of("mark", str(key), raw=str(rng.randrange(99))) for key in range(600)}
    applier.apply(table("mark", *rows.values()))
    gone = rng.sample(sorted(rows), 30)
    changed = {key: row_of("mark", key, raw="new") for key in rng.sample(sorted(set(rows) - set(gone)), 40)}
    held = [
        Unfit(key, "oversize", rng.randrange(-(2**63), 2**63)) for key in [*rng.sample(sorted(changed), 5), "new 1"]
    ]
    applier.apply(table("mark", *changed.values(), deleted=gone))
    applier.apply(table("mark", unfit=held))
    alive = {key: row for key, row in (rows | changed).items() if key not in gone}
    expected = {key: row_hash(MARK, row, applier.keys().fingerprint) for key, row in alive.items()}
    return expected | {row.key: row.hash for row in held}


def test_sums_agree_at_every_level(applier: Applier, rng: random.Random):
    expected = filled(applier, rng)
    places = {key: leaf(MARK.number, key, applier.keys().fingerprint) for key in expected}
    with applier.ingest.school(applier.school) as connection:
        total = digests.totals(connection, applier.school)[MARK.number]
        buckets = digests.bucket_sums(connection, applier.school, MARK)
        leaves = digests.leaf_sums(connection, applier.school, MARK, list(range(256)))
        contents = digests.leaf_rows(connection, applier.school, MARK, sorted(set(places.values())))
    assert (total.rows, total.sum, total.quarantined) == (len(expected), sum(expected.values()) % 2**64, 6)
    assert {bucket: rows for bucket, (rows, _) in buckets.items()} == Counter(place >> 8 for place in places.values())
    assert sum(value for _, value in buckets.values()) % 2**64 == total.sum
    assert sum(rows for sums in leaves.values() for rows, _ in sums.values()) == len(expected)
    assert {key: found for content in contents.values() for key, found in content} == expected
    assert all(places[key] == place for place, content in contents.items() for key, _ in content)


def test_leaves_of_a_bucket_sum_up_to_it(applier: Applier, rng: random.Random):
    filled(applier, rng)
    with applier.ingest.school(applier.school) as connection:
        buckets = digests.bucket_sums(connection, applier.school, MARK)
        chosen = sorted(buckets)[:5]
        leaves = digests.leaf_sums(connection, applier.school, MARK, chosen)
    for bucket in chosen:
        rows, sums = zip(*leaves[bucket].values(), strict=True)
        assert (sum(rows), sum(sums) % 2**64) == buckets[bucket]


def test_an_empty_school_has_no_sums(applier: Applier):
    assert applier.totals() == {}
    assert check_all(applier) == (0, 0, [])


@AGAIN
@given(data=st.data())
@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_what_is_stored_reads_back_as_the_same_canonical_row(applier: Applier, entity: Entity, data: st.DataObject):
    rows = data.draw(rows_of(entity))
    before = [row[1] for row in applier.select(f"TABLE gorod.{entity.name}")]
    applier.apply(table(entity.name, deleted=before))
    done = applier.apply(table(entity.name, *rows))
    with applier.ingest.school(applier.school) as connection:
        stored = deep.read_rows(connection, applier.keys(), entity, "", 100)
        page = deep.deep_check(connection, applier.keys(), Cursor(ENTITIES.index(entity)))
    assert (done.quarantined, page.rows, page.damages) == (0, len(rows), [])
    assert sorted(zip(*stored.columns, strict=True), key=str) == sorted(rows, key=str)


def test_the_check_walks_every_entity_page_by_page(applier: Applier):
    for entity in ENTITIES:
        applier.apply(table(entity.name, *(row_of(entity, str(key)) for key in range(3))))
    assert check_all(applier, limit=2) == (3 * len(ENTITIES), 0, [])
    assert check_all(applier, limit=3) == (3 * len(ENTITIES), 0, [])


@pytest.mark.parametrize(
    "change", ["raw = 'x'", "value = 1", "set_at = set_at + interval '1 ms'", "comment = NULL", "row_hash = 1"]
)
def test_a_changed_value_is_found(applier: Applier, change: str):
    applier.apply(table("mark", row_of("mark", "1"), row_of("mark", "2")))
    with applier.store.owner() as owner:
        owner.execute(sql.SQL("UPDATE gorod.mark SET {} WHERE source_id = '1'").format(sql.SQL(change)))
    assert check_all(applier) == (2, 0, [("mark", "value")])


def test_a_changed_leaf_is_found(applier: Applier):
    applier.apply(table("mark", row_of("mark", "1")))
    with applier.store.owner() as owner:
        owner.execute("UPDATE gorod.mark SET leaf = (leaf + 1) % 65536")
    assert check_all(applier)[2] == [("mark", "leaf")]


def test_a_sealed_value_that_was_altered_or_moved_is_found(applier: Applier):
    applier.apply(table("person", *(row_of("person", key, last_name=f"Фамилия{key}") for key in "123")))
    with applier.store.owner() as owner:
        owner.execute(
            "UPDATE gorod.person SET last_name = (SELECT last_name FROM gorod.person WHERE source_id = '2') WHERE source_id = '1'"
        )
        owner.execute("UPDATE gorod.person SET first_name = last_name WHERE source_id = '3'")
    assert check_all(applier) == (3, 0, [("person", "unreadable")] * 2)


def test_names_stand_sealed_in_the_database_and_are_found_by_their_blind_index(applier: Applier):
    applier.apply(table("person", row_of("person", "1", last_name="Алёшина"), row_of("person", "2", last_name="Белов")))
    ((sealed, year),) = applier.select("SELECT last_name, key_year FROM gorod.person WHERE source_id = '1'")
    assert (year, "Алёшина".encode() in sealed) == (2026, False)
    entity = BY_NAME["person"]
    looked_for = applier.keys().blind_candidates(entity, entity.fields[1], " алешина ")
    assert applier.select("SELECT source_id FROM gorod.person WHERE last_name_blind = ANY (%s)", looked_for) == [("1",)]


def test_rows_of_a_destroyed_year_leave_digest_and_check_and_are_counted(applier: Applier):
    applier.apply(table("person", row_of("person", "1")))
    applier.now += timedelta(days=400)
    applier.apply(table("person", row_of("person", "2")))
    applier.ring.destroy(applier.school, 2026, applier.now)
    person = BY_NAME["person"]
    assert applier.totals()[person.number].rows == 1
    assert check_all(applier) == (2, 1, [])
    with applier.ingest.school(applier.school) as connection:
        stored = deep.read_rows(connection, applier.keys(), person, "", 10)
    assert (stored.columns[1], stored.unreadable) == ([None, "текст"], set())
