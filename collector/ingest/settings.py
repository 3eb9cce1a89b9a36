"""What the department decides for a school, as Welcome and Settings tell it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from psycopg import Connection

    from proto.envelope import SealingKey

_NEWEST_RELEASES: Final = 100
_KEY_S: Final = 60.0

_MARK: Final = """
SELECT s.resync, p.name, p.version, (SELECT max(number) FROM gorod.release r WHERE r.school_id = s.school_id)
FROM gorod.school s LEFT JOIN gorod.profile p ON p.name = s.profile WHERE s.school_id = %(school)s"""
_PROFILE: Final = "SELECT name, toml, signature FROM gorod.profile WHERE name = %(name)s"
_RELEASES: Final = """
SELECT number, entity, rows FROM (SELECT number, entity, rows FROM gorod.release WHERE school_id = %(school)s
ORDER BY number DESC LIMIT %(newest)s) newest ORDER BY number"""


@dataclass(frozen=True, slots=True)
class Guard:
    """Limits of the guard; 0 rows: off."""

    delete_rows: int = 500
    delete_pct: int = 2
    update_rows: int = 20_000
    update_pct: int = 30


class DepartmentSettings:
    """Settings of schools. Built anew only when their mark in the database changes; thread-safe.

    Args:
        guard: limits for every school.
        sealing_key: the key to seal to, ``KeyRing.sealing_key``; asked at most once a minute.
    """

    def __init__(self, guard: Guard, sealing_key: Callable[[datetime], SealingKey]) -> None:
        self._guard = sync_pb2.GuardLimits(
            delete_rows=guard.delete_rows,
            delete_pct=guard.delete_pct,
            update_rows=guard.update_rows,
            update_pct=guard.update_pct,
        )
        self._sealing_key = sealing_key
        self._lock = threading.Lock()
        self._key: tuple[datetime, str, bytes] | None = None
        self._built: dict[str, tuple[Any, sync_pb2.Settings]] = {}

    def read(self, connection: Connection[Any], school: str, now: datetime) -> sync_pb2.Settings:
        """The school's settings as they are now."""
        key_id, public = self._current_key(now)
        row = connection.execute(_MARK, {"school": school}, prepare=True).fetchone()
        mark = (key_id, row)
        held = self._built.get(school)
        if held is not None and held[0] == mark:
            return held[1]
        settings = self._build(connection, school, row, key_id, public)
        self._built[school] = (mark, settings)
        return settings

    def _current_key(self, now: datetime) -> tuple[str, bytes]:
        with self._lock:
            if self._key is None or (now - self._key[0]).total_seconds() > _KEY_S:
                key = self._sealing_key(now)
                self._key = (now, key.key_id, key.public_bytes())
            return self._key[1:]

    def _build(
        self, connection: Connection[Any], school: str, row: tuple[Any, ...] | None, key_id: str, public: bytes
    ) -> sync_pb2.Settings:
        resync, profile, _version, newest = row or (0, None, None, None)
        settings = sync_pb2.Settings(sealing_key=public, sealing_key_id=key_id, guard=self._guard, resync=resync)
        if profile is not None:
            found = connection.execute(_PROFILE, {"name": profile}).fetchone()
            if found is not None:
                settings.profile.CopyFrom(sync_pb2.Profile(name=found[0], toml=found[1], signature=found[2]))
        if newest is not None:
            for number, entity, rows in connection.execute(_RELEASES, {"school": school, "newest": _NEWEST_RELEASES}):
                settings.releases.add(number=number, entity=entity, rows=rows)
        return settings
