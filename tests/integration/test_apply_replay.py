"""Held rows are applied once the centre can hold them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.ingest.replay import Replayed, replay
from proto.batch import Unfit
from proto.canonical import row_hash
from proto.entities import BY_NAME
from tests.fix_applier import NOW, Applier, row_of, table

if TYPE_CHECKING:
    from collector.core.digest import EntityTotal

pytestmark = pytest.mark.integration
MARK = BY_NAME["mark"]
LONG = row_of("mark", "1", raw="x" * 51)


def again(applier: Applier) -> Replayed:
    with applier.ingest.school(applier.school) as connection:
        return replay(connection, applier.keys(), applier.now)


def learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The centre's validation knows longer texts from now on; the column could always hold them."""
    monkeypatch.setattr("collector.ingest.prepare.validate_columns", lambda _entity, _columns: {})


def total(applier: Applier) -> EntityTotal:
    return applier.totals()[MARK.number]


def test_what_fits_now_is_applied_and_the_digest_does_not_move(applier: Applier, monkeypatch: pytest.MonkeyPatch):
    applier.apply(table("mark", LONG, row_of("mark", "2")))
    before = total(applier)
    learn(monkeypatch)
    assert again(applier) == Replayed(applied=1)
    assert total(applier) == replace(before, quarantined=0)
    assert applier.select("SELECT source_id, row_hash FROM gorod.mark WHERE raw = %s", "x" * 51) == [
        ("1", row_hash(MARK, LONG, applier.keys().fingerprint))
    ]


def test_replayed_rows_are_counted_among_the_schools(applier: Applier, monkeypatch: pytest.MonkeyPatch):
    applier.apply(table("mark", LONG))
    learn(monkeypatch)
    again(applier)
    assert applier.select("SELECT rows FROM gorod.school_state") == [(1,)]


def test_what_still_does_not_fit_stays_held_since_when_it_was(applier: Applier):
    applier.apply(table("mark", LONG))
    applier.now += timedelta(days=1)
    assert again(applier) == Replayed(held=1)
    assert applier.select("SELECT since FROM gorod.quarantine") == [(NOW + timedelta(seconds=1),)]


def test_a_stub_waits_for_the_agent(applier: Applier):
    applier.apply(table("mark", unfit=[Unfit("1", "oversize", 5)]))
    assert again(applier) == Replayed()
    assert total(applier).quarantined == 1


def test_a_row_whose_key_is_destroyed_is_left_and_counted(applier: Applier, monkeypatch: pytest.MonkeyPatch):
    applier.apply(table("mark", LONG))
    applier.now += timedelta(days=400)
    applier.ring.destroy(applier.school, 2026, applier.now)
    learn(monkeypatch)
    assert again(applier) == Replayed(unreadable=1)


def test_a_school_without_held_rows_has_nothing_to_replay(applier: Applier):
    assert again(applier) == Replayed()
