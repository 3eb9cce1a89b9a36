"""The demo's data folder: what a second run finds, and what it refuses."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from install.demo.folder import City, Folder
from proto.problems import Problem

ASKED = City(seed=2026, scale=0.1, source="sqlite", today="2026-11-23", schools=3)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "demo")


def test_a_new_folder_takes_the_city_that_was_asked_for(folder: Folder) -> None:
    assert folder.city(ASKED) == ASKED
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_second_run_keeps_seed_and_day(folder: Folder) -> None:
    folder.city(ASKED)
    assert folder.city(replace(ASKED, seed=1, today="2027-01-15")) == ASKED


@pytest.mark.parametrize(("asked", "found"), [(1, 3), (3, 3), (5, 5)])
def test_schools_are_added_and_never_taken_away(folder: Folder, asked: int, found: int) -> None:
    folder.city(ASKED)
    assert folder.city(replace(ASKED, schools=asked)).schools == found
    assert Folder(folder.path).city(replace(ASKED, schools=1)).schools == found


@pytest.mark.parametrize(
    ("other", "known"), [({"scale": 0.2}, "--scale 0.1"), ({"source": "postgres"}, "--source sqlite")]
)
def test_another_scale_or_source_is_refused_with_the_known_one(
    folder: Folder, other: dict[str, object], known: str
) -> None:
    folder.city(ASKED)
    before = (folder.path / "city.json").read_bytes()
    with pytest.raises(Problem) as problem:
        folder.city(replace(ASKED, **other))  # type: ignore[arg-type]  # fields by name
    assert (problem.value.code, problem.value.details["cause"]) == ("GOR-1008", known)
    assert (folder.path / "city.json").read_bytes() == before


def test_the_citys_schools_are_always_the_same_ones(folder: Folder) -> None:
    city = folder.city(ASKED)
    first = [spec.id for spec in city.spec.organisations()]
    more = [spec.id for spec in folder.city(replace(ASKED, schools=5)).spec.organisations()]
    assert more[:3] == first
    assert len(set(more)) == 5


def test_what_is_told_to_scripts_is_for_the_owner_alone(folder: Folder) -> None:
    assert folder.demo() == {}
    folder.write_demo({"portal": "http://127.0.0.1:8080", "accounts": [{"login": "оператор"}]})
    assert folder.demo()["accounts"] == [{"login": "оператор"}]
    assert stat.S_IMODE((folder.path / "demo.json").stat().st_mode) == 0o600
    assert json.loads((folder.path / "demo.json").read_text("utf-8"))["portal"] == "http://127.0.0.1:8080"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem) as problem:
        Folder(tmp_path / "file" / "demo")
    assert problem.value.code == "GOR-1005"
