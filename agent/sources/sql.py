"""What all SQL engines share: pages, re-reads and hints as statements around a profile's SELECT. Engines say how these are run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar
from zoneinfo import ZoneInfo

from agent.profile import STAMP
from agent.sources import marks, query
from agent.sources.base import Counted, HintState, KeyPage, Options, Origin, Page, Plan
from agent.sources.page import key_texts, keyed, transposed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.profile import EntityProfile, Hint
    from agent.sources.page import Rows
    from agent.sources.query import Key, Part, Shape, Window

T = TypeVar("T")


class Bound(Protocol):
    """Collects the values of one statement."""

    def __call__(self, value: Part) -> str:
        """What stands for the value in the statement."""


class SqlSource(ABC):
    """A source that is read by SELECTs; see :class:`agent.sources.base.Source`."""

    engine: ClassVar[str]

    def __init__(self, options: Options) -> None:
        self._options = options
        self._zone = ZoneInfo(options.zone)
        self._shapes: dict[int, tuple[EntityProfile, Shape]] = {}

    # -- what an engine adds

    @abstractmethod
    def connect(self) -> None:
        """See :meth:`agent.sources.base.Source.connect`."""

    @abstractmethod
    def _bound(self) -> Bound:
        """An empty collection of values."""

    @abstractmethod
    def _inner(self, sql: str) -> str:
        """A profile's SELECT with the organisation put in, or ready to be bound."""

    @abstractmethod
    def _limited(self, limit: int) -> str:
        """End of a statement that reads at most so many rows; with equal ones of the last where the engine can."""

    @abstractmethod
    def _rows(self, entity: str, sql: str, bound: Bound) -> Rows:
        """Run a statement whose rows leave."""

    @abstractmethod
    def _values(self, entity: str, sql: str, bound: Bound) -> list[tuple[Any, ...]]:
        """Run a statement of a few small rows."""

    @abstractmethod
    def _together(self, read: Callable[[], T]) -> tuple[T, Origin]:
        """Read, with the origin read beside it on the same connection."""

    @abstractmethod
    def _names(self, profile: EntityProfile) -> tuple[str, ...]:
        """Names of the result columns of an entity's SELECT."""

    @abstractmethod
    def _key_type(self, profile: EntityProfile) -> str:
        """The key's type as far as the engine has not settled its spelling already."""

    @abstractmethod
    def _wanted(self, profile: EntityProfile, keys: Sequence[str]) -> list[tuple[Part, ...]]:
        """Canonical keys in the source's own form; keys that its column cannot hold are left out, since no row has them."""

    @abstractmethod
    def _explain(self, name: str, sql: str, bound: Bound) -> Plan:
        """How a statement would be run."""

    def _with_ties(self, profile: EntityProfile, names: Sequence[str], order: Sequence[str], rows: Rows) -> Rows:
        """A full page with every row that the source takes for equal to its last one; nothing to do where the limit did it."""
        del profile, names, order
        return rows

    def _bind_keys(self, profile: EntityProfile, rows: Sequence[tuple[Part, ...]], bound: Bound) -> list[list[str]]:
        del profile
        return [[bound(part) for part in parts] for parts in rows]

    # -- pages

    def _shape(self, profile: EntityProfile) -> Shape:
        known = self._shapes.get(profile.entity.number)
        if known is None or known[0] is not profile:
            known = self._shapes[profile.entity.number] = (profile, query.shape(profile, self._names(profile)))
        return known[1]

    def page(self, profile: EntityProfile, after: Key | None, limit: int, window: Window) -> Page:
        """See :meth:`agent.sources.base.Source.page`."""
        self.connect()
        order, bound = query.order_of(profile, window), self._bound()
        sql = self._ordered(profile, order, self._window(profile, window, bound), bound, after, limit)
        return self._paged(profile, order, sql, bound, limit)

    def expect(self, profile: EntityProfile, after: Key | None, limit: int, window: Window) -> None:
        """See :meth:`agent.sources.base.Source.expect`: most engines have nothing to gain."""
        del profile, after, limit, window

    def _window(self, profile: EntityProfile, window: Window, bound: Bound) -> list[str]:
        years = None if window.years is None else self._year_parts(profile, window.years)
        return query.present(profile.key) + query.window_conditions(profile, window, bound, years)

    def _year_parts(self, profile: EntityProfile, years: Sequence[str]) -> list[Part]:
        return [int(year) if profile.year_type == "int" and year.isdecimal() else year for year in years]

    def _ordered(
        self,
        profile: EntityProfile,
        order: tuple[str, ...],
        conditions: list[str],
        bound: Bound,
        after: Key | None,
        limit: int,
    ) -> str:
        """The statement of a page in this order."""
        if after is not None:
            conditions += query.after(order, after, bound)
        inner = self._inner(profile.select(self.engine))
        return query.select(self._read_names(profile, order), inner, conditions, order, self._limited(limit))

    def _read_names(self, profile: EntityProfile, order: Sequence[str]) -> tuple[str, ...]:
        leaving = self._shape(profile).leaving
        return leaving + tuple(name for name in order if name not in leaving)

    def _paged(self, profile: EntityProfile, order: Sequence[str], sql: str, bound: Bound, limit: int) -> Page:
        names = self._read_names(profile, order)

        def read() -> tuple[Rows, Key | None, bool]:
            rows = self._rows(profile.name, sql, bound)
            full = len(rows) >= limit
            last = rows.cells(len(rows) - 1, [names.index(name) for name in order]) if len(rows) else None
            return (self._with_ties(profile, names, order, rows) if full else rows), last, full

        (rows, last, full), origin = self._together(read)
        return self._made(profile, rows, origin, last, full=full)

    def _made(self, profile: EntityProfile, rows: Rows, origin: Origin, last: Key | None, *, full: bool) -> Page:
        shape = self._shape(profile)
        parts = [rows.column(place) for place in range(len(profile.key))]
        trimmed = rows.trimmed(len(shape.leaving))
        keys, causes = key_texts(self._key_type(profile), parts)
        raw, written = keyed(trimmed.raw, keys)
        return Page(shape.leaving, origin, raw, written, last, full, causes, trimmed.parse)

    def by_keys(self, profile: EntityProfile, keys: Sequence[str]) -> Page:
        """See :meth:`agent.sources.base.Source.by_keys`."""
        page = self._by_keys(profile, keys)
        if len(set(page.keys)) < len(page.keys):  # asked for ``a`` and ``A``, a source may return both rows twice
            once = dict.fromkeys(zip(page.keys, page.raw, strict=True))
            page.keys, page.raw = [key for key, _row in once], [row for _key, row in once]
        return page

    def _by_keys(self, profile: EntityProfile, keys: Sequence[str]) -> Page:
        self.connect()
        wanted = self._wanted(profile, keys)
        chunks = [wanted[at : at + query.KEYS_PER_STATEMENT] for at in range(0, len(wanted), query.KEYS_PER_STATEMENT)]

        def read() -> list[Rows]:
            return [self._rows(profile.name, *self._keys_statement(profile, chunk)) for chunk in chunks]

        found, origin = self._together(read)
        pages = [self._made(profile, rows, origin, None, full=False) for rows in found]
        raw = [row for page in pages for row in page.raw]
        texts = [key for page in pages for key in page.keys]
        unkeyed = sum((Counter(page.unkeyed) for page in pages), Counter[str]())
        parse = pages[0].parse if pages else transposed
        return Page(self._shape(profile).leaving, origin, raw, texts, unkeyed=dict(unkeyed), parse=parse)

    def _keys_statement(self, profile: EntityProfile, chunk: Sequence[tuple[Part, ...]]) -> tuple[str, Bound]:
        bound = self._bound()
        texts = self._bind_keys(profile, chunk, bound)
        names, sql = self._shape(profile).leaving, self._inner(profile.select(self.engine))
        if len(profile.key) > 1:
            return query.keys_joined(names, sql, profile.key, texts), bound
        return query.select(names, sql, [query.keys_in(profile.key, texts)]), bound

    # -- hints

    def _stamps(self, profile: EntityProfile) -> Iterator[tuple[str, str, str]]:
        """Name, stamp column and SELECT of each hint of an entity; the entity's own is named by an empty text."""
        if profile.hint:
            yield "", profile.hint, profile.select(self.engine)
        for hint in profile.hints:
            yield hint.table, STAMP, profile.hint_select(hint, self.engine)

    def _newest(self, profiles: Sequence[EntityProfile]) -> dict[str, marks.Mark]:
        """The newest stamps by entity, as they are; entities without hints are left out."""
        return {
            profile.name: {
                name: self._newest_stamp(profile, column, sql) for name, column, sql in self._stamps(profile)
            }
            for profile in profiles
            if profile.hint or profile.hints
        }

    def _newest_stamp(self, profile: EntityProfile, column: str, sql: str) -> marks.Stamp:
        found = self._values(profile.name, query.newest(column, self._inner(sql)), self._bound())
        stamp: marks.Stamp = found[0][0] if found else None
        return stamp

    def _safe(self, profile: EntityProfile, newest: marks.Mark) -> marks.Mark:
        """The mark before which nothing can be committed any more; the newest itself where there is one writer at a time."""
        del profile
        return newest

    def hint_states(self, profiles: Sequence[EntityProfile]) -> dict[str, HintState]:
        """See :meth:`agent.sources.base.Source.hint_states`."""
        self.connect()
        now = datetime.now(UTC).astimezone(self._zone)
        by_name = {profile.name: profile for profile in profiles}
        states = {}
        for name, found in self._newest(profiles).items():
            newest = {hint: marks.bounded(stamp, now) for hint, stamp in found.items()}
            states[name] = HintState(self._safe(by_name[name], newest), newest)
        return states

    def hint_mark(self, profile: EntityProfile) -> marks.Mark | None:
        """See :meth:`agent.sources.base.Source.hint_mark`."""
        state = self.hint_states([profile]).get(profile.name)
        return state.mark if state else None

    def _since(self, column: str, mark: marks.Mark, name: str, bound: Bound, *, late: bool = True) -> list[str]:
        stamp = marks.earlier(mark.get(name), self._options.hint_overlap_s) if late else mark.get(name)
        return [] if stamp is None else [f"q.{query.quote(column)} >= {bound(stamp)}"]

    def hint_page(
        self, profile: EntityProfile, mark: marks.Mark, after: Key | None, limit: int, *, late: bool = True
    ) -> Page:
        """See :meth:`agent.sources.base.Source.hint_page`."""
        self.connect()
        bound, column = self._bound(), profile.hint or STAMP
        conditions = query.present((column, *profile.key)) + self._since(column, mark, "", bound, late=late)
        order = (column, *profile.key)
        return self._paged(profile, order, self._ordered(profile, order, conditions, bound, after, limit), bound, limit)

    def hint_keys(
        self, profile: EntityProfile, hint: Hint, mark: marks.Mark, after: Key | None, limit: int, *, late: bool = True
    ) -> KeyPage:
        """See :meth:`agent.sources.base.Source.hint_keys`."""
        self.connect()
        bound = self._bound()
        conditions = self._since(STAMP, mark, hint.table, bound, late=late)
        sql = self._hint_statement(profile, hint, conditions, bound, after, limit)
        rows = self._rows(profile.name, sql, bound)
        parts = [rows.column(place + 1) for place in range(len(profile.key))]
        keys, _causes = key_texts(profile.key_type, parts)
        last = rows.cells(len(rows) - 1, range(len(profile.key) + 1)) if len(rows) >= limit else None
        return KeyPage(tuple(dict.fromkeys(key for key in keys if key is not None)), last)

    def _hint_statement(
        self, profile: EntityProfile, hint: Hint, since: list[str], bound: Bound, after: Key | None, limit: int
    ) -> str:
        order = (STAMP, *profile.key)
        conditions = query.present(order) + since
        if after is not None:
            conditions += query.after(order, after, bound)
        sql = self._inner(profile.hint_select(hint, self.engine))
        return query.select(order, sql, conditions, order, self._limited(limit))

    # -- figures

    def count(self, profile: EntityProfile, window: Window, mark: marks.Mark, limit: int, *, late: bool) -> Counted:
        """See :meth:`agent.sources.base.Source.count`."""
        self.connect()
        bound, column, inner = self._bound(), profile.hint or STAMP, self._inner(profile.select(self.engine))
        conditions = self._window(profile, window, bound)
        since = [*conditions, *query.present((column,))]
        if late:
            since += self._since(column, mark, "", bound)
        elif (stamp := mark.get("")) is not None:
            since.append(f"q.{query.quote(column)} > {bound(stamp)}")
        recent = query.select((*profile.key, column), inner, since, (column,), self._limited(limit))
        found = self._values(profile.name, query.counted(profile.key, inner, conditions, recent), bound)
        (rows,) = (row[0] for row in found if row[0] is not None)
        named = [row[1:] for row in found if row[0] is None]
        parts = [[row[place] for row in named] for place in range(len(profile.key))]
        keys, _causes = key_texts(self._key_type(profile), parts)
        return Counted(int(rows), None if len(named) >= limit else tuple(key for key in keys if key is not None))

    def keyless(self, profile: EntityProfile) -> int:
        """See :meth:`agent.sources.base.Source.keyless`."""
        return self._number(profile, query.keyless(profile, self._inner(profile.select(self.engine))), self._bound())

    def _number(self, profile: EntityProfile, sql: str, bound: Bound) -> int:
        return int(self._values(profile.name, sql, bound)[0][0])

    def repeated(self, profile: EntityProfile, limit: int) -> int:
        """See :meth:`agent.sources.base.Source.repeated`."""
        sql = query.repeated(profile, self._inner(profile.select(self.engine)), limit)
        found = self._values(profile.name, sql, self._bound())
        parts = [[row[place] for row in found] for place in range(len(profile.key))]
        keys, _causes = key_texts(profile.key_type, parts)
        times = Counter(self._by_keys(profile, [key for key in keys if key is not None]).keys)
        return sum(number for number in times.values() if number > 1)

    # -- plans

    def plans(self, profile: EntityProfile) -> list[Plan]:
        """See :meth:`agent.sources.base.Source.plans`; nothing can be said of an empty entity."""
        sample = self.page(profile, None, 1, query.WHOLE)
        if sample.last is None:
            return []
        return [self._explain(name, sql, bound) for name, sql, bound in self._statements(profile, sample)]

    def _statements(self, profile: EntityProfile, sample: Page) -> Iterator[tuple[str, str, Bound]]:
        inner, leaving = self._inner(profile.select(self.engine)), self._shape(profile).leaving
        bound = self._bound()
        conditions = query.present(profile.key) + query.after(profile.key, sample.last or (), bound)
        yield "page", query.select(leaving, inner, conditions, profile.key, self._limited(1000)), bound
        yield "keys", *self._keys_statement(profile, self._wanted(profile, sample.keys * 2))
        for name, column, sql in self._stamps(profile):
            newest = self._newest_stamp(profile, column, sql)
            if newest is not None:
                bound = self._bound()
                order = (column, *profile.key)
                conditions = [f"q.{query.quote(column)} >= {bound(newest)}"]
                yield (
                    f"hint {name}".strip(),
                    query.select(order, self._inner(sql), conditions, order, self._limited(1000)),
                    bound,
                )
