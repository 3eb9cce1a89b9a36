"""Which entities, buckets and leaves differ, and what a claim is worth."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.digest import (
    FAN,
    EntityTotal,
    complete_since,
    differing_entities,
    differing_places,
    is_well_formed,
)
from proto.sync.v1 import sync_pb2

WHOLE: dict[str, Any] = {"rows": [0] * FAN, "sums": [0] * FAN}


def told(*totals: tuple[int, int, int]) -> list[sync_pb2.EntitySum]:
    return [sync_pb2.EntitySum(entity=entity, rows=rows, sum=total) for entity, rows, total in totals]


def test_equal_totals_differ_nowhere() -> None:
    assert differing_entities({20: EntityTotal(2, 5), 21: EntityTotal(1, 9)}, told((21, 1, 9), (20, 2, 5))) == []


def test_rows_and_sums_both_count() -> None:
    ours = {1: EntityTotal(2, 5), 2: EntityTotal(2, 5), 3: EntityTotal(2, 5)}
    assert differing_entities(ours, told((1, 2, 5), (2, 3, 5), (3, 2, 6))) == [2, 3]


def test_what_only_one_side_names_differs_unless_it_is_empty() -> None:
    assert differing_entities({1: EntityTotal(1, 5), 2: EntityTotal()}, told((3, 1, 1), (4, 0, 0))) == [1, 3]


def test_sums_are_compared_modulo_two_to_the_sixty_fourth() -> None:
    assert differing_entities({1: EntityTotal(1, -1)}, told((1, 1, 2**64 - 1))) == []


@given(st.sets(st.integers(0, 255)), st.randoms(use_true_random=False))
def test_exactly_the_places_that_were_changed_differ(changed: set[int], rng: random.Random) -> None:
    held = {place: (rng.randrange(1, 9), rng.randrange(2**64)) for place in rng.sample(range(FAN), 100)}
    rows = [held.get(place, (0, 0))[0] for place in range(FAN)]
    sums = [held.get(place, (0, 0))[1] ^ (place in changed) for place in range(FAN)]
    assert differing_places(held, rows, sums) == sorted(changed)


@pytest.mark.parametrize(
    "request_",
    [
        sync_pb2.LeafRequest(buckets=[sync_pb2.BucketSums(entity=20, **WHOLE)]),
        sync_pb2.LeafRequest(leaves=[sync_pb2.LeafSums(entity=20, bucket=255, **WHOLE)] * 1024),
    ],
)
def test_whole_requests_are_well_formed(request_: sync_pb2.LeafRequest) -> None:
    assert is_well_formed(request_)


@pytest.mark.parametrize(
    "request_",
    [
        sync_pb2.LeafRequest(),
        sync_pb2.LeafRequest(
            buckets=[sync_pb2.BucketSums(entity=20, **WHOLE)], leaves=[sync_pb2.LeafSums(entity=20, **WHOLE)]
        ),
        sync_pb2.LeafRequest(buckets=[sync_pb2.BucketSums(entity=20, rows=[0] * 255, sums=[0] * 256)]),
        sync_pb2.LeafRequest(buckets=[sync_pb2.BucketSums(entity=26, **WHOLE)]),
        sync_pb2.LeafRequest(buckets=[sync_pb2.BucketSums(entity=20, **WHOLE)] * 100),
        sync_pb2.LeafRequest(leaves=[sync_pb2.LeafSums(entity=20, bucket=256, **WHOLE)]),
        sync_pb2.LeafRequest(leaves=[sync_pb2.LeafSums(entity=20, **WHOLE)] * 1025),
    ],
    ids=["empty", "both", "short", "unknown", "many buckets", "no bucket", "many leaves"],
)
def test_anything_else_is_not(request_: sync_pb2.LeafRequest) -> None:
    assert not is_well_formed(request_)


def claim(**fields: Any) -> sync_pb2.Claim:
    values = {"started_ms": 1000, "finished_ms": 2000, "identity": "A", "profile_hash": "p"}
    return sync_pb2.Claim(**(values | fields))


def test_a_claim_counts_from_the_start_of_its_sweep() -> None:
    assert complete_since(claim(), "A", "p") == 1000


@pytest.mark.parametrize(
    "fields",
    [{"identity": "B"}, {"profile_hash": "q"}, {"started_ms": 0}, {"finished_ms": 999}],
    ids=["another source", "another profile", "no start", "ended before it began"],
)
def test_a_claim_of_another_sweep_proves_nothing(fields: Any) -> None:
    assert complete_since(claim(**fields), "A", "p") is None
