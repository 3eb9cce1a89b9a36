"""A NetSchool database in memory behind the agent's port: odd orders, equal letters, late commits, restores.

Things happen *while* it is read: :attr:`ModelSource.between` is called before every read and again between the read and its return.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from agent.core.drift import Column
from agent.core.origin import Origin
from agent.profile import EntityProfile, Hint, Profile
from agent.sources.base import Counted, HintState
from agent.sources.page import KeyPage, Page
from proto.entities import BY_NAME
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.sources.query import Window

TODAY = 20_000
_DAY_ZERO = datetime(1970, 1, 1)  # noqa: DTZ001  the school's clock is naive
HOT, OLD = (_DAY_ZERO + timedelta(days=TODAY - ago, hours=9, milliseconds=5) for ago in (1, 100))
YEARS, TEXT, GUID, INT, PAIR = "academic_year", "subject", "person", "mark", "attendance_event"

COLUMNS = {
    YEARS: ("name", "closed"),
    TEXT: ("name",),
    GUID: ("last_name",),
    INT: ("year_id", "raw", "comment", "set_at"),
    PAIR: ("year_id", "submitted_code", "at"),
}
KEY_TYPES = {YEARS: "int", TEXT: "text", GUID: "guid", INT: "int", PAIR: "composite"}
KEYS: dict[str, list[tuple[Any, ...]]] = {
    YEARS: [(1,), (2,)],
    TEXT: [("a",), ("A",), ("b/c",), ("я",), ("Я",)],
    GUID: [(f"{number:032X}",) for number in (1, 1 << 100, 7 << 60, 9 << 120)],
    INT: [(2,), (-5,), (10,), (900,), (1 << 40,)],
    PAIR: [(1, "a"), (1, "A"), (10, "a"), (2, "b")],
}
NUL, HALF = "n\0", "\ud800"
"""What the centre cannot hold; what has no canonical form."""


def collated(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Keys that the source takes for one."""
    return tuple(part.casefold() if isinstance(part, str) else part for part in key)


def key_text(entity: str, key: tuple[Any, ...]) -> str:
    """Our canonical text of a key."""
    if entity == GUID:
        return str(UUID(key[0]))
    return "/".join(str(part).replace("~", "~0").replace("/", "~1").replace(",", "~2") for part in key)


TEXTS = {(entity, key_text(entity, key)): key for entity, keys in KEYS.items() for key in keys}


@dataclass
class Stored:
    """A row with the stamp of its last change."""

    key: tuple[Any, ...]
    values: tuple[Any, ...]
    stamp: int


@dataclass
class Vendor:
    """One database: committed rows by entity and collated key, the log of keys that went, its life."""

    identity: str = "city:school-1"
    incarnation: str = "1"
    version: int = 1
    min_valid: int = 0
    rows: dict[str, dict[tuple[Any, ...], Stored]] = field(default_factory=lambda: {entity: {} for entity in KEYS})
    log: dict[str, dict[tuple[Any, ...], int]] = field(default_factory=lambda: {entity: {} for entity in KEYS})

    def write(self, entity: str, key: tuple[Any, ...], values: tuple[Any, ...] | None, stamp: int) -> None:
        """Insert, update, delete, or change the spelling of a key; whatever went is logged."""
        old = self.rows[entity].pop(collated(key), None)
        if old is not None and (values is None or old.key != key):
            self.log[entity][old.key] = stamp
        if values is not None:
            self.rows[entity][collated(key)] = Stored(key, values, stamp)

    def snapshot(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        """Entity -> canonical key text -> values."""
        return {
            entity: {key_text(entity, row.key): row.values for row in rows.values()}
            for entity, rows in self.rows.items()
        }

    def copy(self) -> Vendor:
        """A backup."""
        return copy.deepcopy(self)


def make_profile(names: Sequence[str], stamped: Sequence[str], logged: Sequence[str], version: int) -> Profile:
    """A profile of these entities; some have a stamp, some of these a log of keys that went."""
    entities = tuple(
        EntityProfile(
            BY_NAME[name],
            ("k",),
            KEY_TYPES[name],
            {"*": str(version)},
            hint="_changed" if name in stamped else None,
            hints=(Hint("log", {}),) if name in logged else (),
            year_type="int",
        )
        for name in sorted(names, key=lambda name: BY_NAME[name].number)
    )
    return Profile("model", version, "model", entities, f"hash-{version}", b"")


def mapped(value: Any, version: str) -> Any:
    """The second version of the profile maps texts otherwise."""
    return value + "+" if version == "2" and value in ("x", "y", "z") else value


class ModelSource:
    """Implements :class:`agent.sources.base.Source`; ``view`` tells which database is connected now, ``moment`` what differs after a commit."""

    engine = "sqlite"

    def __init__(
        self,
        view: Callable[[], Vendor],
        low: Callable[[], int],
        ranks: dict[Any, int],
        moment: Callable[[], str | None],
    ) -> None:
        self.view, self._low, self._ranks, self._moment = view, low, ranks, moment
        self.between: Callable[[], None] = lambda: None
        self.drifted: set[str] = set()
        self.unkeyed: set[str] = set()
        self.busy = 0

    def close(self) -> None:
        """See the port."""

    def _read(self, profile: EntityProfile | None = None) -> Vendor:
        """The moment of the read: what happens before it, refusals, then the database as it is."""
        self.between()
        if self.busy:
            self.busy -= 1
            raise Problem("GOR-1304", seconds=1)
        if profile is not None and profile.name in self.drifted:
            raise Problem("GOR-1403", entity=profile.name, missing="name")
        return self.view()

    def _origin(self, vendor: Vendor) -> Origin:
        return Origin(vendor.identity, vendor.incarnation, vendor.version)

    def origin(self) -> Origin:
        """See the port."""
        return self._origin(self._read())

    def version(self) -> str | None:
        """See the port."""
        self._read()
        return self._moment()

    def columns(self, profile: EntityProfile) -> tuple[Column, ...]:
        """See the port."""
        self.between()
        names = COLUMNS[profile.name][: -1 if profile.name in self.drifted else None]
        return tuple(Column(name, "text") for name in names)

    def _rank(self, row: Stored) -> int:
        return self._ranks[collated(row.key)]

    def _page(self, profile: EntityProfile, vendor: Vendor, rows: Sequence[Stored], **more: Any) -> Page:
        version = profile.sql["*"]
        page = Page(
            ("k", *COLUMNS[profile.name]),
            self._origin(vendor),
            [(row.key[0], *(mapped(value, version) for value in row.values)) for row in rows],
            [key_text(profile.name, row.key) for row in rows],
            **more,
        )
        self.between()
        return page

    def _cut(self, rows: list[Stored], order: Callable[[Stored], Any], after: Any, limit: int) -> dict[str, Any]:
        rows.sort(key=order)
        rows[:] = [row for row in rows if after is None or order(row) > tuple(after)]
        full = len(rows) >= limit
        del rows[limit:]
        return {"last": order(rows[-1]) if rows else None, "full": full}

    def page(self, profile: EntityProfile, after: Any, limit: int, window: Window) -> Page:
        """See the port: in an order of its own, by date first within a window of dates."""
        vendor, name = self._read(profile), profile.name
        rows = list(vendor.rows[name].values())
        if window.years is not None:
            rows = [row for row in rows if str(row.values[0]) in window.years]
        if window.dated:
            rows = [row for row in rows if row.values[-1] == HOT]
        more = self._cut(rows, lambda row: (self._rank(row),), after, limit)
        return self._page(profile, vendor, rows, **more, unkeyed={"key_null": 1} if name in self.unkeyed else {})

    def expect(self, profile: EntityProfile, after: Any, limit: int, window: Any) -> None:
        """Nothing is begun ahead."""

    def by_keys(self, profile: EntityProfile, keys: Sequence[str]) -> Page:
        """See the port: ``a`` finds ``A``."""
        vendor, name = self._read(profile), profile.name
        wanted = {collated(TEXTS[name, key]) for key in keys if (name, key) in TEXTS}
        return self._page(profile, vendor, [row for key, row in vendor.rows[name].items() if key in wanted])

    def hint_mark(self, profile: EntityProfile) -> dict[str, Any] | None:
        """See the port."""
        state = self.hint_states([profile]).get(profile.name)
        return state.mark if state else None

    def hint_states(self, profiles: Sequence[EntityProfile]) -> dict[str, HintState]:
        """See the port: a mark is never beyond a transaction that is still open."""
        vendor, states = self._read(), {}
        for profile in profiles:
            rows, log = vendor.rows[profile.name].values(), vendor.log[profile.name].values()
            newest = {"": max((row.stamp for row in rows), default=0), "log": max(log, default=vendor.min_valid)}
            mark = {name: min(stamp, self._low()) for name, stamp in newest.items()}
            if profile.hint:
                states[profile.name] = HintState(mark, newest)
        self.between()
        return states

    def count(self, profile: EntityProfile, window: Window, mark: dict[str, Any], limit: int, *, late: bool) -> Counted:
        """See the port."""
        rows = self._read(profile).rows[profile.name].values()
        found = [row for row in rows if window.years is None or str(row.values[0]) in window.years]
        recent = [row for row in found if row.stamp > mark[""] or (late and row.stamp == mark[""])]
        named = tuple(key_text(profile.name, row.key) for row in recent)
        self.between()
        return Counted(len(found), None if len(named) >= limit else named)

    def hint_page(
        self, profile: EntityProfile, mark: dict[str, Any], after: Any, limit: int, *, late: bool = True
    ) -> Page:
        """See the port: in the order of stamps. Nothing lies within an overlap: a mark waits for the transactions before it."""
        del late
        vendor = self._read(profile)
        rows = [row for row in vendor.rows[profile.name].values() if row.stamp >= mark[""]]
        more = self._cut(rows, lambda row: (row.stamp, self._rank(row)), after, limit)
        return self._page(profile, vendor, rows, **more)

    def hint_keys(
        self, profile: EntityProfile, _hint: Hint, mark: dict[str, Any], after: Any, limit: int, *, late: bool = True
    ) -> KeyPage:
        """See the port: keys of rows that went since the mark. Whether the log still reaches back is checked before and after."""
        del late
        vendor = self._read(profile)
        log = [(stamp, key_text(profile.name, key)) for key, stamp in vendor.log[profile.name].items()]
        named = sorted(one for one in log if one[0] >= mark["log"] and (after is None or one > tuple(after)))
        last = named[limit - 1] if len(named) > limit else None
        self.between()
        if self.view().min_valid > mark["log"]:
            raise Problem("GOR-1316", entity=profile.name)
        return KeyPage(tuple(text for _stamp, text in named[:limit]), last)
