"""One page of one change: read, diff, commit, as one critical section.

    source page ─▶ raw hash known? ─no─▶ minimise ─▶ canonical row ─▶ row hash known? ─no─▶ change ─▶ guard ─▶ ONE commit

Sweeps (:mod:`agent.sweeps`) decide what to read; everything that a read may do to the state stands here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agent.core import guard
from agent.core.diff import absent, compare, duplicates, raw_hashes, suspects
from agent.core.minimise import minimise
from agent.ground import Ground
from agent.sources.page import entity_columns
from agent.sources.query import WHOLE
from agent.state.store import EntityChange
from proto.batch import TableRows, Unfit, YearChange
from proto.canonical import misfit_hash, normalise_columns, row_hashes
from proto.entities import Kind
from proto.problems import Problem

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from agent.profile import EntityProfile, Profile
    from agent.sources.base import Source
    from agent.sources.page import Page
    from agent.state.fingerprints import Table
    from agent.state.store import Sealer, StateStore
    from proto.canonical import Value
    from proto.entities import Entity

_DAY_MS: Final = 86_400_000
_MOST_YEARS: Final = 1000
YEARS: Final = "academic_year"
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

    positions: Sequence[int]
    columns: list[list[Value]]
    misfits: dict[int, str]
    hashes: list[int] = field(default_factory=list)

    def without(self, year: int, closed: set[str], leaving: set[int]) -> _Canonical:
        """The same without rows of closed years: the centre keeps those as they were. Rows that it has in another year still go."""
        if closed.isdisjoint(self.columns[year]):
            return self
        kept = [
            index
            for index, value in enumerate(self.columns[year])
            if value not in closed or self.positions[index] in leaving
        ]
        places = {index: place for place, index in enumerate(kept)}
        misfits = {places[index]: cause for index, cause in self.misfits.items() if index in places}
        return _Canonical(_pick(self.positions, kept), [_pick(column, kept) for column in self.columns], misfits)


class Capture(Ground):
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
        super().__init__(source, profile, store, terms.health_mode, now_ms)
        self._seal, self._terms = seal, terms
        store.use_key(terms.fingerprint_key)
        self._salt = blake2b(f"{profile.hash}\0{terms.health_mode}".encode(), digest_size=32).digest()
        self._open_years: tuple[str, ...] | None = None

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
        change.released = self.store.held_among(entity.number, natives)
        positions = _last_of_each(suspects(natives, raws, known), natives)
        if positions:
            seen = _Seen(page, natives, raws, known)
            self._sort_out(change, seen, self._canonical(profile, seen, positions, table))
        return change

    def _canonical(self, profile: EntityProfile, seen: _Seen, positions: Sequence[int], table: Table) -> _Canonical:
        """The rows at these positions as they may leave, in canonical form, with their hashes."""
        entity, key = profile.entity, self._terms.fingerprint_key
        columns = minimise(entity, entity_columns(profile, seen.page, positions), self._terms.health_mode)
        normal, misfits = normalise_columns(entity, columns)
        found = _Canonical(positions, normal, misfits)
        if entity.year and (closed := set(self.store.closed_years())):
            years = table.years(_pick(seen.natives, positions)) if seen.known else {}
            elsewhere = {native for native, year in years.items() if year not in {"", *closed}}
            leaving = (
                {position for position in positions if seen.natives[position] in elsewhere} if elsewhere else set()
            )
            found = found.without(entity.index(entity.year), closed, leaving)
        found.hashes = row_hashes(entity, zip(*found.columns, strict=True), key)
        for index, cause in found.misfits.items():
            position = found.positions[index]
            raw = seen.raws[position].to_bytes(8, "little", signed=True)
            found.hashes[index] = misfit_hash(entity.number, seen.page.keys[position], cause, raw, key)
        return found

    def _sort_out(self, change: EntityChange, seen: _Seen, found: _Canonical) -> None:
        """Fill the change from the diff: shipped rows, fingerprints, and rows that only look different."""
        entity = change.entity
        natives, raws = _pick(seen.natives, found.positions), _pick(seen.raws, found.positions)
        days, years = _days(entity, found.columns), _years(entity, found.columns)
        diff = compare(natives, found.hashes, seen.known)
        change.touched = [(raws[place], days[place], years[place], natives[place]) for place in diff.touched]
        order = range(len(natives)) if len(diff.inserted) == len(natives) else diff.changed
        change.fingerprints = list(
            zip(
                _pick(natives, order),
                _pick(found.hashes, order),
                _pick(raws, order),
                _pick(days, order),
                _pick(years, order),
                strict=True,
            )
        )
        shipped = [place for place in order if place not in found.misfits] if found.misfits else order
        change.rows.columns = [_pick(column, shipped) for column in found.columns]
        change.rows.unfit = [
            Unfit(seen.page.keys[found.positions[place]], found.misfits[place], found.hashes[place], years[place])
            for place in order
            if place in found.misfits
        ]
        change.inserted, change.updated = len(diff.inserted), len(diff.updated)
        change.rows.fresh = not diff.updated

    # ---- keys read again

    def read_again(
        self, profile: EntityProfile, natives: Sequence[int | str], taken: AbstractSet[int | str] = frozenset()
    ) -> tuple[EntityChange, list[Any]]:
        """Read rows by key, without any window: what they change, and which of the keys are absent though the centre holds them.

        The caller decides about the absent ones: :meth:`drop`. Rows of ``taken`` keys, which a source that takes ``a`` for ``A`` may
        return too, are left alone: they wait in the same transaction.
        """
        table = self.table(profile)
        page = self.source.by_keys(profile, [str(key) for key in natives])
        self.watch(page.origin)
        returned = self.natives(table, page.keys, profile.name)
        known = table.known(list({*natives, *returned}))
        kept = [position for position, key in enumerate(returned) if key not in taken]
        page.keys, page.raw = _pick(page.keys, kept), _pick(page.raw, kept)
        change = self.examine(profile, page, known, _pick(returned, kept))
        change.released = self.store.held_among(profile.entity.number, [*returned, *natives])
        gone: list[Any] = list(absent(natives, returned, known))
        return change, self._not_archived(profile, table, gone) if gone else gone

    def _not_archived(self, profile: EntityProfile, table: Table, gone: list[Any]) -> list[Any]:
        """Absent keys without those of closed years, which are archived at the source. A year may have been closed just before its rows went."""
        if profile.entity.year:
            self.forget_years()
            self.open_years()
        closed = set(self.store.closed_years())
        if profile.name == YEARS:
            return [key for key in gone if str(key) not in closed]
        years = table.years(gone)
        return [key for key in gone if years[key] not in closed]

    @staticmethod
    def drop(change: EntityChange, gone: Iterable[int | str]) -> None:
        """Add deletions to the change."""
        change.gone = list(gone)
        change.rows.deleted = [str(key) for key in change.gone]

    # ---- commit

    def commit(self, changes: Sequence[EntityChange], also: Callable[[sqlite3.Connection], None] | None = None) -> int:
        """Ask the guard, then commit; the number of rows put into the outbox."""
        now, shipped = self.now_ms(), 0
        sooner: dict[int, guard.Count] = {}
        for change in changes:
            number = change.entity.number
            sooner[number] = self.ask_guard(change, now, sooner.get(number, guard.Count()))
        for change in [one for one in changes if one.entity.name == YEARS]:
            if years := self._year_changes(change):
                self._open_years = None
                shipped += self.store.commit(
                    [change], years, self._seal, now, self._with_years(years)
                )  # with their rows, alone
                changes = [one for one in changes if one is not change]
        if not also and not any(_matters(change) for change in changes):
            return shipped
        return shipped + self.store.commit(changes, [], self._seal, now, self._with_life(also))

    def _with_years(self, years: Sequence[YearChange]) -> Callable[[sqlite3.Connection], None]:
        """Rows of a year that was opened again were not read while it was closed: everything is read anew."""

        def write(_connection: sqlite3.Connection) -> None:
            for year in years:
                if year.closed:
                    self.store.note_event("year_closed", {"year": year.year}, self.now_ms())
                else:
                    self.void("year_opened", {"year": year.year})

        return write

    def _with_life(self, also: Callable[[sqlite3.Connection], None] | None) -> Callable[[sqlite3.Connection], None]:
        def write(connection: sqlite3.Connection) -> None:
            self.keep_life()
            if also:
                also(connection)

        return write

    def ask_guard(self, change: EntityChange, now_ms: int, sooner: guard.Count = guard.Count()) -> guard.Count:  # noqa: B008  frozen
        """Hold deletions or updates above the limit: they leave the change and are noted as held.

        ``sooner`` is what goes of the entity in the same transaction; returned with this change added.
        """
        if not change.gone and not change.updated:
            return sooner
        counted = self.store.guard_count(change.entity.number, now_ms)
        verdict = guard.judge(
            self.store.guard_limits(),
            guard.Count(counted.deleted + sooner.deleted, counted.updated + sooner.updated),
            change.table.count,
            deleted=len(change.gone),
            inserted=change.inserted,
            updated=change.updated,
        )
        if verdict.hold_deletes:
            change.held += [(key, "d") for key in change.gone]
            change.gone, change.rows.deleted = [], []
        if verdict.hold_updates:
            _hold_updates(change)
        lost = guard.net_deletions(len(change.gone), change.inserted)
        return guard.Count(sooner.deleted + lost, sooner.updated + change.updated)

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


def _last_of_each(positions: Sequence[int], natives: Sequence[int | str]) -> Sequence[int]:
    """One position per key: of rows that repeat a key the last one counts (the repetition itself is reported as a problem)."""
    if not duplicates(natives):
        return positions
    return list({natives[position]: position for position in positions}.values())


def _pick(values: Sequence[_Any], positions: Sequence[int]) -> list[_Any]:
    """The values at these positions; a range stands for all of them."""
    return list(values) if isinstance(positions, range) else [values[position] for position in positions]


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
