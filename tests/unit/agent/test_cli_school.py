"""The agent's commands as the contract writes them, on an enrolled folder and on none."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.health import STATUS_FILE
from agent.state.database import FileLock
from agent.wiring import LOCK_FILE
from proto.problems import CATALOGUE
from tests.fix_console import Console, Said
from tests.fix_demo import PROFILE
from tests.fix_enrolled import SCHOOL, EnrolledFolder

STATUS = [
    *("school", "state", "connected", "epoch", "acked_seq", "outbox_rows", "outbox_bytes", "last_change_seen"),
    *("fresh_at", "complete_at", "stored_at", "differences", "held", "quarantined", "paused_entities"),
    *("certificate_days", "clock_offset_s", "problem"),
]
PROBLEM = {"code", "class", "text", "next", "at"}


def status(console: Console, folder: EnrolledFolder, *words: str, lang: str = "en") -> Said:
    return console("gorod-agent", "status", "--data", folder.data, *words, GOROD_LANG=lang)


def running(folder: EnrolledFolder, **told: object) -> FileLock:
    """Pretend that an agent runs and has said this of itself."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    usual = dict.fromkeys(STATUS, 0) | {"school": SCHOOL, "state": "ok", "connected": True, "epoch": "00" * 16}
    usual |= {"paused_entities": [], "problem": None, "complete_at": now, "fresh_at": now, "last_change_seen": None}
    usual |= {"stored_at": None, "clock_offset_s": 0.25}
    (folder.data / STATUS_FILE).write_text(json.dumps(usual | told), "utf-8")
    lock = FileLock(folder.data / LOCK_FILE)
    lock.acquire()
    return lock


def test_status_has_the_keys_of_the_contract_before_the_agent_ever_ran(
    console: Console, enrolled_folder: EnrolledFolder
):
    said = status(console, enrolled_folder, "--json")
    assert said.code == 0
    assert list(said.json) == STATUS
    assert (said.json["school"], said.json["state"], said.json["connected"]) == (SCHOOL, "offline", False)
    assert said.json["certificate_days"] == 89
    assert set(said.json["problem"]) == PROBLEM


def test_status_of_a_running_agent_is_what_it_said(console: Console, enrolled_folder: EnrolledFolder):
    lock = running(enrolled_folder, acked_seq=812)
    try:
        said = status(console, enrolled_folder, "--json")
    finally:
        lock.release()
    assert list(said.json) == STATUS
    assert (said.json["state"], said.json["connected"], said.json["acked_seq"]) == ("ok", True, 812)
    assert said.json["problem"] is None


def test_an_agent_that_ended_is_not_shown_as_connected(console: Console, enrolled_folder: EnrolledFolder):
    running(enrolled_folder).release()
    said = status(console, enrolled_folder, "--json")
    assert (said.json["state"], said.json["connected"], said.json["problem"]["code"]) == ("offline", False, "GOR-1705")


@pytest.mark.parametrize(
    ("lang", "first", "second"),
    [
        ("ru", "Школа 23-042: нужно вмешательство.", "GOR-1301: Файл базы NetSchool не найден: D:\\база.db."),
        (
            "en",
            "School 23-042: something must be mended.",
            "GOR-1301: The NetSchool database file is missing: D:\\база.db.",
        ),
    ],
)
def test_status_answers_first_and_then_tells_the_problem_in_the_readers_language(
    console: Console, enrolled_folder: EnrolledFolder, lang: str, first: str, second: str
):
    problem = {"code": "GOR-1301", "class": "source", "text": "…", "next": "…", "details": {"path": "D:\\база.db"}}
    lock = running(enrolled_folder, state="error", problem=problem | {"at": "2026-11-23T09:15:00.000Z"})
    try:
        said = status(console, enrolled_folder, lang=lang)
        told = status(console, enrolled_folder, "--json", lang=lang)
    finally:
        lock.release()
    assert said.out.splitlines()[:2] == [first, second]
    assert set(told.json["problem"]) == PROBLEM


@pytest.mark.parametrize("words", [("status",), ("once",), ("run",)])
def test_an_agent_that_was_never_enrolled_says_what_to_do(console: Console, tmp_path: Path, words: tuple[str, ...]):
    said = console("gorod-agent", *words, "--data", tmp_path, "--json")
    assert (said.code, said.json["code"]) == (1, "GOR-1107")
    assert "gorod-agent setup" in said.json["next"]


def test_once_is_refused_while_the_service_holds_the_lock(console: Console, enrolled_folder: EnrolledFolder):
    lock = running(enrolled_folder)
    try:
        said = console("gorod-agent", "once", "--json", "--data", enrolled_folder.data)
    finally:
        lock.release()
    assert (said.code, said.json["code"]) == (1, "GOR-1703")


def test_a_password_in_the_command_line_is_refused_before_anything_happens(console: Console, tmp_path: Path):
    data = tmp_path / "data"
    said = console("gorod-agent", "enrol", "--source", "postgresql://reader:тайно@host/db", "--data", data)
    assert (said.code, said.err[:8], data.exists()) == (2, "GOR-1004", False)
    assert "тайно" not in said.err


def test_a_code_is_never_taken_from_the_command_line(console: Console):
    assert console("gorod-agent", "enrol", "--source", "sqlite:///x", "--code", "8H3KD").code == 2


def test_without_a_terminal_and_without_a_code_the_other_ways_are_named(console: Console, tmp_path: Path):
    said = console("gorod-agent", "enrol", "--source", "sqlite:///x", "--data", tmp_path)
    assert (said.code, said.err[:8]) == (2, "GOR-1015")
    assert "--code-file" in said.err
    assert "GOROD_CODE" in said.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--code-file", "nowhere"), "GOR-1013"),
        (("--code-file", "{code}", "--source-password-file", "nowhere"), "GOR-1013"),
        (("--code-file", "{code}", "--source", "oracle://host/db"), "GOR-1308"),
        (("--code-file", "{code}", "--source", "sqlite:////nowhere/база 1.db"), "GOR-1301"),
        (("--code-file", "{code}", "--profile", "unheard-of"), "GOR-1401"),
    ],
)
def test_whatever_is_wrong_with_enrol_has_its_code(console: Console, tmp_path: Path, words: tuple[str, ...], code: str):
    (tmp_path / "code").write_text("not a code", "utf-8")
    filled = [word.format(code=tmp_path / "code") for word in words]
    said = console("gorod-agent", "enrol", "--source", "sqlite:///x", *filled, "--data", tmp_path, "--json")
    assert (said.code, said.json["code"]) == (1, code)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_can_be_explained(console: Console, code: str):
    said = console("gorod-agent", "explain", code.lower(), "--json", GOROD_LANG="ru")
    assert (said.code, said.json["code"], set(said.json)) == (0, code, PROBLEM)


def test_a_code_that_does_not_exist_is_a_wrong_use(console: Console):
    assert console("gorod-agent", "explain", "GOR-9999").code == 2


def test_a_tls_interceptor_comes_with_a_letter_in_the_readers_language(console: Console):
    assert "Письмо провайдеру" in console("gorod-agent", "explain", "GOR-1203", GOROD_LANG="ru").out
    assert "Letter to the provider" in console("gorod-agent", "explain", "GOR-1203").out


def test_the_survey_holds_no_values(console: Console, enrolled_folder: EnrolledFolder):
    said = console("gorod-agent", "profile", "survey", "--data", enrolled_folder.data, "--json")
    assert said.code == 0
    assert len(said.json["tables"]) == 29
    assert "Светлоозёрск" not in said.out


def test_the_check_of_a_fitting_profile_passes_whole(console: Console, enrolled_folder: EnrolledFolder):
    said = console("gorod-agent", "profile", "check", "--data", enrolled_folder.data, GOROD_LANG="ru")
    assert said.code == 0
    assert said.out.splitlines()[-1] == f"соответствие проверено: {len(PROFILE['entity'])} из {len(PROFILE['entity'])}"


def test_the_preview_names_what_leaves_and_what_stays(console: Console, enrolled_folder: EnrolledFolder):
    said = console("gorod-agent", "profile", "preview", "--data", enrolled_folder.data)
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0] == "organization"
    assert lines[1].startswith("  leaves: id, code")
    assert "Organisations.BankAccount" in lines[2]
