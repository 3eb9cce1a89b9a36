"""What the agent remembers beside rows: it is there after a restart, in order, and goes only when it was told or taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Callable[[], StateStore]]:
    """Opens the state file, closed before if it was open."""
    opened: list[StateStore] = []

    def again() -> StateStore:
        for store in opened:
            store.close()
        opened[:] = [StateStore(tmp_path / "state.sqlite")]
        return opened[0]

    yield again
    for store in opened:
        store.close()


@pytest.mark.parametrize("value", ["текст", 0, -(2**63), b"\x00\xff", ""])
def test_a_value_is_read_back_as_it_was_after_a_restart(reopen: Callable[[], StateStore], value: object) -> None:
    reopen().put(name=value, other=1)
    store = reopen()
    assert store.get("name") == value
    assert type(store.get("name")) is type(value)


def test_none_removes_a_value_and_what_is_absent_has_its_default(reopen: Callable[[], StateStore]) -> None:
    store = reopen()
    store.put(name="x")
    store.put(name=None, never=None)
    assert store.get("name") is None
    assert store.get("name", 7) == 7


def test_events_are_told_in_their_order_a_hundred_at_a_time_and_none_twice(
    reopen: Callable[[], StateStore],
) -> None:
    store = reopen()
    for number in range(130):
        store.note_event("drift", {"entity": str(number)}, number)
    first = store.events()
    assert [int(details["entity"]) for _kind, details, _at in first] == list(range(100))
    assert first[5] == ("drift", {"entity": "5"}, 5)
    store.events_told(100)
    store.note_event("identity", {}, 200)
    rest = reopen().events()
    assert [at for _kind, _details, at in rest] == [*range(100, 130), 200]
    assert reopen().events() == rest, "what was not told is told again"


def test_telling_a_few_keeps_the_others(reopen: Callable[[], StateStore]) -> None:
    store = reopen()
    for number in range(3):
        store.note_event("restored", {}, number)
    store.events_told(2)
    store.events_told(0)
    assert [at for _kind, _details, at in store.events()] == [2]
    store.events_told(5)
    assert store.events() == []


def test_a_pause_holds_over_a_restart_until_it_is_taken_back(reopen: Callable[[], StateStore]) -> None:
    store = reopen()
    store.pause(5, "GOR-1403", {"entity": "subject", "missing": "Name"})
    store.pause(3, "GOR-1406", {"count": "2"})
    store.pause(5, "GOR-1407", {"column": "Name"})
    store = reopen()
    assert store.paused() == {3: ("GOR-1406", {"count": "2"}), 5: ("GOR-1407", {"column": "Name"})}
    store.resume(5)
    store.resume(99)
    assert reopen().paused() == {3: ("GOR-1406", {"count": "2"})}


def test_columns_are_remembered_by_entity(reopen: Callable[[], StateStore]) -> None:
    store = reopen()
    assert store.described(5) == []
    store.describe(5, [("имя", "text", True), ("other", "", False)])
    store.describe(6, [])
    assert reopen().described(5) == [["имя", "text", True], ["other", "", False]]
    assert reopen().described(6) == []
