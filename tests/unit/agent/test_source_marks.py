"""High-water marks: nothing that commits late may fall behind them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sources.marks import Mark, Waiting, bounded, earlier, moved_back

MOSCOW = timezone(timedelta(hours=3))
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-11-20 10:00:05", "2026-11-20 09:59:55"),
        ("2026-11-20T00:00:05.123", "2026-11-19T23:59:55.123"),
        ("2026-11-20 10:00:05.5+03", "2026-11-20 09:59:55.5+03"),
        ("2026-11-20", "2026-11-19"),
        ("0001-01-01 00:00:01", "0001-01-01 00:00:01"),
        ("2026-13-45 10:00:00", "2026-13-45 10:00:00"),
        ("infinity", "infinity"),
        ("", ""),
        (None, None),
        (1_800_000_000, 1_799_999_990),
        (1_800_000_000_000, 1_799_999_990_000),
        (4711, 4711),
    ],
)
def test_a_stamp_moves_back_in_its_own_form(stamp: str | int | None, expected: str | int | None) -> None:
    assert earlier(stamp, 9.2) == expected


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-11-20 11:59:59", "2026-11-20 11:59:59"),
        ("2026-11-20 12:00:01", "2026-11-20 12:00:00"),
        ("2099-01-01T08:00:00.000", "2026-11-20T12:00:00.000"),
        ("2099-01-01", "2026-11-20"),
        ("0026-11-20 12:00:00", "0026-11-20 12:00:00"),
        (None, None),
        (4711, 4711),
        (int(NOW.timestamp()) + 5, int(NOW.timestamp())),
        (int(NOW.timestamp() + 5) * 1000, int(NOW.timestamp()) * 1000),
    ],
)
def test_a_stamp_in_the_future_counts_as_now(stamp: str | int | None, expected: str | int | None) -> None:
    assert bounded(stamp, NOW) == expected


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(0, 10**6))  # noqa: DTZ001  local times
def test_moving_back_agrees_with_arithmetic_and_keeps_the_order_of_texts(moment: datetime, seconds: int) -> None:
    text = moment.isoformat(" ", "milliseconds")
    back = str(earlier(text, seconds))
    assert back <= text
    assert datetime.fromisoformat(back) == datetime.fromisoformat(text) - timedelta(seconds=seconds)


def test_every_stamp_of_a_mark_moves_back() -> None:
    assert moved_back({"": "2026-11-20 10:00:00", "Log": None}, 1) == {"": "2026-11-20 09:59:59", "Log": None}


def test_a_bound_does_not_depend_on_the_machines_own_zone() -> None:
    assert bounded("2026-11-20 12:00:01", NOW.astimezone(UTC)) == "2026-11-20 09:00:00"


def test_a_mark_waits_for_all_that_ran_when_it_was_taken() -> None:
    waiting = Waiting()
    waiting.add({"": "1"}, frozenset({"7", "8"}))
    assert waiting.safe(frozenset({"7"})) is None
    waiting.add({"": "2"}, frozenset({"7"}))
    assert waiting.safe(frozenset({"8", "9"})) == {"": "2"}
    assert waiting.safe(frozenset({"9"})) == {"": "2"}


def test_waiting_for_hours_takes_bounded_memory_and_keeps_the_newest() -> None:
    waiting = Waiting()
    for number in range(5000):
        waiting.add({"": str(number)}, frozenset({"1"}))
    assert len(waiting.pairs) <= 65
    assert waiting.safe(frozenset()) == {"": "4999"}


# A step: a transaction begins (and stamps its row with the time), ends, or the hint is polled.
steps = st.lists(st.one_of(st.just("begin"), st.just("poll"), st.integers(0, 5)), max_size=60)


@given(steps)
def test_no_row_is_skipped_whatever_the_order_of_commits(run: list[str | int]) -> None:
    """A row is seen if some poll reads at or after its mark while it is committed; every committed row must be seen in the end."""
    waiting, running, committed, seen = Waiting(), {}, [], set()
    mark: Mark | None = None
    for clock, step in enumerate([*run, *range(6), *range(6), "poll", "poll"]):
        if step == "begin":
            running[str(clock)] = clock
        elif step == "poll":
            waiting.add({"": max(committed, default=0)}, frozenset(running))
            newest = waiting.safe(frozenset(running)) or {"": 0}
            since = mark[""] if mark else 0
            seen |= {row for row in committed if isinstance(since, int) and row >= since}
            mark = newest
        elif running:
            committed.append(running.pop(list(running)[int(step) % len(running)]))
    while running:
        committed.append(running.popitem()[1])
    since = mark[""] if mark else 0
    seen |= {row for row in committed if isinstance(since, int) and row >= since}
    assert seen == set(committed)
