"""Columns of many rows: driver values made canonical at once, and what of them the centre can hold.

The agent normalises a page column by column; the collector validates: a row can have a canonical form and still not fit the centre's
columns. Values are judged one by one by :mod:`proto.values`; what stands here only avoids doing that for values seen before.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from proto.entities import Kind
from proto.limits import MAX_KEY_CHARS, MAX_VALUE_CHARS
from proto.values import DAY_MS, FIRST_DAY, LAST_DAY, SCALAR, Misfit, is_plain_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proto.entities import Field

_MEMO: Final = 4_096
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HASHABLE: Final = {bool, int, float, str, bytes, Decimal, UUID, date, time, datetime, timedelta}


class _Memo(dict[Any, Any]):
    """Canonical value by driver value; a school writes the same few dates, codes and numbers over and over."""

    def __init__(self, field: Field, *, keeps: bool = True) -> None:
        super().__init__({None: None})
        self.field, self.scalar, self.misfits, self.keeps = field, SCALAR[field.kind], 0, keeps

    def __missing__(self, value: Any) -> Any:
        canonical = self.compute(value)
        if len(self) < _MEMO and not isinstance(canonical, Misfit):
            self[value] = canonical
        return canonical

    def compute(self, value: Any) -> Any:
        """The canonical value, or the Misfit."""
        try:
            return None if value is None else self.scalar(value, self.field)
        except Misfit as misfit:
            self.misfits += 1
            return misfit


_memos: Final[dict[tuple[Field, type], _Memo]] = {}


def normalise_column(field: Field, column: Sequence[Any]) -> tuple[list[Any], dict[int, str]]:
    """Canonical values of one column, and the cause for each position that has none."""
    if field.kind in (Kind.TEXT, Kind.ENUM, Kind.REF) and _all_plain_text(column, reference=field.kind is Kind.REF):
        return list(column), {}
    if field.kind is Kind.KEY:
        return list(column), {}
    if field.kind is Kind.TIMESTAMP and (times := _plain_times(column)) is not None:
        return times, {}
    memo = _memo_for(field, column)
    try:
        values = [memo[value] for value in column] if memo.keeps else [memo.compute(value) for value in column]
    except TypeError:  # a signalling NaN is no key of a memo
        values = [memo.compute(value) for value in column]
    if not memo.misfits:
        return values, {}
    failed = {position: value.cause for position, value in enumerate(values) if isinstance(value, Misfit)}
    for position in failed:
        values[position] = None
    return values, failed


class _Days(dict[str, int]):
    """Milliseconds of the day that a text of ten characters names; KeyError for any other text."""

    def __missing__(self, text: str) -> int:
        if not _DAY.fullmatch(text):
            raise KeyError(text)
        try:
            millis = (date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS
        except ValueError as error:
            raise KeyError(text) from error
        if len(self) >= _MEMO:
            self.clear()
        self[text] = millis
        return millis


_days: Final = _Days()
_MINUTES: Final = {
    f"{mark}{minute // 60:02}:{minute % 60:02}": minute * 60_000 for minute in range(24 * 60) for mark in " T"
}
_SECONDS: Final = {f":{second:02}": second * 1000 for second in range(60)}


def _plain_times(column: Sequence[Any]) -> list[int | None] | None:
    """A column of times as databases mostly write them, ``2026-09-01 08:30:05``; None if one of them is written otherwise."""
    try:
        return [
            None if value is None else _days[value[:10]] + _MINUTES[value[10:16]] + _SECONDS[value[16:]]
            for value in column
        ]
    except (KeyError, TypeError):
        return None


def _memo_for(field: Field, column: Sequence[Any]) -> _Memo:
    """The memo of the column's type. In a column of several types nothing is remembered: 1, 1.0 and True are one key of a dictionary."""
    types = set(map(type, column)) - {type(None)}
    if len(types) > 1 or not types <= _HASHABLE:
        return _Memo(field, keeps=False)
    place = (field, types.pop() if types else type(None))
    memo = _memos.get(place)
    if memo is None or len(memo) >= _MEMO:
        memo = _memos[place] = _Memo(field)
    memo.misfits = 0
    return memo


def _all_plain_text(column: Sequence[Any], *, reference: bool) -> bool:
    """Whether every value is already canonical: text that UTF-8 can carry, of bearable length, without escapes in references."""
    types = set(map(type, column))
    if not types <= {str, type(None)}:
        return False
    texts = column if types == {str} else [value for value in column if value is not None]
    if not texts or max(map(len, texts)) > (MAX_KEY_CHARS if reference else MAX_VALUE_CHARS):
        return not texts
    joined = "".join(texts)
    return _is_utf8(joined) and (not reference or is_plain_key(joined))


def _is_utf8(text: str) -> bool:
    """Whether there is no half of a character in the text."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def validate_column(field: Field, column: Sequence[Any]) -> dict[int, str]:
    """Positions whose canonical value the centre's column cannot hold, with the cause."""
    if _column_fits(field, column):
        return {}
    causes = ((position, _unfit_cause(field, value)) for position, value in enumerate(column) if value is not None)
    return {position: cause for position, cause in causes if cause}


def _column_fits(field: Field, column: Sequence[Any]) -> bool:
    present = [value for value in column if value is not None] if None in column else column
    if not present:
        return True
    if field.kind in (Kind.KEY, Kind.REF, Kind.REFS, Kind.TEXT):
        return max(map(len, present)) <= _text_limit(field) and "\0" not in "".join(present)
    if field.kind is Kind.ENUM:
        return set(present) <= set(field.values)
    low, high = _range(field)
    return bool(low <= min(present) and max(present) <= high)


def _text_limit(field: Field) -> int:
    if field.kind is Kind.TEXT:
        return field.limit
    return MAX_VALUE_CHARS if field.kind is Kind.REFS else MAX_KEY_CHARS


def _range(field: Field) -> tuple[int, int]:
    match field.kind:
        case Kind.INT:
            return -(2**31), 2**31 - 1
        case Kind.DECIMAL:
            return 1 - 10**field.precision, 10**field.precision - 1
        case Kind.DATE:
            return FIRST_DAY, LAST_DAY
        case Kind.TIME:
            return 0, 86_399
        case Kind.TIMESTAMP:
            return FIRST_DAY * DAY_MS, (LAST_DAY + 1) * DAY_MS - 1
        case _:
            return 0, 1


def _unfit_cause(field: Field, value: Any) -> str | None:
    match field.kind:
        case Kind.KEY | Kind.REF | Kind.REFS | Kind.TEXT:
            if "\0" in value:
                return "text_nul"
            return "text_too_long" if len(value) > _text_limit(field) else None
        case Kind.ENUM:
            return None if value in field.values else "enum_value"
        case _:
            low, high = _range(field)
            if low <= value <= high:
                return None
            return "date_range" if field.kind in (Kind.DATE, Kind.TIMESTAMP) else "number_range"
