"""Files that are replaced whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from proto.files import private_folder, write_atomic, write_once


def test_a_file_is_replaced_and_leaves_nothing_beside_it(tmp_path: Path):
    write_atomic(tmp_path / "a", b"old")
    write_atomic(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"new")]


def test_a_secret_is_never_readable_by_others_not_even_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    real = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.append(stat.S_IMODE(self.stat().st_mode))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", look)
    write_atomic(tmp_path / "a", b"secret")
    assert seen == [0o600]


def test_the_first_of_two_writers_wins(tmp_path: Path):
    write_once(tmp_path / "a", b"first")
    write_once(tmp_path / "a", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"first")]


def test_a_failure_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    write_atomic(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_a_private_folder_changes_no_parent(tmp_path: Path):
    tmp_path.chmod(0o755)
    private_folder(tmp_path / "between" / "private")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "between" / "private").stat().st_mode) == 0o700
