"""Counting finds what hints cannot tell: that rows went."""

import time
from typing import Any

import pytest

from agent.core.sweep import Kind
from agent.sources.base import Counted
from proto.entities import BY_NAME
from tests.fix_reading import Bench

LESSON, ANNOUNCEMENT, BELL = (BY_NAME[name].number for name in ("lesson", "announcement", "bell_slot"))


def remove_announcement(bench: Bench) -> str:
    key = bench.first("Announcements", "AnnouncementId")
    bench.write("DELETE FROM Announcements WHERE OrgCode = :org AND AnnouncementId = ?", key)
    return str(key)


def add_announcement(bench: Bench, number: int) -> None:
    sql = (
        "INSERT INTO Announcements (OrgCode, AnnouncementId, Title, Body, PostedAt, ChangedAt)"
        " VALUES (:org, ?, 'Собрание', 'В актовом зале', ?, ?)"
    )
    bench.write(sql, number, bench.stamp()[:19], bench.stamp())


def test_a_deletion_that_no_hint_names_is_found_and_only_its_entity_read_whole(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, asked = remove_announcement(filled), []
    filled.look(count=True)
    assert gone in filled.rows("announcement")
    assert filled.reader.plan.due[Kind.WHOLE] == 0.0
    real = filled.source.page

    def page(profile: Any, *arguments: Any) -> Any:
        asked.append(profile.name)
        return real(profile, *arguments)

    monkeypatch.setattr(filled.source, "page", page)
    filled.rest(Kind.HINT)
    filled.until(lambda: gone not in filled.rows("announcement"))
    assert set(asked) <= {"announcement", "academic_year"}
    assert filled.reader.plan.due[Kind.FULL] > time.monotonic()


def test_once_it_was_read_whole_an_entity_is_counted_again_and_fresh(filled: Bench) -> None:
    remove_announcement(filled)
    filled.look(count=True)
    filled.until(lambda: filled.reader._whole is None)
    filled.ahead_ms += 60_000
    began = filled.now()
    filled.reader.plan.hurry(Kind.HINT)
    filled.reader.step()
    assert filled.capture.fresh[ANNOUNCEMENT] >= began


def test_an_entity_whose_count_stays_unexplained_is_read_whole_seldom(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason: reading all of it did not help, and will not help a second later."""
    monkeypatch.setattr(filled.source, "count", lambda *_arguments, **_named: Counted(-1, ()))
    filled.look(count=True)
    filled.until(lambda: filled.reader._whole is None)
    filled.look(count=True)
    assert filled.reader._counting.differing
    assert filled.reader._whole is None
    assert min(filled.reader._rested.values()) >= time.monotonic() + filled.config.sweep_hot_s - 60


def test_equal_counts_make_the_entity_fresh_at_once(filled: Bench) -> None:
    filled.ahead_ms += 60_000
    filled.look()
    began = filled.now()
    filled.look(count=True)
    assert began <= filled.capture.fresh[LESSON] <= filled.now()


def test_in_a_school_that_never_rests_every_entity_is_fresh_all_the_same(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes between each pass and its count: what the count names as new was not yet read, and hides nothing."""
    real, numbers = filled.source.count, iter(range(900_000, 900_100))

    def count(profile: Any, *arguments: Any, **named: Any) -> Any:
        if profile.name == "announcement":
            add_announcement(filled, next(numbers))
        return real(profile, *arguments, **named)

    monkeypatch.setattr(filled.source, "count", count)
    filled.ahead_ms += 60_000
    for _again in range(3):
        add_announcement(filled, next(numbers))
        filled.ahead_ms += 1000
        began = filled.now()
        filled.look(count=True)
        assert filled.capture.fresh[ANNOUNCEMENT] >= began
        assert not filled.reader._counting.differing


def test_a_row_that_went_before_the_pass_and_came_back_before_its_count_is_read_before_anything_is_claimed(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By numbers and keys it is a changed row; but at no moment since the pass began did the source hold what was captured of it."""
    add_announcement(filled, 900_200)
    filled.look(count=True)
    before, real = filled.rows("announcement")["900200"], filled.source.count
    filled.write("DELETE FROM Announcements WHERE OrgCode = :org AND AnnouncementId = ?", 900_200)

    def count(profile: Any, *arguments: Any, **named: Any) -> Any:
        if profile.name == "announcement":
            add_announcement(filled, 900_200)
            filled.write("UPDATE Announcements SET Title = 'Концерт' WHERE AnnouncementId = ?", 900_200)
        return real(profile, *arguments, **named)

    monkeypatch.setattr(filled.source, "count", count)
    filled.ahead_ms += 60_000
    began = filled.now()
    filled.look(count=True)
    assert filled.capture.fresh[ANNOUNCEMENT] >= began
    assert filled.rows("announcement")["900200"] != before


def test_an_insert_does_not_hide_a_deletion_from_the_count(filled: Bench) -> None:
    """One went, one came: equal numbers alone prove nothing."""
    filled.ahead_ms += 60_000
    filled.look()
    before, hints = filled.capture.fresh[ANNOUNCEMENT], filled.reader._hints
    assert hints is not None
    remove_announcement(filled)
    hints.run(100)  # this pass sees neither
    add_announcement(filled, 900_000)
    filled.reader._counting.due = 0.0
    filled.reader._counting.after_pass(hints, filled.now())  # as many as before
    assert filled.reader._counting.differing == {ANNOUNCEMENT}
    assert filled.capture.fresh[ANNOUNCEMENT] == before


def test_where_very_many_rows_moved_a_count_proves_nothing_either_way(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.counting._MOST_NAMED", 2)
    monkeypatch.setattr(filled.source, "version", lambda: None)
    before = filled.capture.fresh[ANNOUNCEMENT]
    for number in range(3):
        add_announcement(filled, 900_000 + number)
    filled.ahead_ms += 2000
    filled.look(count=True)
    assert filled.capture.fresh[ANNOUNCEMENT] == before
    assert not filled.reader._counting.differing


def test_nothing_is_counted_again_while_nothing_is_committed(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.look(count=True)
    monkeypatch.setattr(filled.source, "count", lambda *_arguments, **_named: pytest.fail("counted"))
    filled.ahead_ms += 500
    began = filled.now()
    filled.look(count=True)
    assert filled.reader.progress.problem is None
    assert filled.capture.fresh_ms() >= began


def test_while_keys_are_to_be_read_again_a_count_proves_nothing(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    counting, hints = filled.reader._counting, filled.reader._hints
    assert hints is not None
    filled.store.read_again(ANNOUNCEMENT, [1])
    monkeypatch.setattr(filled.source, "count", lambda *_arguments, **_named: pytest.fail("counted"))
    counting.due = 0.0
    before = filled.capture.fresh[ANNOUNCEMENT]
    counting.after_pass(hints, filled.now())
    assert filled.capture.fresh[ANNOUNCEMENT] == before


def test_a_tiny_entity_without_hints_is_read_whole(filled: Bench) -> None:
    gone = filled.first("BellTimes", "BellCode")
    kept = filled.demo.value("SELECT MAX(BellCode) FROM BellTimes")
    filled.write("DELETE FROM BellTimes WHERE OrgCode = :org AND BellCode = ?", gone)
    filled.write("UPDATE BellTimes SET VariantName = 'короткий' WHERE OrgCode = :org AND BellCode = ?", kept)
    filled.ahead_ms += 60_000
    began = filled.now()
    filled.look(count=True)
    assert gone not in filled.rows("bell_slot")
    assert "короткий" in filled.rows("bell_slot")[kept]
    assert filled.capture.fresh[BELL] >= began


def test_an_entity_without_hints_that_is_not_tiny_waits_for_its_sweep(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.counting._TINY_ROWS", 10)
    gone = filled.first("BellTimes", "BellCode")
    filled.write("DELETE FROM BellTimes WHERE OrgCode = :org AND BellCode = ?", gone)
    filled.look(count=True)
    assert gone in filled.rows("bell_slot")


def test_counting_takes_a_hundredth_of_the_time_at_most(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured by the quicker of the last two counts: the first one meets cold caches."""
    work = iter([3.0, 1.0, 5.0])
    counting, hints = filled.reader._counting, filled.reader._hints
    assert hints is not None
    monkeypatch.setattr("agent.counting.Effort.seconds", lambda _self: next(work))
    monkeypatch.setattr("agent.counting.time.monotonic", lambda: 1000.0)
    monkeypatch.setattr(filled.source, "version", lambda: None)
    hints.run(100)
    found = []
    for _again in range(3):
        counting.due = 0.0
        counting.after_pass(hints, filled.now())
        found.append(counting.due)
    assert found == pytest.approx([1002.0, 1100.0, 1100.0])


def test_after_all_passes_every_entity_is_fresh(filled: Bench) -> None:
    filled.ahead_ms += 60_000
    began = filled.now()
    for count in (False, True, False):
        filled.look(count=count)
    assert filled.capture.fresh_ms() >= began
