"""A NetSchool database that is not as it should be: told with a code in both languages, and everything that can go on goes on."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from install.demo.desk import Clock
from tests.acceptance.processes import refused, refused_in_both_languages
from tests.acceptance.test_faults_source import ask_for_a_full_sweep
from tests.acceptance.world import Source

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.world import School

pytestmark = [pytest.mark.acceptance, pytest.mark.integration]


def now() -> datetime:
    return datetime.now(UTC)


def problems_in(told: Any) -> list[dict[str, str]]:
    """Every problem object in the answer of a command."""
    if isinstance(told, dict):
        found = [told] if str(told.get("code", "")).startswith("GOR-") else []
        return found + [one for value in told.values() for one in problems_in(value)]
    return [one for value in told for one in problems_in(value)] if isinstance(told, list) else []


def told_everywhere(school: School, code: str) -> None:
    """At the school in both languages, and at the department."""
    school.until_problem(code)
    for lang in ("ru", "en"):
        refused(school.command("status", lang=lang).ok()["problem"], code)
    school.until(lambda: (school.state_of_centre()["problem"] or {}).get("code") == code, "told at the department")


# ---- before anything was read


@pytest.fixture
def stranger(new_school: Callable[..., School]) -> Callable[[Path | str], School]:
    """A school that is not enrolled, with this for its source."""

    def make(path: Path | str) -> School:
        url = path if isinstance(path, str) else f"sqlite:///{path}"
        return new_school(Source(url, url, "42001"), enrol=False)

    return make


def test_a_missing_file_is_refused(stranger: Callable[..., School], tmp_path: Path) -> None:
    school = stranger(tmp_path / "нет такой.db")
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1301")


def test_an_empty_file_is_refused(stranger: Callable[..., School], tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    school = stranger(tmp_path / "empty.db")
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1303")


def test_a_file_that_is_no_database_is_refused(stranger: Callable[..., School], tmp_path: Path) -> None:
    (tmp_path / "letter.doc").write_bytes(b"Dear colleagues, " * 100)
    school = stranger(tmp_path / "letter.doc")
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1302")


def test_a_file_without_the_right_to_read_is_refused(
    stranger: Callable[..., School], source_files: dict[int, Path], tmp_path: Path
) -> None:
    shutil.copyfile(source_files[1], tmp_path / "closed.db")
    (tmp_path / "closed.db").chmod(0)
    school = stranger(tmp_path / "closed.db")
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1305")


def test_an_unknown_kind_of_database_is_refused(stranger: Callable[..., School]) -> None:
    school = stranger("oracle://server/netschool")
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1308")


def test_a_database_of_an_unknown_version_is_refused(stranger: Callable[..., School], tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE Customers (Id INTEGER PRIMARY KEY)")
    school = stranger(tmp_path / "other.db")
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1410")


def test_a_wal_database_whose_files_are_missing_is_waited_for_and_none_is_made(
    stranger: Callable[..., School], source_files: dict[int, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "wal"
    folder.mkdir()
    shutil.copyfile(source_files[1], folder / "netschool.db")
    with closing(sqlite3.connect(folder / "netschool.db")) as vendor:
        vendor.execute("PRAGMA journal_mode = WAL")
    school = stranger(folder / "netschool.db")
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1306")
    assert [item.name for item in folder.iterdir()] == ["netschool.db"]


# ---- while the agent runs


def test_any_character_may_stand_in_the_path(
    new_school: Callable[..., School], new_source: Callable[..., Source], rng: random.Random
) -> None:
    """A Cyrillic path with blanks and the characters that addresses are made of."""
    school = new_school(new_source(1, "Сетевой город 100% №1 ?a=b#c&d.db")).start().complete()
    school.source.live(rng, 5)
    school.until_same()


def test_a_file_that_vanishes_is_told_and_read_on_when_it_is_back(synced: School, rng: random.Random) -> None:
    path = synced.source.path
    assert path
    away = path.parent.parent / "away.db"
    rows = synced.state_of_centre()["rows"]
    synced.source.unseal()
    path.rename(away)
    told_everywhere(synced, "GOR-1301")
    assert synced.state_of_centre()["rows"] == rows
    away.rename(path)
    synced.source.seal()
    synced.source.live(rng, 5)
    synced.until_same()
    synced.until(lambda: not synced.problem(), "no problem any more")


def test_a_locked_file_is_told_and_read_on_when_it_is_free(synced: School, rng: random.Random) -> None:
    with synced.source.unsealed(), closing(sqlite3.connect(str(synced.source.path), isolation_level=None)) as hung:
        hung.execute("PRAGMA journal_mode = TRUNCATE")
        hung.execute("BEGIN EXCLUSIVE")
        told_everywhere(synced, "GOR-1304")
        hung.execute("ROLLBACK")
    synced.source.live(rng, 5)
    synced.until_same()
    synced.until(lambda: not synced.problem(), "no problem any more")


@pytest.mark.parametrize(
    ("break_it", "mend_it", "missing"),
    [
        (
            "ALTER TABLE Announcements RENAME COLUMN Title TO Header",
            "ALTER TABLE Announcements RENAME COLUMN Header TO Title",
            "Title",
        ),
        ("ALTER TABLE Announcements RENAME TO News", "ALTER TABLE News RENAME TO Announcements", "Announcements"),
    ],
    ids=["column", "table"],
)
def test_a_lost_column_or_table_pauses_its_entity_alone(
    synced: School, rng: random.Random, break_it: str, mend_it: str, missing: str
) -> None:
    with synced.source.vendor() as vendor:
        vendor.execute(break_it)
    told_everywhere(synced, "GOR-1403")
    told = synced.command("status", lang="en").ok()
    assert told["paused_entities"] == ["announcement"]
    assert missing in told["problem"]["text"]
    assert synced.state_of_centre()["paused_entities"] == ["announcement"]
    with synced.source.people() as people:
        for action in ("mark", "attendance", "visit") * 3:
            people.step(rng, now(), action)
    synced.until(lambda: synced.agrees() and not synced.differences_but("announcement"), "the others go on")
    with synced.source.vendor() as vendor:
        vendor.execute(mend_it)
    ask_for_a_full_sweep(synced)
    synced.until_same()
    synced.until(lambda: not synced.status()["paused_entities"], "goes on")


def keyless(source: Source) -> None:
    """Subjects lose their primary key; then one has no key at all, and one has another's."""
    with source.vendor() as vendor:
        made = vendor.value("SELECT sql FROM sqlite_master WHERE name = 'Subjects'")
        loose = re.sub(r"NOT NULL|,\s*PRIMARY KEY \([^)]*\)|WITHOUT ROWID", "", made).replace("Subjects", "Loose", 1)
        for statement in (
            loose,
            "INSERT INTO Loose SELECT * FROM Subjects",
            "DROP TABLE Subjects",
            "ALTER TABLE Loose RENAME TO Subjects",
        ):
            vendor.execute(statement)
        copy = "INSERT INTO Subjects SELECT OrgCode, {key}, AreaId, 'Новый', Code, GradingKind, ? FROM Subjects WHERE OrgCode = ? LIMIT 1"
        for key in ("NULL", "SubjectId"):
            vendor.execute(copy.format(key=key), Clock.at(now()).stamp, source.organisation)


def test_rows_without_a_key_and_repeated_keys_are_told_and_the_others_go_on(synced: School, rng: random.Random) -> None:
    keyless(synced.source)
    ask_for_a_full_sweep(synced)
    # While the vendor swaps the table it is missing for a moment (GOR-1403); what stays is the problem of its keys.
    synced.until(lambda: synced.problem() in ("GOR-1405", "GOR-1406"), "told", patience_s=15)
    assert synced.status()["paused_entities"] == ["subject"]
    synced.source.live(rng, 10)
    synced.until(lambda: synced.agrees() and not synced.differences_but("subject"), "the others go on")
    for lang in ("ru", "en"):
        done = synced.command("profile", "check", lang=lang)
        assert done.code == 1
        told = {one["code"] for one in problems_in(done.told)}
        assert {"GOR-1405", "GOR-1406"} <= told, done.told
