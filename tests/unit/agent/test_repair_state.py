"""The state file as the uplink sees it: comparison, overwriting, what Welcome and Settings tell, receipts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.guard import Count
from agent.core.uplink_events import Mark
from agent.state.fingerprints import LEAF_FUNCTION, IntegerTable, TextTable
from agent.state.repair import UplinkState
from agent.state.store import ADOPTED, ADOPTING, NOT_ADOPTING, StateStore
from agent.transport.ports import Facts, LeafContent
from proto.entities import BY_NAME
from proto.envelope import genesis
from proto.sync.v1 import sync_pb2
from tests import reference
from tests.fakes import Desk
from tests.model.capture_centre import KEY
from tests.model.capture_source import HOT, INT, TEXT, YEARS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUBJECT, MARK = BY_NAME[TEXT], BY_NAME[INT]
EPOCH = b"e" * 16


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "state", [YEARS, TEXT, INT])
    for year in ((1,), (2,)):
        desk.write(YEARS, year, str(year[0]), 0)
    for key in (("a",), ("b/c",), ("я",)):
        desk.write(TEXT, key, "x")
    desk.write(INT, (2,), 1, "x", None, HOT)
    capture(desk)
    yield desk
    desk.store.close()


def capture(desk: Desk) -> None:
    from agent.sweeps import FullSweep

    desk.capture.forget_years()
    desk.sweep(FullSweep.resume(desk.capture, list(desk.profile.entities)))


def state(desk: Desk) -> UplinkState:
    return UplinkState(desk.store, Facts, sync_pb2.Heartbeat, lambda: desk.now)


def hashes(desk: Desk, entity: Any = SUBJECT) -> dict[str, int]:
    table = desk.store.tables()[entity.number]
    return dict(table._connection.execute(f"SELECT key, hash FROM fp_{entity.number}").fetchall())  # noqa: S608


def leaf_of(key: str) -> int:
    return reference.leaf(SUBJECT.number, key, KEY)


# ---- comparison


def test_totals_buckets_and_leaves_are_sums_of_the_same_rows(desk: Desk):
    rows = hashes(desk)
    totals = state(desk).digest()
    assert totals is not None
    assert (totals.rows[SUBJECT.number], totals.sums[SUBJECT.number]) == reference.total(rows)
    (buckets,) = state(desk).bucket_sums([SUBJECT.number]).places
    assert sum(buckets.rows) == len(rows)
    for key, value in rows.items():
        bucket, place = divmod(leaf_of(key), 256)
        (leaves,) = state(desk).leaf_sums([(SUBJECT.number, bucket)]).places
        assert (leaves.rows[place], leaves.sums[place]) == (1, value & reference.MASK)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_sums_are_exact_modulo_two_to_the_64(values: list[int]):
    import sqlite3

    with sqlite3.connect(":memory:") as connection:
        table = IntegerTable(connection, 20)
        connection.create_function(LEAF_FUNCTION, 2, lambda _entity, key: key % 65_536)
        table.put(((number, value, None, None, None) for number, value in enumerate(values)), 1)
        table.place()
        assert table.sums(()) == (len(values), sum(values) & reference.MASK)
        counts, sums = table.sums_by(())
        assert (sum(counts), sum(sums) & reference.MASK) == table.sums(())
    connection.close()


def test_an_entity_that_nobody_swept_has_empty_places(desk: Desk):
    (places,) = state(desk).bucket_sums([BY_NAME["lesson"].number]).places
    assert (sum(places.rows), sum(places.sums)) == (0, 0)


# ---- overwriting


def test_a_leaf_is_replaced_whole_and_both_sides_keys_are_read_again(desk: Desk):
    desk.store.receipted(desk.store.position().last, desk.now)
    content = [LeafContent(SUBJECT.number, leaf_of("a"), [], []), LeafContent(SUBJECT.number, leaf_of("q"), ["q"], [7])]
    state(desk).overwrite(desk.store.position().last.seq, content, last=True)
    assert hashes(desk).keys() == {"b~1c", "я", "q"}
    assert (hashes(desk)["q"], desk.store.adopting) == (7, ADOPTED)
    number, keys = desk.store.reread_batch(10) or (0, [])
    assert (number, set(keys)) == (SUBJECT.number, {"a", "q"})


def test_keys_captured_after_the_answers_head_are_skipped(desk: Desk):
    head = desk.store.position().last.seq
    desk.write(TEXT, ("a",), "new")
    desk.write(TEXT, ("я",))
    capture(desk)
    mine = hashes(desk)
    content = [LeafContent(SUBJECT.number, leaf_of(key), [key], [1]) for key in ("a", "я")]
    state(desk).overwrite(head, content, last=True)
    assert hashes(desk) == mine
    assert desk.store.reread_count() == 0


def test_overwriting_forgets_what_only_the_source_can_say(desk: Desk):
    table = desk.store.tables()[MARK.number]
    leaf = reference.leaf(MARK.number, "2", KEY)
    row_hash, raw, _slot = table.known([2])[2]
    state(desk).overwrite(
        desk.store.position().last.seq, [LeafContent(MARK.number, leaf, ["2"], [row_hash])], last=False
    )
    assert raw is not None
    assert table.known([2])[2][:2] == (row_hash, None)
    assert table.years([2]) == {2: "1"}
    state(desk).overwrite(desk.store.position().last.seq, [LeafContent(MARK.number, leaf, ["2"], [5])], last=False)
    assert table.years([2]) == {2: None}


def test_an_entity_never_swept_gets_the_table_that_its_keys_ask_for(tmp_path: Path):
    store = StateStore(tmp_path / "state")
    uplink = UplinkState(store, Facts, sync_pb2.Heartbeat, lambda: 0)
    uplink.overwrite(
        0, [LeafContent(5, 1, ["7"], [1]), LeafContent(7, 1, ["7a"], [1]), LeafContent(99, 1, ["7"], [1])], last=True
    )
    assert {number: type(table) for number, table in store.tables().items()} == {5: IntegerTable, 7: TextTable}
    store.close()


# ---- adopt and compare


def answer(desk: Desk, *entities: int, seq: int | None = None) -> sync_pb2.Compare:
    position = desk.store.position()
    at = sync_pb2.Position(epoch=position.epoch, seq=position.last.seq if seq is None else seq)
    return sync_pb2.Compare(at=at, equal=not entities, entities=entities)


def test_adopt_drops_the_outbox_and_starts_the_chain_in_one_transaction(desk: Desk):
    tick = desk.store.tick
    positions = desk.store.adopt(b"f" * 16)
    assert positions.last == positions.acked == Mark(0, genesis(b"f" * 16))
    assert (desk.store.outbox(), desk.store.adopting, desk.store.tick) == ((0, 0, 0), ADOPTING, tick)


def test_only_an_equal_digest_at_the_newest_envelope_with_nothing_to_read_ends_adopt(desk: Desk):
    uplink, store = state(desk), desk.store
    store.put(adopting=ADOPTED)
    uplink.compared(answer(desk, 5))
    uplink.compared(answer(desk, seq=0))
    store.read_again(5, ["a"])
    uplink.compared(answer(desk))
    assert store.adopting == ADOPTED
    store.forget_reread(5)
    uplink.compared(answer(desk))
    assert store.adopting == NOT_ADOPTING


def test_a_difference_begins_a_repair_and_ends_every_claim(desk: Desk):
    uplink = state(desk)
    assert uplink._claim() is not None
    uplink.compared(answer(desk, 5))
    assert (desk.store.adopting, uplink._claim(), desk.store.get("differences")) == (ADOPTED, None, 1)


@pytest.mark.parametrize("reason", ["reread", "held", "paused", "adopting", "identity", "profile"])
def test_nothing_is_claimed_while_something_forbids_it(desk: Desk, reason: str):
    store = desk.store
    changes: dict[str, Any] = {
        "reread": lambda: store.read_again(5, ["a"]),
        "held": lambda: store.database.connection.execute("INSERT INTO held VALUES (5, 'a', 'd')"),
        "paused": lambda: store.pause(5, "GOR-1403", {}),
        "adopting": lambda: store.put(adopting=ADOPTED),
        "identity": lambda: store.put(identity="other"),
        "profile": lambda: store.put(profile_hash="other"),
    }
    changes[reason]()
    assert state(desk)._claim() is None
    assert reason in ("identity", "profile") or desk.capture.fresh_ms() == 0


# ---- receipts, Welcome, Settings


def test_a_receipt_for_another_envelope_changes_nothing(desk: Desk):
    before = desk.store.position()
    state(desk).receipted(Mark(before.last.seq, bytes(32)))
    assert (desk.store.position(), desk.store.outbox()[0]) == (before, before.last.seq)


def test_a_receipt_frees_the_outbox_up_to_its_envelope(desk: Desk):
    first = desk.store.envelopes_after(0, 1, 1)[0]
    state(desk).receipted(Mark(first.seq, first.hash))
    assert desk.store.position().acked == Mark(first.seq, first.hash)
    assert [one.seq for one in desk.store.envelopes_after(0, 9, 1 << 30)] == [2, 3]


def welcome(desk: Desk, **more: Any) -> sync_pb2.Welcome:
    position = desk.store.position()
    head = sync_pb2.Position(epoch=position.epoch, seq=position.last.seq, hash=position.last.hash)
    return sync_pb2.Welcome(**{"head": head, "identity": "city:school-1", "lease": b"token"} | more)


def test_what_the_centre_applied_is_not_counted_twice(desk: Desk):
    desk.write(TEXT, ("a",))
    capture(desk)
    state(desk).welcomed(welcome(desk, deleted_24h={5: 1}))
    assert desk.store.guard_count(5, desk.now) == Count(deleted=1)
    last = desk.store.position().last
    state(desk).reconcile(last)
    assert desk.store.guard_count(5, desk.now) == Count(deleted=1)


def test_what_the_centre_has_not_seen_yet_is_added(desk: Desk):
    desk.write(TEXT, ("a",))
    capture(desk)
    head = sync_pb2.Position(epoch=EPOCH, seq=1)
    state(desk).welcomed(welcome(desk, head=head, deleted_24h={5: 3}))
    assert desk.store.guard_count(5, desk.now) == Count(deleted=4)


def test_a_receipt_keeps_the_count(desk: Desk):
    desk.write(TEXT, ("a",))
    capture(desk)
    state(desk).receipted(desk.store.position().last)
    assert desk.store.guard_count(5, desk.now) == Count(deleted=1)
    assert desk.store.guard_count(5, desk.now + 25 * 3_600_000) == Count()


def test_a_confirmation_releases_a_number_once_and_held_keys_are_read_again(desk: Desk):
    desk.store.database.connection.execute("INSERT INTO held VALUES (5, 'a', 'd')")
    told = sync_pb2.Settings(releases=[sync_pb2.Release(number=1, entity=5, rows=7)])
    for _again in range(2):
        state(desk).configure(told)
    assert desk.store.guard_count(5, desk.now) == Count(-7, -7)
    assert (desk.store.held(), desk.store.reread_batch(9)) == ([], (5, ["a"]))


def test_a_restored_department_may_use_the_numbers_of_its_confirmations_again(desk: Desk):
    desk.store.put(released=9)
    desk.store.database.connection.execute("INSERT INTO held VALUES (5, 'a', 'd')")
    settings = sync_pb2.Settings(releases=[sync_pb2.Release(number=1, entity=5, rows=7)])
    state(desk).welcomed(welcome(desk, head=sync_pb2.Position(epoch=b"f" * 16), settings=settings, deleted_24h={5: -7}))
    assert (desk.store.held(), desk.store.guard_count(5, desk.now).deleted) == ([], -7)


def test_settings_that_are_not_told_stay(desk: Desk):
    state(desk).configure(sync_pb2.Settings(guard=sync_pb2.GuardLimits(delete_rows=7), sealing_key=b"key"))
    state(desk).configure(sync_pb2.Settings())
    assert (desk.store.guard_limits().delete_rows, desk.store.get("sealing_key")) == (7, b"key")


def test_a_resync_is_due_once_per_number(desk: Desk):
    state(desk).configure(sync_pb2.Settings(resync=1))
    assert desk.store.get("resync_due") == 1
    desk.store.put(resync_due=None)
    state(desk).configure(sync_pb2.Settings(resync=1))
    assert desk.store.get("resync_due") is None


def test_closed_years_told_wait_for_the_epoch_they_belong_to(desk: Desk):
    state(desk).welcomed(welcome(desk, closed_years=["1"]))
    assert (desk.store.closed_years(), json.loads(desk.store.get("told_years"))) == ((), ["1"])


def test_a_heartbeat_stands_at_the_newest_envelope(desk: Desk):
    beat, position = state(desk).heartbeat(), desk.store.position()
    assert (beat.at.epoch, beat.at.seq, beat.at.hash) == (position.epoch, *position.last)
