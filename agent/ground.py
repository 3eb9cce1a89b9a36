"""What captured rows stand on: one source in one life, one profile, one health mode. Where that changes, hints and the last full sweep are void."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from agent.core import drift
from agent.core.origin import Life, Verdict, follow
from agent.sources.query import WHOLE
from agent.state.store import ADOPTING
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent.core.origin import Origin
    from agent.profile import EntityProfile, Profile
    from agent.sources.base import Source
    from agent.state.store import StateStore

_LOG = logging.getLogger(__name__)
HOME: Final = "organization"


class Ground:
    """Source, profile and state file together, and what may be claimed of them.

    Args:
        source: where rows come from.
        profile: how they map to canonical entities.
        store: the state file.
        health_mode: what of illness may leave.
        now_ms: clock, milliseconds since 1970-01-01T00:00Z.
    """

    def __init__(
        self, source: Source, profile: Profile, store: StateStore, health_mode: str, now_ms: Callable[[], int]
    ) -> None:
        self.source, self.profile, self.store, self.now_ms = source, profile, store, now_ms
        self._health_mode = health_mode
        self.fresh: dict[int, int] = {}
        self.voids = 0
        life = store.get("life")
        self.life: Life | None = Life(**json.loads(life)) if life else None
        self.begin()

    def begin(self) -> None:
        """Note what the state was captured under; another profile or health mode voids hints and the last full sweep."""
        under = {"profile_hash": self.profile.hash, "health_mode": self._health_mode}
        for name, kind in (("profile_hash", "profile"), ("health_mode", "health_mode")):
            before = self.store.get(name)
            if before is not None and before != under[name]:
                self.void(kind, {"from": str(before), "to": under[name]})
        self.store.put(**under)

    def void(self, kind: str, details: dict[str, str]) -> None:
        """Hints have no base any more and the last full sweep does not count: an event, and everything is read anew."""
        with self.store.database.transaction() as connection:
            connection.execute("DELETE FROM hint_mark")
            self.fresh.clear()
            self.voids += 1
            connection.execute("DELETE FROM described")
            connection.execute("DELETE FROM meta WHERE name IN ('based', 'full') OR name GLOB 'sweep_*'")
            self.store.note_event(kind, details, self.now_ms())
        _LOG.warning("the base of hints is void: %s", kind)

    @property
    def basis(self) -> tuple[bytes, int]:
        """What a running sweep stands on: it starts anew when this is no longer what it was."""
        return self.store.epoch, self.voids

    @property
    def waits(self) -> bool:
        """Whether nothing may be captured: an epoch began and its first comparison is not applied. Ask under ``store.pages``."""
        return self.store.adopting == ADOPTING

    # ---- origin

    def watch(self, origin: Origin) -> None:
        """Compare a page's origin with what is remembered, before anything of the page is used.

        Raises:
            Problem: another database (GOR-1604), or this one went back (GOR-1614): the page is not used, reading starts anew.
        """
        recorded = self.store.get("recorded_identity") or (self.life.identity if self.life else "")
        if recorded and origin.identity != recorded:
            self._other(origin, str(recorded))
        if self.life is not None and origin.identity != self.life.identity:
            self.life = None  # the department confirmed the new identity: a new life begins
            self.void("identity", {"to": origin.identity})
        verdict, life = follow(self.life, origin)
        changed = self.life is None or (life.name, life.identity) != (self.life.name, self.life.identity)
        self.life = life
        if verdict is Verdict.RESTORED:
            self.void("restored", {"incarnation": life.name})
        if changed:
            self.keep_life()
        if verdict is Verdict.RESTORED:
            raise Problem("GOR-1614", cause=life.name)

    def keep_life(self) -> None:
        """Remember how far the source's life has come: with every commit, so that going back is seen after a restart too."""
        life = self.life
        if life is not None:
            self.store.put(life=json.dumps(asdict(life)), identity=life.identity, incarnation=life.name)

    def _other(self, origin: Origin, recorded: str) -> None:
        if self.store.get("found_identity") != origin.identity:
            self.store.put(found_identity=origin.identity)
            self.store.note_event("identity", {"recorded": recorded, "found": origin.identity}, self.now_ms())
        raise Problem("GOR-1604", recorded=recorded, found=origin.identity)

    def check_home(self) -> None:
        """Whether the school itself is in this database: a source that knows another organisation only must not look like a school emptied.

        Raises:
            Problem: GOR-1604, it is not; nothing is read until it is.
        """
        profile = next((one for one in self.profile.entities if one.name == HOME), None)
        if profile is None:
            self.watch(self.source.origin())
        else:
            page = self.source.page(profile, None, 1, WHOLE)
            self.watch(page.origin)
            if not len(page):
                self._other(replace(page.origin, identity=f"{page.origin.identity} = ∅"), page.origin.identity)
        if self.store.get("found_identity"):
            self.store.put(found_identity=None)

    # ---- drift

    def check_drift(self, profile: EntityProfile) -> None:
        """Compare the columns that the profile reads with the last sweep's. A paused entity goes on once it was read whole.

        Raises:
            Problem: a column is gone (GOR-1403) or has another type (GOR-1407).
        """
        store, number = self.store, profile.entity.number
        now = self.source.columns(profile)
        before = store.described(number)
        found = drift.compare([drift.Column(*column) for column in before], now) if before else drift.Drift()
        if found.lost:
            raise Problem("GOR-1403", entity=profile.name, missing=", ".join(found.lost))
        if found.retyped:
            first = found.retyped[0]
            raise Problem("GOR-1407", entity=profile.name, column=first.name, old=first.old, new=first.new)
        if found.added or found.unused:
            details = {"entity": profile.name, "added": ", ".join(found.added), "lost": ", ".join(found.unused)}
            store.note_event("drift", details, self.now_ms())
        if not before or found:
            store.describe(number, [(column.name, column.type, column.used) for column in now])

    # ---- freshness

    def note_fresh(self, profiles: Iterable[EntityProfile], at_ms: int) -> None:
        """Everything of these entities that changed before ``at_ms`` has been captured."""
        for profile in profiles:
            self.fresh[profile.entity.number] = max(at_ms, self.fresh.get(profile.entity.number, 0))

    def fresh_ms(self) -> int:
        """Up to when every entity is captured; 0: no claim, because something is missing, held, paused or under repair."""
        store = self.store
        if not store.get("based") or store.adopting or store.reread_count() or store.held() or store.paused():
            return 0
        recorded = store.get("recorded_identity")  # empty until the department has recorded one
        if self.life is None or (recorded and self.life.identity != recorded):
            return 0
        return min((self.fresh.get(profile.entity.number, 0) for profile in self.profile.entities), default=0)
