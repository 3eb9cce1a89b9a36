"""What the reader does when something is wrong: who is paused, how long it rests, and how it comes back."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.core.sweep import Kind
from agent.reader import Reader
from proto.problems import Problem
from tests.fix_reading import Bench

GONE = Problem("GOR-1305", path="netschool.db", cause="SQLITE_CANTOPEN")


class Broken:
    """A method of the source that fails as long as ``error`` is set."""

    def __init__(self, bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: BaseException | None = None
        real: Callable[..., Any] = getattr(bench.source, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if self.error is not None:
                raise self.error
            return real(*arguments, **named)

        monkeypatch.setattr(bench.source, name, call)


@pytest.fixture
def pages(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> Broken:
    """Every page of the source, to be broken."""
    filled.rest(Kind.HINT, Kind.HOT)
    filled.reader.plan.hurry(Kind.FULL)
    return Broken(filled, "page", monkeypatch)


def test_a_problem_of_the_source_is_shown_and_the_source_let_go(
    filled: Bench, pages: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(filled.source, "close", lambda: closed.append(True))
    pages.error = GONE
    filled.reader.step()
    assert filled.reader.progress.problem is GONE
    assert filled.reader.progress.problem_at is not None
    assert closed == [True]


def test_rests_after_failures_double_up_to_a_cap(filled: Bench, pages: Broken) -> None:
    pages.error = GONE
    rests = [filled.reader.step() for _attempt in range(12)]
    assert rests[:3] == pytest.approx([0.4, 0.8, 1.6])
    assert rests[-1] == rests[-2] == 60.0


def test_a_short_cap_of_the_settings_shortens_the_rests(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(retry_cap_s=0.5, disk_floor_mb=1 << 40)
    assert [bench.reader.step() for _attempt in range(4)] == pytest.approx([0.4, 0.5, 0.5, 0.5])


def test_the_reader_really_rests_as_long_as_the_failures_say(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source in trouble is not asked every second."""
    rests: list[float] = []
    stop = threading.Event()

    def rest(_reader: Reader, seconds: float, stopped: threading.Event) -> None:
        rests.append(seconds)
        if len(rests) == 2:
            stopped.set()

    monkeypatch.setattr(Reader, "_rest", rest)
    filled.reader.progress.problem = GONE
    monkeypatch.setattr(filled.reader, "step", lambda: 12.8)
    filled.reader.run(stop)
    assert rests == [12.8, 12.8]


def test_without_a_problem_the_reader_looks_again_after_a_second_at_most(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    stop = threading.Event()
    monkeypatch.setattr(Reader, "_rest", lambda _reader, seconds, stopped: (rests.append(seconds), stopped.set()))
    monkeypatch.setattr(filled.reader, "step", lambda: 3000.0)
    filled.reader.run(stop)
    assert rests == [1.0]


def test_recovery_clears_the_problem_and_the_count_of_failures(filled: Bench, pages: Broken) -> None:
    pages.error = GONE
    filled.reader.step()
    filled.reader.step()
    pages.error = None
    filled.until(lambda: filled.reader.plan.due[Kind.FULL] > 0)
    progress = filled.reader.progress
    assert (progress.problem, progress.problem_at, progress.failures) == (None, None, 0)


def test_a_full_sweep_goes_on_where_the_source_failed(filled: Bench, pages: Broken) -> None:
    for _step in range(8):
        filled.reader.step()
    sweep = filled.reader._full
    assert sweep is not None
    pages.error = GONE
    filled.reader.step()
    pages.error = None
    filled.reader.step()
    assert filled.reader._full is sweep


def test_a_source_that_went_back_begins_the_full_sweep_anew_without_a_rest(filled: Bench, pages: Broken) -> None:
    for _step in range(8):
        filled.reader.step()
    pages.error = Problem("GOR-1614", cause="2")
    assert filled.reader.step() == 0.0
    assert filled.reader._full is None
    pages.error = None
    filled.until(lambda: filled.reader.plan.due[Kind.FULL] > 0)


def test_a_schema_problem_pauses_its_entity_only(filled: Bench) -> None:
    filled.write("ALTER TABLE Subjects RENAME COLUMN Name TO Title")
    filled.sweep(Kind.FULL)
    assert filled.store.paused() == {5: ("GOR-1403", filled.store.paused()[5][1])}
    assert filled.reader.progress.problem is None
    bell = filled.first("BellTimes", "BellCode")
    filled.write("DELETE FROM BellTimes WHERE OrgCode = :org AND BellCode = ?", bell)
    filled.sweep(Kind.FULL)
    assert bell not in filled.rows("bell_slot")


def test_a_paused_entity_keeps_what_the_centre_holds_and_comes_back_with_its_column(filled: Bench) -> None:
    subject, held = filled.first("Subjects", "SubjectId"), dict(filled.rows("subject"))
    filled.write("ALTER TABLE Subjects RENAME COLUMN Name TO Title")
    filled.sweep(Kind.FULL)
    assert filled.rows("subject") == held
    filled.write("ALTER TABLE Subjects RENAME COLUMN Title TO Name")
    filled.rename(subject, "вернулось")
    filled.sweep(Kind.FULL)
    assert filled.store.paused() == {}
    assert filled.name_of("subject", subject) == "вернулось"


def test_a_paused_entity_is_left_out_of_hints_and_nothing_is_claimed_fresh(filled: Bench) -> None:
    filled.store.pause(5, "GOR-1403", {"entity": "subject", "missing": "Name"})
    filled.rename(filled.first("Subjects", "SubjectId"), "не читать")
    filled.look()
    assert filled.reader._hints is not None
    assert 5 not in {profile.entity.number for profile in filled.reader._hints.profiles}
    assert filled.capture.fresh_ms() == 0


def test_an_entity_with_repeated_keys_is_still_read_by_hints(filled: Bench) -> None:
    subject = filled.first("Subjects", "SubjectId")
    filled.store.pause(5, "GOR-1406", {"entity": "subject", "count": "2"})
    filled.rename(subject, "читать")
    filled.look()
    assert filled.name_of("subject", subject) == "читать"


def test_a_mistake_of_ours_is_told_without_a_value_and_reading_comes_back(
    filled: Bench, pages: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    pages.error = KeyError("Иванова Мария")
    with caplog.at_level(logging.DEBUG):
        filled.reader.step()
    problem = filled.reader.progress.problem
    assert problem is not None
    assert (problem.code, problem.details) == ("GOR-1099", {"cause": "KeyError"})
    assert "Иванова" not in caplog.text
    assert "KeyError" in caplog.text
    pages.error = None
    filled.until(lambda: filled.reader.plan.due[Kind.FULL] > 0)
    assert filled.reader.progress.problem is None


def test_a_state_file_that_cannot_be_written_is_told_as_such(filled: Bench, pages: Broken) -> None:
    pages.error = sqlite3.OperationalError("disk I/O error")
    filled.reader.step()
    assert filled.reader.progress.problem is not None
    assert filled.reader.progress.problem.code == "GOR-1704"


def test_a_failing_wait_is_a_problem_too(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    Broken(filled, "wait", monkeypatch).error = GONE
    filled.reader._rest(0.2, threading.Event())
    assert filled.reader.progress.problem is GONE


def test_a_change_seen_while_resting_ends_the_rest_and_asks_for_hints(filled: Bench) -> None:
    filled.capture.source.wait(0.01)
    filled.rest(Kind.HINT)
    filled.rename(filled.first("Subjects", "SubjectId"), "сразу")
    began = time.monotonic()
    filled.reader._rest(1.0, threading.Event())
    assert time.monotonic() - began < 0.8
    assert filled.reader.plan.due[Kind.HINT] <= time.monotonic()


def test_the_loop_lets_the_source_go_at_its_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(bench.source, "close", lambda: closed.append(True))
    bench.reader.run(stop)
    assert closed == [True]
