"""How the agent says that it is: one state, one problem, and every event told once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.health import Health, in_words, saved, stamp
from agent.reader import Progress
from agent.state.store import ADOPTED, ADOPTING, StateStore
from agent.transport.client import UplinkStatus
from proto.entities import BY_NAME
from proto.problems import Problem
from tests.fix_reading import STATUS_KEYS

NOW_MS = 1_790_000_000_123
SUBJECT, PERSON = BY_NAME["subject"].number, BY_NAME["person"].number
SOURCE = Problem("GOR-1305", path="netschool.db", cause="CANTOPEN")
LINE = Problem("GOR-1207", cause="refused")
LEASE = Problem("GOR-1605")


@pytest.fixture
def health(tmp_path: Path) -> Iterator[Health]:
    """An agent that is connected, complete and idle."""
    store = StateStore(tmp_path / "state.sqlite")
    store.put(epoch=b"e" * 16, based=1, complete_ms=NOW_MS, stored_ms=NOW_MS, last_change_ms=NOW_MS)
    end = datetime.now(UTC) + timedelta(days=83, hours=1)
    yield Health(
        "23-042",
        store,
        UplinkStatus(connected=True, clock_offset_s=0.1),
        lambda: NOW_MS,
        lambda: end,
        Progress(entities=4),
    )
    store.close()


def progress(health: Health) -> Progress:
    assert health.progress is not None
    return health.progress


def hold(health: Health, kind: str, entity: int = PERSON) -> None:
    with health.store.database.transaction() as connection:
        connection.execute("INSERT INTO held VALUES (?, ?, ?)", (entity, f"key {kind}", kind))


def send_later(health: Health) -> None:
    with health.store.database.transaction() as connection:
        connection.execute("INSERT INTO outbox (seq, hash, rows, bytes, data) VALUES (1, x'00', 7, 900, x'00')")


def test_all_is_well(health: Health) -> None:
    told = health.as_json("ru")
    assert set(told) == STATUS_KEYS
    assert told | {"clock_offset_s": 0.1} == told
    assert (told["state"], told["problem"], told["school"], told["certificate_days"]) == ("ok", None, "23-042", 83)
    assert told["fresh_at"] == told["complete_at"] == told["last_change_seen"] == "2026-09-21T14:13:20.123Z"
    assert (told["epoch"], told["acked_seq"]) == ("65" * 16, 0)


def test_an_agent_that_was_never_heard_has_no_stamps(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.sqlite")
    told = Health("23-042", store, UplinkStatus(), lambda: 0, lambda: datetime.now(UTC)).as_json("en")
    assert [told[name] for name in ("last_change_seen", "fresh_at", "complete_at", "stored_at")] == [None] * 4
    assert (told["state"], told["connected"], told["clock_offset_s"]) == ("offline", False, None)
    store.close()


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda one: setattr(progress(one), "problem", SOURCE), "error"),
        (lambda one: setattr(one.line, "problem", Problem("GOR-1111", school="23-042")), "error"),
        (lambda one: setattr(one.line, "problem", LINE), "ok"),
        (lambda one: setattr(one.line, "problem", LEASE), "ok"),
        (lambda one: setattr(one.line, "connected", False), "offline"),
        (lambda one: one.store.put(adopting=ADOPTING), "adopting"),
        (lambda one: one.store.put(adopting=ADOPTED), "adopting"),
        (lambda one: one.store.put(adopting=ADOPTED, based=None), "syncing"),
        (lambda one: one.store.pause(SUBJECT, "GOR-1403", {"entity": "subject", "missing": "Name"}), "paused"),
        (lambda one: one.store.put(based=None), "syncing"),
        (lambda one: one.store.put(complete_ms=None), "syncing"),
        (send_later, "syncing"),
    ],
)  # fmt: skip
def test_the_state_follows_from_the_facts(health: Health, change: Any, state: str) -> None:
    change(health)
    assert health.state() == state
    assert health.as_json("ru")["state"] == health.heartbeat().state == state


def test_a_problem_of_the_source_is_named_before_all_others(health: Health) -> None:
    progress(health).problem, progress(health).problem_at = SOURCE, datetime(2026, 9, 1, tzinfo=UTC)
    health.line.problem = LINE
    health.store.put(quarantined=3)
    found = health.as_json("ru")["problem"]
    assert set(found) == {"code", "class", "text", "next", "at"}
    assert (found["code"], found["class"], found["at"]) == ("GOR-1305", "source", "2026-09-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("arrange", "code", "details"),
    [
        (lambda one: setattr(one.line, "problem", LINE), "GOR-1207", {"cause": "refused"}),
        (lambda one: setattr(one.line, "clock_offset_s", 3 * 86_400.0), "GOR-1114", {"difference": "+3 d"}),
        (
            lambda one: one.store.pause(SUBJECT, "GOR-1403", {"entity": "subject", "missing": "Name"}),
            "GOR-1403",
            {"entity": "subject", "missing": "Name"},
        ),
        (lambda one: hold(one, "d"), "GOR-1502", {"entity": "person", "count": "1"}),
        (lambda one: hold(one, "u"), "GOR-1503", {"entity": "person", "count": "1"}),
        (lambda one: one.store.put(quarantined=3), "GOR-1501", {"count": "3"}),
    ],
)
def test_each_trouble_has_its_own_problem(health: Health, arrange: Any, code: str, details: dict[str, str]) -> None:
    arrange(health)
    found = health.problem()
    assert found is not None
    assert (found[0].code, found[0].details) == (code, details)


@pytest.mark.parametrize(
    ("seconds", "words"), [(-3 * 86_400, "-3 d"), (7_200, "+2 h"), (-7_300, "-2 h"), (400, "+7 min")]
)
def test_a_wrong_clock_is_told_as_people_say_it(health: Health, seconds: float, words: str) -> None:
    health.line.clock_offset_s = seconds
    found = health.problem()
    assert found is not None
    assert found[0].details == {"difference": words}


def test_a_clock_that_is_right_enough_is_no_problem(health: Health) -> None:
    health.line.clock_offset_s = -2.5
    assert health.problem() is None


def test_numbers_of_the_status_are_those_of_the_state(health: Health) -> None:
    send_later(health)
    hold(health, "d")
    hold(health, "u", SUBJECT)
    health.store.put(quarantined=2, differences=1)
    health.store.pause(SUBJECT, "GOR-1403", {"entity": "subject", "missing": "Name"})
    told = health.as_json("ru")
    assert (told["outbox_rows"], told["outbox_bytes"], told["held"]) == (7, 900, 2)
    assert (told["quarantined"], told["differences"], told["paused_entities"]) == (2, 1, ["subject"])


# ---- what heartbeats tell


def test_a_heartbeat_tells_the_same(health: Health) -> None:
    send_later(health)
    hold(health, "d")
    health.store.pause(SUBJECT, "GOR-1403", {"entity": "subject", "missing": "Name"})
    beat = health.heartbeat()
    assert (beat.fresh_ms, beat.outbox_rows, beat.outbox_bytes, beat.last_change_ms) == (NOW_MS, 7, 900, NOW_MS)
    assert [(one.entity, one.deletes, one.updates) for one in beat.held] == [(PERSON, 1, 0)]
    assert [(one.entity, one.code, one.detail) for one in beat.paused] == [(SUBJECT, "GOR-1403", "Name")]
    assert (beat.problem.code, dict(beat.problem.details)["missing"]) == ("GOR-1403", "Name")


def test_a_heartbeat_without_trouble_names_no_problem(health: Health) -> None:
    beat = health.heartbeat()
    assert not beat.HasField("problem")
    assert not beat.held
    assert not beat.sweep_permille


def test_a_running_sweep_is_told_in_permille(health: Health) -> None:
    progress(health).sweeping, progress(health).done_entities = True, 1
    assert health.heartbeat().sweep_permille == 250


def test_events_are_told_once(health: Health) -> None:
    health.store.note_event("drift", {"entity": "subject"}, NOW_MS)
    first = health.heartbeat()
    assert [(event.kind, dict(event.details), event.at_ms) for event in first.events] == [
        ("drift", {"entity": "subject"}, NOW_MS)
    ]
    assert not health.heartbeat().events
    assert health.store.events() == []


def test_an_event_that_came_after_the_last_heartbeat_waits_for_the_next(health: Health) -> None:
    health.store.note_event("drift", {}, 1)
    health.heartbeat()
    health.store.note_event("year_closed", {}, 2)
    assert [event.kind for event in health.heartbeat().events] == ["year_closed"]


def test_events_are_told_again_when_the_connection_that_carried_them_broke(health: Health) -> None:
    health.store.note_event("drift", {}, 1)
    health.heartbeat()
    health.line.connected = False
    assert [event.kind for event in health.heartbeat().events] == ["drift"]
    health.line.connected = True
    assert health.store.events()


def test_events_are_told_again_over_another_connection(health: Health) -> None:
    """It broke and came back between two heartbeats: nobody knows whether the first one arrived."""
    health.store.note_event("drift", {}, 1)
    health.line.attempts = 1
    health.heartbeat()
    health.line.attempts = 2
    assert [event.kind for event in health.heartbeat().events] == ["drift"]
    assert not health.heartbeat().events


# ---- the status file


def test_the_status_file_keeps_what_another_language_needs(health: Health) -> None:
    progress(health).problem = SOURCE
    told = json.loads(saved(health))
    assert told["problem"]["details"] == {"path": "netschool.db", "cause": "CANTOPEN"}
    english = in_words(told, "en")["problem"]
    assert english["text"] == SOURCE.text("en") != told["problem"]["text"] == SOURCE.text("ru")
    assert english["at"] == told["problem"]["at"]
    assert set(english) == {"code", "class", "text", "next", "at"}


def test_a_problem_that_comes_while_the_status_is_written_is_told_by_the_next(health: Health) -> None:
    """The reader and the line run in other threads."""

    def certificate_end() -> datetime:
        progress(health).problem = SOURCE
        return datetime.now(UTC)

    health.certificate_end = certificate_end
    assert json.loads(saved(health))["problem"] is None
    assert json.loads(saved(health))["problem"]["code"] == "GOR-1305"


def test_a_status_without_a_problem_stays_as_it_is(health: Health) -> None:
    told = json.loads(saved(health))
    assert in_words(told, "en") == told


def test_a_problem_of_a_newer_program_keeps_its_words() -> None:
    told = {"problem": {"code": "GOR-9999", "text": "?", "details": {}}}
    assert in_words(told, "en") == told


def test_a_stamp_of_nothing_is_none() -> None:
    assert (stamp(0), stamp(None), stamp(1)) == (None, None, "1970-01-01T00:00:00.001Z")
