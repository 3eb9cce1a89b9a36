"""The port through which the agent reads NetSchool: one protocol, the same contract suite for every engine.

Everything is synchronous and is called from one worker thread. One page is one short read; nothing is ever written, not even a
temporary object. Problems are :class:`proto.problems.Problem` with codes 13xx (the source) and 14xx (the profile).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from agent.core.drift import Column
from agent.core.origin import Origin
from agent.sources.page import KeyPage, Page
from agent.sources.query import Key, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.profile import EntityProfile, Hint
    from agent.sources.marks import Mark
    from agent.sources.survey import SchemaSurvey

__all__ = [
    "Column",
    "Counted",
    "HintState",
    "Key",
    "KeyPage",
    "Options",
    "Origin",
    "Page",
    "Plan",
    "Source",
    "Window",
    "page_limit",
]


@dataclass(frozen=True, slots=True)
class Options:
    """What a source is opened with. ``zone`` is the IANA name of the school's local time; times are in seconds.

    ``tables`` are those whose re-creation means a restore where the engine can tell (all that the profile names).
    """

    url: str
    organisation: str
    zone: str = "Europe/Moscow"
    password: str = field(default="", repr=False)
    tables: tuple[str, ...] = ()
    connect_timeout_s: float = 10.0
    lock_timeout_s: float = 1.0
    statement_timeout_s: float = 30.0
    hint_overlap_s: float = 10.0
    long_transaction_s: float = 3600.0
    probe_s: float = 0.05
    probe_idle_s: float = 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """How the engine would run one of our statements: ``steps`` in its own words, ``faults`` what makes it no index seek."""

    name: str
    steps: tuple[str, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HintState:
    """``mark`` is what to store: everything before it is visible from now on. ``newest`` tells, by moving, that there is work."""

    mark: Mark
    newest: Mark


@dataclass(frozen=True, slots=True)
class Counted:
    """An entity at one moment: how many rows it has, and which of them are stamped since a mark; None if these are too many to name."""

    rows: int
    recent: tuple[str, ...] | None


class Source(Protocol):
    """A NetSchool database, read only."""

    engine: ClassVar[str]

    def connect(self) -> None:
        """Open the source, or find it open. Every other call does this by itself."""

    def close(self) -> None:
        """Let go of the source. It may be connected again."""

    def origin(self) -> Origin:
        """What the source is, now."""

    def version(self) -> str | None:
        """What differs from an earlier answer whenever anything was committed since; None where the engine cannot tell.

        Two equal answers prove that everything read between them is what the source holds.
        """

    def columns(self, profile: EntityProfile) -> tuple[Column, ...]:
        """Result columns of the entity's SELECT and the columns of its tables: what drift is seen by."""

    def page(self, profile: EntityProfile, after: Key | None, limit: int, window: Window) -> Page:
        """Rows after a key in the source's own order. Rows that the source takes for equal are never parted by a page's end."""

    def expect(self, profile: EntityProfile, after: Key | None, limit: int, window: Window) -> None:
        """Tell which page is asked for next, before anything else is: a source may begin with it at once. Promises nothing."""

    def by_keys(self, profile: EntityProfile, keys: Sequence[str]) -> Page:
        """The rows of these canonical keys, whatever their window. A source that takes ``a`` for ``A`` may return other rows too."""

    def hint_mark(self, profile: EntityProfile) -> Mark | None:
        """The mark of one entity, see :meth:`hint_states`. None: no hints here."""

    def hint_states(self, profiles: Sequence[EntityProfile]) -> dict[str, HintState]:
        """The marks of many entities at once, by name; read them before the rows. Entities without hints are left out."""

    def hint_page(
        self, profile: EntityProfile, mark: Mark, after: Key | None, limit: int, *, late: bool = True
    ) -> Page:
        """Rows stamped at the mark or later, in the order of stamps; ``late``: and within the overlap before it, for commits that came late."""

    def hint_keys(
        self, profile: EntityProfile, hint: Hint, mark: Mark, after: Key | None, limit: int, *, late: bool = True
    ) -> KeyPage:
        """Keys that another table names since the mark: deletions, header rows. ``late`` as above."""

    def count(self, profile: EntityProfile, window: Window, mark: Mark, limit: int, *, late: bool) -> Counted:
        """Rows of the window, and of these the keys stamped after the mark, or ``late``: since the overlap before it; both of one moment.

        ``recent`` is None when ``limit`` keys or more would have to be named.
        """

    def keyless(self, profile: EntityProfile) -> int:
        """Rows without a key; pages leave them out."""

    def repeated(self, profile: EntityProfile, limit: int) -> int:
        """Rows that share their canonical key with another; at most ``limit`` keys are looked at."""

    def plans(self, profile: EntityProfile) -> list[Plan]:
        """How pages, re-reads and hints of the entity would be read."""

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something may have changed since the last call; False if the time passed without."""

    def describe(self, *, counts: bool = True) -> SchemaSurvey:
        """Tables, columns, types, keys, row counts; no values."""


MIN_ROWS: Final = 200
MAX_ROWS: Final = 6_000


def page_limit(limit: int, rows: int, seconds: float, *, target_s: float = 0.1) -> int:
    """The next page's size, so that a page takes about ``target_s``: grows at most twofold, shrinks at once. Pure.

    Args:
        limit: size asked for last time.
        rows: rows that came.
        seconds: what they took; a page that failed by a timeout counts as the timeout with no rows.
        target_s: how long a page should take.
    """
    if rows == 0 and seconds >= target_s:
        return max(MIN_ROWS, limit // 4)
    if rows < limit and seconds <= target_s:
        return limit
    fitting = int(max(rows, 1) * target_s / max(seconds, 1e-6))
    return max(MIN_ROWS, min(fitting, limit * 2, MAX_ROWS))
