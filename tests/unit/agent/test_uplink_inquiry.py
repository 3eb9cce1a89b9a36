"""The comparison within the ordered stream: where its frames stand, and what follows each answer."""

from typing import Any

from agent.core.inquiry import BUCKETS_PER_REQUEST, Stage
from agent.core.uplink import Uplink
from agent.core.uplink_events import (
    Action,
    Came,
    Captured,
    Closed,
    CompareWanted,
    Load,
    Loaded,
    Mark,
    MeasureBuckets,
    Measured,
    MeasureLeaves,
    MeasureTotals,
    NoteComparison,
    Opened,
    Overwrite,
    Positions,
    Reconciled,
    Retry,
    Send,
    SendEnvelopes,
    StoredEnvelope,
)
from proto.sync.v1 import sync_pb2

EPOCH = b"e" * 16
DIGEST = sync_pb2.ClientFrame(digest=sync_pb2.Digest())
LEAF = sync_pb2.ClientFrame(leaf=sync_pb2.LeafRequest())


def mark(seq: int) -> Mark:
    return Mark(seq, bytes([seq]) * 32)


def at(seq: int) -> sync_pb2.Position:
    return sync_pb2.Position(epoch=EPOCH, seq=seq, hash=mark(seq).hash)


def stored(*seqs: int) -> list[StoredEnvelope]:
    return [StoredEnvelope(seq, mark(seq).hash, b"") for seq in seqs]


def streaming() -> Uplink:
    machine, positions = Uplink(), Positions(EPOCH, mark(0), mark(0), b"t")
    machine.handle(Opened(positions))
    machine.handle(Came(sync_pb2.ServerFrame(welcome=sync_pb2.Welcome(head=at(0), max_in_flight=8))))
    machine.handle(Reconciled(positions))
    return machine


def measuring() -> tuple[Uplink, int]:
    """A machine that waits for its digest, and the digest's ticket."""
    machine = streaming()
    (action,) = machine.handle(CompareWanted())
    assert isinstance(action, MeasureTotals)
    return machine, action.ticket


def asked() -> Uplink:
    machine, ticket = measuring()
    assert machine.handle(Measured(ticket, DIGEST, mark(0))) == [Send(DIGEST)]
    return machine


def compare(**fields: Any) -> Came:
    return Came(sync_pb2.ServerFrame(compare=sync_pb2.Compare(**({"at": at(0)} | fields))))


def leaves(*, last: bool) -> Came:
    return Came(sync_pb2.ServerFrame(leaves=sync_pb2.Leaves(at=at(0), last=last)))


def ticket_of(action: Action) -> int:
    assert isinstance(action, MeasureTotals | MeasureBuckets | MeasureLeaves)
    return action.ticket


# ---- its place in the stream


def test_what_is_captured_while_measuring_waits_for_the_digest() -> None:
    machine, ticket = measuring()
    assert machine.handle(Captured(EPOCH, mark(2))) == []
    assert machine.handle(Measured(ticket, DIGEST, mark(0))) == [Send(DIGEST), Load(0, 2)]


def test_a_digest_of_a_later_place_waits_for_the_envelopes_before_it() -> None:
    machine, ticket = measuring()
    machine.handle(Captured(EPOCH, mark(3)))
    assert machine.handle(Measured(ticket, DIGEST, mark(2))) == [Load(0, 2)]
    assert machine.handle(Loaded(stored(1, 2))) == [SendEnvelopes(stored(1, 2)), Send(DIGEST), Load(2, 1)]


def test_a_digest_may_know_of_envelopes_that_we_were_not_told_of() -> None:
    machine, ticket = measuring()
    assert machine.handle(Measured(ticket, DIGEST, mark(1))) == [Load(0, 1)]


def test_a_second_wish_waits_for_the_end_of_the_first_comparison() -> None:
    machine = asked()
    assert machine.handle(CompareWanted()) == []
    actions = machine.handle(compare(equal=True))
    assert [type(one) for one in actions] == [NoteComparison, MeasureTotals]


def test_a_store_that_cannot_tell_now_is_asked_at_the_next_wish() -> None:
    machine, ticket = measuring()
    assert machine.handle(Measured(ticket, None, mark(0))) == []
    assert [type(one) for one in machine.handle(CompareWanted())] == [MeasureTotals]


def test_an_answer_of_the_store_to_an_earlier_connection_is_dropped() -> None:
    machine, ticket = measuring()
    machine.handle(Closed("GOR-1207"))
    machine.handle(Opened(Positions(EPOCH, mark(0), mark(0), b"t")))
    machine.handle(Came(sync_pb2.ServerFrame(welcome=sync_pb2.Welcome(head=at(0)))))
    (action,) = machine.handle(Reconciled(Positions(EPOCH, mark(0), mark(0), b"t")))
    assert machine.handle(Measured(ticket, DIGEST, mark(0))) == []
    assert machine.handle(Measured(ticket_of(action), DIGEST, mark(0))) == [Send(DIGEST)]


def test_a_measure_of_the_past_gives_the_epoch_up() -> None:
    machine, ticket = measuring()
    machine.handle(Captured(EPOCH, mark(2)))
    machine.sent = mark(2)
    (action,) = machine.handle(Measured(ticket, DIGEST, mark(1)))
    assert isinstance(action, Retry)
    assert machine.abandon


# ---- what follows an answer


def test_equal_ends_the_comparison() -> None:
    machine, answer = asked(), compare(equal=True)
    assert machine.handle(answer) == [NoteComparison(answer.frame.compare)]
    assert machine.inquiry.stage is Stage.IDLE


def test_a_difference_is_narrowed_to_buckets_and_leaves_and_overwritten() -> None:
    machine, differ = asked(), compare(entities=[5, 20])
    note, buckets = machine.handle(differ)
    assert note == NoteComparison(differ.frame.compare)
    assert isinstance(buckets, MeasureBuckets)
    assert buckets.entities == [5, 20]
    assert machine.handle(Measured(buckets.ticket, LEAF, mark(0))) == [Send(LEAF)]
    narrowed = compare(buckets=[sync_pb2.EntityBuckets(entity=5, buckets=[1, 7])])
    (measure,) = machine.handle(narrowed)
    assert isinstance(measure, MeasureLeaves)
    assert measure.buckets == [(5, 1), (5, 7)]
    machine.handle(Measured(measure.ticket, LEAF, mark(0)))
    first, end = leaves(last=False), leaves(last=True)
    assert machine.handle(first) == [Overwrite(first.frame.leaves, last=False)]
    assert machine.handle(end) == [Overwrite(end.frame.leaves, last=True)]
    assert machine.inquiry.stage is Stage.IDLE


def test_many_buckets_are_asked_for_in_portions_and_only_the_last_answer_is_the_last() -> None:
    machine = asked()
    _, buckets = machine.handle(compare(entities=[5]))
    machine.handle(Measured(ticket_of(buckets), LEAF, mark(0)))
    many = list(range(BUCKETS_PER_REQUEST + 1))
    (measure,) = machine.handle(compare(buckets=[sync_pb2.EntityBuckets(entity=5, buckets=many)]))
    machine.handle(Measured(ticket_of(measure), LEAF, mark(0)))
    overwrite, again = machine.handle(leaves(last=True))
    assert overwrite == Overwrite(leaves(last=True).frame.leaves, last=False)
    assert isinstance(again, MeasureLeaves)
    assert again.buckets == [(5, BUCKETS_PER_REQUEST)]
    machine.handle(Measured(again.ticket, LEAF, mark(0)))
    assert machine.handle(leaves(last=True)) == [Overwrite(leaves(last=True).frame.leaves, last=True)]


def test_a_difference_that_is_gone_at_the_buckets_ends_the_comparison() -> None:
    machine = asked()
    _, buckets = machine.handle(compare(entities=[5]))
    machine.handle(Measured(ticket_of(buckets), LEAF, mark(0)))
    assert machine.handle(compare(buckets=[sync_pb2.EntityBuckets(entity=5)])) == []
    assert machine.inquiry.stage is Stage.IDLE


def test_an_answer_about_another_place_ends_the_connection() -> None:
    (action,) = asked().handle(compare(at=at(3), equal=True))
    assert isinstance(action, Retry)


def test_envelopes_go_on_while_an_answer_is_awaited() -> None:
    machine = asked()
    assert machine.handle(Captured(EPOCH, mark(1))) == [Load(0, 1)]


def test_a_comparison_that_was_cut_off_begins_anew() -> None:
    machine = asked()
    machine.handle(Closed("GOR-1207"))
    assert machine.inquiry.wanted
