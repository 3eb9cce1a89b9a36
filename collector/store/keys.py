"""The key ring: every secret that makes stored data readable, outside the database and its backups.

    DATA/keys/master               one key that wraps all others (the path can be moved to another medium)
    DATA/keys/data/<school>.json   the school's fingerprint key, and a data key per school-year
    DATA/keys/seal/<key id>.json   key pairs that envelopes are sealed to; the newest is told to agents

A data key can be destroyed: what is sealed under it, in every backup too, is then unreadable for ever. Files are replaced whole and
brought to the disk; several programs may use one ring, the portal without the folder ``seal``.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from collector.store.sealing import SchoolKeys
from proto.envelope import SealingKey
from proto.files import private_folder, write_atomic, write_once
from proto.identity import SCHOOL_ID
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
SEAL_DAYS: Final = 400
"""Life of a sealing key: an agent that was off for a year still sends what it had sealed."""

_SCHOOL_YEAR_STARTS: Final = 9


def key_year(now: datetime) -> int:
    """The school-year of a moment, named by its first of September: the data key in use."""
    return now.year if now.month >= _SCHOOL_YEAR_STARTS else now.year - 1


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as ``key list`` shows it: what it is for, its name, and whether it is in use, kept for reading, or destroyed."""

    kind: str  # master | fingerprint | data | seal
    name: str
    school: str | None
    state: str  # active | reading | destroyed
    at: str | None  # made or destroyed, ISO 8601


class KeyRing:
    """Opened key ring; safe to share between threads, each call looks at the disk for what it needs."""

    def __init__(self, folder: Path, master_file: Path | None = None) -> None:
        """``folder`` is ``DATA/keys``. Raises Problem GOR-1807 if the master key is missing or damaged."""
        self.folder = folder
        self.master_file = master_file or folder / "master"
        self._master = AESGCM(self.master_key())
        self._opened: dict[str, tuple[int, SealingKey]] = {}

    @classmethod
    def create(cls, folder: Path, master_file: Path | None = None) -> KeyRing:
        """The key ring of the folder, made if there is none."""
        for part in (folder, folder / "data", folder / "seal"):
            private_folder(part)
        path = master_file or folder / "master"
        if not path.exists():
            if any((folder / "data").iterdir()):
                raise Problem("GOR-1807", path=path, cause="missing")  # a new master key would end all the old ones
            write_once(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        return cls(folder, master_file)

    def master_key(self) -> bytes:
        """The master key itself, 32 bytes."""
        try:
            key = base64.b64decode(self.master_file.read_bytes(), validate=False)
        except (OSError, ValueError) as error:
            raise Problem("GOR-1807", path=self.master_file, cause=error) from error
        if len(key) != KEY_BYTES:
            raise Problem("GOR-1807", path=self.master_file, cause="32 bytes in base64 are expected")
        return key

    # Keys of schools ------------------------------------------------------------------------------------------------------------

    def add_school(self, school: str) -> None:
        """Make the school's fingerprint key, unless it has one: it never changes, so that a wiped agent gets the same again."""
        with self._locked():
            if not self._school_file(school).exists():
                fresh = {
                    "fingerprint": self._wrap(secrets.token_bytes(KEY_BYTES), f"{school}/fingerprint"),
                    "years": {},
                }
                self._write_school(school, fresh)

    def school(self, school: str, now: datetime) -> SchoolKeys:
        """Keys to apply and to read with; the data key of the current school-year is made at its first use."""
        content = self._read_school(school)
        year = str(key_year(now))
        if year not in content["years"]:
            content = self._with_year(school, year, now)
        return self._unwrapped(school, content, int(year))

    def reader(self, school: str, now: datetime) -> SchoolKeys:
        """Keys to read with; makes nothing, so that a program without write rights can use it."""
        return self._unwrapped(school, self._read_school(school), key_year(now))

    def stamp(self, school: str) -> tuple[int, int]:
        """Changes whenever the school's keys change: a destroyed key must not live on in a memory of ours."""
        found = self._school_file(school).stat()
        return found.st_mtime_ns, found.st_ino

    def fingerprint_key(self, school: str) -> bytes:
        """The school's permanent fingerprint key."""
        return self._unwrap(self._read_school(school)["fingerprint"], f"{school}/fingerprint")

    def destroy(self, school: str, year: int, now: datetime) -> None:
        """Destroy a data key for ever. The current year's is refused: living rows are sealed under it (GOR-1812)."""
        if year >= key_year(now):
            raise Problem("GOR-1812", year=year, school=school)
        with self._locked():
            content = self._read_school(school)
            if str(year) not in content["years"]:
                raise Problem("GOR-1813", year=year, school=school)
            content["years"][str(year)] = {"destroyed": now.isoformat()}
            self._write_school(school, content)

    def schools(self) -> list[str]:
        """Ids of schools that have keys, sorted."""
        return sorted(path.stem for path in (self.folder / "data").glob("*.json"))

    def _with_year(self, school: str, year: str, now: datetime) -> dict[str, Any]:
        with self._locked():
            content = self._read_school(school)
            if year not in content["years"]:
                wrapped = self._wrap(secrets.token_bytes(KEY_BYTES), f"{school}/{year}")
                content["years"][year] = {"key": wrapped, "made": now.isoformat()}
                self._write_school(school, content)
        return content

    def _unwrapped(self, school: str, content: dict[str, Any], year: int) -> SchoolKeys:
        years = {
            int(name): self._unwrap(entry["key"], f"{school}/{name}")
            for name, entry in content["years"].items()
            if "key" in entry
        }
        destroyed = frozenset(int(name) for name, entry in content["years"].items() if "destroyed" in entry)
        return SchoolKeys(school, self._unwrap(content["fingerprint"], f"{school}/fingerprint"), years, year, destroyed)

    # Sealing keys ---------------------------------------------------------------------------------------------------------------

    def sealing_key(self, now: datetime, days: int = SEAL_DAYS) -> SealingKey:
        """The newest sealing key, made if there is none that is young enough to be told to agents (half its life)."""
        newest = max(self._seals(), default=None, key=lambda seal: seal["made"])
        if newest is None or datetime.fromisoformat(newest["made"]) < now - timedelta(days=days / 2):
            return self.rotate_sealing(now)
        return self._sealing(newest)

    def rotate_sealing(self, now: datetime) -> SealingKey:
        """A new sealing key, to be told to agents from now on; older ones go on opening."""
        key = SealingKey.generate()
        wrapped = self._wrap(key.private_bytes(), f"seal/{key.key_id}")
        content = {"id": key.key_id, "made": now.isoformat(), "key": wrapped}
        write_atomic(self.folder / "seal" / f"{key.key_id}.json", _json(content))
        return key

    def opening_key(self, key_id: str) -> SealingKey | None:
        """The sealing key of that name; None if it is retired or was never ours. Unwrapped once, as long as its file stays."""
        if not key_id.isalnum():
            return None
        path = self.folder / "seal" / f"{key_id}.json"
        try:
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            self._opened.pop(key_id, None)
            return None
        held = self._opened.get(key_id)
        if held is None or held[0] != written:
            held = self._opened[key_id] = (written, self._sealing(json.loads(path.read_bytes())))
        return held[1]

    def retire_sealing(self, now: datetime, days: int = SEAL_DAYS) -> list[str]:
        """Delete sealing keys past their life, the newest excepted; returns their names."""
        aged = sorted(self._seals(), key=lambda seal: seal["made"])[:-1]
        limit = now - timedelta(days=days)
        retired = [seal["id"] for seal in aged if datetime.fromisoformat(seal["made"]) < limit]
        for key_id in retired:
            (self.folder / "seal" / f"{key_id}.json").unlink()
        return retired

    def _seals(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in (self.folder / "seal").glob("*.json")]

    def _sealing(self, content: dict[str, Any]) -> SealingKey:
        return SealingKey.load_private(self._unwrap(content["key"], f"seal/{content['id']}"))

    # The ring as a whole --------------------------------------------------------------------------------------------------------

    def list(self, now: datetime) -> list[KeyInfo]:
        """Every key and its state, for ``key list``; no secret in it."""
        found = [KeyInfo("master", str(self.master_file), None, "active", None)]
        seals = sorted(self._seals(), key=lambda seal: seal["made"], reverse=True)
        for place, seal in enumerate(seals):
            found.append(KeyInfo("seal", seal["id"], None, "reading" if place else "active", seal["made"]))
        for school in self.schools():
            found.append(KeyInfo("fingerprint", "fingerprint", school, "active", None))
            for name, entry in sorted(self._read_school(school)["years"].items()):
                state = "destroyed" if "destroyed" in entry else "active" if int(name) == key_year(now) else "reading"
                found.append(KeyInfo("data", name, school, state, entry.get("destroyed") or entry["made"]))
        return found

    def _school_file(self, school: str) -> Path:
        if not SCHOOL_ID.fullmatch(school):
            raise ValueError(f"not a school id: {school!r}")
        return self.folder / "data" / f"{school}.json"

    def _read_school(self, school: str) -> dict[str, Any]:
        path = self._school_file(school)
        try:
            content: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise Problem("GOR-1807", path=path, cause=error) from error
        return content

    def _write_school(self, school: str, content: dict[str, Any]) -> None:
        write_atomic(self._school_file(school), _json(content))

    def _wrap(self, key: bytes, name: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + self._master.encrypt(nonce, key, b"gorod key/" + name.encode())).decode()

    def _unwrap(self, wrapped: str, name: str) -> bytes:
        data = base64.b64decode(wrapped)
        try:
            return self._master.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], b"gorod key/" + name.encode())
        except InvalidTag as error:
            raise Problem("GOR-1807", path=self.folder, cause=f"{name} was wrapped by another master key") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, over all processes."""
        with (self.folder / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
