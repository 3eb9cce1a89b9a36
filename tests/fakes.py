"""A small agent on a real state file and a database in memory, for tests that look at one page or one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.capture import Capture, Terms
from agent.state.store import StateStore
from proto.batch import Changes, decode
from tests.model.capture_centre import KEY, sealer
from tests.model.capture_source import KEYS, ModelSource, Vendor, collated, make_profile

if TYPE_CHECKING:
    from pathlib import Path

    from agent.profile import EntityProfile


class Desk:
    """Source, state and capture of one school. ``between`` of the source may be set to what happens while it is read."""

    def __init__(self, path: Path, names: list[str], *, stamped: bool = False) -> None:
        self.now, self.path, self.names, self.hinted = 1_700_000_000_000, path, names, names if stamped else []
        self.vendor = Vendor()
        ranks: dict[Any, Any] = {collated(key): place for name in KEYS for place, key in enumerate(KEYS[name])}
        ranks |= {key: key[0] for key in ranks if len(key) == 1 and isinstance(key[0], int)}
        self.source = ModelSource(
            lambda: self.vendor, lambda: self.vendor.version, ranks, lambda: str(self.vendor.version)
        )
        self.store: StateStore | None = None
        self.open()
        self.store.adopt(b"e" * 16)
        self.store.put(adopting=0)

    def open(self) -> None:
        """Start (again) on the state file."""
        if self.store is not None:
            self.store.close()
        self.store = StateStore(self.path)
        self.sealed: list[Changes] = []
        self.profile = make_profile(self.names, self.hinted, self.hinted, 1)
        seal = sealer(self.store, self.sealed.append)
        self.capture = Capture(self.source, self.profile, self.store, seal, Terms(KEY), lambda: self.now)

    def of(self, name: str) -> EntityProfile:
        """How an entity is read."""
        return self.profile.entity(name)

    def write(self, name: str, key: tuple[Any, ...], *values: Any) -> None:
        """A committed change; without values a deletion."""
        self.vendor.version += 1
        self.vendor.write(name, key, values or None, self.vendor.version)

    def sweep(self, sweep: Any, limit: int = 100) -> Any:
        """Run a sweep to its end."""
        while not sweep.step(limit):
            pass
        return sweep

    def shipped(self) -> list[tuple[str, list[str], list[str]]]:
        """What the outbox carries: (entity, keys of states, keys gone)."""
        envelopes = self.store.envelopes_after(0, 1000, 1 << 30)
        batches = [decode(one.data.partition(b"\n")[2]) for one in envelopes]
        return [(one.entity.name, one.columns[0], one.deleted) for batch in batches for one in batch.tables]
