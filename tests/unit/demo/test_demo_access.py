"""A process without any write right follows a SQLite school while its people write, and leaves no trace."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from install.demo.access import make_readonly, sealed
from install.demo.live import LiveSchool
from tests.fix_demo import NOW, Demo

# The interpreter may live where strangers cannot enter: rights are dropped when everything is loaded.
READ = """
import os, sqlite3, sys
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(connection.execute("SELECT COUNT(*) FROM Marks").fetchone()[0])
try:
    connection.execute("DELETE FROM Marks")
except sqlite3.OperationalError as error:
    print(error)
"""


def read_as_stranger(path: Path) -> list[str]:
    """What another process sees, as ``nobody`` when the tests run as root."""
    command = [sys.executable, "-I", "-c", READ, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that strangers may enter; those of pytest are closed to them."""
    folder = tmp_path / "школа № 1"
    folder.mkdir()
    for parent in [folder, *folder.parents]:
        if "pytest-of-" in str(parent) and parent.stat().st_uid == os.geteuid():
            parent.chmod(0o755)
    return folder


@pytest.fixture
def stranger_school(school: Demo, open_folder: Path) -> Demo:
    """The school's file where strangers may read it."""
    path = open_folder / "journal.db"
    Path(school.url.removeprefix("sqlite:///")).rename(path)
    return Demo(school.spec, f"sqlite:///{path}")


def path_of(school: Demo) -> Path:
    return Path(school.url.removeprefix("sqlite:///"))


def test_a_stranger_reads_a_sealed_school_and_changes_nothing(stranger_school: Demo) -> None:
    path = path_of(stranger_school)
    before = path.read_bytes()
    marks = stranger_school.value("SELECT COUNT(*) FROM Marks")
    with sealed(path):
        listing = sorted(item.name for item in path.parent.iterdir())
        assert path.stat().st_mode & 0o777 == 0o444
        assert read_as_stranger(path) == [str(marks), "attempt to write a readonly database"]
        assert sorted(item.name for item in path.parent.iterdir()) == listing
    assert path.read_bytes() == before


def test_the_seal_ends_with_the_block(stranger_school: Demo) -> None:
    path = path_of(stranger_school)
    modes = [path.stat().st_mode, path.parent.stat().st_mode]
    with sealed(path):
        assert path.parent.stat().st_mode & 0o777 == 0o555
    assert [path.stat().st_mode, path.parent.stat().st_mode] == modes


def test_a_stranger_sees_what_is_written_meanwhile_without_new_files(stranger_school: Demo, rng: random.Random) -> None:
    path = path_of(stranger_school)
    assert make_readonly(stranger_school.url) == stranger_school.url
    with LiveSchool(stranger_school.url, stranger_school.organisation) as live:
        live.step(rng, NOW, "mark")
        listing = sorted(item.name for item in path.parent.iterdir())
        before = int(read_as_stranger(path)[0])
        live.step(rng, NOW, "mark")
        assert int(read_as_stranger(path)[0]) == before + 1
        assert sorted(item.name for item in path.parent.iterdir()) == listing == ["journal.db", "journal.db-journal"]


def test_readers_and_the_writer_wait_for_each_other_instead_of_failing(school: Demo, rng: random.Random) -> None:
    ended = threading.Event()
    failed: list[sqlite3.Error] = []

    def follow() -> None:
        reader = sqlite3.connect(f"file:{path_of(school)}?mode=ro", uri=True, timeout=20)
        try:
            while not ended.is_set():
                reader.execute("SELECT SUM(MarkId) FROM Marks").fetchone()
        except sqlite3.Error as error:
            failed.append(error)
        reader.close()

    thread = threading.Thread(target=follow)
    thread.start()
    with LiveSchool(school.url, school.organisation) as live:
        assert all(live.step(rng, NOW) for _ in range(60))
    ended.set()
    thread.join()
    assert failed == []


def test_the_file_is_no_wal_file_so_that_readers_need_no_shared_memory(school: Demo) -> None:
    connection = sqlite3.connect(path_of(school))
    assert connection.execute("PRAGMA journal_mode").fetchone() != ("wal",)
    connection.close()
