"""What the desk does to a school's books, frame by frame, without gRPC."""

import os
from typing import Any

import pytest

from collector.core.ledger import Refuse
from collector.ingest.books import Prepared, Session
from collector.ingest.desk import Desk, DeskSettings, Kept, Welcomed
from proto.envelope import SealingKey
from proto.limits import PROTOCOL, SCHEMA
from proto.sync.v1 import sync_pb2
from tests.fix_uplink import MemoryLibrary

SCHOOL, LEASE = "23-042", 30_000
PLACE = (5, "1")


class Bench:
    """A desk, and one agent that is welcomed."""

    def __init__(self) -> None:
        self.library = MemoryLibrary(SealingKey.generate())
        self.desk = Desk(self.library, DeskSettings(LEASE), os.urandom)
        self.session, self.head = self.hello(0)

    def hello(self, now: int, lease: bytes = b"") -> tuple[Session, sync_pb2.Position]:
        origin = sync_pb2.Origin(identity="A")
        asked = sync_pb2.Hello(protocol=PROTOCOL, lease=lease, origin=origin, profile_hash="p1")
        welcomed = self.desk.hello(SCHOOL, asked, now)
        assert isinstance(welcomed, Welcomed)
        return welcomed.session, welcomed.frame.head

    def prepared(
        self, seq: int = 1, hash_: bytes = b"h" * 32, failure: Refuse | None = None, **header: Any
    ) -> Prepared:
        fields = {"school": SCHOOL, "epoch": self.head.epoch, "seq": seq, "previous": self.head.hash, "schema": SCHEMA}
        origin = sync_pb2.Origin(identity="A")
        message = sync_pb2.Header(**(fields | {"origin": origin} | header))
        return Prepared(message, hash_, {PLACE: 7}, failure)

    @property
    def db(self) -> Any:
        return self.library.db(SCHOOL)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_receipt_names_the_envelope_and_the_head_moves(bench: Bench) -> None:
    (answer,) = bench.desk.envelope(bench.session, bench.prepared(), 1)
    assert (answer.receipt.position.seq, answer.receipt.position.hash) == (1, b"h" * 32)
    assert (bench.db.state.head.seq, bench.db.hashes) == (1, {PLACE: 7})


def test_the_first_identity_is_recorded(bench: Bench) -> None:
    assert bench.db.state.identity == "A"


def test_an_envelope_that_cannot_be_read_changes_nothing(bench: Bench) -> None:
    failure = Refuse("GOR-1611", {"cause": "batch"})
    assert bench.desk.envelope(bench.session, bench.prepared(failure=failure), 1) == failure
    assert bench.db.state.head.seq == 0
    assert bench.db.refused == ["GOR-1611"]


def test_a_duplicate_that_can_no_longer_be_opened_still_gets_its_receipt(bench: Bench) -> None:
    bench.desk.envelope(bench.session, bench.prepared(), 1)
    again = bench.desk.envelope(bench.session, bench.prepared(failure=Refuse("GOR-1609")), 2)
    assert not isinstance(again, Refuse)
    assert bench.db.applied == {b"h" * 32: 1}


def test_an_envelope_for_a_retired_key_begins_an_epoch(bench: Bench) -> None:
    assert bench.desk.envelope(bench.session, bench.prepared(failure=Refuse("GOR-1609")), 1) == Refuse("GOR-1609")
    assert bench.db.state.head.epoch != bench.head.epoch


def test_another_source_begins_an_epoch_and_both_are_named(bench: Bench) -> None:
    other = bench.prepared(origin=sync_pb2.Origin(identity="B"))
    refusal = bench.desk.envelope(bench.session, other, 1)
    assert refusal == Refuse("GOR-1604", {"recorded": "A", "found": "B"})
    assert bench.db.state.head.epoch != bench.head.epoch
    assert not bench.db.hashes


def test_late_frames_of_a_stream_that_was_followed_are_no_problem_of_the_school(bench: Bench) -> None:
    later, _ = bench.hello(1)
    bench.desk.heartbeat(later, sync_pb2.Heartbeat(), 2)
    refusal = bench.desk.envelope(bench.session, bench.prepared(), 3)
    assert refusal == Refuse("GOR-1605")
    assert bench.db.refused == []


@pytest.mark.parametrize("kind", ["digest", "leaf", "heartbeat"])
def test_every_frame_needs_the_lease(bench: Bench, kind: str) -> None:
    whole: Any = {"rows": [0] * 256, "sums": [0] * 256}
    frames: dict[str, Any] = {
        "digest": sync_pb2.Digest(at=bench.head),
        "leaf": sync_pb2.LeafRequest(at=bench.head, buckets=[sync_pb2.BucketSums(entity=5, **whole)]),
        "heartbeat": sync_pb2.Heartbeat(),
    }
    stranger = Session(SCHOOL, b"stranger")
    assert getattr(bench.desk, kind)(stranger, frames[kind], 1) == Refuse("GOR-1605")
    assert not isinstance(getattr(bench.desk, kind)(bench.session, frames[kind], 1), Refuse)


def test_a_lease_that_is_kept_does_not_end(bench: Bench) -> None:
    for now in range(0, 3 * LEASE, LEASE // 3):
        assert isinstance(bench.desk.keep(bench.session, now), Kept)
    assert bench.desk.keep(bench.session, 10 * LEASE) == Refuse("GOR-1605")


def test_a_digest_elsewhere_than_at_the_head_is_refused(bench: Bench) -> None:
    bench.desk.envelope(bench.session, bench.prepared(), 1)
    assert bench.desk.digest(bench.session, sync_pb2.Digest(at=bench.head), 2) == Refuse("GOR-1612")


def digest(bench: Bench, profile: str) -> sync_pb2.Compare:
    claim = sync_pb2.Claim(started_ms=5, finished_ms=6, identity="A", profile_hash=profile)
    answers = bench.desk.digest(bench.session, sync_pb2.Digest(at=bench.head, complete=claim), 10)
    assert not isinstance(answers, Refuse)
    return answers[0].compare


def test_only_a_claim_under_the_present_profile_moves_the_stamp(bench: Bench) -> None:
    assert digest(bench, "p0").complete_ms == 0
    assert digest(bench, "p1").complete_ms == 5


def test_the_profile_of_the_newest_envelope_is_the_present_one(bench: Bench) -> None:
    bench.desk.envelope(bench.session, bench.prepared(profile_hash="p2"), 1)
    assert bench.db.state.profile_hash == "p2"
