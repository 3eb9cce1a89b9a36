"""Counting finds what hints cannot tell: that rows went."""

import pytest

from agent.core.sweep import Kind
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


def test_a_deletion_that_no_hint_names_is_found_and_the_full_sweep_hurried(filled: Bench) -> None:
    gone = remove_announcement(filled)
    filled.reader._full_rested = 0.0
    filled.look(count=True)
    assert gone in filled.rows("announcement")
    filled.look()
    assert filled.reader.plan.due[Kind.FULL] == 0.0
    filled.until(lambda: gone not in filled.rows("announcement"))


def test_a_full_sweep_that_just_ended_is_not_hurried_again(filled: Bench) -> None:
    remove_announcement(filled)
    assert filled.reader._full_rested > 0
    filled.look(count=True)
    filled.look()
    assert filled.reader._counting.differing
    assert filled.reader.plan.due[Kind.FULL] > 0


def test_equal_counts_make_the_entity_fresh_once_the_next_pass_found_nothing_new(filled: Bench) -> None:
    filled.ahead_ms += 60_000
    filled.look()
    began = filled.now()
    filled.look(count=True)
    assert filled.capture.fresh[LESSON] < began
    filled.look()
    assert began <= filled.capture.fresh[LESSON] <= filled.now()


def test_an_insert_that_hid_a_deletion_from_the_count_makes_nothing_fresh(filled: Bench) -> None:
    """One went, one came, uncommitted stamps or not: equal numbers alone prove nothing."""
    filled.ahead_ms += 60_000
    filled.look()
    before = filled.capture.fresh[ANNOUNCEMENT]
    gone = remove_announcement(filled)
    filled.reader._counting.due = 0.0
    hints = filled.reader._hints
    assert hints is not None
    hints.run(100)  # this pass saw neither
    add_announcement(filled, 900_000)
    filled.reader._counting.after_pass(hints, filled.now())  # as many as before
    filled.look()  # finds the new one
    assert "900000" in filled.rows("announcement")
    assert filled.capture.fresh[ANNOUNCEMENT] == before
    filled.reader._full_rested = 0.0
    filled.look(count=True)
    filled.look()
    assert filled.reader.plan.due[Kind.FULL] == 0.0
    filled.until(lambda: gone not in filled.rows("announcement"))


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
    monotonic = iter([1000.0, 1003.0, 1003.0])
    counting, hints = filled.reader._counting, filled.reader._hints
    assert hints is not None
    counting.due = 0.0
    monkeypatch.setattr("agent.counting.time.monotonic", lambda: next(monotonic))
    counting.after_pass(hints, filled.now())
    assert counting.due == pytest.approx(1303.0)


def test_after_all_passes_every_entity_is_fresh(filled: Bench) -> None:
    filled.ahead_ms += 60_000
    began = filled.now()
    for count in (False, True, False):
        filled.look(count=count)
    assert filled.capture.fresh_ms() >= began
