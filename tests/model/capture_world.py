"""A school's database, its agents and the department, with every fault that the design names; each ``x_*`` method is one step.

Real: capture, diff, sweeps, state file, Adopt. Model: the database, the department, the wire. Ghosts (history of the database, what was
applied) are looked at by checks alone.
"""

from __future__ import annotations

import random
from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from proto.entities import BY_NAME
from tests.model.capture_agent import Agent
from tests.model.capture_centre import Books, Violation, canonical, expected
from tests.model.capture_source import (
    GUID,
    HALF,
    HOT,
    INT,
    KEYS,
    NUL,
    OLD,
    PAIR,
    TEXT,
    YEARS,
    ModelSource,
    Vendor,
    collated,
)

if TYPE_CHECKING:
    from pathlib import Path

    from agent.core.uplink_events import Mark
    from agent.state.store import StateStore
    from proto.batch import Changes

LIMIT = 2
KINDS = ("full", "hint", "hot", "todo")
OTHER = "city:school-2"


class World:
    """Everything; ``seed`` draws what stays the same during one history."""

    def __init__(self, folder: Path, seed: int) -> None:
        rng = random.Random(seed)
        self.folder, self.now, self.nonces = folder, 1_700_000_000_000, 0
        self.names = [YEARS, *rng.sample([TEXT, GUID, INT, PAIR], rng.choice((1, 1, 2)))]
        self.stamped = [name for name in self.names if rng.random() < 0.7]
        self.logged = [name for name in self.stamped if rng.random() < 0.7]
        if seed >> 30 == 3:
            self.stamped = self.logged = self.names
        elif seed >> 30 == 1:
            self.stamped, self.logged = self.names, []
        self.small = rng.choice((0, 5000))
        self.mode = rng.choice(("collapse", "full"))
        self.limits = {"delete_rows": rng.choice((0, 0, 0, 1)), "update_rows": rng.choice((0, 0, 0, 0, 2))}
        ranks = {collated(key): rng.random() for name in KEYS for key in KEYS[name]}
        if rng.random() < 0.8:
            ranks |= {key: key[0] for key in ranks if len(key) == 1 and isinstance(key[0], int)}
        self.again_ms, versions = rng.choice((0, 3, 1000)), rng.random() < 0.5
        self.vendor, self.other = Vendor(), Vendor(identity=OTHER)
        self.transaction: list[tuple[str, Any, Any, int]] = []
        self.here, self.planned = True, deque[tuple[int, int, int]]()
        self.source = ModelSource(self._view, self._low, ranks, lambda: str(len(self.history)) if versions else None)
        self.source.between = self._between
        for vendor, version in ((self.vendor, 0), (self.other, 1)):
            for key in KEYS[YEARS]:
                vendor.write(YEARS, key, (f"{key[0]}", 0), 1)
            for name in self.names[1:]:
                for number, key in enumerate(KEYS[name][: None if seed >> 31 else 1]):
                    vendor.write(name, key, self._values(name, version + 6 * number), 1)
        self.history: list[tuple[int, bool, dict[str, Any]]] = []
        self.remember()
        self.step_at = self.now
        self.books = Books()
        self.books.new_epoch(self.nonce())
        self.lost: set[bytes] = set()
        self.tainted = True
        self.agents = [Agent(self, folder / "agent-0")]
        self.backups: dict[str, Any] = {"vendor": self.vendor.copy(), "books": self.books.copy()}
        self.x_backup(0)

    # ---- ghosts

    def nonce(self) -> bytes:
        """16 bytes that were never there before."""
        self.nonces += 1
        return blake2b(self.nonces.to_bytes(4), digest_size=16).digest()

    def clock(self) -> int:
        """Milliseconds."""
        return self.now

    def remember(self) -> None:
        """The database changed: this is its content from now on."""
        self.now += 1
        self.history.append((self.now, self.here, self._view().snapshot()))

    def step_begins(self) -> None:
        """A piece of reading begins: what it captures must be true at some moment from here on."""
        self.step_at = self.now

    def contents(self, since: int) -> list[dict[str, Any]]:
        """What the recorded database held at ``since`` and after."""
        mine = self.books.identity != OTHER
        seen = [(at, content) for at, here, content in self.history if here is mine]
        first = max((index for index, (at, _content) in enumerate(seen) if at <= since), default=0)
        return [content for _at, content in seen[first:]]

    def check_captured(self, changes: Changes) -> None:
        """Every captured state is one that the source had during the step that captured it."""
        agent, history = self.acting, self.history
        mine, version = agent.store.get("identity") != OTHER, str(agent.version)
        ends = [at for at, _here, _content in history[1:]] + [self.now + 1]
        contents = [
            one for (_at, here, one), end in zip(history, ends, strict=True) if end > self.step_at and here is mine
        ]
        for table in changes.tables:
            name = table.entity.name
            for row in zip(*table.columns, strict=True):
                states = [
                    canonical(name, row[0], one[name][row[0]], version, agent.mode)
                    for one in contents
                    if row[0] in one[name]
                ]
                if row not in states:
                    raise Violation(f"captured {name} {row}, never there: {states}")
            for key in table.deleted:
                if all(key in one[name] for one in contents):
                    raise Violation(f"captured the deletion of {name} {key}, which was there all the time")

    def check_receipt(self, mark: Mark, only: StateStore | None = None) -> None:
        """What is acknowledged was applied."""
        if only is not None and not any(one.hash == mark.hash for one in only.envelopes_after(0, 1000, 1 << 30)):
            return
        if mark.hash not in self.books.applied | self.lost:
            raise Violation(f"envelope {mark.seq} is acknowledged and was never applied")

    def check_as_of(self, since: int, claim: str) -> None:
        """For every key that is not in quarantine there is a moment since then at which the source held what the centre holds."""
        books, contents, mode = self.books, self.contents(since), self.acting.mode
        for name in self.names:
            views = [expected(one, name, str(books.profile), mode, books.closed) for one in contents]
            held = books.held.get(name, {})
            rows = {key: row for key, row in books.rows.get(name, {}).items() if not books.is_closed(name, row)}
            for key in {*rows, *(key for view in views for key in view)} - held.keys():
                if not any(view.get(key) == rows.get(key) for view in views):
                    raise Violation(
                        f"{claim} since {since}: {name} {key} is {rows.get(key)}, source {[view.get(key) for view in views]}"
                    )

    def check_archive(self, name: str, key: str, row: tuple[Any, ...]) -> None:
        """What went from a closed year is recorded, never deleted."""
        if not BY_NAME[name].year:
            return
        contents = self.contents(0)
        last = max((index for index, one in enumerate(contents) if key in one[name]), default=-1)
        if last + 1 < len(contents) and all(one[YEARS].get(row[1], (0, 0))[1] for one in contents[max(last, 0) :]):
            raise Violation(f"{name} {key} of closed year {row[1]} is deleted")

    def check_guard(self) -> None:
        """Deletions and updates of a day stay within the limit and what was confirmed."""
        for counts, limit in zip(self.books.counted(self.now), self.limits.values(), strict=True):
            if limit and any(count > limit for count in counts.values()):
                raise Violation(f"more than {limit} rows a day passed the guard: {counts}")

    # ---- the school's database

    def _view(self) -> Vendor:
        return self.vendor if self.here else self.other

    def _low(self) -> int:
        open_stamps = [stamp for *_what, stamp in self.transaction]
        return min([self._view().version, *open_stamps])

    def _between(self) -> None:
        """A moment before a read, or between a read and its return: planned things happen."""
        self.planned = deque((wait - 1, what, i) for wait, what, i in self.planned)
        while self.planned and self.planned[0][0] < 0:
            _wait, what, i = self.planned.popleft()
            (self.x_write, self.x_commit, self.x_expire, self.x_year, self.x_restore, self.x_busy)[what](i)

    @staticmethod
    def _values(name: str, i: int) -> tuple[Any, ...]:
        text = ("x", "y", "z", "Б", NUL, HALF)[i % 6]
        year, when = 1 + i // 6 % 2, (HOT, OLD)[i // 12 % 2]
        if name == PAIR:
            return (year, ("УП", "НП", "ОТ", "Б", "??", HALF)[i % 6], when)
        return (year, text, (None, "c")[i // 24 % 2], when) if name == INT else (text,)

    def _change(self, i: int) -> tuple[str, tuple[Any, ...], tuple[Any, ...] | None]:
        name = self.names[1 + i % (len(self.names) - 1)]
        key = KEYS[name][i // 2 % len(KEYS[name])]
        if i // 10 % 4 == 0:
            return name, key, None
        return name, key, self._values(name, i // 40)

    def x_write(self, i: int) -> None:
        """One committed change."""
        name, key, values = self._change(i)
        vendor = self._view()
        if any(what[0] == name and collated(what[1]) == collated(key) for what in self.transaction):
            return
        vendor.version += 1
        vendor.write(name, key, values, vendor.version)
        self.remember()

    def x_begin(self, i: int) -> None:
        """A change that is stamped now and committed later."""
        name, key, values = self._change(i)
        if self.here and len(self.transaction) < 2 and name not in [what[0] for what in self.transaction]:
            self.vendor.version += 1
            self.transaction.append((name, key, values, self.vendor.version))

    def x_commit(self, i: int) -> None:
        """The open transaction ends."""
        if i % 4 and self.here:
            self.vendor.version += 1
            for what in self.transaction:
                self.vendor.write(*what)
            self.remember()
        if self.here:
            self.transaction = []

    def x_plan(self, i: int) -> None:
        """Something will happen inside one of the next reads."""
        self.planned.append((i % 8, i // 8 % 6, i * 7919 % 400))

    def x_expire(self, i: int) -> None:
        """The log of keys that went is cut."""
        vendor = self._view()
        vendor.min_valid = max(vendor.min_valid, vendor.version - i % 3)
        for log in vendor.log.values():
            for key in [key for key, stamp in log.items() if stamp < vendor.min_valid]:
                del log[key]

    def x_year(self, i: int) -> None:
        """A year is closed, opened again, or purged once it is closed."""
        vendor, key = self._view(), KEYS[YEARS][i % 2]
        year = vendor.rows[YEARS][key]
        vendor.version += 1
        if i // 2 % 3 == 2 and year.values[1]:
            for name in {INT, PAIR} & set(self.names):
                for row in [row for row in vendor.rows[name].values() if row.values[0] == key[0]]:
                    vendor.write(name, row.key, None, vendor.version)
        else:
            vendor.write(YEARS, key, (year.values[0], 1 - year.values[1]), vendor.version)
        self.remember()

    def x_keep(self, i: int) -> None:
        """A backup of the database."""
        del i
        self.backups["vendor"] = self.vendor.copy()

    def x_restore(self, i: int) -> None:
        """The database goes back to its backup."""
        del i
        if self.here:
            self.vendor, self.transaction = self.backups["vendor"].copy(), []
            self.vendor.incarnation = self.nonce().hex()
            self.remember()

    def x_point(self, i: int) -> None:
        """The agent's source is another school's database, or the right one again."""
        del i
        self.here = not self.here
        self.remember()

    def x_drift(self, i: int) -> None:
        """A column goes, or comes back."""
        self.source.drifted ^= {self.names[1 + i % (len(self.names) - 1)]}

    def x_unkeyed(self, i: int) -> None:
        """A row without a key comes or goes."""
        self.source.unkeyed ^= {self.names[1 + i % (len(self.names) - 1)]}

    def x_busy(self, i: int) -> None:
        """The next reads meet a lock."""
        self.source.busy = 1 + i % 2
