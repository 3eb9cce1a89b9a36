"""What bounds the reader: it stops reading, and never drops, when the outbox, the disk or the department asks for it."""

import time
from collections.abc import Callable

import pytest

from agent.core.sweep import Kind
from agent.state.store import ADOPTED, ADOPTING
from tests.fix_reading import Bench

OTHER_EPOCH = b"o" * 16


def asked_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on any question to the source fails the test."""

    def refuse(*_arguments: object, **_named: object) -> None:
        raise AssertionError("the source was read")

    for name in ("page", "by_keys", "hint_states", "hint_page", "count", "columns", "origin"):
        monkeypatch.setattr(bench.source, name, refuse)


def test_a_full_outbox_stops_all_reading(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.rename(filled.first("Subjects", "SubjectId"), "в ящике")
    filled.reader.plan.hurry(Kind.HINT)
    filled.reader.step()
    filled.reader._config = filled.config.__class__(filled.data, {**filled.config.values, "outbox_bytes": 1})
    asked_nothing(filled, monkeypatch)
    filled.reader.plan.hurry(Kind.FULL)
    assert filled.reader.step() > 0
    assert filled.reader.progress.problem is None


def test_reading_goes_on_when_the_outbox_is_received(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(outbox_bytes=1)
    bench.reader.step()
    bench.until(lambda: bench.store.get("based"))
    assert len(bench.rows("subject")) == bench.demo.value("SELECT COUNT(*) FROM Subjects")


def test_with_many_envelopes_under_way_bulk_waits_and_hints_pass(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(bulk_envelopes=1).fill()
    subject = bench.first("Subjects", "SubjectId")
    bench.rename(subject, "первое")
    bench.reader.plan.hurry(Kind.HINT)
    bench.reader.step()
    assert bench.store.outbox()[0] == 1
    bench.reader.plan.hurry(Kind.FULL)
    bench.rest(Kind.HINT)
    sweeps = bench.reader.progress.sweeps
    assert 0 < bench.reader.step() < 0.05
    assert bench.reader.progress.sweeps == sweeps
    bench.rename(subject, "второе")
    bench.reader.plan.hurry(Kind.HINT)
    bench.reader.step()
    assert bench.name_of("subject", subject) == "второе"


def test_keys_to_be_read_again_wait_behind_many_envelopes(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(bulk_envelopes=1).fill()
    subject = bench.first("Subjects", "SubjectId")
    bench.rename(subject, "под замком")
    bench.reader.plan.hurry(Kind.HINT)
    bench.reader.step()
    bench.store.read_again(5, [subject])
    bench.reader.step()
    assert bench.store.reread_count() == 1
    bench.receive()
    bench.reader.step()
    assert bench.store.reread_count() == 0


def test_a_disk_that_is_nearly_full_stops_reading_with_its_own_problem(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = new_bench(disk_floor_mb=1 << 40)
    asked_nothing(bench, monkeypatch)
    assert bench.reader.step() > 0
    problem = bench.reader.progress.problem
    assert problem is not None
    assert (problem.code, problem.kind, problem.details["needed"]) == ("GOR-1701", "disk", str(1 << 40))


def test_reading_comes_back_when_the_disk_has_space_again(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(disk_floor_mb=1 << 40)
    bench.reader.step()
    bench.reader._config = bench.config.__class__(bench.data, {**bench.config.values, "disk_floor_mb": 0})
    bench.until(lambda: bench.store.get("based"))
    assert bench.reader.progress.problem is None


def test_an_agent_that_has_not_met_the_department_reads_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_nothing(bench, monkeypatch)
    bench.store.put(sealing_key=None)
    assert bench.reader.step() > 0
    bench.store.put(sealing_key=b"of the department", epoch=None)
    assert bench.reader.step() > 0


def test_adopting_pauses_all_reading_until_the_first_comparison(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        asked_nothing(filled, patch)
        filled.store.adopt(OTHER_EPOCH)
        filled.reader.plan.hurry(Kind.FULL)
        assert filled.store.adopting == ADOPTING
        assert filled.reader.step() > 0
    filled.store.put(adopting=ADOPTED)
    filled.rename(filled.first("Subjects", "SubjectId"), "после сравнения")
    filled.look()
    assert filled.name_of("subject", filled.first("Subjects", "SubjectId")) == "после сравнения"


def test_a_new_epoch_drops_the_sweep_that_was_running(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench()
    bench.rest(Kind.HINT, Kind.HOT)
    for _step in range(10):
        bench.reader.step()
    first = bench.reader._full
    assert first is not None
    assert first.done > 0
    bench.begin_epoch(OTHER_EPOCH)
    bench.reader.step()
    assert bench.reader._full is not first
    assert bench.reader._full is not None
    assert bench.reader._full.done == 0
    bench.until(lambda: bench.store.get("based"))
    assert bench.store.position().epoch == OTHER_EPOCH


def test_the_departments_wish_for_a_resync_makes_a_full_sweep(filled: Bench) -> None:
    began = filled.store.get("full")
    filled.store.put(resync_due=1)
    filled.until(lambda: filled.store.get("resync_due") is None)
    assert filled.store.get("full") != began
    assert filled.compared == 2


def test_a_full_sweep_that_is_young_is_not_repeated_at_a_restart(
    filled: Bench, new_bench: Callable[..., Bench]
) -> None:
    filled.stop()
    again = new_bench()
    assert again.reader.plan.due[Kind.FULL] > time.monotonic() + 3000


def test_a_full_sweep_that_has_aged_while_the_server_was_off_is_due_at_once(
    filled: Bench, new_bench: Callable[..., Bench]
) -> None:
    filled.store.put(full='{"started_ms": 1}')
    filled.stop()
    again = new_bench()
    assert again.reader.plan.due[Kind.FULL] <= time.monotonic()


def test_the_end_of_the_list_to_be_read_again_asks_for_a_comparison(filled: Bench) -> None:
    before = filled.compared
    filled.store.read_again(5, [filled.first("Subjects", "SubjectId")])
    filled.reader.step()
    filled.rest(Kind.HINT)
    filled.reader.step()
    assert filled.compared == before + 1
