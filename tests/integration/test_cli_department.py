"""The collector's commands as the contract writes them, on a real store."""

import itertools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from collector.config import read_settings
from collector.department import Department
from collector.store.embedded import EmbeddedServer
from proto.enrolment import parse_code
from tests.fix_console import Console, Said

pytestmark = pytest.mark.integration
NUMBERS = itertools.count(1)
ENVIRON = {
    "GOROD_COLLECTOR_ENROL_PUBLIC": "enrol.example.org:443",
    "GOROD_COLLECTOR_SYNC_PUBLIC": "sync.example.org:443",
}
STATUS = {
    *("school", "state", "connected", "epoch", "acked_seq", "outbox_rows", "outbox_bytes", "last_change_seen"),
    *("fresh_at", "complete_at", "stored_at", "differences", "held", "quarantined", "paused_entities"),
    *("certificate_days", "clock_offset_s", "problem", "name", "level", "rows", "agent_version", "last_seen"),
}


@pytest.fixture(scope="module")
def founded(
    postgres: EmbeddedServer, store_template: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """A collector's folder and environment; the logins belong to the whole server, so their passwords are shared."""
    data = tmp_path_factory.mktemp("Сборщик")
    (data / "roles.json").write_text(json.dumps(store_template), "utf-8")
    environ = ENVIRON | {"GOROD_COLLECTOR_DATABASE_URL": postgres.create_database("cli", template="store_template")}
    Department.initialise(data, read_settings(None, environ)).close()
    return data, environ


Run = Callable[..., Said]


@pytest.fixture
def run(console: Console, founded: tuple[Path, dict[str, str]]) -> Run:
    """Run a command of the collector, by its words in one line, with ``--json`` unless it is for people."""
    data, environ = founded

    def collector(line: str, *words: str, people: str = "", **more: str) -> Said:
        shown = [] if people else ["--json"]
        return console(
            "gorod-collector",
            *line.split(),
            *words,
            "--data",
            data,
            *shown,
            **environ | more,
            GOROD_LANG=people or "en",
        )

    return collector


@pytest.fixture
def school(run: Run) -> str:
    """A school of the test's own; its id."""
    name = f"42-{next(NUMBERS):03}"
    assert run(f"school add {name}", "--name", "Школа № 42", "--organisation", "42001").code == 0
    return name


def test_init_may_be_repeated_and_tells_what_agents_need(run: Run):
    first, second = run("init"), run("init")
    assert (first.code, first.json) == (0, second.json)
    assert set(first.json) == {"ca_pin", "sync_public", "enrol_public"}
    assert (first.json["enrol_public"], first.json["sync_public"]) == ("enrol.example.org:443", "sync.example.org:443")


def test_init_writes_the_portals_settings_for_its_eyes_only(run: Run, founded: tuple[Path, dict[str, str]]):
    run("init")
    file = founded[0] / "portal.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "gorod_portal" in file.read_text("utf-8")


def test_a_school_is_added_once(run: Run, school: str):
    again = run(f"school add {school}", "--name", "Другая")
    assert (again.code, again.json["code"]) == (1, "GOR-1012")


@pytest.mark.parametrize(("words", "cause"), [(("№ 42",), "латинские"), (("42", "--zone", "Moscow"), "часового пояса")])
def test_a_school_that_does_not_fit_is_told_why_in_the_readers_language(run: Run, words: tuple[str, ...], cause: str):
    said = run("school add", *words, "--name", "N", people="ru")
    assert said.code == 2
    assert cause in said.err


@pytest.mark.parametrize("separator", [",", ";"])
def test_schools_of_a_csv_file_are_added_together(run: Run, tmp_path: Path, separator: str):
    first, second = (f"csv-{next(NUMBERS)}" for _ in range(2))
    rows = [("id", "name", "kind"), (first, "Школа", ""), (second, "Дворец", "addl_edu")]
    file = tmp_path / "schools.csv"
    file.write_text("\ufeff" + "\r\n".join(separator.join(row) for row in rows), "utf-8")
    said = run("school add", "--from", str(file))
    assert [(one["id"], one["kind"]) for one in said.json] == [(first, "school"), (second, "addl_edu")]


@pytest.mark.parametrize("last", ["№ 42,Школа", "{first},Снова", "x,Школа,university"])
def test_one_wrong_line_of_a_csv_file_adds_nothing(run: Run, tmp_path: Path, last: str):
    first = f"csv-{next(NUMBERS)}"
    file = tmp_path / "schools.csv"
    file.write_text(f"id,name,kind\n{first},Школа,school\n{last.format(first=first)}\n", "utf-8")
    assert run("school add", "--from", str(file)).code != 0
    assert first not in {one["id"] for one in run("school list").json}


@pytest.mark.parametrize("text", ["", "name\nШкола\n", "номер;название\n1;Школа\n"])
def test_a_csv_file_without_its_columns_is_refused(run: Run, tmp_path: Path, text: str):
    (tmp_path / "schools.csv").write_text(text, "utf-8")
    said = run("school add", "--from", str(tmp_path / "schools.csv"))
    assert (said.code, said.json["code"]) == (1, "GOR-1013")


def test_token_prints_only_the_code(run: Run, school: str):
    said = run(f"school token {school}", people="ru")
    (code,) = said.out.splitlines()
    assert (said.code, said.err) == (0, "")
    assert parse_code(code).address == "enrol.example.org:443"


def test_token_with_json_says_for_whom_and_until_when(run: Run, school: str):
    told = run(f"school token {school}").json
    assert set(told) == {"school", "code", "expires_at"}
    assert told["school"] == school
    life = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=13, hours=23) < life < timedelta(days=14, seconds=5)


def test_tokens_for_all_schools_come_one_a_line(run: Run, school: str):
    lines = [line.split("\t") for line in run("school token", "--all", people="en").out.splitlines()]
    assert school in dict(lines)
    assert len({code for _school, code in lines}) == len(lines)


def test_list_and_show_know_the_school(run: Run, school: str):
    assert school in {one["id"] for one in run("school list").json}
    shown = run(f"school show {school}").json
    assert (shown["id"], shown["name"], shown["organisation"]) == (school, "Школа № 42", "42001")


def test_an_unknown_school_is_named(run: Run):
    for command in ("show", "token", "revoke", "resync"):
        said = run(f"school {command} unheard-of")
        assert (said.code, said.json["code"]) == (1, "GOR-1011"), command
        assert run(f"school {command}", "№ 42").json["code"] == "GOR-1011", command


def test_status_has_the_keys_of_the_contract(run: Run, school: str):
    said = run("status")
    assert said.code == 0
    assert set(said.json) == {"schools", "totals", "last_good_restore"}
    assert set(said.json["totals"]) == {"ok", "late", "silent", "error"}
    (mine,) = [one for one in said.json["schools"] if one["school"] == school]
    assert set(mine) == STATUS
    assert (mine["state"], mine["level"], mine["connected"]) == ("offline", "silent", False)


def test_status_answers_in_its_first_line(run: Run, school: str):
    lines = run("status", people="ru").out.splitlines()
    assert re.fullmatch(r"0 из \d+ школ[ы]? в порядке, молчат: \d+\.", lines[0])
    assert any(school in line and "○ молчит" in line for line in lines)


def test_a_revoked_school_gets_no_more_codes(run: Run, school: str):
    assert run(f"school revoke {school}").json == {"school": school, "revoked": []}
    lines = run("school token", "--all", people="en").out.splitlines()
    assert [line for line in lines if line.startswith(f"{school}\t")] == []


def test_verify_fails_for_a_school_that_never_proved_anything(run: Run, school: str):
    said = run(f"verify --school {school}")
    assert said.code == 1
    assert said.json["ok"] is False
    (one,) = said.json["schools"]
    assert set(one) == {"school", "equal", "chain", "rows", "differences"}


def test_quarantine_of_a_quiet_city_is_empty(run: Run, school: str):
    assert run(f"quarantine list --school {school}").json == []
    assert run("quarantine list", "--school", school, people="ru").out == "пусто\n"


def test_a_confirmation_needs_something_to_confirm(run: Run, school: str):
    assert run(f"school confirm {school} --identity").json["code"] == "GOR-1010"
    assert run(f"school confirm {school} --entity marks --rows 5").json["code"] == "GOR-1010"
    assert run(f"school confirm {school} --entity mark --rows 5").json["rows"] == 5


def test_accounts_are_added_listed_and_disabled(run: Run, tmp_path: Path):
    (tmp_path / "password").write_text("длинный пароль для пробы\n", "utf-8")
    added = run("user add anna --role admin", "--password-file", str(tmp_path / "password"))
    assert added.code == 0
    keys = {"login", "role", "schools", "second_factor", "created_at", "signed_in_at", "disabled_at"}
    (mine,) = [one for one in run("user list").json if one["login"] == "anna"]
    assert set(mine) == keys
    assert run("user disable anna").json["disabled_at"] is not None
    assert "anna" in run("user list", people="ru").out


@pytest.mark.parametrize(
    ("words", "password", "code"),
    [
        ("user add boris --role boss", "длинный пароль для пробы", "GOR-1904"),
        ("user add boris --role teacher", "длинный пароль для пробы", "GOR-1905"),
        ("user add boris --role admin --school 42", "длинный пароль для пробы", "GOR-1907"),
        ("user add boris --role admin", "коротко", "GOR-1903"),
        ("user add boris --role admin", "пароль123456", "GOR-1910"),
        ("user reset nobody", "длинный пароль для пробы", "GOR-1902"),
    ],
)
def test_an_account_that_does_not_fit_is_told_why(run: Run, words: str, password: str, code: str):
    said = run(words, GOROD_PASSWORD=password)
    assert (said.code, said.json["code"]) == (1, code)
    assert password not in said.err


@pytest.mark.parametrize(("people", "words"), [("ru", "легко угадать"), ("en", "easily guessed")])
def test_a_leaked_password_is_refused_at_a_reset_and_the_old_one_stays(
    run: Run, tmp_path: Path, founded: tuple[Path, dict[str, str]], people: str, words: str
):
    login = f"vera-{people}"
    run(f"user add {login} --role admin", GOROD_PASSWORD="длинный пароль для пробы")
    (tmp_path / "password").write_text("P@ssw0rd2026!\n", "utf-8")
    with psycopg.connect(founded[1]["GOROD_COLLECTOR_DATABASE_URL"]) as owner:
        before = owner.execute("SELECT password_hash FROM gorod.account WHERE login = %s", [login]).fetchall()
    said = run(f"user reset {login}", "--password-file", str(tmp_path / "password"), people=people)
    assert (said.code, said.err[:8]) == (1, "GOR-1910")
    assert words in said.err
    assert len(said.err.strip().splitlines()) == 2  # the sentence and the next step
    assert "P@ssw0rd" not in said.err + said.out
    with psycopg.connect(founded[1]["GOROD_COLLECTOR_DATABASE_URL"]) as owner:
        after = owner.execute("SELECT password_hash FROM gorod.account WHERE login = %s", [login]).fetchall()
    assert (len(before), after) == (1, before)


def test_keys_are_listed_without_their_secrets(run: Run, school: str, founded: tuple[Path, dict[str, str]]):
    said = run("key list")
    assert {"master", "seal", "fingerprint"} <= {one["kind"] for one in said.json}
    assert school in {one["school"] for one in said.json}
    assert (founded[0] / "keys/master").read_text("utf-8").strip() not in said.out


def test_profiles_that_ship_are_known_by_schema(run: Run):
    (demo,) = [one for one in run("profile list").json if one["name"] == "demo"]
    assert demo["schemas"]
    assert run("profile show demo").json["toml"].startswith("#")
    assert run("profile show unheard-of").json["code"] == "GOR-1401"


def test_a_database_that_does_not_answer_is_told(run: Run):
    said = run(
        "status",
        GOROD_COLLECTOR_DATABASE_URL="postgresql://gorod@127.0.0.1:9/gorod",
        GOROD_COLLECTOR_DATABASE_WAIT_S="0.5",
    )
    assert (said.code, said.json["code"]) == (1, "GOR-1801")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://gorod:se%cret@127.0.0.1/gorod",
        "postgresql://gorod:se cret@127.0.0.1/gorod",
        "postgres//gorod:secret@127.0.0.1/gorod",
        "sqlite:///gorod:secret",
        "postgresql://gorod:secret@127.0.0.1:port/gorod",
    ],
)
@pytest.mark.parametrize("command", ["status", "init"])
def test_an_address_that_is_none_is_told_without_its_password(run: Run, command: str, url: str):
    said = run(command, GOROD_COLLECTOR_DATABASE_URL=url)
    assert (said.code, said.json["code"]) == (1, "GOR-1815")
    assert "cret@" not in said.out + said.err


def test_migrating_what_is_new_already_changes_nothing(run: Run):
    assert set(run("db migrate").json) == {"version"}
