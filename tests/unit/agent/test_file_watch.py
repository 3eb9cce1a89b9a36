"""File events shorten the wait for a change of the school's database; where there are none, waiting goes on as before."""

from __future__ import annotations

import errno
import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest
from watchdog.observers import Observer

from agent.sources.watch import FileWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The school's database."""
    path = tmp_path / "Сетевой город.db"
    path.write_text("0")
    return path


@pytest.fixture
def watch(file: Path) -> Iterator[FileWatch]:
    opened = FileWatch(file)
    yield opened
    opened.close()


def replaced(file: Path) -> None:
    fresh = file.with_name("restored")
    fresh.write_text("1")
    fresh.replace(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("1"),
        lambda file: file.with_name(file.name + "-wal").write_text("1"),
        lambda file: file.with_name(file.name + "-journal").touch(),
        replaced,
        lambda file: file.unlink(),
    ],
    ids=["written", "wal beside it", "journal beside it", "replaced", "deleted"],
)
def test_a_change_ends_the_wait(watch: FileWatch, file: Path, change: Callable[[Path], object]) -> None:
    timer = threading.Timer(0.05, change, [file])
    timer.start()
    began = time.monotonic()
    assert watch.wait(20)
    assert time.monotonic() - began < 10
    timer.join()


def test_other_files_of_the_folder_and_reading_are_no_change(watch: FileWatch, file: Path) -> None:
    watch.wait(0.2)  # the file's own making may still be told
    (file.parent / "other.db").write_text("1")
    file.read_text()
    assert not watch.wait(0.3)


def test_a_change_before_the_wait_ends_it_once(watch: FileWatch, file: Path) -> None:
    watch.wait(0.2)
    file.write_text("1")
    assert watch.wait(10)
    while watch.wait(0.2):  # one write may be told as several events
        pass
    assert not watch.wait(0.1)


def test_without_watches_left_waiting_goes_on_by_the_clock(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_observer: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "start", refuse)
    with caplog.at_level(logging.WARNING):
        watch = FileWatch(file)
    assert [record.getMessage() for record in caplog.records] == [
        "file events are not available: inotify watch limit reached"
    ]
    began = time.monotonic()
    assert not watch.wait(0.1)
    assert time.monotonic() - began >= 0.1
    watch.close()


def test_closing_twice_is_harmless_and_leaves_no_thread(file: Path) -> None:
    before = set(threading.enumerate())
    watch = FileWatch(file)
    begun = set(threading.enumerate()) - before
    assert begun
    watch.close()
    watch.close()
    assert [thread.name for thread in begun if thread.is_alive()] == []
