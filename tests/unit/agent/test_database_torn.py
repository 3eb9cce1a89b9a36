"""A power cut tears the state file: it starts all the same, drops the unfinished tail or sets the file aside, and comparison repairs the rest."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from agent.state.database import FileLock
from agent.state.store import StateStore
from proto.problems import Problem
from tests.model.capture_agent import copy_state
from tests.model.capture_model import Model

if TYPE_CHECKING:
    import random
    from pathlib import Path

SEED = (3 << 30) + 5
BLOCK = 512


def grown(folder: Path) -> Model:
    """A world whose agent has rows at the centre, some of them still in the outbox, in file and WAL."""
    folder.mkdir()
    model = Model(folder, SEED)
    model.x_prove(0)
    model.x_sweep(0)
    model.x_prove(0)
    model.agents[0].store.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in (155, 250, 445, 601, 737):
        model.x_write(number)
    model.x_sweep(1)
    model.x_sweep(0)
    return model


def torn(data: bytes, offset: int, how: str) -> bytes:
    """Cut at the offset, zeroed from there to the end, or one sector zeroed."""
    if how == "cut":
        return data[:offset]
    end = len(data) if how == "zeroed" else min(len(data), offset + BLOCK)
    return data[:offset] + bytes(end - offset) + data[end:]


def check(model: Model, kept: Path, part: str, offset: int, how: str) -> None:
    """Start on the torn copy; whatever it remembers, the world settles to equality."""
    agent = model.agents[0]
    broken = kept.with_name("broken")
    copy_state(kept, broken)
    file = broken.with_name(broken.name + part)
    file.write_bytes(torn(file.read_bytes(), offset, how))
    agent.start(broken)
    model.tainted = True
    model.settle()


def offsets(file: Path, step: int, start: int) -> list[int]:
    return list(range(start % step, file.stat().st_size, step))


def sampled(folder: Path, step: int, start: int) -> None:
    model = grown(folder)
    kept = folder / "kept"
    copy_state(model.agents[0].path, kept)
    try:
        for part in ("", "-wal"):
            for how in ("cut", "zeroed", "sector"):
                for offset in offsets(kept.with_name(kept.name + part), step, start):
                    check(model, kept, part, offset, how)
    finally:
        model.close()


def test_a_file_torn_anywhere_starts_and_the_world_settles(tmp_path: Path, rng: random.Random):
    sampled(tmp_path / "world", 5_987, rng.randrange(5_987))


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("start", range(4))
def test_a_file_torn_at_many_places_starts_and_the_world_settles(tmp_path: Path, start: int):
    sampled(tmp_path / "world", 512, 128 * start + 3)


def test_a_torn_tail_of_the_wal_loses_only_what_was_not_finished(tmp_path: Path):
    store = StateStore(tmp_path / "state")
    store.put(first=1)
    store.put(second=2)
    copy_state(tmp_path / "state", tmp_path / "copy")
    store.close()
    wal = tmp_path / "copy-wal"
    wal.write_bytes(wal.read_bytes()[:-1])
    again = StateStore(tmp_path / "copy")
    assert (again.get("first"), again.get("second"), again.database.set_aside) == (1, None, None)
    again.close()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(4096), b"this was never a database" * 400])
def test_what_is_no_database_is_set_aside_and_a_new_one_begins(tmp_path: Path, content: bytes):
    path = tmp_path / "state"
    path.write_bytes(content)
    store = StateStore(path)
    assert store.position().epoch == b""
    assert (store.database.set_aside is not None) is bool(content)
    if content:
        assert (tmp_path / "state.damaged").read_bytes() == content
    store.close()


def test_a_state_of_a_newer_version_is_set_aside(tmp_path: Path):
    with sqlite3.connect(tmp_path / "state") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = StateStore(tmp_path / "state")
    assert store.database.set_aside == tmp_path / "state.damaged"
    store.close()


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path):
    StateStore(tmp_path / "state").close()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600


def test_one_process_holds_the_state_and_the_next_is_refused(tmp_path: Path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(Problem) as refused:
        second.acquire()
    assert refused.value.code == "GOR-1703"
    first.release()
    second.acquire()
    second.release()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path):
    store = StateStore(tmp_path / "state")

    def fail() -> None:
        with store.database.transaction():
            store.put(one=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.get("one") is None
    store.close()


def test_a_full_disk_is_a_problem_with_a_code_and_nothing_is_half_written(tmp_path: Path):
    store = StateStore(tmp_path / "state")
    pages = store.database.connection.execute("PRAGMA page_count").fetchone()[0]
    store.database.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Problem) as refused:
        store.put(much=bytes(100_000), one=1)
    assert (refused.value.code, store.get("one")) == ("GOR-1704", None)
    store.close()
