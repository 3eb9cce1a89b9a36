"""Run programs as a user without rights: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USERS: Final = ("postgres", "nobody")
_ENTER_OWNER, _ENTER_GROUP, _ENTER_OTHERS = 0o100, 0o010, 0o001


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts programs, as another user when we are root. ``uid`` None: as ourselves."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls) -> Self:
        """Ourselves; as root the first of :data:`USERS` that exists."""
        if os.geteuid() != 0:
            return cls()
        for name in USERS:
            try:
                found = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(found.pw_uid, found.pw_gid)
        return cls()

    def can_enter(self, folder: Path) -> bool:
        """Whether the user may enter the folder and every parent of it."""
        if self.uid is None:
            return True
        resolved = folder.resolve()
        return all(self._may_enter(part) for part in (resolved, *resolved.parents))

    def _may_enter(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & _ENTER_OWNER)
        if status.st_gid == self.gid:
            return bool(status.st_mode & _ENTER_GROUP)
        return bool(status.st_mode & _ENTER_OTHERS)

    def own(self, path: Path) -> None:
        """Give a file or folder that we made to the user, closed to all others."""
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def run(self, command: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
        """Run to the end, output kept."""
        done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603  programs of the wheel, by full path
            command, cwd=cwd, capture_output=True, check=False, env=_environment(), **self._identity()
        )
        return done

    def start(self, command: Sequence[str], cwd: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start in a session of its own: Ctrl-C at our terminal is for us to pass on, in our order."""
        process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  as above
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=_environment(),
            **self._identity(),
        )
        return process

    def _identity(self) -> dict[str, Any]:
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    """No setting of ours or of a user's PostgreSQL reaches the server."""
    kept = ("PATH", "SYSTEMROOT", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
