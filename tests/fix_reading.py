"""The reading half of an agent on a bench: a real demo database, the real state file, sweeps and reader, and a centre in a dictionary."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from agent import profile as profiles
from agent.capture import Capture, Terms
from agent.config import SETTINGS, Config
from agent.core.sweep import Kind
from agent.reader import Reader
from agent.sources.base import Options
from agent.sources.factory import open_source
from agent.state.repair import UplinkState
from agent.state.store import NOT_ADOPTING, StateStore
from agent.transport.identity import IdentityFolder, SchoolFacts
from agent.transport.ports import Facts
from collector.ca.authority import Authority
from install.demo import database
from install.demo.desk import Clock
from proto.batch import encode
from proto.entities import BY_NAME
from proto.settings import load
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.core.uplink_events import Mark
    from agent.sources.base import Source
    from install.demo.database import Database
    from proto.batch import Changes
    from proto.canonical import Value
    from tests.fix_demo import Demo

KEY = b"k" * 32
EPOCH = b"e" * 16
# Of the contract (design, chapter 4): what ``gorod-agent status --json`` tells.
STATUS_KEYS = {
    *(
        "school",
        "state",
        "connected",
        "epoch",
        "acked_seq",
        "outbox_rows",
        "outbox_bytes",
        "last_change_seen",
        "fresh_at",
    ),
    *("complete_at", "stored_at", "differences", "held", "quarantined", "paused_entities", "certificate_days"),
    *("clock_offset_s", "problem"),
}
# Long enough that no sweep comes by itself, short enough that a hint is never waited for.
CALM = {"sweep_hint_ms": "1", "sweep_hot_s": "3600", "sweep_full_s": "3600", "disk_floor_mb": "0"}


def agent_config(data: Path, **settings: object) -> Config:
    """Settings of an agent that never begins a sweep by itself."""
    named = CALM | {name: str(value) for name, value in settings.items()}
    return Config(
        data, load("agent", SETTINGS, None, {f"GOROD_AGENT_{name.upper()}": text for name, text in named.items()})
    )


def agent_source(demo: Demo, **settings: Any) -> Source:
    """The demo database as the agent reads it."""
    return open_source(Options(demo.url, demo.organisation, hint_overlap_s=10.0, **settings))


@dataclass
class Bench:
    """A reader at work. What it seals is applied to ``centre`` at once; receipts come when :meth:`receive` is called."""

    demo: Demo
    data: Path
    source: Source
    config: Config
    ahead_ms: int = 0
    centre: dict[str, dict[str, tuple[Value, ...]]] = field(default_factory=dict)
    sealed: list[Changes] = field(default_factory=list)
    captured: int = 0
    compared: int = 0
    stopped: bool = False
    store: StateStore = field(init=False)
    capture: Capture = field(init=False)
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.store = StateStore(self.data / "state.sqlite")
        self.store.database.connection.execute("PRAGMA synchronous = OFF")
        if not self.store.position().epoch:
            self.begin_epoch(EPOCH)
        self.store.put(sealing_key=b"of the department")
        profile = profiles.load("demo")
        self.capture = Capture(self.source, profile, self.store, self._seal, Terms(KEY), self.now)
        self.reader = Reader(self.capture, self.config, "Europe/Moscow", self._captured, self._compare)

    def now(self) -> int:
        """The agent's clock; ``ahead_ms`` turns it."""
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def begin_epoch(self, epoch: bytes) -> None:
        """A new epoch, whose first comparison is applied already."""
        self.store.adopt(epoch)
        self.store.put(adopting=NOT_ADOPTING)

    def _captured(self) -> None:
        self.captured += 1

    def _compare(self) -> None:
        self.compared += 1

    def _seal(self, changes: Changes, epoch: bytes, previous: Mark) -> tuple[bytes, bytes]:
        self.sealed.append(changes)
        for table in changes.tables:
            rows = self.centre.setdefault(table.entity.name, {})
            rows |= {str(row[0]): row for row in zip(*table.columns, strict=True)}
            for key in table.deleted:
                rows.pop(key, None)
        data = epoch + previous.hash + encode(changes)
        return data, sha256(data).digest()

    def stop(self) -> None:
        """The agent ends; once is enough."""
        if not self.stopped:
            self.stopped = True
            self.source.close()
            self.store.close()

    # ---- the department

    def receive(self) -> None:
        """Receipts for all of the outbox."""
        self.store.receipted(self.store.position().last, self.now())

    def uplink(self) -> UplinkState:
        """The uplink's view of the state."""
        return UplinkState(self.store, Facts, sync_pb2.Heartbeat, self.now)

    # ---- driving

    def until(self, reached: Callable[[], Any], steps: int = 5000) -> None:
        """Step until it is so; everything sent is received at once."""
        for _step in range(steps):
            if reached():
                return
            self.reader.step()
            self.receive()
        raise AssertionError(f"never reached; problem: {self.reader.progress.problem}")

    def fill(self) -> Bench:
        """The first full sweep, and the first look at the hints."""
        self.until(lambda: self.store.get("based"))
        self.rest(Kind.HOT, Kind.FULL)
        self.look()
        return self

    def rest(self, *kinds: Kind) -> None:
        """These sweeps are not due for a long time."""
        for kind in kinds:
            self.reader.plan.due[kind] = time.monotonic() + 3600

    def look(self, *, count: bool = False) -> None:
        """One pass of hints, with or without counting."""
        self.reader._counting.due = 0.0 if count else time.monotonic() + 3600
        self.reader.plan.hurry(Kind.HINT)
        self.reader.step()
        self.receive()

    def sweep(self, kind: Kind) -> None:
        """One whole hot or full sweep, now."""
        self.reader.plan.hurry(kind)
        self.rest(Kind.HINT)
        self.until(lambda: self.reader.plan.due[kind] > 0)

    # ---- the school

    def vendor(self) -> Database:
        """A connection of the vendor's program; use it in a with block."""
        return database.connect(self.demo.url)

    def stamp(self) -> str:
        """The vendor's stamp of a change made now."""
        return Clock.at(datetime.fromtimestamp(self.now() / 1000, UTC)).stamp

    def rename(self, subject: int, name: str, stamp: str = "") -> None:
        """Somebody renames a subject: the simplest update there is."""
        sql = "UPDATE Subjects SET Name = ?, ChangedAt = ? WHERE OrgCode = :org AND SubjectId = ?"
        assert self.write(sql, name, stamp or self.stamp(), subject) == 1

    def write(self, sql: str, *values: object) -> int:
        """One committed statement of the vendor's program; ``:org`` is the organisation."""
        with self.vendor() as vendor:
            return vendor.execute(sql.replace(":org", f"'{self.demo.organisation}'"), *values)

    def first(self, table: str, key: str) -> Any:
        """The smallest key of a table of the vendor."""
        return self.demo.value(f"SELECT MIN({key}) FROM {table} WHERE OrgCode = ?", self.demo.organisation)  # noqa: S608  the test's own names

    def rows(self, entity: str) -> dict[str, tuple[Value, ...]]:
        """What the centre holds of an entity."""
        return self.centre.get(entity, {})

    def name_of(self, entity: str, key: object, field_name: str = "name") -> Value:
        """A field of a row at the centre."""
        return self.rows(entity)[str(key)][BY_NAME[entity].index(field_name)]


@pytest.fixture
def new_bench(school: Demo, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes benches over the test's own small school; what is named goes over the settings."""
    data = tmp_path / "agent"
    data.mkdir()
    made: list[Bench] = []

    def make(source: Source | None = None, **settings: object) -> Bench:
        made.append(Bench(school, data, source or agent_source(school), agent_config(data, **settings)))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def bench(new_bench: Callable[..., Bench]) -> Bench:
    """A reader that has not read yet."""
    return new_bench()


@pytest.fixture
def filled(bench: Bench) -> Bench:
    """A reader whose first full sweep is done and received."""
    return bench.fill()


def enrol_by_hand(
    data: Path, demo: Demo, authority: Authority, sync: str = "127.0.0.1:1", school: str = "23-042", key: bytes = KEY
) -> Config:
    """An agent's data folder as ``enrol`` leaves it, without the network; by default its department does not answer."""
    data.mkdir(exist_ok=True)
    folder, now = IdentityFolder(data / "identity"), datetime.now(UTC)
    certificate = authority.issue_school(school, folder.pending_key().public_key(), now, timedelta(days=90))
    facts = SchoolFacts(school, "Europe/Moscow", demo.organisation, sync, "127.0.0.1:1", key)
    folder.store(certificate, authority.certificate, facts)
    (data / "profile.toml").write_bytes(profiles.load("demo").source)
    return agent_config(data, source_url=demo.url, heartbeat_s=0.2, digest_s=0.5, retry_cap_s=0.2)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The department's authority."""
    return Authority.create(tmp_path / "ca")


@pytest.fixture
def enrolled(school: Demo, authority: Authority, tmp_path: Path) -> Config:
    """Settings of an enrolled agent whose department does not answer."""
    return enrol_by_hand(tmp_path / "agent", school, authority)
