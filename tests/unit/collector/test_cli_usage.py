"""The collector's commands before there is a collector: wrong use and missing data are told, and nothing is made."""

from pathlib import Path

import pytest

from tests.fix_console import Console

NEEDS_A_COLLECTOR = (
    "status|verify|school list|school show 42|school token 42|school revoke 42|school resync 42|school add 42 --name N|"
    "school confirm 42 --identity|user list|quarantine list|quarantine replay|profile list|key list|key rotate|db migrate|serve"
)
MISUSED = (
    "school add|school add 42|school token|school token 42 --all|school confirm 42|school confirm 42 --entity mark|"
    "school confirm 42 --identity --entity mark --rows 5|user add|user add chief|user add chief --role admin|key destroy --school 42|"
    "school confirm 42 --entity mark --rows many|school add 42 --name N --kind university"
)


@pytest.mark.parametrize("command", NEEDS_A_COLLECTOR.split("|"))
def test_a_folder_without_a_collector_says_how_to_make_one(console: Console, tmp_path: Path, command: str):
    data = tmp_path / "нет"
    said = console("gorod-collector", *command.split(), "--data", data, "--json", GOROD_LANG="ru")
    assert (said.code, said.json["code"]) == (1, "GOR-1009")
    assert "gorod-collector init" in said.json["next"]
    assert not data.exists()


@pytest.mark.parametrize("command", MISUSED.split("|"))
def test_wrong_use_is_exit_2(console: Console, tmp_path: Path, command: str):
    said = console("gorod-collector", *command.split(), "--data", tmp_path, "--json")
    assert said.code == 2
    assert said.json["code"] in {"GOR-1010", "GOR-1015", "GOR-1016"}


def test_a_password_is_never_an_argument(console: Console):
    assert console("gorod-collector", "user", "add", "chief", "--role", "admin", "--password", "x").code == 2


def test_a_missing_password_names_the_other_ways(console: Console, tmp_path: Path):
    said = console("gorod-collector", "user", "add", "chief", "--role", "admin", "--data", tmp_path)
    assert "--password-file" in said.err
    assert "GOROD_PASSWORD" in said.err


def test_a_portal_without_a_database_says_which_setting_is_missing(console: Console, tmp_path: Path):
    said = console("gorod-portal", "serve", "--data", tmp_path, "--json")
    assert (said.code, said.json["code"]) == (1, "GOR-1006")


@pytest.mark.parametrize("words", [("--schools", "0"), ("--schools", "201"), ("--scale", "0"), ("--scale", "11")])
def test_a_demo_city_of_impossible_size_is_refused(console: Console, tmp_path: Path, words: tuple[str, ...]):
    said = console("gorod", "demo", *words, "--data", tmp_path / "demo", "--json")
    assert (said.code, said.json["code"]) == (2, "GOR-1010")
    assert not (tmp_path / "demo").exists()
