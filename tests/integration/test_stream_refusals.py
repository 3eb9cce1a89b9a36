"""Frames that no honest agent sends, against the real listener: a typed refusal, and nothing is changed."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from proto.batch import Changes, TableRows, encode
from proto.entities import BY_NAME
from proto.envelope import SealingKey, envelope_hash, seal
from proto.limits import MAX_ENVELOPE_BYTES, MAX_FRAME_BYTES
from proto.sync.v1 import sync_pb2
from tests.fix_ca import SCHOOL
from tests.fix_uplink import Raw, StreamBench
from tests.uplink_fakes import MemoryUplinkStore, room

pytestmark = pytest.mark.integration
OTHER = "23-043"


def batch_of(*names: str) -> bytes:
    rows = [room(str(number), name)[1] for number, name in enumerate(names)]
    return encode(Changes([TableRows(BY_NAME["subject"], [list(column) for column in zip(*rows, strict=True)])]))


def frame_of(envelope: sync_pb2.Envelope) -> sync_pb2.ClientFrame:
    return sync_pb2.ClientFrame(envelope=envelope)


async def refusal(raw: Raw, frame: sync_pb2.ClientFrame | bytes) -> str:
    """Send one frame and read to the end: the refusal's code."""
    await raw.send(frame)
    answer = await raw.receive()
    assert answer is not None
    assert answer.HasField("refusal"), answer
    assert await raw.receive() is None
    assert answer.refusal.text
    return answer.refusal.code


async def refused_after_hello(bench: StreamBench, store: MemoryUplinkStore, make: Any) -> str:
    """A stream is welcomed, then sends what `make` gives; the books must be as before."""
    async with bench.call(store.identity) as raw:
        await raw.greet(store)
        before = copy.deepcopy(bench.library.db())
        code = await refusal(raw, make())
    after = bench.library.db()
    assert (after.hashes, after.applied, after.ledger) == (before.hashes, before.applied, before.ledger)
    return code


# ---- the first frame


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x0a", b"gorod"], ids=["no message", "cut", "text"])
async def test_garbage_instead_of_hello_is_malformed(stream_bench: StreamBench, data: bytes) -> None:
    async with stream_bench.call(stream_bench.identity()) as raw:
        assert await refusal(raw, data) == "GOR-1611"
    assert stream_bench.library.attacks == [(SCHOOL, "GOR-1611")]


async def test_an_envelope_before_hello_is_malformed(stream_bench: StreamBench) -> None:
    async with stream_bench.call(stream_bench.identity()) as raw:
        assert await refusal(raw, frame_of(sync_pb2.Envelope())) == "GOR-1611"


async def test_a_second_hello_is_malformed(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    hello = sync_pb2.ClientFrame(hello=sync_pb2.Hello(protocol=1))
    assert await refused_after_hello(stream_bench, store, lambda: hello) == "GOR-1611"


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"school": OTHER}, "GOR-1607"),
        ({"protocol": 99}, "GOR-1606"),
        ({"protocol": 0}, "GOR-1606"),
        ({"agent_version": "v" * 1000}, "GOR-1611"),
        ({"lease": b"t" * 1000}, "GOR-1611"),
    ],
)
async def test_a_hello_that_does_not_fit_is_refused(stream_bench: StreamBench, hello: Any, code: str) -> None:
    store = stream_bench.agent()
    async with stream_bench.call(store.identity) as raw:
        answer = await raw.greet(store, **hello)
    assert answer is not None
    assert answer.refusal.code == code
    assert OTHER not in stream_bench.library.schools


async def test_another_source_is_refused_and_both_are_named(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    async with stream_bench.call(store.identity) as raw:
        await raw.greet(store)
    async with stream_bench.call(store.identity) as raw:
        answer = await raw.greet(store, origin=sync_pb2.Origin(identity="B"))
    assert answer is not None
    assert answer.refusal.code == "GOR-1604"
    assert dict(answer.refusal.details) == {"recorded": "A", "found": "B"}


# ---- envelopes


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"school": OTHER}, "GOR-1607"),
        ({"epoch": b"e" * 16}, "GOR-1601"),
        ({"epoch": b"short"}, "GOR-1611"),
        ({"seq": 7}, "GOR-1602"),
        ({"seq": 0}, "GOR-1611"),
        ({"previous": b"p" * 32}, "GOR-1603"),
        ({"schema": 99}, "GOR-1613"),
        ({"origin": sync_pb2.Origin(identity="B")}, "GOR-1604"),
        ({"rows": 1_000_000}, "GOR-1610"),
    ],
)
async def test_an_envelope_with_another_header_is_refused(stream_bench: StreamBench, header: Any, code: str) -> None:
    store = stream_bench.agent()
    make = lambda: frame_of(store.sealed(batch_of("физика"), 1, **header))  # noqa: E731
    assert await refused_after_hello(stream_bench, store, make) == code


async def test_an_envelope_that_another_key_signed_is_refused_and_noted(stream_bench: StreamBench) -> None:
    store, stranger = stream_bench.agent(), stream_bench.agent(OTHER)

    def forged() -> sync_pb2.ClientFrame:
        envelope = store.sealed(batch_of("физика"), 1)
        header = sync_pb2.Header.FromString(envelope.header)
        return frame_of(
            seal(batch_of("x"), header, store.settings.sealing_key, stranger.identity.key, store.identity.serial)
        )

    assert await refused_after_hello(stream_bench, store, forged) == "GOR-1608"
    assert stream_bench.library.attacks == [(SCHOOL, "GOR-1608")]


async def test_another_schools_envelope_is_refused_and_leaves_that_school_untouched(stream_bench: StreamBench) -> None:
    thief, victim = stream_bench.agent(), stream_bench.agent(OTHER)
    async with stream_bench.call(victim.identity) as raw:
        await raw.greet(victim)
        stolen = frame_of(victim.sealed(batch_of("физика"), 1))
        before = copy.deepcopy(stream_bench.library.db(OTHER))
        assert await refused_after_hello(stream_bench, thief, lambda: stolen) == "GOR-1607"
        assert stream_bench.library.db(OTHER) == before


async def test_an_envelope_for_an_unknown_key_begins_a_new_epoch(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()

    def for_a_retired_key() -> sync_pb2.ClientFrame:
        store.settings.sealing_key = SealingKey.generate().public_bytes()
        return frame_of(store.sealed(batch_of("физика"), 1))

    assert await refused_after_hello(stream_bench, store, for_a_retired_key) == "GOR-1609"
    assert stream_bench.library.db().state.head.epoch != store.positions.epoch


async def test_a_sealed_batch_moved_to_another_place_is_refused(stream_bench: StreamBench) -> None:
    """The seal binds school, epoch and seq: even the school's own key cannot move a batch to another place."""
    store = stream_bench.agent()

    def moved() -> sync_pb2.ClientFrame:
        elsewhere = store.sealed(batch_of("физика"), 1, seq=2)
        here = store.sealed(batch_of("химия"), 1)
        here.ciphertext = elsewhere.ciphertext
        return frame_of(here)

    assert await refused_after_hello(stream_bench, store, moved) == "GOR-1608"


async def test_a_batch_that_is_none_is_refused(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    make = lambda: frame_of(store.sealed(b"\xff\xff\xff", 1))  # noqa: E731
    assert await refused_after_hello(stream_bench, store, make) == "GOR-1611"


async def test_a_large_envelope_is_refused_in_words(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()

    def large() -> sync_pb2.ClientFrame:
        envelope = store.sealed(batch_of("физика"), 1)
        envelope.ciphertext += b"x" * (MAX_ENVELOPE_BYTES + 1 - len(envelope.ciphertext))
        return frame_of(envelope)

    assert await refused_after_hello(stream_bench, store, large) == "GOR-1610"


async def test_a_larger_frame_is_cut_off_before_it_is_read(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    async with stream_bench.call(store.identity) as raw:
        await raw.greet(store)
        await raw.send(b"x" * (2 * MAX_FRAME_BYTES))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw.receive()
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not stream_bench.library.db().applied


async def test_a_replayed_envelope_gets_its_receipt_again_and_is_applied_once(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    async with stream_bench.call(store.identity) as raw:
        await raw.greet(store)
        envelope = store.sealed(batch_of("физика"), 1)
        receipts = []
        for _ in range(3):
            await raw.send(frame_of(envelope))
            receipts.append(await raw.receive())
    assert [one.receipt.position.hash for one in receipts if one] == [envelope_hash(envelope)] * 3
    assert stream_bench.library.db().applied == {envelope_hash(envelope): 1}


async def test_a_twin_of_an_applied_envelope_begins_a_new_epoch(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    async with stream_bench.call(store.identity) as raw:
        await raw.greet(store)
        await raw.send(frame_of(store.sealed(batch_of("физика"), 1)))
        await raw.receive()
        assert await refusal(raw, frame_of(store.sealed(batch_of("химия"), 1))) == "GOR-1603"
    assert stream_bench.library.db().state.head.seq == 0
    assert len(stream_bench.library.db().applied) == 1


# ---- comparison


def digest_of(store: MemoryUplinkStore, **fields: Any) -> sync_pb2.ClientFrame:
    at = sync_pb2.Position(epoch=store.positions.epoch, seq=store.positions.last.seq, hash=store.positions.last.hash)
    return sync_pb2.ClientFrame(digest=sync_pb2.Digest(**({"at": at} | fields)))


async def test_an_unsigned_digest_is_refused(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    assert await refused_after_hello(stream_bench, store, lambda: digest_of(store)) == "GOR-1608"


@pytest.mark.parametrize("seq", [1, 1000])
async def test_a_leaf_request_that_is_not_at_the_head_is_refused(stream_bench: StreamBench, seq: int) -> None:
    store = stream_bench.agent()

    def elsewhere() -> sync_pb2.ClientFrame:
        sums = sync_pb2.BucketSums(entity=5, rows=[0] * 256, sums=[0] * 256)
        at = sync_pb2.Position(epoch=store.positions.epoch, seq=seq, hash=store.positions.last.hash)
        return sync_pb2.ClientFrame(leaf=sync_pb2.LeafRequest(at=at, buckets=[sums]))

    assert await refused_after_hello(stream_bench, store, elsewhere) == "GOR-1612"


def leaf_requests() -> Iterator[sync_pb2.LeafRequest]:
    whole = {"rows": [0] * 256, "sums": [0] * 256}
    yield sync_pb2.LeafRequest()
    yield sync_pb2.LeafRequest(buckets=[sync_pb2.BucketSums(entity=5, rows=[0], sums=[0])])
    yield sync_pb2.LeafRequest(buckets=[sync_pb2.BucketSums(entity=9999, **whole)])
    yield sync_pb2.LeafRequest(leaves=[sync_pb2.LeafSums(entity=5, bucket=256, **whole)])


@pytest.mark.parametrize("request_number", range(4))
async def test_a_malformed_leaf_request_is_refused(stream_bench: StreamBench, request_number: int) -> None:
    store, request = stream_bench.agent(), list(leaf_requests())[request_number]
    make = lambda: sync_pb2.ClientFrame(leaf=request)  # noqa: E731
    assert await refused_after_hello(stream_bench, store, make) == "GOR-1611"


# ---- bytes at random


def flipped(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(1, len(data))]


def swapped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(1, len(data))
    return data[place:] + data[:place]


@pytest.mark.parametrize("damage", [flipped, cut, swapped])
async def test_a_damaged_frame_changes_nothing(stream_bench: StreamBench, damage: Any, rng: random.Random) -> None:
    """Sampled: whatever byte is hit, the answer is a refusal of the catalogue, or nothing at all was damaged that counts."""
    store = stream_bench.agent()
    for _ in range(25):
        async with stream_bench.call(store.identity) as raw:
            await raw.greet(store)
            whole = frame_of(store.sealed(batch_of("физика", "химия"), 2)).SerializeToString()
            await raw.send(damage(whole, rng))
            answer = await raw.receive()
        assert answer is not None
        if answer.HasField("refusal"):
            assert answer.refusal.code.startswith("GOR-16")
        else:  # the bit stood in the serial number, which is a hint only
            assert answer.HasField("receipt")
            store = stream_bench.agent()
            stream_bench.library.schools.clear()
    assert not stream_bench.library.db().hashes
