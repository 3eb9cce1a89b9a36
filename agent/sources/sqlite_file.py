"""An SQLite file, looked at without SQLite: may it be opened without leaving a trace, has it been replaced, has it gone back?

SQLite opened with ``mode=ro`` still *creates* ``-wal`` and ``-shm`` beside a database in WAL mode when they are missing and the folder lets
it; so everything is checked before it is opened. Our own descriptor stays open as long as the connection does: on POSIX, closing any
descriptor of a file drops all locks that the process holds on it.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
_WAL_VERSION: Final = 2
_NETWORK: Final = frozenset("nfs nfs4 cifs smb smb2 smb3 smbfs ncpfs 9p afs ceph glusterfs lustre davfs".split())  # noqa: SIM905  a list to read
_NETWORK_FUSE: Final = frozenset({"fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse.davfs2", "fuse.smbnetfs"})
_PREFIX: Final = "sqlite:///"
_DRIVE_REMOTE: Final = 4


def path_of(url: str) -> Path:
    """The file that ``sqlite:///path`` names: the path as it stands, or percent-decoded where only that one exists."""
    text = url.removeprefix(_PREFIX)
    literal, decoded = Path(text), Path(unquote(text))
    return decoded if not _exists(literal) and _exists(decoded) else literal


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def uri_of(path: Path) -> str:
    """The file as a URI that SQLite opens read-only; any character may stand in the path."""
    text = quote(os.fsencode(path.absolute().as_posix()), safe="/:")
    return f"file://{'' if text.startswith('/') else '/'}{text}?mode=ro"


def companion(path: Path, suffix: str) -> Path:
    """The ``-wal``, ``-shm`` or ``-journal`` beside the file."""
    return path.with_name(path.name + suffix)


def filesystem_of(path: Path, mounts: str | None = None) -> str:
    """Type of the file system that holds the file, as the machine names it; empty if it cannot be told.

    Args:
        path: the file.
        mounts: text in the form of ``/proc/mounts``, for tests.
    """
    if sys.platform == "win32":
        import ctypes

        return "smb" if ctypes.windll.kernel32.GetDriveTypeW(path.absolute().anchor) == _DRIVE_REMOTE else ""
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text("utf-8", "surrogateescape")
        except OSError:
            return ""
    real, best, found = os.path.realpath(path), "", ""
    for line in mounts.splitlines():
        _device, point, kind, *_rest = [*line.split(" "), "", ""]
        folder = point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\").rstrip("/")
        if (real == folder or real.startswith(folder + "/")) and len(folder) >= len(best):
            best, found = folder, kind
    return found


def is_network(filesystem: str) -> bool:
    """Whether shared memory does not work across its machines."""
    return filesystem in _NETWORK or filesystem in _NETWORK_FUSE


@dataclass(frozen=True, slots=True)
class Header:
    """What the first page says. ``counter`` grows with every change outside WAL mode, and with checkpoints in it."""

    wal: bool
    counter: int


def _header(path: Path, head: bytes) -> Header:
    if not head:
        raise Problem("GOR-1303", path=path)
    if len(head) < _HEADER or not head.startswith(_MAGIC):
        raise Problem("GOR-1302", path=path)
    return Header(wal=head[18] >= _WAL_VERSION or head[19] >= _WAL_VERSION, counter=int.from_bytes(head[24:28], "big"))


class SourceFile:
    """The file while it is open: its identity, its header, and the guards that stand before every opening."""

    def __init__(self, path: Path, filesystem: Callable[[Path], str] = filesystem_of) -> None:
        self.path = path
        self._filesystem = filesystem
        self._descriptor: int | None = None
        self._seen: tuple[object, ...] = ()

    def open(self) -> None:
        """Check that reading leaves no trace, and remember which file this is.

        Raises:
            Problem: missing (GOR-1301), not a database (1302), empty (1303), no right (1305), WAL without its files (1306), WAL on a
                network share (1307).
        """
        self.close()
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise Problem("GOR-1302", path=self.path)
            self._descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise self._problem(error) from error
        if self.header().wal:
            self._check_wal()
        self._seen = self._identity()

    def _check_wal(self) -> None:
        filesystem = self._filesystem(self.path)
        if is_network(filesystem):
            raise Problem("GOR-1307", path=self.path, filesystem=filesystem)
        for suffix in ("-wal", "-shm"):
            beside = companion(self.path, suffix)
            if not beside.exists():
                raise Problem("GOR-1306", path=self.path)
            if not os.access(beside, os.R_OK):
                raise Problem("GOR-1305", path=beside)

    def _problem(self, error: OSError) -> Problem:
        if isinstance(error, PermissionError):
            return Problem("GOR-1305", path=self.path)
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return Problem("GOR-1301", path=self.path)
        return Problem("GOR-1309", cause=error.strerror)

    def header(self) -> Header:
        """The header as it is on disk now."""
        if self._descriptor is None:
            raise Problem("GOR-1301", path=self.path)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return _header(self.path, os.read(self._descriptor, _HEADER))

    def _identity(self) -> tuple[object, ...]:
        """Which files these are: another device or inode, or a change of WAL mode, means to open anew."""
        wal = self.header().wal
        names = [self.path, companion(self.path, "-wal"), companion(self.path, "-shm")] if wal else [self.path]
        return (wal, *(_inode(name) for name in names))

    def replaced(self) -> bool:
        """Whether the path names another file than the one that is open, or its mode changed."""
        return self._identity() != self._seen

    @property
    def incarnation(self) -> str:
        """Device and inode of the open file."""
        inode = self._seen[1]
        return f"{inode[0]:x}.{inode[1]:x}" if isinstance(inode, tuple) else ""

    def close(self) -> None:
        """Let go of the file; to be called after the connection is closed."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
