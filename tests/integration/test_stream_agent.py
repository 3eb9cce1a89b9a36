"""Real clients, a real listener, mutual TLS between them; the books are in memory."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.ca.authority import Authority
from collector.core.ledger import Refuse
from proto.envelope import SealingKey
from proto.sync.v1 import sync_pb2
from tests.fix_line import line_to
from tests.fix_network import free_port, proxy, stranger
from tests.fix_uplink import MemoryLibrary, OpenGate, StreamBench, listening, until
from tests.uplink_fakes import MemoryUplinkStore, room

pytestmark = pytest.mark.integration


def fill(store: MemoryUplinkStore, *names: str) -> None:
    store.source |= dict(room(str(number), name) for number, name in enumerate(names))


def is_equal(bench: StreamBench, store: MemoryUplinkStore) -> bool:
    """Is everything that the school holds at the centre, and nothing else?"""
    held = bench.library.db().hashes
    return not store.box and held == store.fingerprints and held.keys() == store.source.keys()


def at(store: MemoryUplinkStore, address: str) -> MemoryUplinkStore:
    """The agent dials another address from now on."""
    store.identity = replace(store.identity, facts=replace(store.identity.facts, sync_address=address))
    return store


async def sync(bench: StreamBench, store: MemoryUplinkStore) -> None:
    """Connect, compare, ship what differs, and wait until both sides are equal."""
    async with bench.running(store) as client:

        def settled() -> bool:
            if not store.positions.adopting and not store.box:
                store.capture(1000)
            client.captured()
            if store.positions.adopting:
                client.compare()
            return is_equal(bench, store) and not store.positions.adopting

        await until(lambda: store.welcomes)
        await until(settled)


@pytest.fixture(autouse=True)
async def strangers_leave() -> AsyncIterator[None]:
    """What a test started on the way (proxies, interceptors) ends before its loop does."""
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=2)


@pytest.fixture
async def synced(stream_bench: StreamBench) -> MemoryUplinkStore:
    """An agent whose school is equal to the centre."""
    store = stream_bench.agent()
    fill(store, "физика", "химия", "музыка")
    await sync(stream_bench, store)
    return store


async def test_what_is_captured_arrives_and_is_receipted(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    fill(store, "физика", "химия")
    async with stream_bench.running(store) as client:
        await until(lambda: store.compares)
        store.capture(1000)
        client.captured()
        await until(lambda: is_equal(stream_bench, store))
        assert client.status.connected
    assert list(stream_bench.library.db().applied.values()) == [1]


async def test_many_envelopes_arrive_in_order_each_once(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    store.batch_rows = 3
    fill(store, *(f"предмет {number}" for number in range(200)))
    await sync(stream_bench, store)
    assert stream_bench.library.db().state.head.seq == 67
    assert set(stream_bench.library.db().applied.values()) == {1}


async def test_updates_and_deletions_follow(stream_bench: StreamBench, synced: MemoryUplinkStore) -> None:
    fill(synced, "физика-2")
    del synced.source[room("2", "")[0]]
    await sync(stream_bench, synced)
    assert len(stream_bench.library.db().hashes) == 2


async def test_an_equal_digest_with_a_finished_sweep_is_complete(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    synced.capture(7000)
    async with stream_bench.running(synced) as client:
        client.compare()
        await until(lambda: client.status.connected)
        client.compare()
        await until(lambda: synced.compares and synced.compares[-1].complete_ms == 7000)


async def test_a_centre_that_lost_everything_gets_it_again(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    stream_bench.library.schools.clear()
    await sync(stream_bench, synced)
    assert synced.adopted == 2


async def test_a_row_that_differs_at_the_centre_is_repaired(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    hashes = stream_bench.library.db().hashes
    hashes[room("1", "")[0]] ^= 1
    hashes[room("99", "")[0]] = 12345
    async with stream_bench.running(synced) as client:
        await until(lambda: client.status.connected)
        client.compare()
        await until(lambda: any(not one.equal for one in synced.compares))
        await until(lambda: synced.fingerprints == stream_bench.library.db().hashes)
    await sync(stream_bench, synced)
    assert len(stream_bench.library.db().hashes) == 3


async def test_a_rolled_back_agent_with_new_writes_is_not_taken_for_its_past(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    old = synced.copy()
    for name in ("а", "б", "в"):
        fill(synced, name)
        await sync(stream_bench, synced)
    fill(old, "г")
    old.capture(1000)
    old.positions = replace(old.positions, lease=synced.positions.lease)
    await sync(stream_bench, old)
    assert old.adopted == 1
    assert set(stream_bench.library.db().applied.values()) == {1}


async def test_a_lost_receipt_is_given_again(stream_bench: StreamBench, synced: MemoryUplinkStore) -> None:
    fill(synced, "а")
    synced.capture(1000)
    before = synced.copy()
    await sync(stream_bench, synced)
    before.positions = replace(before.positions, lease=synced.positions.lease)
    await sync(stream_bench, before)
    assert before.adopted == 0
    assert set(stream_bench.library.db().applied.values()) == {1}


async def test_a_second_agent_is_refused_while_the_first_lives(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    clone, heard = synced.copy(), stream_bench.library.db().heard
    async with stream_bench.running(synced) as first:
        await until(lambda: stream_bench.library.db().heard > heard)
        async with stream_bench.running(clone) as second:
            await until(lambda: second.status.problem is not None)
            assert second.status.problem is not None
            assert second.status.problem.code == "GOR-1605"
            assert first.status.connected


async def test_the_second_agent_adopts_when_the_first_is_gone(tmp_path: Path) -> None:
    sealing = SealingKey.generate()
    keys = {sealing.key_id: sealing}
    library = MemoryLibrary(sealing)
    async with listening(tmp_path / "ca", library, OpenGate(), keys.get, lease_s=0.6, keep_s=0.1) as bench:
        store = bench.agent()
        fill(store, "физика")
        await sync(bench, store)
        clone = store.copy()
        heard = library.db().heard
        async with bench.running(store):
            await until(lambda: library.db().heard > heard)
        fill(clone, "химия")
        await sync(bench, clone)
        assert clone.adopted == 1


async def test_a_revoked_certificate_ends_an_open_stream(stream_bench: StreamBench, synced: MemoryUplinkStore) -> None:
    async with stream_bench.running(synced) as client:
        await until(lambda: client.status.connected)
        stream_bench.gate.refusing = Refuse("GOR-1111")
        await until(lambda: client.status.problem is not None)
        assert client.status.problem is not None
        assert client.status.problem.code == "GOR-1111"
        await until(lambda: not stream_bench.servicer.connected)


async def test_changed_settings_are_told_on_the_open_stream(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    async with stream_bench.running(synced) as client:
        await until(lambda: client.status.connected)
        changed = sync_pb2.Settings()
        changed.CopyFrom(stream_bench.library.settings)
        changed.resync = 5
        stream_bench.library.settings = changed
        await until(lambda: synced.settings.resync == 5)


async def test_an_outbox_sealed_for_a_retired_key_is_captured_again(tmp_path: Path) -> None:
    old, new = SealingKey.generate(), SealingKey.generate()
    keys = {old.key_id: old}
    library = MemoryLibrary(old)
    async with listening(tmp_path / "ca", library, OpenGate(), keys.get) as bench:
        store = bench.agent()
        fill(store, "физика")
        await sync(bench, store)
        fill(store, "химия")
        store.capture(1000)
        del keys[old.key_id]
        keys[new.key_id] = new
        library.settings = sync_pb2.Settings(sealing_key=new.public_bytes(), sealing_key_id=new.key_id)
        await sync(bench, store)
        assert store.adopted == 2


async def test_an_outbox_damaged_on_disk_is_captured_again(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    fill(synced, "химия")
    synced.capture(1000)
    stored = synced.box[0]
    synced.box[0] = type(stored)(
        stored.seq, stored.hash, stored.data[:-90] + b"\0" * 40 + stored.data[-50:], stored.rows
    )
    await sync(stream_bench, synced)
    assert synced.adopted == 2


async def test_a_new_certificate_takes_over_without_a_problem(
    stream_bench: StreamBench, synced: MemoryUplinkStore
) -> None:
    async with stream_bench.running(synced) as client:
        await until(lambda: client.status.connected)
        welcomed = len(synced.welcomes)
        synced.identity = stream_bench.identity()
        client.renewed()
        await until(lambda: len(synced.welcomes) > welcomed and client.status.connected)
        assert client.status.problem is None


async def test_a_line_that_is_cut_again_and_again_loses_nothing(
    stream_bench: StreamBench, synced: MemoryUplinkStore, rng: random.Random
) -> None:
    """Cut at random moments while envelopes are under way; afterwards equal, and nothing was applied twice."""
    synced.batch_rows = 1
    async with line_to(synced.identity.facts.sync_address) as line:
        async with stream_bench.running(at(synced, line.address)) as client:
            for number in range(12):
                fill(synced, *(f"{name}-{number}" for name in "абвгдежз"))
                synced.capture(1000)
                client.captured()
                await asyncio.sleep(rng.random() * 0.02)
                line.cut()
            await until(lambda: is_equal(stream_bench, synced))
        assert line.cuts == 12
    assert set(stream_bench.library.db().applied.values()) == {1}
    assert synced.adopted == 1


# ---- names for what fails


async def problem_of(bench: StreamBench, store: MemoryUplinkStore) -> str:
    async with bench.running(store) as client:
        await until(lambda: client.status.problem is not None, 15)
        assert client.status.problem is not None
        return client.status.problem.code


async def test_no_answer_is_named(stream_bench: StreamBench) -> None:
    store = at(stream_bench.agent(), f"127.0.0.1:{free_port()}")
    assert await problem_of(stream_bench, store) == "GOR-1201"


async def test_an_interceptor_is_named(stream_bench: StreamBench, tmp_path: Path) -> None:
    async with stranger(tmp_path) as between:
        assert await problem_of(stream_bench, at(stream_bench.agent(), between.address)) == "GOR-1203"


async def test_a_certificate_that_has_ended_is_named(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    identity = store.identity
    begin = datetime.now(UTC) - timedelta(days=10)
    ended = stream_bench.authority.issue_school("23-042", identity.key.public_key(), begin, timedelta(days=2))
    store.identity = replace(identity, certificate=ended)
    assert await problem_of(stream_bench, store) == "GOR-1116"


async def test_a_certificate_of_another_department_never_gets_in(stream_bench: StreamBench, tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "other")
    store = stream_bench.agent()
    store.identity = stream_bench.identity(authority=other)
    assert await problem_of(stream_bench, store) == "GOR-1208"
    assert not stream_bench.library.schools


async def test_a_proxy_with_a_login_is_passed(stream_bench: StreamBench, synced: MemoryUplinkStore) -> None:
    async with proxy("school:secret") as (url, seen), stream_bench.running(synced, proxy=url) as client:
        await until(lambda: client.status.connected)
    assert seen[0].startswith("CONNECT 127.0.0.1:")


async def test_a_proxy_that_refuses_is_named(stream_bench: StreamBench) -> None:
    store = stream_bench.agent()
    async with (
        proxy("school:secret") as (url, _),
        stream_bench.running(store, proxy=url.replace("secret", "x")) as client,
    ):
        await until(lambda: client.status.problem is not None)
        assert client.status.problem is not None
        assert client.status.problem.code == "GOR-1202"
