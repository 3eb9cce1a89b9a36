"""Who this agent is, on a disk that may fail at any step."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from agent.transport.identity import Identity, IdentityFolder, SchoolFacts, signing_request
from collector.ca.authority import Authority
from proto.problems import Problem
from tests.fix_ca import START, code_of

FACTS = SchoolFacts("23-042", "Europe/Moscow", "ОО-42", "sync:7443", "enrol:7444", b"f" * 32)
LIFE = timedelta(days=90)
WHOLE = ["ca.pem", "certificate.pem", "key.pem", "school.json"]


class Crash(BaseException):
    """The power is gone; nobody catches this."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "ca", START)


@pytest.fixture
def folder(tmp_path: Path) -> IdentityFolder:
    return IdentityFolder(tmp_path / "Школа № 42" / "identity")


def take(folder: IdentityFolder, authority: Authority, facts: SchoolFacts = FACTS) -> Identity:
    """The whole of an enrolment or renewal, without the network."""
    key = folder.pending_key()
    return folder.store(
        authority.issue_school(facts.school, key.public_key(), START, LIFE), authority.certificate, facts
    )


def test_what_is_stored_is_loaded(folder: IdentityFolder, authority: Authority):
    stored = take(folder, authority)
    loaded = folder.load()
    assert (loaded.facts, loaded.certificate, loaded.ca) == (FACTS, stored.certificate, authority.certificate)
    assert loaded.key_pem == stored.key_pem


def test_a_renewal_leaves_nothing_of_the_old_key(folder: IdentityFolder, authority: Authority):
    old, fresh = take(folder, authority), take(folder, authority)
    assert fresh.key_pem != old.key_pem
    assert sorted(path.name for path in folder.path.iterdir()) == WHOLE


def test_a_folder_that_does_not_exist_means_not_enrolled(folder: IdentityFolder):
    with pytest.raises(Problem) as problem:
        folder.load()
    assert (code_of(problem), problem.value.details["path"]) == ("GOR-1107", str(folder.path))


def test_a_key_alone_means_not_enrolled(folder: IdentityFolder):
    folder.pending_key()
    with pytest.raises(Problem) as problem:
        folder.load()
    assert code_of(problem) == "GOR-1107"


def test_an_attempt_cut_short_is_repeated_with_the_same_key(folder: IdentityFolder):
    first = folder.pending_key()
    assert IdentityFolder(folder.path).pending_key().private_numbers() == first.private_numbers()


def test_a_pending_key_that_is_damaged_is_made_anew(folder: IdentityFolder):
    folder.pending_key()
    (folder.path / "key.new.pem").write_bytes(b"-----BEGIN")
    assert folder.pending_key().key_size == 256


def test_while_a_renewal_waits_for_its_answer_the_old_identity_stands(folder: IdentityFolder, authority: Authority):
    old = take(folder, authority)
    folder.pending_key()
    assert folder.load().certificate == old.certificate


@pytest.mark.parametrize("name", ["key.pem", "certificate.pem", "ca.pem", "school.json"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"{}", b"[1]", b"null"])
def test_a_damaged_file_is_named(folder: IdentityFolder, authority: Authority, name: str, content: bytes):
    take(folder, authority)
    (folder.path / name).write_bytes(content)
    with pytest.raises(Problem) as problem:
        folder.load()
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1120", name)


@pytest.mark.parametrize("name", ["key.pem", "ca.pem", "school.json"])
def test_a_missing_file_is_named(folder: IdentityFolder, authority: Authority, name: str):
    take(folder, authority)
    (folder.path / name).unlink()
    with pytest.raises(Problem) as problem:
        folder.load()
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1120", name)


def test_files_of_another_identity_are_not_mixed_in(folder: IdentityFolder, authority: Authority, tmp_path: Path):
    take(folder, authority)
    other = IdentityFolder(tmp_path / "other")
    take(other, authority, replace(FACTS, school="99"))
    (other.path / "school.json").replace(folder.path / "school.json")
    with pytest.raises(Problem) as problem:
        folder.load()
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1120", "school.json")


def crashes(monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool) -> None:
    """Let the power go at the given renaming of a file, just before it or just after it."""
    renamed = iter(range(1000))
    real = Path.replace

    def replace_or_crash(self: Path, target: Path) -> Path:
        number = next(renamed)
        if number == at and not after:
            raise Crash
        result = real(self, target)
        if number == at:
            raise Crash
        return result

    monkeypatch.setattr(Path, "replace", replace_or_crash)


RENAMINGS = 7  # key.new, ca.new, school.new, certificate, then ca, school, key take the plain names


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(RENAMINGS))
def test_a_crash_at_any_step_leaves_one_whole_identity(
    folder: IdentityFolder,
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    after: bool,  # noqa: FBT001  a parameter of the test
):
    old = take(folder, authority)
    elsewhere, facts = Authority.create(tmp_path / "other ca", START), replace(FACTS, school="77", organisation="ОО-77")
    crashes(monkeypatch, step, after=after)
    with pytest.raises(Crash):
        take(folder, elsewhere, facts)
    monkeypatch.undo()
    found = IdentityFolder(folder.path).load()
    committed = step > 3 or (step == 3 and after)
    assert (found.facts, found.ca) == ((facts, elsewhere.certificate) if committed else (FACTS, authority.certificate))
    assert committed or found.certificate == old.certificate
    assert take(IdentityFolder(folder.path), elsewhere, facts).facts == facts
    assert sorted(path.name for path in folder.path.iterdir()) == WHOLE


def test_trying_again_after_a_crash_does_not_touch_the_old_identity(
    folder: IdentityFolder, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
):
    old = take(folder, authority)
    crashes(monkeypatch, 3, after=False)
    with pytest.raises(Crash):
        take(folder, Authority.create(tmp_path / "other ca", START), replace(FACTS, school="77"))
    monkeypatch.undo()
    asked_before = (folder.path / "key.new.pem").read_bytes()
    IdentityFolder(folder.path).pending_key()
    assert (folder.path / "key.new.pem").read_bytes() == asked_before
    assert IdentityFolder(folder.path).load().certificate == old.certificate


def test_the_steps_above_are_all_there_are(
    folder: IdentityFolder, authority: Authority, monkeypatch: pytest.MonkeyPatch
):
    take(folder, authority)
    crashes(monkeypatch, RENAMINGS, after=False)
    take(folder, authority)


def test_a_reader_never_sees_a_mixture_while_another_process_renews(folder: IdentityFolder, authority: Authority):
    take(folder, authority)
    script = (
        "import sys, pathlib; from agent.transport.identity import IdentityFolder\n"
        "folder = IdentityFolder(pathlib.Path(sys.argv[1])); print('up', flush=True)\n"
        "for _ in range(300): folder.load()\n"
        "print('whole')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder.path)], stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "up\n"
        while reader.poll() is None:
            take(folder, authority)
        assert reader.stdout.read() == "whole\n"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_and_leaves_no_half_file(folder: IdentityFolder):
    with pytest.raises(Problem) as problem:
        folder.pending_key()
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1704", "No space left on device")
    assert list(folder.path.iterdir()) == []


def test_a_request_names_nobody_and_is_signed_by_its_key(folder: IdentityFolder):
    key = folder.pending_key()
    request = x509.load_der_x509_csr(signing_request(key))
    assert (request.is_signature_valid, list(request.subject)) == (True, [])


def test_the_facts_are_readable_by_people(folder: IdentityFolder, authority: Authority):
    take(folder, authority)
    told = json.loads((folder.path / "school.json").read_text("utf-8"))
    assert told["organisation"] == "ОО-42"
    assert "ОО-42" in (folder.path / "school.json").read_text("utf-8")
