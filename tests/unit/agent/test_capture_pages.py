"""One page: what is shipped, what is remembered, what is held, and on what ground."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from agent.sweeps import FullSweep, HotSweep, reread
from proto.problems import Problem
from tests.fakes import Desk
from tests.model.capture_source import GUID, HALF, HOT, INT, KEYS, OLD, PAIR, TEXT, TODAY, YEARS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.capture import Capture

ALL = [YEARS, TEXT, GUID, INT, PAIR]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "state", ALL)
    desk.write(YEARS, (1,), "2023", 0)
    desk.write(YEARS, (2,), "2024", 0)
    yield desk
    desk.store.close()


def full(desk: Desk, limit: int = 100) -> FullSweep:
    desk.capture.forget_years()
    return desk.sweep(FullSweep.resume(desk.capture, list(desk.profile.entities)), limit)


def limits(desk: Desk, **values: int) -> None:
    desk.store.put(guard=json.dumps({"delete_rows": 0, "delete_pct": 0, "update_rows": 0, "update_pct": 0} | values))


def test_what_did_not_change_is_not_shipped_again(desk: Desk):
    desk.write(TEXT, ("a",), "x")
    full(desk)
    assert desk.shipped() == [(YEARS, ["1", "2"], []), (TEXT, ["a"], [])]
    full(desk)
    assert len(desk.shipped()) == 2


@pytest.mark.parametrize("name", [TEXT, GUID, INT, PAIR])
def test_a_key_of_any_kind_comes_changes_and_goes(desk: Desk, name: str):
    values = {INT: (1, "x", None, HOT), PAIR: (1, "УП", HOT)}.get(name, ("x",))
    for key in KEYS[name][2:]:
        desk.write(name, key, *values)
    full(desk, limit=1)
    desk.write(name, KEYS[name][2])
    full(desk, limit=2)
    gone = [keys for entity, _rows, keys in desk.shipped() if entity == name and keys]
    assert len(gone) == len(gone[0]) == 1


def test_a_key_that_changed_its_case_is_a_deletion_and_an_insert(desk: Desk):
    desk.write(TEXT, ("a",), "x")
    full(desk)
    desk.write(TEXT, ("A",), "x")
    full(desk)
    assert desk.shipped()[2:] == [(TEXT, ["A"], []), (TEXT, [], ["a"])]


def test_a_row_that_left_the_window_is_read_again_and_stays(desk: Desk):
    desk.write(INT, (2,), 1, "x", None, HOT)
    full(desk)
    desk.write(INT, (2,), 1, "x", None, OLD)
    desk.sweep(HotSweep(desk.capture, [desk.of(INT)], 14, TODAY))
    assert desk.shipped()[-1] == (INT, ["2"], [])


def test_numbers_in_another_order_are_looked_up_instead_of_merged(desk: Desk):
    for key in KEYS[INT]:
        desk.write(INT, key, 1, "x", None, HOT)
    desk.source._ranks |= {key: str(key[0]) for key in KEYS[INT] + KEYS[YEARS]}
    full(desk, limit=2)
    desk.write(INT, KEYS[INT][0])
    full(desk, limit=2)
    assert desk.shipped()[-1] == (INT, [], ["2"])
    assert desk.store.paused() == {}


def test_half_a_character_makes_that_row_unfit_and_no_other(desk: Desk):
    desk.write(TEXT, ("a",), HALF)
    desk.write(TEXT, ("я",), "x")
    full(desk)
    (table,) = [table for batch in desk.sealed for table in batch.tables if table.entity.name == TEXT]
    assert (table.columns[0], [(one.key, one.cause) for one in table.unfit]) == (["я"], [("a", "text_surrogate")])


def test_an_unfit_row_tells_its_year(desk: Desk):
    desk.write(INT, (2,), 2, HALF, None, HOT)
    full(desk)
    (unfit,) = desk.sealed[-1].tables[0].unfit
    assert (unfit.key, unfit.year) == ("2", "2")


# ---- years


def test_what_goes_from_a_closed_year_stays_at_the_centre(desk: Desk):
    desk.write(INT, (2,), 1, "x", None, HOT)
    full(desk)
    desk.write(YEARS, (1,), "2023", 1)
    full(desk)
    desk.write(INT, (2,))
    full(desk)
    assert desk.store.closed_years() == ("1",)
    assert all(not gone for _name, _rows, gone in desk.shipped())


def test_a_year_closed_and_purged_while_its_rows_are_swept_loses_none(desk: Desk):
    desk.write(INT, (2,), 1, "x", None, HOT)
    full(desk)
    desk.capture.forget_years()
    sweep = FullSweep.resume(desk.capture, [desk.of(INT)])
    desk.capture.open_years()
    desk.write(YEARS, (1,), "2023", 1)
    desk.write(INT, (2,))
    desk.sweep(sweep)
    assert all(not gone for _name, _rows, gone in desk.shipped())


def test_a_row_that_moves_into_a_closed_year_still_tells_so(desk: Desk):
    desk.write(INT, (2,), 2, "x", None, HOT)
    desk.write(YEARS, (1,), "2023", 1)
    full(desk)
    desk.write(INT, (2,), 1, "x", None, HOT)
    full(desk)
    assert desk.shipped()[-1] == (INT, ["2"], [])
    assert desk.store.table(desk.of(INT).entity, integer=True).sums(desk.store.closed_years()) == (0, 0)


def test_a_year_opened_again_voids_what_was_claimed(desk: Desk):
    desk.write(YEARS, (1,), "2023", 1)
    full(desk)
    assert desk.store.get("full")
    desk.write(YEARS, (1,), "2023", 0)
    desk.capture.forget_years()
    desk.capture.open_years()
    assert (desk.store.get("full"), desk.store.get("based")) == (None, None)
    assert [kind for kind, _details, _at in desk.store.events()] == ["year_closed", "year_opened"]


def test_years_told_by_a_welcome_are_taken_with_the_new_epoch(desk: Desk):
    desk.store.put(told_years=json.dumps(["2"]))
    assert desk.store.closed_years() == ()
    desk.store.adopt(b"f" * 16)
    assert desk.store.closed_years() == ("2",)


# ---- the guard


def loaded(desk: Desk) -> None:
    for key in (("a",), ("b/c",), ("я",)):
        desk.write(TEXT, key, "x")
    full(desk)


def test_too_many_deletions_are_held_and_inserts_go_on(desk: Desk):
    loaded(desk)
    limits(desk, delete_rows=1)
    for key in (("a",), ("я",)):
        desk.write(TEXT, key)
    desk.write(TEXT, ("A",), "new")
    full(desk)
    assert desk.shipped()[-1] == (TEXT, ["A"], [])
    assert desk.store.held() == [(desk.of(TEXT).entity.number, 2, 0)]


def test_held_updates_wait_and_other_rows_of_the_page_go(desk: Desk):
    for key in (("a",), ("я",)):
        desk.write(TEXT, key, "x")
    full(desk)
    limits(desk, update_rows=1)
    for key in (("a",), ("b/c",), ("я",)):
        desk.write(TEXT, key, "y")
    full(desk)
    assert desk.shipped()[-1] == (TEXT, ["b~1c"], [])
    assert desk.store.held() == [(desk.of(TEXT).entity.number, 0, 2)]


def test_a_held_row_that_came_back_is_let_go(desk: Desk):
    loaded(desk)
    limits(desk, delete_rows=1)
    for key in (("a",), ("я",)):
        desk.write(TEXT, key)
    full(desk)
    for key in (("a",), ("я",)):
        desk.write(TEXT, key, "x")
    full(desk)
    assert desk.store.held() == []


def test_a_row_held_by_a_hint_after_its_page_stays_held(desk: Desk):
    loaded(desk)
    sweep = FullSweep.resume(desk.capture, [desk.of(TEXT)])
    sweep.step(100)
    limits(desk, update_rows=1)
    for key in (("a",), ("я",)):
        desk.write(TEXT, key, "y")
    change, _gone = desk.capture.read_again(desk.of(TEXT), ["a", "я"])
    desk.capture.commit([change])
    desk.sweep(sweep)
    assert desk.store.held() == [(desk.of(TEXT).entity.number, 0, 2)]


def test_two_changes_of_one_commit_are_judged_together(desk: Desk):
    loaded(desk)
    limits(desk, delete_rows=1)
    changes = []
    for key in (("a",), ("я",)):
        desk.write(TEXT, key)
        change, gone = desk.capture.read_again(desk.of(TEXT), list(key))
        desk.capture.drop(change, gone)
        changes.append(change)
    desk.capture.commit(changes)
    assert desk.store.held() == [(desk.of(TEXT).entity.number, 1, 0)]


def test_what_waits_in_the_outbox_counts_however_old_it_is(desk: Desk):
    loaded(desk)
    desk.write(TEXT, ("a",))
    full(desk)
    count = desk.store.guard_count(desk.of(TEXT).entity.number, desk.now + 100 * 86_400_000)
    assert (count.deleted, count.updated) == (1, 0)


# ---- the ground


def test_a_restore_voids_the_base_and_is_told_once(desk: Desk):
    full(desk)
    desk.vendor.incarnation = "2"
    with pytest.raises(Problem) as restored:
        desk.capture.watch(desk.source.origin())
    assert (restored.value.code, desk.store.get("full"), desk.store.get("based")) == ("GOR-1614", None, None)
    desk.capture.watch(desk.source.origin())
    assert [kind for kind, _details, _at in desk.store.events()] == ["restored"]


def test_going_back_is_seen_after_a_restart_too(desk: Desk):
    full(desk)
    desk.write(TEXT, ("a",), "x")
    full(desk)
    desk.open()
    desk.vendor.version -= 1
    with pytest.raises(Problem) as restored:
        desk.capture.watch(desk.source.origin())
    assert restored.value.code == "GOR-1614"


def test_a_sweep_starts_anew_when_its_ground_has_changed(desk: Desk):
    desk.write(TEXT, ("a",), "x")
    sweep = FullSweep.resume(desk.capture, list(desk.profile.entities))
    sweep.step(100)
    begun = sweep.started["ms"]
    desk.now += 5
    desk.capture.void("profile", {})
    sweep.step(100)
    assert sweep.started["ms"] == begun + 5
    desk.sweep(sweep)
    assert json.loads(desk.store.get("full"))["started_ms"] == begun + 5


@pytest.mark.parametrize("kind", ["full", "hot", "reread"])
def test_nothing_is_captured_between_adopt_and_the_first_comparison(desk: Desk, kind: str):
    desk.write(TEXT, ("a",), "x")
    sweeps = {
        "full": FullSweep.resume(desk.capture, list(desk.profile.entities)),
        "hot": HotSweep(desk.capture, [desk.of(TEXT)], 14, TODAY),
    }
    desk.store.read_again(desk.of(TEXT).entity.number, ["a"])
    desk.store.adopt(b"f" * 16)
    if kind == "reread":
        reread(desk.capture, {desk.of(TEXT).entity.number: desk.of(TEXT)})
    else:
        sweeps[kind].step(100)
    assert desk.shipped() == []


def test_an_entity_that_was_paused_is_claimed_only_after_it_was_read_whole(desk: Desk):
    full(desk)
    desk.store.pause(desk.of(TEXT).entity.number, "GOR-1403", {})
    sweep = FullSweep.resume(desk.capture, [desk.of(TEXT)])
    sweep.step(100)
    assert list(desk.store.paused()) == [desk.of(TEXT).entity.number]
    desk.sweep(sweep)
    assert desk.store.paused() == {}


def test_a_row_without_a_key_pauses_the_claim_and_not_the_rows(desk: Desk):
    desk.write(TEXT, ("a",), "x")
    desk.source.unkeyed = {TEXT}
    full(desk)
    assert desk.shipped()[-1] == (TEXT, ["a"], [])
    assert desk.store.paused() == {desk.of(TEXT).entity.number: ("GOR-1405", {"entity": TEXT, "count": "1"})}


def test_the_right_source_again_ends_the_word_of_another(desk: Desk):
    desk.store.put(recorded_identity="city:school-1")
    desk.vendor.identity = "city:school-2"
    with pytest.raises(Problem):
        desk.capture.check_home()
    assert desk.store.get("found_identity") == "city:school-2"
    desk.vendor.identity = "city:school-1"
    desk.capture.check_home()
    assert desk.store.get("found_identity") is None


# ---- the page law and resuming


def test_no_other_sweep_commits_while_a_page_is_read(desk: Desk):
    desk.write(TEXT, ("a",), "x")
    tried: list[bool] = []

    def other() -> None:
        tried.append(desk.store.pages.acquire(timeout=0.05))

    def between() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    sweep = FullSweep.resume(desk.capture, [desk.of(TEXT)])
    desk.source.between = between
    sweep.step(100)
    assert tried
    assert not any(tried)


@pytest.mark.parametrize("name", [TEXT, INT])
def test_a_sweep_goes_on_after_a_restart_and_still_finds_what_went(desk: Desk, name: str):
    values = (1, "x", None, HOT) if name == INT else ("x",)
    keys = sorted({key for key in KEYS[name] if key not in [("A",), ("Я",)]})
    for key in keys:
        desk.write(name, key, *values)
    full(desk)
    first = min(keys, key=lambda key: desk.source._ranks[key])
    desk.write(name, first)
    desk.now += 10_000
    sweep = FullSweep.resume(desk.capture, [desk.of(name)])
    sweep.pages = 1
    sweep.step(2)
    desk.open()
    again = FullSweep.resume(desk.capture, [desk.of(name)])
    assert again.range is not None
    assert again.range.after is not None
    desk.sweep(again, 2)
    assert desk.shipped()[-1][2] == ["a" if name == TEXT else str(first[0])]


def test_many_deletions_are_judged_before_the_first_goes(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agent.ranges.KEYS", 1)
    loaded(desk)
    limits(desk, delete_rows=2)
    for key in (("a",), ("b/c",), ("я",)):
        desk.write(TEXT, key)
    full(desk)
    assert all(not gone for _name, _rows, gone in desk.shipped())
    assert desk.store.held() == [(desk.of(TEXT).entity.number, 3, 0)]


def test_a_number_beyond_64_bits_is_told_as_a_changed_key(desk: Desk):
    capture: Capture = desk.capture
    with pytest.raises(Problem) as refused:
        capture.natives(capture.table(desk.of(INT)), [str(2**63)], INT)
    assert refused.value.code == "GOR-1407"


def test_a_heartbeat_claims_nothing_for_another_identity_than_the_recorded(desk: Desk):
    full(desk)
    desk.store.put(recorded_identity="city:school-1")
    assert desk.capture.fresh_ms() > 0
    desk.store.put(recorded_identity="city:school-2")
    assert desk.capture.fresh_ms() == 0
