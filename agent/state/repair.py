"""The uplink's view of the state file: comparison with the centre, Adopt's overwriting, and what Welcome and Settings tell.

While keys wait to be read again, or an adoption is under way, no stamp is claimed: fingerprints that were just overwritten from the centre
equal the centre whatever the source holds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent.core.guard import Count
from agent.state.fingerprints import IntegerTable
from agent.state.store import ADOPTED, ADOPTING, NOT_ADOPTING
from agent.transport.ports import Measurement, PlaceSums, Totals
from proto.entities import BY_NUMBER
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from agent.core.uplink_events import Mark, Positions, StoredEnvelope
    from agent.state.fingerprints import Table
    from agent.state.store import StateStore
    from agent.transport.ports import Facts, LeafContent


class UplinkState:
    """Implements :class:`agent.transport.ports.UplinkStore` on the state file.

    Args:
        store: the state file.
        facts: what Hello tells of program, source and profile now.
        heartbeat: what a heartbeat tells now; ``at`` is filled here.
        now_ms: clock, milliseconds since 1970-01-01T00:00Z.
    """

    def __init__(
        self,
        store: StateStore,
        facts: Callable[[], Facts],
        heartbeat: Callable[[], sync_pb2.Heartbeat],
        now_ms: Callable[[], int],
    ) -> None:
        self._store, self.facts, self._heartbeat, self._now_ms = store, facts, heartbeat, now_ms
        self.position = store.position
        self.adopt = store.adopt

    position: Callable[[], Positions]
    adopt: Callable[[bytes], Positions]

    def reconcile(self, head: Mark) -> Positions:
        """See :meth:`StateStore.reconcile`."""
        return self._store.reconcile(head, self._now_ms())

    def receipted(self, upto: Mark) -> None:
        """See :meth:`StateStore.receipted`."""
        self._store.receipted(upto, self._now_ms())

    def envelopes_after(self, seq: int, limit: int, max_bytes: int) -> Sequence[StoredEnvelope]:
        """See :meth:`StateStore.envelopes_after`."""
        return self._store.envelopes_after(seq, limit, max_bytes)

    # ---- comparison

    def digest(self) -> Totals | None:
        """Totals of every entity in open years at the newest envelope, with the claim of the last full sweep if nothing forbids it."""
        store = self._store
        with store.pages, store.database.transaction():
            closed = store.closed_years()
            sums = {number: table.sums(closed) for number, table in store.tables().items()}
            position = store.position()
            return Totals(
                at=position.last,
                epoch=position.epoch,
                rows={number: rows for number, (rows, _sum) in sums.items()},
                sums={number: total for number, (_rows, total) in sums.items()},
                complete=self._claim(),
            )

    def _claim(self) -> sync_pb2.Claim | None:
        """The last full sweep, if it counts: same source and profile, nothing held, paused, to be re-read or under repair."""
        store = self._store
        full = json.loads(store.get("full", "null"))
        if full is None or store.adopting != NOT_ADOPTING or store.reread_count() or store.held() or store.paused():
            return None
        if (full["identity"], full["profile"]) != (store.get("identity"), store.get("profile_hash")):
            return None
        return sync_pb2.Claim(
            started_ms=full["started_ms"],
            finished_ms=full["finished_ms"],
            identity=full["identity"],
            profile_hash=full["profile"],
        )

    def bucket_sums(self, entities: Sequence[int]) -> Measurement:
        """Sums of the 256 buckets of each entity."""
        return self._measure([(entity, None) for entity in entities])

    def leaf_sums(self, buckets: Sequence[tuple[int, int]]) -> Measurement:
        """Sums of the 256 leaves of each (entity, bucket)."""
        return self._measure(buckets)

    def _measure(self, places: Sequence[tuple[int, int | None]]) -> Measurement:
        store = self._store
        with store.pages, store.database.transaction():
            closed, tables = store.closed_years(), store.tables()
            found = []
            for number in {entity for entity, _bucket in places} & tables.keys():
                tables[number].place()
            for entity, bucket in places:
                rows, sums = tables[entity].sums_by(closed, bucket) if entity in tables else ([0] * 256, [0] * 256)
                found.append(PlaceSums(entity, bucket, rows, sums))
            position = store.position()
            return Measurement(position.last, position.epoch, found)

    # ---- Adopt's overwriting

    def overwrite(self, head_seq: int, leaves: Sequence[LeafContent], *, last: bool) -> None:
        """Replace each leaf whole; see :class:`agent.transport.ports.UplinkStore`."""
        store = self._store
        with store.pages, store.database.transaction() as connection:
            tick = int(store.get("base_tick", 0)) + head_seq
            ours = self._ours(leaves)
            for leaf in leaves:
                self._overwrite_leaf(leaf, ours.get((leaf.entity, leaf.leaf), {}), tick, connection)
            if last:
                store.put(adopting=ADOPTED)

    def _ours(self, leaves: Sequence[LeafContent]) -> dict[tuple[int, int], dict[Any, tuple[int, int]]]:
        """What stands in each of these leaves here, by entity and leaf: one look at each entity, however many leaves there are."""
        closed = self._store.closed_years()
        found: dict[tuple[int, int], dict[Any, tuple[int, int]]] = {}
        for number in {leaf.entity for leaf in leaves} & self._store.tables().keys():
            table = self._store.tables()[number]
            table.place()
            wanted = [leaf.leaf for leaf in leaves if leaf.entity == number]
            found |= {(number, place): rows for place, rows in table.of_leaves(wanted, closed).items()}
        return found

    def _overwrite_leaf(
        self, leaf: LeafContent, ours: dict[Any, tuple[int, int]], tick: int, connection: sqlite3.Connection
    ) -> None:
        """The centre's keys and hashes instead of ours, except keys captured after the answer's head; all of both sides is read again."""
        store = self._store
        table = self._table_for(leaf)
        if table is None:
            return
        theirs = dict(zip(table.native(leaf.keys), leaf.hashes, strict=True))
        later = {key for key, (_hash, captured) in ours.items() if captured > tick}
        rows = connection.execute("SELECT key FROM gone WHERE entity = ? AND tick > ?", (leaf.entity, tick))
        later |= {key for (key,) in rows}
        table.delete([key for key in ours if key not in theirs and key not in later])
        table.overwrite([(key, leaf.leaf, row_hash, tick) for key, row_hash in theirs.items() if key not in later])
        store.read_again(leaf.entity, (ours.keys() | theirs.keys()) - later)

    def _table_for(self, leaf: LeafContent) -> Table | None:
        """The entity's fingerprints; one never swept here gets the table that its keys ask for, until a sweep knows better."""
        table = self._store.tables().get(leaf.entity)
        if table is not None:
            if isinstance(table, IntegerTable) and not all(_is_number(key) for key in leaf.keys):
                return None  # the centre holds keys of another kind: the next full sweep starts this entity anew
            return table
        entity = BY_NUMBER.get(leaf.entity)
        return self._store.table(entity, integer=all(_is_number(key) for key in leaf.keys)) if entity else None

    # ---- what the department tells

    def welcomed(self, welcome: sync_pb2.Welcome) -> None:
        """Keep lease, guard counts and settings. The counts are the centre's; what it did not yet get of our outbox is added."""
        store = self._store
        with store.database.transaction() as connection:
            new = welcome.head.epoch != store.position().epoch
            if new:
                store.put(released=None)  # a restored department counts its confirmations anew
            self.configure(welcome.settings)
            told_years = json.dumps(sorted(welcome.closed_years))
            store.put(lease=welcome.lease, recorded_identity=welcome.identity, told_years=told_years)
            connection.execute("DELETE FROM counted")
            now = self._now_ms()
            for entity in welcome.deleted_24h.keys() | welcome.updated_24h.keys():
                told = Count(int(welcome.deleted_24h.get(entity, 0)), int(welcome.updated_24h.get(entity, 0)))
                store.count_guard(entity, now, told)
            if not new:
                tick = int(store.get("base_tick", 0)) + welcome.head.seq
                connection.execute("DELETE FROM waiting WHERE tick <= ?", (tick,))

    def configure(self, settings: sync_pb2.Settings) -> None:
        """Keep the department's settings; a confirmation lowers the guard's count and lets the held keys be read again."""
        store = self._store
        with store.database.transaction() as connection:
            guard = settings.guard
            limits = {
                "delete_rows": guard.delete_rows,
                "delete_pct": guard.delete_pct,
                "update_rows": guard.update_rows,
                "update_pct": guard.update_pct,
            }
            values: dict[str, object] = {"guard": json.dumps(limits)} if settings.HasField("guard") else {}
            if settings.sealing_key:
                values |= {"sealing_key": settings.sealing_key}
            if settings.HasField("profile"):
                values |= {"profile_sent": settings.profile.SerializeToString()}
            store.put(**values)
            if settings.resync > int(store.get("resync", 0)):
                store.put(resync=settings.resync, resync_due=1)
            for release in settings.releases:
                if release.number > int(store.get("released", 0)):
                    self._release(release, connection)

    def _release(self, release: sync_pb2.Release, connection: sqlite3.Connection) -> None:
        """A number of rows may go: lower the count, and read the held keys again by the absence law."""
        store = self._store
        store.count_guard(release.entity, self._now_ms(), Count(-int(release.rows), -int(release.rows)))
        connection.execute(
            "INSERT OR IGNORE INTO reread SELECT entity, key FROM held WHERE entity = ?", (release.entity,)
        )
        connection.execute("DELETE FROM held WHERE entity = ?", (release.entity,))
        store.put(released=int(release.number))

    def compared(self, answer: sync_pb2.Compare) -> None:
        """Keep the answer to a Digest: equal may end Adopt, a difference begins it."""
        store = self._store
        with store.database.transaction():
            if answer.equal:
                current = (answer.at.epoch, answer.at.seq) == (store.position().epoch, store.position().last.seq)
                done = store.reread_count() == 0 and current
                if store.adopting and done:
                    store.put(adopting=NOT_ADOPTING)
                elif store.adopting == ADOPTING:
                    store.put(adopting=ADOPTED)
                store.put(differences=0)
            else:
                store.put(differences=len(answer.entities))
                if store.adopting == NOT_ADOPTING:
                    store.put(adopting=ADOPTED)
            store.put(
                complete_ms=answer.complete_ms or store.get("complete_ms"),
                stored_ms=answer.stored_ms or store.get("stored_ms"),
                quarantined=answer.quarantined,
                compared_ms=self._now_ms(),
            )

    def heartbeat(self) -> sync_pb2.Heartbeat:
        """What the agent says about itself; ``at`` is the newest envelope."""
        beat = self._heartbeat()
        position = self._store.position()
        beat.at.CopyFrom(sync_pb2.Position(epoch=position.epoch, seq=position.last.seq, hash=position.last.hash))
        return beat


def _is_number(key: str) -> bool:
    try:
        return str(int(key)) == key and abs(int(key)) < 2**63
    except ValueError:
        return False
