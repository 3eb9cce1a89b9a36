"""Accounts from the command line: roles, new passwords, and the prompts of a person at a terminal."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import pytest

from collector.core.credentials import password_fits
from tests.fix_department import SCHOOL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collector.department import Department
    from tests.fix_console import Console, Said
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
PASSWORD, NEW = "ёлка трактор сугроб компот", "самовар и ещё три слова"


@pytest.fixture
def run(console: Console, founded: Department) -> Callable[..., Said]:
    """A command of the collector of this department."""

    def collector(line: str, *words: str, **environ: str) -> Said:
        url = {"GOROD_COLLECTOR_DATABASE_URL": founded.owner_url}
        return console("gorod-collector", *line.split(), *words, "--data", founded.data, "--json", **url | environ)

    return collector


@pytest.fixture
def anna(run: Callable[..., Said]) -> dict[str, Any]:
    """Anna, who looks after the whole city."""
    said = run("user add anna --role operator", GOROD_PASSWORD=PASSWORD)
    assert said.code == 0, said.err
    told: dict[str, Any] = said.json
    return told


def stored(store: Store) -> tuple[str, Any, Any]:
    """Password hash, second factor and closing time of the one account."""
    with store.owner() as owner:
        (row,) = owner.execute("SELECT password_hash, factor_secret, disabled_at FROM gorod.account").fetchall()
    return row


def test_a_role_of_a_school_needs_its_school_and_one_of_the_city_has_none(
    run: Callable[..., Said], anna: dict[str, Any]
) -> None:
    assert (anna["role"], anna["schools"]) == ("operator", [])
    head = run(f"user role anna --role head --school {SCHOOL}")
    assert (head.code, head.json["role"], head.json["schools"]) == (0, "head", [SCHOOL])
    assert run("user role anna --role teacher").json["code"] == "GOR-1905"
    (still,) = run("user list").json
    assert (still["role"], still["schools"]) == ("head", [SCHOOL]), "a refusal changes nothing"
    assert run("user role anna --role analyst").json["schools"] == []
    assert run("user role nobody --role analyst").json["code"] == "GOR-1902"


def test_a_reset_gives_a_new_password_opens_the_account_and_asks_for_a_new_second_factor(
    run: Callable[..., Said], anna: dict[str, Any], store: Store
) -> None:
    del anna
    with store.owner() as owner:
        owner.execute("UPDATE gorod.account SET factor_secret = 'x', factor_step = 1")
    run("user disable anna")
    assert stored(store)[2] is not None
    said = run("user reset ANNA", GOROD_PASSWORD=NEW)
    assert (said.code, said.json["login"], said.json["second_factor"], said.json["disabled_at"]) == (
        0,
        "anna",
        False,
        None,
    )
    password_hash, factor, disabled = stored(store)
    assert (factor, disabled) == (None, None)
    assert password_fits(NEW, password_hash)
    assert not password_fits(PASSWORD, password_hash)


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, *typed: str) -> list[str]:
    """A person who types these words, unseen; what was asked."""
    asked: list[str] = []
    answers = iter(typed)

    def prompt(words: str) -> str:
        asked.append(words)
        return next(answers)

    monkeypatch.setattr("collector.commands.people.at_terminal", lambda: True)
    monkeypatch.setattr(getpass, "getpass", prompt)
    return asked


def test_a_person_at_a_terminal_types_the_password_twice_unseen(
    run: Callable[..., Said], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = at_a_terminal(monkeypatch, PASSWORD, PASSWORD)
    said = run("user add vera --role admin")
    assert said.code == 0
    assert asked == ["Password: ", "The same once more: "]
    assert PASSWORD not in said.out + said.err
    assert password_fits(PASSWORD, stored(store)[0])


def test_two_entries_that_differ_make_no_account(
    run: Callable[..., Said], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch, PASSWORD, NEW)
    said = run("user add vera --role admin")
    assert (said.code, said.json["code"]) == (2, "GOR-1010")
    assert PASSWORD not in said.out + said.err
    with store.owner() as owner:
        assert owner.execute("SELECT 1 FROM gorod.account").fetchall() == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_line_end_of_a_password_file_is_no_part_of_it(
    run: Callable[..., Said], store: Store, tmp_path: Path, end: str
) -> None:
    (tmp_path / "password").write_bytes((PASSWORD + end).encode())
    assert run("user add vera --role admin", "--password-file", str(tmp_path / "password")).code == 0
    assert password_fits(PASSWORD, stored(store)[0])


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_password_file_that_cannot_be_read_is_named(
    run: Callable[..., Said], tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "нет такого"
    if content is not None:
        path.write_bytes(content)
    said = run("user add vera --role admin", "--password-file", str(path))
    assert (said.code, said.json["code"]) == (1, "GOR-1013")
    assert str(path) in said.json["text"]
