"""Quarantine, profiles, keys and schools from the command line: what the department does when something is out of the ordinary."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from collector.store import schools
from proto.batch import Unfit
from tests.fix_applier import Applier, row_of, table
from tests.fix_department import SCHOOL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collector.department import Department
    from collector.store.engine import Database
    from tests.fix_console import Console, Said
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
DEMO = (resources.files("agent") / "profiles" / "demo.toml").read_text("utf-8")


@pytest.fixture
def run(console: Console, founded: Department) -> Callable[..., Said]:
    """A command of the collector of this department."""

    def collector(line: str, *words: str, **environ: str) -> Said:
        url = {"GOROD_COLLECTOR_DATABASE_URL": founded.owner_url}
        return console("gorod-collector", *line.split(), *words, "--data", founded.data, "--json", **url | environ)

    return collector


@pytest.fixture
def applier(founded: Department, store: Store, ingest: Database) -> Applier:
    """The school's envelopes, at the time of this machine's clock."""
    return Applier(store, ingest, founded.keys, SCHOOL, datetime.now(UTC))


# ---- quarantine


def test_replay_applies_what_the_centre_has_learnt_to_hold(
    run: Callable[..., Said], applier: Applier, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, stub = row_of("mark", "1", raw="x" * 51), Unfit("2", "oversize", 7)
    applier.apply(table("mark", long, row_of("mark", "3"), unfit=[stub]))
    assert [(one["entity"], one["key"]) for one in run("quarantine list").json] == [("mark", "1"), ("mark", "2")]
    assert run("quarantine replay").json == [{"school": SCHOOL, "applied": 0, "held": 1, "unreadable": 0}]
    monkeypatch.setattr("collector.ingest.prepare.validate_columns", lambda _entity, _columns: {})
    said = run(f"quarantine replay --school {SCHOOL}")
    assert (said.code, said.json) == (0, [{"school": SCHOOL, "applied": 1, "held": 0, "unreadable": 0}])
    assert [one["key"] for one in run("quarantine list").json] == ["2"]
    assert applier.select("SELECT source_id FROM gorod.mark ORDER BY 1") == [("1",), ("3",)]


def test_replay_for_an_unknown_school_is_refused(run: Callable[..., Said]) -> None:
    assert run("quarantine replay --school unheard-of").json["code"] == "GOR-1011"


def test_rows_whose_values_cannot_be_opened_are_counted_apart(run: Callable[..., Said], applier: Applier) -> None:
    applier.apply(table("mark", row_of("mark", "1", raw="x" * 51)))
    with applier.store.owner() as owner:
        owner.execute("UPDATE gorod.quarantine SET sealed = sealed || '\\x00'")
    assert run("quarantine replay").json == [{"school": SCHOOL, "applied": 0, "held": 0, "unreadable": 1}]


# ---- profiles


def test_a_profile_is_kept_signed_and_shown_as_it_came(run: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "профиль.toml"
    text = DEMO.replace('name = "demo"', 'name = "ours"', 1)
    file.write_text(text, "utf-8")
    said = run("profile add", str(file))
    assert (said.code, said.json["name"], said.json["version"]) == (0, "ours", "1")
    assert said.json["schemas"]
    assert run("profile show ours").json["toml"] == text
    assert {one["name"] for one in run("profile list").json} == {"demo", "ours"}


@pytest.mark.parametrize(("text", "code"), [(None, "GOR-1013"), ("name = ", "GOR-1402"), ("", "GOR-1402")])
def test_what_is_no_profile_is_not_kept(run: Callable[..., Said], tmp_path: Path, text: str | None, code: str) -> None:
    file = tmp_path / "profile.toml"
    if text is not None:
        file.write_text(text, "utf-8")
    said = run("profile add", str(file))
    assert (said.code, said.json["code"]) == (1, code)
    assert {one["name"] for one in run("profile list").json} == {"demo"}


# ---- keys


def states(run: Callable[..., Said], kind: str) -> dict[str, str]:
    return {one["name"]: one["state"] for one in run("key list").json if one["kind"] == kind}


def test_a_new_sealing_key_takes_the_place_of_the_old_one_which_goes_on_opening(run: Callable[..., Said]) -> None:
    (old,) = states(run, "seal")
    said = run("key rotate")
    assert said.code == 0
    assert states(run, "seal") == {said.json["key_id"]: "active", old: "reading"}


# ---- schools


def test_a_resync_is_asked_for_each_time(run: Callable[..., Said], store: Store) -> None:
    for asked in (1, 2):
        assert run(f"school resync {SCHOOL}").json == {"school": SCHOOL, "resync": True}
        with store.owner() as owner:
            assert owner.execute("SELECT resync FROM gorod.school").fetchall() == [(asked,)]


def test_another_source_becomes_the_schools_own_only_by_the_departments_word(
    run: Callable[..., Said], founded: Department
) -> None:
    with founded.database.begin(scope="*", school=SCHOOL) as connection:
        assert schools.record_identity(connection, SCHOOL, "postgres:1/1001")
        assert not schools.record_identity(connection, SCHOOL, "postgres:2/1001")
        schools.offer_identity(connection, SCHOOL, "postgres:2/1001")
    shown = run(f"school show {SCHOOL}").json
    assert (shown["identity"], shown["offered"]) == ("postgres:1/1001", "postgres:2/1001")
    said = run(f"school confirm {SCHOOL} --identity")
    assert (said.code, said.json) == (0, {"school": SCHOOL, "identity": "postgres:2/1001"})
    shown = run(f"school show {SCHOOL}").json
    assert (shown["identity"], shown["offered"]) == ("postgres:2/1001", None)
    assert run(f"school confirm {SCHOOL} --identity").json["code"] == "GOR-1010", "there is nothing left to confirm"


def test_a_schools_problem_is_shown_with_its_next_step(
    run: Callable[..., Said], applier: Applier, console: Console, founded: Department
) -> None:
    applier.apply(table("subject", row_of("subject", "1")))
    problem = '{"code": "GOR-1305", "details": {"path": "netschool.db"}}'
    with applier.store.owner() as owner:
        owner.execute("UPDATE gorod.school_state SET problem = %s", [problem])
    told: dict[str, Any] = run(f"school show {SCHOOL}", GOROD_LANG="ru").json["status"]["problem"]
    assert told["code"] == "GOR-1305"
    said = console(
        *("gorod-collector", "school", "show", SCHOOL, "--data", founded.data),
        GOROD_COLLECTOR_DATABASE_URL=founded.owner_url,
        GOROD_LANG="ru",
    )
    assert said.out.strip().splitlines()[-2:] == [f"GOR-1305: {told['text']}", told["next"]]
