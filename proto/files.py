"""Small files that must survive a power cut whole: keys, certificates, settings. Old content or new content, never a part of either."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
_UNFINISHED: Final = ".unfinished"


def private_folder(path: Path) -> Path:
    """Make the folder, readable by its owner alone; parents that exist keep their mode."""
    path.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        path.chmod(PRIVATE_FOLDER)
    return path


def write_atomic(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace the file in one step; when this returns, the new content is on the disk."""
    temporary = _written_beside(path, data, mode)
    temporary.replace(path)
    sync_folder(path.parent)


def write_once(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write the file unless there is one: of two programs that try, the first wins, and both then read the same."""
    temporary = _written_beside(path, data, mode)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
        sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Delete what writers that were cut short left in the folder. Only for a folder that one process writes to at a time."""
    for leftover in folder.glob(f".*{_UNFINISHED}"):
        leftover.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Bring names of files to the disk, where the system lets a folder be opened (Windows does this by itself)."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written_beside(path: Path, data: bytes, mode: int) -> Path:
    """A finished file beside the final one; its mode is right before the first byte of a secret is in it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{_UNFINISHED}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
