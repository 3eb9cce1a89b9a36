"""``gorod demo`` as its users run it: real programs end to end, the proof in JSON, a second run, and the end by a signal."""

import json
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from collector.store.embedded import EmbeddedServer
from install.demo import database
from install.demo.cli import SCENARIOS
from install.demo.counts import rows_by_entity
from tests.fix_console import Console

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
COMMAND = [sys.executable, "-c", "from install.demo.cli import main; raise SystemExit(main())", "demo"]
CITY = ["--schools", "2", "--scale", "0.01"]
ROLES = {
    *("pupil", "parent", "teacher", "class_teacher", "deputy", "secretary", "head", "sysadmin"),
    *("operator", "analyst", "security", "admin"),
}


def demo(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One run to its end."""
    command = [*COMMAND, "--data", str(data), "--lang", "en", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=280)


def left_over(data: Path) -> list[list[str]]:
    """Programs that still work in the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            found.append(process.cmdline())
        except psutil.Error:
            continue  # it ended while we looked
    return [words for words in found if any(str(data) in word for word in words)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of one city, for all runs here."""
    return tmp_path_factory.mktemp("город") / "demo"


@pytest.fixture(scope="module")
def told(data: Path) -> dict[str, Any]:
    """What the first run told."""
    done = demo(data, *CITY, "--exit-when-synced", "--json")
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def description(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "demo.json").read_text("utf-8"))
    return found


def test_the_run_ends_equal_and_tells_it_with_the_keys_of_the_contract(told: dict[str, Any], data: Path) -> None:
    assert set(told) == {
        *("schools", "equal", "rows_source", "rows_centre", "entities", "seconds", "rows_per_second", "portal", "data")
    }
    assert (told["schools"], told["equal"], told["data"]) == (2, True, str(data))
    assert told["rows_source"] == told["rows_centre"] > 3000
    assert all(one["source"] == one["centre"] for one in told["entities"].values())
    assert sum(one["source"] for one in told["entities"].values()) == told["rows_source"]
    assert told["rows_per_second"] > 0
    assert told["portal"].startswith("http://127.0.0.1:")


def test_its_figures_are_those_of_the_schools_own_databases(told: dict[str, Any], data: Path) -> None:
    counted: dict[str, int] = {}
    for school in description(data)["schools"]:
        (organisation,) = {row[0] for row in _query(school["source_url"], "SELECT OrgCode FROM Organisations")}
        for name, rows in rows_by_entity(school["source_url"], organisation).items():
            counted[name] = counted.get(name, 0) + rows
    assert counted == {name: one["source"] for name, one in told["entities"].items()}


def _query(url: str, sql: str) -> list[tuple[Any, ...]]:
    with database.connect(url) as connection:
        return connection.query(sql)


def test_what_it_tells_scripts_is_for_the_owner_alone_and_complete(told: dict[str, Any], data: Path) -> None:
    found = description(data)
    assert stat.S_IMODE((data / "demo.json").stat().st_mode) == 0o600
    assert set(found) == {"portal", "database_url", "collector", "accounts", "schools"}
    assert found["portal"] == told["portal"]
    assert found["database_url"].startswith("postgresql://")
    assert {name: Path(path).exists() for name, path in found["collector"].items()} == {"config": True, "data": True}


def test_there_is_one_account_of_each_role(told: dict[str, Any], data: Path) -> None:
    del told
    found = description(data)
    accounts = found["accounts"]
    assert [one["role"] for one in accounts] == list(dict.fromkeys(one["role"] for one in accounts))
    assert {one["role"] for one in accounts} == ROLES
    assert all(set(one) == {"role", "school", "login", "password", "totp"} for one in accounts)
    schools = {one["id"] for one in found["schools"]}
    assert {one["role"] for one in accounts if one["school"] is None} == {"operator", "analyst", "security", "admin"}
    assert all(one["school"] in schools for one in accounts if one["school"] is not None)


def test_each_school_names_its_source_and_its_agent(told: dict[str, Any], data: Path) -> None:
    del told
    schools = description(data)["schools"]
    assert len(schools) == 2
    for school in schools:
        assert set(school) == {"id", "source_url", "source_write_url", "agent_data", "config"}
        assert Path(school["config"]) == Path(school["agent_data"]) / "agent.toml"
        assert Path(school["config"]).exists()
        assert not (data / "schools" / school["id"] / "code").exists()


def test_nothing_runs_on_after_the_proof(told: dict[str, Any], data: Path) -> None:
    del told
    assert left_over(data) == []


@pytest.mark.parametrize("other", [["--scale", "0.02"], ["--scale", "0.01", "--source", "postgres"]])
def test_another_scale_or_source_in_the_same_folder_is_refused(
    told: dict[str, Any], data: Path, other: list[str]
) -> None:
    del told
    before = (data / "city.json").read_text()
    done = demo(data, "--schools", "2", *other, "--exit-when-synced", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["code"] == "GOR-1008"
    assert (data / "city.json").read_text() == before


@pytest.fixture
def live(told: dict[str, Any], data: Path) -> Iterator[subprocess.Popen[str]]:
    """A second run on the same folder, with living schools."""
    del told
    command = [*COMMAND, "--data", str(data), "--lang", "en", *CITY]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def _until_said(process: subprocess.Popen[str], words: str) -> list[str]:
    """Lines up to the one that begins with these words."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith(words):
            return lines
    raise AssertionError("".join(lines))


def test_a_second_run_continues_with_the_same_city_and_a_signal_ends_it_cleanly(
    live: subprocess.Popen[str], data: Path
) -> None:
    before = description(data)
    said = _until_said(live, "Teachers are entering marks")
    after = description(data)
    assert after["accounts"] == before["accounts"]
    assert after["schools"] == before["schools"]
    assert any(line.startswith("Sign in: login operator") for line in said)
    with urllib.request.urlopen(f"{after['portal']}/healthz", timeout=10) as answer:  # noqa: S310  our own portal
        assert answer.status == 200
    _marks_come(after["schools"])
    live.send_signal(signal.SIGTERM)
    rest, _nothing = live.communicate(timeout=60)
    assert live.returncode == 0, rest
    assert "Traceback" not in rest
    assert left_over(data) == []


def _marks_come(schools: list[dict[str, str]]) -> None:
    """The city lives: something is written in a school within some seconds."""
    sql = (
        "SELECT (SELECT COUNT(*) FROM LoginSessions) + (SELECT COUNT(*) FROM Marks) + (SELECT COUNT(*) FROM Attendance)"
    )

    def written() -> int:
        return sum(_query(one["source_url"], sql)[0][0] for one in schools)

    before, end = written(), time.monotonic() + 30
    while written() == before:
        assert time.monotonic() < end, "nothing happens in the schools"
        time.sleep(0.2)


def test_the_turn_of_the_year_loses_no_mark_and_is_no_alarm(told: dict[str, Any], data: Path) -> None:
    done = demo(data, *CITY, "--exit-when-synced", "--json", "--scenario", "september")
    assert done.returncode == 0, done.stderr[-4000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["equal"] is True
    assert (told["entities"]["mark"]["centre"] > 0, answer["entities"]["mark"]) == (True, {"source": 0, "centre": 0})
    marks = sum(_query(one["source_url"], "SELECT COUNT(*) FROM Marks")[0][0] for one in description(data)["schools"])
    with EmbeddedServer(data / "collector") as server, psycopg.connect(server.url) as centre:
        kept = centre.execute("SELECT count(*) FROM gorod.mark JOIN gorod.closed_year USING (school_id, year_id)")
        assert kept.fetchone() == (marks,)
        kinds = centre.execute("SELECT DISTINCT kind FROM gorod.event").fetchall()
        assert kinds == [("year_closed",)]


@pytest.mark.parametrize(("lang", "word"), [("ru", "есть"), ("en", "choose from")])
def test_an_unknown_scenario_is_refused_with_those_that_are_known(
    console: Console, tmp_path: Path, lang: str, word: str
) -> None:
    said = console("gorod", "demo", "--data", tmp_path / "demo", "--scenario", "october", "--json", GOROD_LANG=lang)
    assert (said.code, said.json["code"]) == (2, "GOR-1016")
    assert "october" in said.json["text"]
    known = said.json["text"].partition(word)[2]
    assert all(name in known for name in SCENARIOS)
    assert "gorod demo --help" in said.err
    assert not (tmp_path / "demo").exists()


@pytest.mark.full
def test_a_city_on_postgresql_ends_equal(tmp_path: Path) -> None:
    done = demo(
        tmp_path / "demo", "--schools", "1", "--scale", "0.01", "--source", "postgres", "--exit-when-synced", "--json"
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout.splitlines()[-1])["equal"] is True
    (school,) = description(tmp_path / "demo")["schools"]
    assert school["source_url"] != school["source_write_url"]
    assert left_over(tmp_path / "demo") == []
