"""The authority's own memory, beside its key: what was issued, revoked and used up, whatever happens to the database.

A file of JSON lines, only ever appended to and brought to the disk before anybody is told of the event::

    {"kind": "issued",  "at": …, "serial": …, "school": …, "der": …, "predecessor": … or null}
    {"kind": "used",    "at": …, "code": hash, "school": …, "key": …}
    {"kind": "revoked", "at": …, "serial": …, "school": …}

A database restored from an older backup has forgotten the newest of these; :meth:`collector.ca.registry.merge` tells it again.
A line is written before the database commits: an event that the database then missed is harmless, the opposite is not.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from proto.files import PRIVATE_FILE, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOG: Final = logging.getLogger(__name__)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class IssuedEvent:
    """A certificate was issued, as the successor of ``predecessor`` when it was renewed."""

    at: datetime
    serial: str
    school: str
    der: bytes
    predecessor: str | None = None


@dataclass(frozen=True, slots=True)
class UsedEvent:
    """A one-time code was used by the holder of ``key``."""

    at: datetime
    code: bytes
    school: str
    key: bytes


@dataclass(frozen=True, slots=True)
class RevokedEvent:
    """A certificate was revoked."""

    at: datetime
    serial: str
    school: str


Event = IssuedEvent | UsedEvent | RevokedEvent
_KINDS: Final[dict[str, type[IssuedEvent | UsedEvent | RevokedEvent]]] = {
    "issued": IssuedEvent,
    "used": UsedEvent,
    "revoked": RevokedEvent,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_BYTES: Final = ("der", "code", "key")


class IssueLog:
    """The file. Several programs may append at once (the daemon and ``school revoke``): one write per event, at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, event: Event) -> None:
        """Write one event; on the disk when this returns."""
        new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
        try:
            line = _write(event)
            if os.write(descriptor, (b"\n" if _torn(descriptor) else b"") + line) < len(line):
                raise OSError(f"the disk took only a part of a line of {self._path.name}")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            sync_folder(self._path.parent)

    def events(self) -> Iterator[Event]:
        """All events, oldest first. A line that a power cut tore is left out: nobody was told of it."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                event = _read(line)
                if event is not None:
                    yield event
                elif line.strip():
                    _LOG.warning("line %d of %s is torn and left out", number, self._path.name)


def _torn(descriptor: int) -> bool:
    """Whether the last line lacks its end: the next one must not be glued to it."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _write(event: Event) -> bytes:
    record: dict[str, Any] = {"kind": _NAMES[type(event)]}
    for name in type(event).__slots__:
        value = getattr(event, name)
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        elif isinstance(value, datetime):
            value = (value - _EPOCH) // timedelta(milliseconds=1)
        record[name] = value
    return json.dumps(record).encode() + b"\n"


def _read(line: bytes) -> Event | None:
    try:
        record = json.loads(line)
        kind = _KINDS[record.pop("kind")]
        record["at"] = _EPOCH + timedelta(milliseconds=record["at"])
        for name in _BYTES:
            if name in record:
                record[name] = base64.b64decode(record[name], validate=True)
        return kind(**record)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
