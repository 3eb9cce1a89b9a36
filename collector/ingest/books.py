"""The port between the protocol and the store: one school's books, opened in one transaction with its head row locked first.

Real form: PostgreSQL, in ``collector/ingest/books_postgres.py``. The tests have a form in memory that can crash and roll back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from collector.core.lease import Lease
from collector.core.ledger import Head, Refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from collector.core.digest import EntityTotal, Sums
    from proto.sync.v1 import sync_pb2


@dataclass(slots=True)
class SchoolState:
    """The head row of a school. ``identity`` of the source as recorded, "" while none is; ``profile_hash`` as the agent last named it."""

    head: Head = field(default_factory=Head)
    lease: Lease = field(default_factory=Lease)
    identity: str = ""
    profile_hash: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A welcomed stream: what every later frame of it is judged by."""

    school: str
    token: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """An envelope of the school, its signature checked.

    ``changes`` are in the form that the books' ``apply`` takes; ``failure``: they could not be opened or read.
    """

    header: sync_pb2.Header
    hash: bytes
    changes: Any = None
    failure: Refuse | None = None
    raw_header: bytes = b""  # as it was signed
    serial: bytes = b""  # of the certificate that signed it, as the agent says


@dataclass(frozen=True, slots=True)
class Applied:
    """What an envelope did, as its receipt tells."""

    applied: int = 0
    unchanged: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a Welcome tells beside head, lease and settings."""

    deleted_24h: Mapping[int, int] = field(default_factory=dict)
    updated_24h: Mapping[int, int] = field(default_factory=dict)
    closed_years: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Stamps:
    """Moments (ms since 1970, UTC; 0 = never) that a Compare tells, and the rows in quarantine."""

    complete_ms: int = 0
    stored_ms: int = 0
    quarantined: int = 0


class Books(Protocol):
    """One school within one transaction. ``state`` was read under the lock of the head row; nothing is seen before the commit."""

    state: SchoolState

    def hash_at(self, seq: int) -> bytes | None:
        """Hash that the ledger holds at a seq of the head's epoch."""

    def save(self) -> None:
        """Write ``state`` back."""

    def apply(self, prepared: Prepared, now_ms: int) -> Applied:
        """Rows, history, quarantine and the ledger's row of an accepted envelope."""

    def briefing(self, now_ms: int) -> Briefing:
        """What the Welcome tells about guard and years."""

    def settings(self, now_ms: int) -> sync_pb2.Settings:
        """What the department decides for the school."""

    def greeted(self, hello: sync_pb2.Hello, now_ms: int) -> None:
        """Note version, profile, origin and clock of an agent that was welcomed."""

    def refused(self, refusal: Refuse, now_ms: int) -> None:
        """Note a refusal as the school's problem, so that the department sees it."""

    def event(self, kind: str, details: Mapping[str, str], now_ms: int) -> None:
        """Append to the school's events."""

    def heard(self, beat: sync_pb2.Heartbeat, *, at_head: bool, now_ms: int) -> None:
        """Note a heartbeat; its fresh claim counts only at the head."""

    def left(self, now_ms: int) -> None:
        """Note that the school's stream ended."""

    def totals(self) -> Mapping[int, EntityTotal]:
        """Rows and sums of every entity, from hashes that the centre computed itself."""

    def buckets(self, entity: int) -> Sums:
        """Sums of the 256 buckets of an entity."""

    def leaves(self, entity: int, buckets: Sequence[int]) -> Mapping[int, Sums]:
        """Sums of the 256 leaves of each of these buckets."""

    def contents(self, entity: int, leaves: Sequence[int]) -> Mapping[int, Sequence[tuple[str, int]]]:
        """Key and row hash of everything in each of these leaves; a quarantined key has its received hash."""

    def compared(
        self, digest: sync_pb2.Digest, differing: Sequence[int], complete_ms: int | None, now_ms: int
    ) -> Stamps:
        """Keep a digest and its result; ``complete_ms``: the stamp that it proves."""


class Library(Protocol):
    """Opens the books of schools. Threads may open books of different schools at the same time."""

    def open(self, school: str) -> AbstractContextManager[Books]:
        """One transaction: committed at the end of the block, rolled back when it raises."""

    def attacked(self, school: str, refusal: Refuse, now_ms: int) -> None:
        """Append an audit line about a frame that no honest agent of the school sends; a transaction of its own."""
