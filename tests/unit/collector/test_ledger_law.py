"""The head law and the Hello law, case by case."""

from typing import Any

import pytest

from collector.core.lease import Claim
from collector.core.ledger import (
    Accept,
    Continue,
    Duplicate,
    Head,
    Known,
    NewEpoch,
    Refuse,
    judge_envelope,
    judge_hello,
)
from proto.envelope import genesis
from proto.limits import PROTOCOL, SCHEMA
from proto.sync.v1 import sync_pb2

EPOCH, OTHER = b"e" * 16, b"o" * 16
HASHES = {seq: bytes([seq]) * 32 for seq in range(1, 9)}
SCHOOL = "23-042"


def known(seq: int = 5, oldest: int = 1, **fields: Any) -> Known:
    """A ledger of this many envelopes; those before `oldest` are folded."""
    head = Head(EPOCH, seq, HASHES.get(seq, genesis(EPOCH)))
    held = {place: value for place, value in HASHES.items() if oldest <= place <= seq}
    values = {"school": SCHOOL, "head": head, "hash_at": held.get, "identity": "A"}
    return Known(**(values | fields))


def mark(seq: int, hash_: bytes | None = None, epoch: bytes = EPOCH) -> sync_pb2.Position:
    return sync_pb2.Position(epoch=epoch, seq=seq, hash=hash_ or HASHES.get(seq, genesis(EPOCH)))


def hello(acked: sync_pb2.Position, last: sync_pb2.Position, **fields: Any) -> sync_pb2.Hello:
    origin = sync_pb2.Origin(identity=fields.pop("identity", "A"))
    return sync_pb2.Hello(**({"protocol": PROTOCOL, "acked": acked, "last": last, "origin": origin} | fields))


def header(**fields: Any) -> sync_pb2.Header:
    origin = sync_pb2.Origin(identity=fields.pop("identity", "A"))
    values = {
        "school": SCHOOL,
        "epoch": EPOCH,
        "seq": 6,
        "previous": HASHES[5],
        "schema": SCHEMA,
        "origin": origin,
    }
    return sync_pb2.Header(**(values | fields))


# ---- Hello


@pytest.mark.parametrize(("acked", "last"), [(5, 5), (3, 5), (5, 8), (3, 8), (0, 5)])
def test_a_chain_that_the_outbox_continues_goes_on(acked: int, last: int) -> None:
    assert judge_hello(known(), hello(mark(acked), mark(last)), Claim.HOLDER) == Continue()


@pytest.mark.parametrize(
    ("acked", "last"),
    [
        (mark(6), mark(6)),  # the centre went back
        (mark(3), mark(4)),  # the agent went back
        (mark(3, b"x" * 32), mark(8)),  # another history
        (mark(3), mark(5, b"x" * 32)),  # another envelope at the head
        (mark(5, epoch=OTHER), mark(5, epoch=OTHER)),
        (mark(3), mark(5, epoch=OTHER)),
        (sync_pb2.Position(), sync_pb2.Position()),  # a new agent, or one that gives its outbox up
    ],
)
def test_any_other_chain_begins_a_new_epoch(acked: sync_pb2.Position, last: sync_pb2.Position) -> None:
    assert judge_hello(known(), hello(acked, last), Claim.HOLDER) == NewEpoch("GOR-1601")


def test_a_hash_that_was_folded_proves_nothing() -> None:
    assert judge_hello(known(oldest=4), hello(mark(3), mark(8)), Claim.HOLDER) == NewEpoch("GOR-1601")
    assert judge_hello(known(oldest=3), hello(mark(3), mark(8)), Claim.HOLDER) == Continue()


def test_the_first_agent_of_a_school_begins_an_epoch() -> None:
    fresh = Known(SCHOOL, Head(), lambda _seq: None)
    empty = hello(sync_pb2.Position(), sync_pb2.Position())
    assert judge_hello(fresh, empty, Claim.HOLDER) == NewEpoch("GOR-1601")


def test_an_epoch_without_envelopes_goes_on_from_its_genesis() -> None:
    assert judge_hello(known(0), hello(mark(0), mark(0)), Claim.HOLDER) == Continue()
    assert judge_hello(known(0), hello(mark(0), mark(4)), Claim.HOLDER) == Continue()


def test_a_stale_token_waits_for_the_holder_and_then_gets_a_new_epoch() -> None:
    fitting = hello(mark(5), mark(5))
    assert judge_hello(known(), fitting, Claim.HELD) == Refuse("GOR-1605")
    assert judge_hello(known(), fitting, Claim.STALE) == NewEpoch("GOR-1605")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"school": "23-043"}, "GOR-1607"),
        ({"protocol": PROTOCOL + 1}, "GOR-1606"),
        ({"protocol": 0}, "GOR-1606"),
        ({"identity": "B"}, "GOR-1604"),
        ({"lease": b"x" * 65}, "GOR-1611"),
        ({"profile": "p" * 201}, "GOR-1611"),
    ],
)
def test_an_agent_that_does_not_belong_here_is_refused(fields: Any, code: str) -> None:
    verdict = judge_hello(known(), hello(mark(5), mark(5), **fields), Claim.STALE)
    assert isinstance(verdict, Refuse)
    assert verdict.code == code


@pytest.mark.parametrize(("recorded", "told"), [("", "B"), ("A", "A"), ("A", "")])
def test_an_identity_that_is_new_the_same_or_not_told_passes(recorded: str, told: str) -> None:
    asked = hello(mark(5), mark(5), identity=told)
    assert judge_hello(known(identity=recorded), asked, Claim.HOLDER) == Continue()


# ---- envelopes


def verdict(hash_: bytes = b"n" * 32, *, leased: bool = True, **fields: Any) -> object:
    judged = judge_envelope(known(oldest=3), header(**fields), hash_, leased=leased)
    return judged if not isinstance(judged, Refuse) else judged.code


def test_the_next_envelope_is_accepted() -> None:
    assert verdict() == Accept()


def test_the_same_place_and_hash_is_a_duplicate() -> None:
    assert verdict(HASHES[4], seq=4) == Duplicate()
    assert verdict(HASHES[5], seq=5) == Duplicate()


def test_the_same_place_with_another_hash_is_a_fork() -> None:
    assert verdict(seq=4) == NewEpoch("GOR-1603")
    assert verdict(HASHES[4], seq=5) == NewEpoch("GOR-1603")


def test_a_place_too_old_to_be_known_begins_a_new_epoch() -> None:
    assert verdict(HASHES[2], seq=2) == NewEpoch("GOR-1603")


def test_a_gap_is_refused_and_names_what_was_expected() -> None:
    judged = judge_envelope(known(), header(seq=8), b"n" * 32, leased=True)
    assert judged == Refuse("GOR-1602", {"expected": "6", "received": "8"})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"previous": HASHES[4]}, NewEpoch("GOR-1603")),
        ({"identity": "B"}, NewEpoch("GOR-1604")),
        ({"identity": ""}, NewEpoch("GOR-1604")),
        ({"epoch": OTHER}, "GOR-1601"),
        ({"school": "23-043"}, "GOR-1607"),
        ({"schema": SCHEMA + 1}, "GOR-1613"),
        ({"leased": False}, "GOR-1605"),
    ],
)
def test_every_part_of_the_head_law_counts(fields: Any, expected: object) -> None:
    assert verdict(**fields) == expected


def test_a_stream_without_lease_gets_no_receipt_for_a_duplicate_either() -> None:
    assert verdict(HASHES[5], seq=5, leased=False) == "GOR-1605"


def test_a_replay_of_an_old_schema_is_a_duplicate_before_anything_else_of_it_counts() -> None:
    assert verdict(HASHES[4], seq=4, schema=SCHEMA + 1, identity="B") == Duplicate()
