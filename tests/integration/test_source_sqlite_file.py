"""SQLite without a trace: what is refused before the file is opened, and that reading leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.profile_check import check_entity
from agent.sources import sqlite_file
from agent.sources.base import Options, Source, Window
from agent.sources.sqlite import SqliteSource
from proto.problems import Problem
from tests.contract.source_rows import INSERT_KIND, INSERT_PERSON, INSERT_SUBJECT, KIND, PERSON, SUBJECT, subject
from tests.contract.vendors import ORGANISATION, SqliteVendor

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = Window()
ROOT = Path(__file__).parents[2]
ODD_NAMES = ["Сетевой город 1.db", "100%.db", "it's.db", 'a"b.db', "a?b.db", "a#b.db", "a%20b.db", "a&b=c.db"]

# Runs in a process of its own: imports first, then gives up every right, then reads as the agent does and tries to write.
UNPRIVILEGED = """
import json, os, sqlite3, sys
from agent.profile_check import check
from agent.sources.base import Options, Window
from agent.sources.factory import open_source
from agent.sources.sqlite_file import uri_of
from pathlib import Path
from tests.contract.vendors import ORGANISATION, profile
import sqlalchemy.dialects.sqlite, watchdog.observers, agent.sources.watch
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
path = Path(sys.argv[1])
source = open_source(Options(f"sqlite:///{path}", ORGANISATION))
subjects = profile().entity("subject")
seen = source.page(subjects, None, 100, Window()).keys
print(json.dumps(seen), flush=True)
sys.stdin.readline()
again = source.page(subjects, None, 100, Window()).keys
result = {"again": again, "by_keys": source.by_keys(subjects, ["2"]).keys, "mark": source.hint_mark(subjects), "passed": check(profile(), source).passed,
          "tables": len(source.describe().tables), "waited": source.wait(0.05)}
refused = []
for attempt in (lambda: path.open("r+b"), lambda: path.with_name("new").open("wb"), lambda: sqlite3.connect(path).execute("DELETE FROM Subjects")):
    try:
        attempt()
        refused.append(False)
    except (OSError, sqlite3.Error):
        refused.append(True)
print(json.dumps(result | {"refused": refused, "folder": sorted(os.listdir(path.parent))}))
"""


@pytest.fixture
def vendor(tmp_path: Path) -> SqliteVendor:
    found = SqliteVendor(tmp_path / "school.db")
    found.execute(INSERT_SUBJECT, subject(1), subject(2))
    return found


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an unprivileged process can reach."""
    folder = Path(tempfile.mkdtemp(prefix="gorod-source-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def options(path: Path | str) -> Options:
    return Options(f"sqlite:///{path}", ORGANISATION, lock_timeout_s=0.1)


def refusal(source: Source) -> str:
    with pytest.raises(Problem) as caught:
        source.page(SUBJECT, None, 10, WHOLE)
    source.close()
    assert all(caught.value.text(lang) and caught.value.next_step(lang) for lang in ("ru", "en"))
    assert "…" not in caught.value.text("ru")
    return caught.value.code


def keys(source: Source) -> list[str]:
    return source.page(SUBJECT, None, 10, WHOLE).keys


def wal(vendor: SqliteVendor) -> sqlite3.Connection:
    """A vendor's program that keeps the database open in WAL mode."""
    connection = sqlite3.connect(vendor.path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("UPDATE Subjects SET Name = 'x'")
    connection.commit()
    return connection


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_path_can_be_read_and_waited_for(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "Моя школа №1"
    folder.mkdir()
    SqliteVendor(folder / name).execute(INSERT_SUBJECT, subject(1))
    source = SqliteSource(options(folder / name))
    assert keys(source) == ["1"]
    source.wait(0)
    assert [file.name for file in folder.iterdir()] == [name]
    source.close()


def test_a_percent_encoded_address_is_understood(tmp_path: Path) -> None:
    SqliteVendor(tmp_path / "my school.db").execute(INSERT_SUBJECT, subject(1))
    source = SqliteSource(options(str(tmp_path / "my%20school.db")))
    assert keys(source) == ["1"]
    source.close()


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    assert refusal(SqliteSource(options(tmp_path / "none.db"))) == "GOR-1301"
    assert refusal(SqliteSource(options(tmp_path / "no folder" / "none.db"))) == "GOR-1301"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"SQLite", b"PK\x03\x04" * 100, b"\0" * 4096])
def test_what_is_no_database_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    assert refusal(SqliteSource(options(tmp_path / "a.db"))) == "GOR-1302"


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert refusal(SqliteSource(options(tmp_path))) == "GOR-1302"


def test_a_damaged_database_is_said_to_be_damaged(vendor: SqliteVendor) -> None:
    data = vendor.path.read_bytes()
    vendor.path.write_bytes(data[:100] + os.urandom(len(data) - 100))
    assert refusal(SqliteSource(options(vendor.path))) == "GOR-1302"


def test_an_empty_file_and_a_database_without_tables_are_empty(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    assert refusal(SqliteSource(options(tmp_path / "a.db"))) == "GOR-1303"
    with sqlite3.connect(tmp_path / "b.db") as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert refusal(SqliteSource(options(tmp_path / "b.db"))) == "GOR-1303"


def test_a_file_without_read_right_is_named(vendor: SqliteVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(sqlite_file.os, "open", refuse)
    assert refusal(SqliteSource(options(vendor.path))) == "GOR-1305"


def test_wal_without_its_files_is_waited_for_and_nothing_is_made(vendor: SqliteVendor) -> None:
    wal(vendor).close()
    before = sorted(vendor.path.parent.iterdir())
    source = SqliteSource(options(vendor.path))
    assert refusal(source) == "GOR-1306"
    assert sorted(vendor.path.parent.iterdir()) == before
    program = wal(vendor)
    assert keys(source) == ["1", "2"]
    source.close()
    program.close()


def test_wal_on_a_network_share_is_refused_in_words(vendor: SqliteVendor) -> None:
    program = wal(vendor)
    assert refusal(SqliteSource(options(vendor.path), filesystem=lambda _path: "cifs")) == "GOR-1307"
    program.close()


def test_a_rollback_journal_on_a_network_share_is_read(vendor: SqliteVendor) -> None:
    source = SqliteSource(options(vendor.path), filesystem=lambda _path: "nfs4")
    assert keys(source) == ["1", "2"]
    source.close()


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    mounts = "a / ext4 rw 0 0\nb /net ext4 rw 0 0\n//s/x /net/my\\040share cifs rw 0 0\nd /net/my nfs rw 0 0\n"
    kinds = {
        path: sqlite_file.filesystem_of(Path(path), mounts)
        for path in ("/net/my share/a.db", "/net/myself/a.db", "/net/my/a.db", "/a.db")
    }
    assert list(kinds.values()) == ["cifs", "ext4", "nfs", "ext4"]
    assert sqlite_file.is_network("cifs")
    assert sqlite_file.is_network("fuse.sshfs")
    assert not sqlite_file.is_network("fuse.ext4")


def test_a_write_that_was_cut_short_is_not_repaired_by_us(vendor: SqliteVendor) -> None:
    """A hot journal: SQLite would roll it back on opening, which is writing."""
    program = sqlite3.connect(vendor.path)
    program.execute("PRAGMA cache_size = 1")
    program.execute("BEGIN IMMEDIATE")
    program.executemany(INSERT_SUBJECT, (subject(number, "x" * 900) for number in range(10, 200)))
    shutil.copy(vendor.path, vendor.path.with_name("cut.db"))
    shutil.copy(f"{vendor.path}-journal", vendor.path.with_name("cut.db-journal"))
    program.rollback()
    program.close()
    cut = vendor.path.with_name("cut.db")
    before = cut.read_bytes(), cut.with_name("cut.db-journal").read_bytes()
    assert refusal(SqliteSource(options(cut))) == "GOR-1310"
    assert (cut.read_bytes(), cut.with_name("cut.db-journal").read_bytes()) == before


def test_a_file_replaced_under_an_open_connection_is_seen(vendor: SqliteVendor) -> None:
    source = SqliteSource(options(vendor.path))
    before = source.page(SUBJECT, None, 10, WHOLE)
    other = SqliteVendor(vendor.path.with_name("other.db"))
    other.execute(INSERT_SUBJECT, subject(7))
    other.path.replace(vendor.path)
    after = source.page(SUBJECT, None, 10, WHOLE)
    assert (before.keys, after.keys) == (["1", "2"], ["7"])
    assert before.origin.incarnation != after.origin.incarnation
    source.close()


def test_a_file_replaced_in_the_middle_of_a_page_is_read_again(
    vendor: SqliteVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SqliteSource(options(vendor.path))
    source.page(SUBJECT, None, 10, WHOLE)
    other = SqliteVendor(vendor.path.with_name("other.db"))
    other.execute(INSERT_SUBJECT, subject(7))
    read = source._rows

    def replaced_while_reading(*arguments: object) -> object:
        if other.path.exists():
            other.path.replace(vendor.path)
        return read(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(source, "_rows", replaced_while_reading)
    page = source.page(SUBJECT, None, 10, WHOLE)
    assert page.keys == ["7"]
    assert page.origin == source.origin()
    source.close()


def test_a_backup_copied_over_the_file_goes_back_in_position(vendor: SqliteVendor) -> None:
    shutil.copy(vendor.path, vendor.path.with_suffix(".bak"))
    vendor.execute(INSERT_SUBJECT, subject(3))
    source = SqliteSource(options(vendor.path))
    before = source.page(SUBJECT, None, 10, WHOLE).origin
    shutil.copyfile(vendor.path.with_suffix(".bak"), vendor.path)
    after = source.page(SUBJECT, None, 10, WHOLE)
    assert after.keys == ["1", "2"]
    assert after.origin.incarnation == before.incarnation
    assert after.origin.position < before.position
    source.close()


def test_the_connection_refuses_everything_but_reading(vendor: SqliteVendor) -> None:
    source = SqliteSource(options(vendor.path))
    source.connect()
    for statement in (
        "DELETE FROM Subjects",
        "CREATE TEMP TABLE t (a)",
        "CREATE TABLE t (a)",
        "ATTACH ':memory:' AS m",
        "VACUUM",
        "DROP TABLE Subjects",
        "INSERT INTO Subjects (SubjectId, OrgCode) VALUES (9, 'x')",
    ):
        with pytest.raises(Problem):
            source._values("subject", statement, source._bound())
    source.close()
    assert len(list(vendor.path.parent.iterdir())) == 1


def test_text_that_is_not_utf8_makes_its_row_unfit_and_no_other(vendor: SqliteVendor) -> None:
    with vendor.transaction() as connection:
        connection.execute("UPDATE Subjects SET Name = CAST(x'd0ff' AS TEXT) WHERE SubjectId = 2")
    source = SqliteSource(options(vendor.path))
    rows = source.page(SUBJECT, None, 10, WHOLE).rows
    assert [row[1] for row in rows] == ["Алгебра", "\udcd0\udcff"]
    assert [row[1] for row in source.page(SUBJECT, ("0",), 10, WHOLE).rows] == ["Алгебра", "\udcd0\udcff"]
    source.close()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_an_unprivileged_process_reads_all_and_leaves_the_folder_as_it_was(open_folder: Path, mode: str) -> None:
    """Files 0444 in a folder 0555; in WAL mode with the vendor's program running, as it does while a school works."""
    vendor = SqliteVendor(open_folder / "Сетевой город.db")
    program = sqlite3.connect(vendor.path)
    program.execute(f"PRAGMA journal_mode = {mode}")
    program.executemany(INSERT_SUBJECT, [subject(1), subject(2)])
    program.commit()
    for file in open_folder.iterdir():
        file.chmod(0o444)
    open_folder.chmod(0o555)
    before = sorted(file.name for file in open_folder.iterdir())
    reader = subprocess.Popen(
        [sys.executable, "-c", UNPRIVILEGED, str(vendor.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == '["1", "2"]\n'
    open_folder.chmod(0o755)
    program.executemany(INSERT_SUBJECT, [subject(3)])
    program.commit()
    open_folder.chmod(0o555)
    out, _ = reader.communicate("\n", timeout=30)
    found = json.loads(out)
    assert found["again"] == ["1", "2", "3"]
    assert (found["by_keys"], found["tables"], found["refused"]) == (["2"], 7, [True, True, True])
    assert found["passed"] == 6
    assert found["folder"] == before == sorted(file.name for file in open_folder.iterdir())
    program.close()


def test_guids_spelled_in_mixed_case_are_refused_by_the_check(vendor: SqliteVendor) -> None:
    """A re-read by key looks for the usual spellings; a row in another one would be taken for deleted."""
    vendor.execute(INSERT_PERSON, ("{00000000-0000-0000-0000-0000000000AB}", ORGANISATION, "x", None, None, None))
    source = SqliteSource(options(vendor.path))
    assert check_entity(PERSON, source).ok
    vendor.execute(INSERT_PERSON, ("00000000-0000-0000-0000-0000000000cD", ORGANISATION, "x", None, None, None))
    assert [problem.details["cause"] for problem in check_entity(PERSON, source).problems] == [
        "person: key_type = guid: 1/2"
    ]
    source.close()


def test_one_guid_in_two_spellings_is_a_duplicate(vendor: SqliteVendor) -> None:
    for text in ("00000000-0000-0000-0000-0000000000ab", "00000000-0000-0000-0000-0000000000AB"):
        vendor.execute(INSERT_PERSON, (text, ORGANISATION, "x", None, None, None))
    source = SqliteSource(options(vendor.path))
    assert [problem.code for problem in check_entity(PERSON, source).problems] == ["GOR-1406"]
    source.close()


def test_a_source_that_takes_a_for_capital_a_returns_the_other_row_under_its_own_key(vendor: SqliteVendor) -> None:
    vendor.execute(INSERT_KIND, ("A", ORGANISATION, "x"))
    source = SqliteSource(options(vendor.path))
    assert source.by_keys(KIND, ["a"]).keys == ["A"]
    source.close()


def test_keys_that_the_source_takes_for_equal_are_returned_once_however_asked(vendor: SqliteVendor) -> None:
    vendor.execute(INSERT_KIND, ("A", ORGANISATION, "x"), ("a", ORGANISATION, "y"))
    source = SqliteSource(options(vendor.path))
    asked = ["a", *(f"k{number}" for number in range(600)), "A"]
    assert sorted(source.by_keys(KIND, asked).keys) == ["A", "a"]
    source.close()


def test_keys_that_differ_in_case_only_are_no_duplicates_and_both_are_paged(vendor: SqliteVendor) -> None:
    vendor.execute(INSERT_KIND, ("A", ORGANISATION, "x"), ("a", ORGANISATION, "y"), ("b", ORGANISATION, "z"))
    source = SqliteSource(options(vendor.path))
    assert sorted(source.page(KIND, None, 1, WHOLE).keys) == ["A", "a"]
    assert source.repeated(KIND, 10) == 0
    source.close()
