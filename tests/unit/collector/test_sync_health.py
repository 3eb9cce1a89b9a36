"""The level of a school, sign by sign."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.sync_health import LEVELS, Limits, Signs, level_of

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
LIMITS = Limits(late_s=900, silent_s=3600)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


GOOD = Signs(last_seen=ago(5), fresh_at=ago(5), complete_at=ago(5000), state="ok")


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, "ok"),
        ({"fresh_at": ago(899)}, "ok"),
        ({"fresh_at": ago(901)}, "late"),
        ({"fresh_at": None, "complete_at": ago(10)}, "ok"),
        ({"fresh_at": None, "complete_at": None}, "late"),
        ({"fresh_at": None, "complete_at": None, "state": "syncing"}, "ok"),
        ({"fresh_at": ago(9000), "state": "adopting"}, "ok"),
        ({"state": "syncing", "last_seen": ago(901)}, "late"),
        ({"last_seen": ago(3601)}, "silent"),
        ({"last_seen": None}, "silent"),
        ({"differences": 1}, "late"),
        ({"state": "error"}, "error"),
        ({"held": 1}, "error"),
        ({"paused": 1}, "error"),
        ({"waits_for_word": True}, "error"),
        ({"problem_kind": "transient", "problem_at": ago(5)}, "ok"),
        ({"problem_kind": "lease", "problem_at": ago(5)}, "ok"),
        ({"problem_kind": "expired", "problem_at": ago(5)}, "error"),
        ({"problem_kind": "revoked", "problem_at": ago(5), "last_seen": ago(9000)}, "error"),
        ({"problem_kind": "revoked", "problem_at": ago(9000), "last_seen": ago(9000)}, "silent"),
        ({"problem_kind": "transient", "problem_at": ago(5), "last_seen": ago(9000)}, "silent"),
    ],
)
def test_each_sign_gives_its_level(change: dict[str, Any], level: str):
    assert level_of(replace(GOOD, **change), NOW, LIMITS) == level


@given(
    last_seen=st.none() | st.integers(0, 10_000).map(ago),
    fresh_at=st.none() | st.integers(0, 10_000).map(ago),
    problem_kind=st.sampled_from([None, "transient", "disk", "identity"]),
    state=st.sampled_from([None, "ok", "syncing", "error", "paused"]),
)
def test_a_good_level_always_rests_on_a_recent_sign_of_life(
    last_seen: datetime | None, fresh_at: datetime | None, problem_kind: str | None, state: str | None
):
    level = level_of(Signs(last_seen, fresh_at, None, state, problem_kind, last_seen), NOW, LIMITS)
    assert level in LEVELS
    if level == "ok":
        assert last_seen is not None
        assert NOW - last_seen <= timedelta(seconds=900)
