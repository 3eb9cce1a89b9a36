"""One page of one change: read, diff, commit, as one critical section.

    source page ─▶ raw hash known? ─no─▶ minimise ─▶ canonical row ─▶ row hash known? ─no─▶ change ─▶ guard ─▶ ONE commit

Sweeps (:mod:`agent.sweeps`) decide what to read; everything that a read may do to the state stands here.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from operator import lt
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agent.core import drift, guard
from agent.core.diff import absent, compare, raw_hashes, suspects
from agent.core.minimise import minimise
from agent.core.origin import Life, Verdict, follow
from agent.sources.page import entity_columns
from agent.sources.query import WHOLE
from agent.state.store import EntityChange
from proto.batch import TableRows, Unfit, YearChange
from proto.canonical import leaves, misfit_hash, normalise_columns, row_hashes
from proto.entities import Kind
from proto.problems import Problem

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from agent.core.origin import Origin
    from agent.profile import EntityProfile, Profile
    from agent.sources.base import Source
    from agent.sources.page import Page
    from agent.state.fingerprints import Table
    from agent.state.store import Sealer, StateStore
    from proto.canonical import Value
    from proto.entities import Entity

_LOG = logging.getLogger(__name__)
_DAY_MS: Final = 86_400_000
_MOST_YEARS: Final = 1000
YEARS: Final = "academic_year"
HOME: Final = "organization"
_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the school's rows are hashed and shipped under."""

    fingerprint_key: bytes
    health_mode: str = "collapse"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page with what was looked up for it; lists stand side by side, one entry per row."""

    page: Page
    natives: Sequence[int | str]
    raws: list[int]
    known: dict[Any, tuple[Any, ...]]


@dataclass(slots=True)
class _Canonical:
    """Rows of a page in canonical form, column by column: their positions in the page, hashes; misfits by index here."""

    positions: list[int]
    columns: list[list[Value]]
    misfits: dict[int, str]
    hashes: list[int] = field(default_factory=list)

    def without(self, year: int, closed: set[str]) -> _Canonical:
        """The same without rows of closed years: the centre keeps those as they were."""
        if closed.isdisjoint(self.columns[year]):
            return self
        kept = [index for index, value in enumerate(self.columns[year]) if value not in closed]
        places = {index: place for place, index in enumerate(kept)}
        misfits = {places[index]: cause for index, cause in self.misfits.items() if index in places}
        return _Canonical(_pick(self.positions, kept), [_pick(column, kept) for column in self.columns], misfits)


class Capture:
    """Applies pages to the state. Called from one thread; the caller holds ``store.pages`` around read and commit.

    Args:
        source: where rows come from.
        profile: how they map to canonical entities.
        store: the state file.
        seal: makes envelopes.
        terms: fingerprint key and health mode.
        now_ms: clock, milliseconds since 1970-01-01T00:00Z.
    """

    def __init__(
        self, source: Source, profile: Profile, store: StateStore, seal: Sealer, terms: Terms, now_ms: Callable[[], int]
    ) -> None:
        self.source, self.profile, self.store, self.now_ms = source, profile, store, now_ms
        self._seal, self._terms = seal, terms
        self._salt = blake2b(f"{profile.hash}\0{terms.health_mode}".encode(), digest_size=32).digest()
        self.fresh: dict[int, int] = {}
        self._open_years: tuple[str, ...] | None = None
        life = store.get("life")
        self.life: Life | None = Life(**json.loads(life)) if life else None
        self.begin()

    def begin(self) -> None:
        """Note what the state was captured under; another profile or health mode voids hints and the last full sweep."""
        under = {"profile_hash": self.profile.hash, "health_mode": self._terms.health_mode}
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
            connection.execute("DELETE FROM described")
            connection.execute("DELETE FROM meta WHERE name IN ('based', 'full') OR name GLOB 'sweep_*'")
            self.store.note_event(kind, details, self.now_ms())
        _LOG.warning("the base of hints is void: %s", kind)

    # ---- origin

    def watch(self, origin: Origin) -> None:
        """Compare a page's origin with what is remembered, before anything of the page is used.

        Raises:
            Problem: another database (GOR-1604), or this one went back (GOR-1614): the page is not used, reading starts anew.
        """
        recorded = self.store.get("recorded_identity")
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
            self.store.put(life=json.dumps(asdict(life)), identity=life.identity, incarnation=life.name)
        if verdict is Verdict.RESTORED:
            raise Problem("GOR-1614", cause=life.name)

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
            return
        page = self.source.page(profile, None, 1, WHOLE)
        self.watch(page.origin)
        if not len(page):
            self._other(replace(page.origin, identity=f"{page.origin.identity} = ∅"), page.origin.identity)
        if self.store.get("found_identity"):
            self.store.put(found_identity=None)

    # ---- what sweeps share

    def open_years(self) -> tuple[str, ...] | None:
        """Keys of the school-years that are open at the source, read and captured now; None if the profile knows no years."""
        if self._open_years is None:
            profile = next((one for one in self.profile.entities if one.name == YEARS), None)
            if profile is None:
                return None
            page = self.source.page(profile, None, _MOST_YEARS, WHOLE)
            self.watch(page.origin)
            table = self.table(profile)
            natives = self.natives(table, page.keys, YEARS)
            self.commit([self.examine(profile, page, table.known(list(natives)), natives)])
            closed = set(self.store.closed_years())
            self._open_years = tuple(key for key in page.keys if key not in closed)
        return self._open_years

    def forget_years(self) -> None:
        """A sweep begins: read the school-years again when they are needed."""
        self._open_years = None

    def check_drift(self, profile: EntityProfile) -> None:
        """Compare the columns that the profile reads with the last sweep's.

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
        store.resume(number)

    def note_fresh(self, profiles: Iterable[EntityProfile], at_ms: int) -> None:
        """Everything of these entities that changed before ``at_ms`` has been captured."""
        for profile in profiles:
            self.fresh[profile.entity.number] = max(at_ms, self.fresh.get(profile.entity.number, 0))

    def fresh_ms(self) -> int:
        """Up to when every entity is captured; 0: no claim, because something is missing, held, paused or under repair."""
        store = self.store
        if not store.get("based") or store.adopting or store.reread_count() or store.held() or store.paused():
            return 0
        return min((self.fresh.get(profile.entity.number, 0) for profile in self.profile.entities), default=0)

    def mark(self, profile: EntityProfile) -> Any:
        """The stored high-water mark of the entity's hints; None if there is none."""
        text = self.store.mark(profile.entity.number)
        return None if text is None else json.loads(text)

    # ---- one page

    def table(self, profile: EntityProfile) -> Table:
        """Fingerprints of the entity."""
        return self.store.table(profile.entity, integer=profile.key_type == "int")

    def natives(self, table: Table, keys: Sequence[str], entity: str) -> Sequence[int | str]:
        """Keys in the table's own form; Problem GOR-1407 if a number turned out to be none."""
        try:
            return table.native(keys)
        except ValueError as error:
            raise Problem("GOR-1407", entity=entity, column="id", old="int", new="text") from error

    def examine(
        self, profile: EntityProfile, page: Page, known: dict[Any, tuple[Any, ...]], natives: Sequence[int | str]
    ) -> EntityChange:
        """What the rows of a page change, given the fingerprints of their keys. Deletions are not seen here."""
        entity, table = profile.entity, self.table(profile)
        raws = raw_hashes(page.raw, self._salt)
        change = EntityChange(entity, table, TableRows(entity, [[] for _field in entity.fields]), seen=natives)
        positions = _last_of_each(suspects(natives, raws, known), natives)
        if positions:
            seen = _Seen(page, natives, raws, known)
            self._sort_out(change, seen, self._canonical(profile, seen, positions))
        return change

    def _canonical(self, profile: EntityProfile, seen: _Seen, positions: list[int]) -> _Canonical:
        """The rows at these positions as they may leave, in canonical form, with their hashes."""
        entity, key = profile.entity, self._terms.fingerprint_key
        columns = minimise(entity, entity_columns(profile, seen.page, positions), self._terms.health_mode)
        normal, misfits = normalise_columns(entity, columns)
        found = _Canonical(positions, normal, misfits)
        if entity.year and (closed := set(self.store.closed_years())):
            found = found.without(entity.index(entity.year), closed)
        found.hashes = row_hashes(entity, zip(*found.columns, strict=True), key)
        for index, cause in found.misfits.items():
            position = found.positions[index]
            raw = seen.raws[position].to_bytes(8, "little", signed=True)
            found.hashes[index] = misfit_hash(entity.number, seen.page.keys[position], cause, raw, key)
        return found

    def _sort_out(self, change: EntityChange, seen: _Seen, found: _Canonical) -> None:
        """Fill the change from the diff: shipped rows, fingerprints, and rows that only look different."""
        entity, keys = change.entity, seen.page.keys
        place = {position: index for index, position in enumerate(found.positions)}
        diff = compare(found.positions, seen.natives, found.hashes, seen.known)
        days, years = _days(entity, found.columns), _years(entity, found.columns)
        change.touched = [
            (seen.raws[position], days[index], years[index], seen.natives[position])
            for position in diff.touched
            for index in (place[position],)
        ]
        changed = [*diff.inserted, *diff.updated]
        order = [place[position] for position in changed]
        change.fingerprints = list(
            zip(
                _pick(seen.natives, changed),
                leaves(entity.number, _pick(keys, changed), self._terms.fingerprint_key),
                _pick(found.hashes, order),
                _pick(seen.raws, changed),
                _pick(days, order),
                _pick(years, order),
                strict=True,
            )
        )
        shipped = [index for index in order if index not in found.misfits]
        change.rows.columns = [_pick(column, shipped) for column in found.columns]
        change.rows.unfit = [
            Unfit(keys[found.positions[index]], found.misfits[index], found.hashes[index])
            for index in order
            if index in found.misfits
        ]
        change.inserted, change.updated = len(diff.inserted), len(diff.updated)

    # ---- keys read again

    def read_again(self, profile: EntityProfile, natives: Sequence[int | str]) -> tuple[EntityChange, list[Any]]:
        """Read rows by key, without any window: what they change, and which of the keys are absent though the centre holds them.

        The caller decides about the absent ones: :meth:`drop`.
        """
        table = self.table(profile)
        page = self.source.by_keys(profile, [str(key) for key in natives])
        self.watch(page.origin)
        returned = self.natives(table, page.keys, profile.name)
        known = table.known(list({*natives, *returned}))
        change = self.examine(profile, page, known, returned)
        gone: list[Any] = list(absent(natives, returned, known))
        closed = set(self.store.closed_years())
        if closed and gone:
            if profile.name == YEARS:
                gone = [key for key in gone if str(key) not in closed]
            else:
                years = table.years(gone)
                gone = [key for key in gone if years[key] not in closed]
        return change, gone

    @staticmethod
    def drop(change: EntityChange, gone: Iterable[int | str]) -> None:
        """Add deletions to the change."""
        change.gone = list(gone)
        change.rows.deleted = [str(key) for key in change.gone]

    # ---- commit

    def commit(self, changes: Sequence[EntityChange], also: Callable[[sqlite3.Connection], None] | None = None) -> int:
        """Ask the guard, then commit; the number of rows put into the outbox."""
        now = self.now_ms()
        for change in changes:
            self.ask_guard(change, now)
        years = [year for change in changes if change.entity.name == YEARS for year in self._year_changes(change)]
        if years:
            self._open_years = None
        if not also and not years and not any(_matters(change) for change in changes):
            return 0
        return self.store.commit(changes, years, self._seal, now, also)

    def ask_guard(self, change: EntityChange, now_ms: int) -> None:
        """Hold deletions or updates above the limit: they leave the change and are noted as held."""
        if not change.gone and not change.updated:
            return
        verdict = guard.judge(
            self.store.guard_limits(),
            self.store.guard_count(change.entity.number, now_ms),
            change.table.count(),
            deleted=len(change.gone),
            inserted=change.inserted,
            updated=change.updated,
        )
        if verdict.hold_deletes:
            change.held += [(key, "d") for key in change.gone]
            change.gone, change.rows.deleted = [], []
        if verdict.hold_updates:
            _hold_updates(change)

    def hold_if_many(self, profile: EntityProfile, gone: Sequence[int | str]) -> bool:
        """Ask the guard about deletions that do not fit one step; if they are too many, note them as held."""
        change = EntityChange(
            profile.entity, self.table(profile), TableRows(profile.entity, [[] for _field in profile.entity.fields])
        )
        self.drop(change, gone)
        self.ask_guard(change, self.now_ms())
        if change.held:
            self.store.commit([change], [], self._seal, self.now_ms())
        return bool(change.held)

    def _year_changes(self, change: EntityChange) -> list[YearChange]:
        """School-years among the shipped rows that the source closed or reopened."""
        closed_before = set(self.store.closed_years())
        position = change.entity.index("closed")
        found = []
        for key, closed in zip(change.rows.columns[0], change.rows.columns[position], strict=True):
            if bool(closed) != (key in closed_before):
                found.append(YearChange(str(key), bool(closed)))
                self.store.note_event("year_closed" if closed else "year_opened", {"year": str(key)}, self.now_ms())
        return found


def _matters(change: EntityChange) -> bool:
    return bool(change.ships or change.touched or change.gone or change.held or change.reread or change.released)


def _hold_updates(change: EntityChange) -> None:
    """Leave only the inserts of the change; its first ``inserted`` fingerprints are theirs."""
    new = {fingerprint[0] for fingerprint in change.fingerprints[: change.inserted]}
    kept = [
        index
        for index, key in enumerate(change.table.native([str(key) for key in change.rows.columns[0]]))
        if key in new
    ]
    change.held += [(fingerprint[0], "u") for fingerprint in change.fingerprints[change.inserted :]]
    change.fingerprints = change.fingerprints[: change.inserted]
    change.rows.columns = [[column[index] for index in kept] for column in change.rows.columns]
    change.rows.unfit = [row for row in change.rows.unfit if change.table.native([row.key])[0] in new]
    change.updated = 0


def _last_of_each(positions: list[int], natives: Sequence[int | str]) -> list[int]:
    """One position per key: of rows that repeat a key the last one counts (the repetition itself is reported as a problem)."""
    return list({natives[position]: position for position in positions}.values())


def _pick(values: Sequence[_Any], positions: Sequence[int]) -> list[_Any]:
    """The values at these positions."""
    if (
        len(positions) == len(values)
        and (not positions or (positions[0], positions[-1]) == (0, len(values) - 1))
        and all(map(lt, positions, positions[1:]))
    ):
        return list(values)
    return [values[position] for position in positions]


def _days(entity: Entity, columns: list[list[Value]]) -> list[Any]:
    """Day of each row since 1970-01-01, for the hot window; None where it has none."""
    if entity.date is None:
        return [None] * len(columns[0])
    position = entity.index(entity.date)
    unit = _DAY_MS if entity.fields[position].kind is Kind.TIMESTAMP else 1
    return [value // unit if type(value) is int else None for value in columns[position]]


def _years(entity: Entity, columns: list[list[Value]]) -> list[Any]:
    """Year of each row; None where it has none."""
    return [None] * len(columns[0]) if entity.year is None else columns[entity.index(entity.year)]
