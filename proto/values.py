"""From what a database driver gives, typed or as text, to the canonical value of a field; and what the centre can hold.

The agent normalises, so both ends hash the same bytes; a value without canonical form raises :class:`Misfit` with a cause, a
machine word of :data:`CAUSES`. The collector validates: a row can have a canonical form and still not fit the centre's columns.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from proto.entities import Kind
from proto.limits import MAX_KEY_CHARS, MAX_VALUE_CHARS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proto.entities import Field

CAUSES: Final = {
    "key_null": "a part of the key is empty",
    "key_type": "the key is of a type that keys cannot have",
    "key_too_long": "the key is too long",
    "type": "the value is of another type than the field",
    "number_format": "the text is no number",
    "number_range": "the number does not fit the field",
    "number_scale": "the number has more decimals than the field",
    "bool_format": "the value is neither true nor false",
    "date_format": "the text is no date",
    "date_range": "the date lies outside the years 1 to 9999",
    "time_format": "the text is no time of day",
    "timestamp_format": "the text is no date and time",
    "timestamp_zone": "the time carries a zone; local time is expected",
    "text_surrogate": "the text holds half of a character",
    "text_nul": "the text holds a NUL character",
    "text_too_long": "the text is longer than the field",
    "enum_value": "the value is none of those that the field knows",
    "oversize": "the value is too large to be sent",
}

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000
_FIRST_DAY: Final = date.min.toordinal() - _EPOCH
_LAST_DAY: Final = date.max.toordinal() - _EPOCH
_MEMO: Final = 4_096
_HASHABLE: Final = {bool, int, float, str, bytes, Decimal, UUID, date, time, datetime, timedelta}
_MOST_DIGITS: Final = 30  # a longer number lies far outside any field: it is not even multiplied out
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}(?:\.0*)?")
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ]00:00(?::00(?:\.0*)?)?)?")
_TIME: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.0*)?)?")
_TIMESTAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(.*)")
_PLAIN_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?")
_TRUE: Final = frozenset({"t", "true", "1", "yes", "y"})
_FALSE: Final = frozenset({"f", "false", "0", "no", "n"})


class Misfit(Exception):
    """The value has no canonical form; ``cause`` is a word of :data:`CAUSES`."""

    def __init__(self, cause: str) -> None:
        super().__init__(CAUSES[cause])
        self.cause = cause


def escape_key(text: str) -> str:
    """A text as part of a key: the separators of composite keys and of lists of keys are escaped."""
    return text.replace("~", "~0").replace("/", "~1").replace(",", "~2")


def is_plain_key(text: str) -> bool:
    """Whether the text needs no escape."""
    return not ("/" in text or "," in text or "~" in text)


def _text(value: Any, _field: Field) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool | float | bytes):
        raise Misfit("type")
    elif isinstance(value, int | Decimal | UUID):
        text = str(value)
    elif isinstance(value, date | time):
        text = value.isoformat()
    else:
        raise Misfit("type")
    if len(text) > MAX_VALUE_CHARS:
        raise Misfit("oversize")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Misfit("text_surrogate")
    return text


def key_text(value: object) -> str:
    """One part of a key, or a reference to a simple key, in canonical text.

    Raises:
        Misfit: the value is of a type that keys cannot have.
    """
    if isinstance(value, str):
        text = escape_key(value)
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise Misfit("text_surrogate")
    elif isinstance(value, bool):
        raise Misfit("key_type")
    elif isinstance(value, int | UUID):
        text = str(value)
    elif isinstance(value, datetime | time):
        raise Misfit("key_type")
    elif isinstance(value, date):
        text = value.isoformat()
    elif isinstance(value, float | Decimal) and _is_whole(value):
        text = str(int(value))
    else:
        raise Misfit("key_type")
    if len(text) > MAX_KEY_CHARS:
        raise Misfit("key_too_long")
    return text


def _is_whole(value: float | Decimal) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and value.adjusted() <= _MOST_DIGITS and value == int(value)
    return isfinite(value) and value.is_integer()


def _reference(value: Any, _field: Field) -> str:
    return key_text(value)


def _references(value: Any, _field: Field) -> str:
    """Several keys: a sequence of them, or their texts joined by commas."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    return ",".join(sorted(key_text(part.strip() if isinstance(part, str) else part) for part in parts if part != ""))


def _integer(value: Any, _field: Field) -> int:
    if isinstance(value, int):
        number = int(value)
    elif isinstance(value, str):
        if not _INTEGER.fullmatch(value.strip()):
            raise Misfit("number_format")
        number = int(value.strip().partition(".")[0])
    elif isinstance(value, float | Decimal):
        if not _is_whole(value):
            raise Misfit("number_format")
        number = int(value)
    else:
        raise Misfit("type")
    if not -(2**63) <= number < 2**63:
        raise Misfit("number_range")
    return number


def _decimal(value: Any, field: Field) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Misfit("type")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation as error:
        raise Misfit("number_format") from error
    if not number.is_finite():
        raise Misfit("number_format")
    if number.adjusted() > _MOST_DIGITS:
        raise Misfit("number_range")
    scaled = number.scaleb(field.scale)
    if scaled != int(scaled):
        raise Misfit("number_scale")
    if not -(2**63) <= int(scaled) < 2**63:
        raise Misfit("number_range")
    return int(scaled)


def _boolean(value: Any, _field: Field) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise Misfit("bool_format")


@lru_cache(maxsize=4096)
def _days(text: str, cause: str) -> int:
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError as error:
        raise Misfit(cause) from error


def _date(value: Any, _field: Field) -> int:
    if isinstance(value, datetime):
        if value.tzinfo or value.time() != time():
            raise Misfit("date_format")
        return value.toordinal() - _EPOCH
    if isinstance(value, date):
        return value.toordinal() - _EPOCH
    if isinstance(value, str) and _DATE.fullmatch(value):
        return _days(value[:10], "date_format")
    raise Misfit("date_format")


def _time(value: Any, _field: Field) -> int:
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        if not 0 <= seconds < 86_400 or seconds != int(seconds):  # noqa: PLR2004  seconds of a day
            raise Misfit("time_format")
        return int(seconds)
    if isinstance(value, time):
        if value.tzinfo or value.microsecond:
            raise Misfit("time_format")
        return value.hour * 3600 + value.minute * 60 + value.second
    if isinstance(value, str) and (found := _TIME.fullmatch(value)):
        hour, minute, second = (int(part or 0) for part in found.groups())
        if hour < 24 and minute < 60 and second < 60:  # noqa: PLR2004  a clock
            return hour * 3600 + minute * 60 + second
    raise Misfit("time_format")


def _timestamp(value: Any, _field: Field) -> int:
    if isinstance(value, datetime):
        if value.tzinfo:
            raise Misfit("timestamp_zone")
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return (value.toordinal() - _EPOCH) * _DAY_MS + seconds * 1000 + value.microsecond // 1000
    if isinstance(value, date):
        return (value.toordinal() - _EPOCH) * _DAY_MS
    if isinstance(value, str) and _PLAIN_TIMESTAMP.fullmatch(value):
        seconds = int(value[11:13]) * 3600 + int(value[14:16]) * 60 + int(value[17:19])
        return _days(value[:10], "timestamp_format") * _DAY_MS + seconds * 1000 + int((value[20:23] + "000")[:3])
    found = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Misfit("timestamp_format")
    day, hour, minute, second, fraction, rest = found.groups()
    if rest:
        raise Misfit("timestamp_zone" if rest.strip()[:1] in ("+", "-", "Z") else "timestamp_format")
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004  a clock
        raise Misfit("timestamp_format")
    millis = int(((fraction or "") + "000")[:3])
    return _days(day, "timestamp_format") * _DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis


_SCALAR: Final[dict[Kind, Callable[[Any, Field], Any]]] = {
    Kind.KEY: lambda value, _field: value,
    Kind.REF: _reference,
    Kind.REFS: _references,
    Kind.TEXT: _text,
    Kind.ENUM: _text,
    Kind.INT: _integer,
    Kind.DECIMAL: _decimal,
    Kind.BOOL: _boolean,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.TIMESTAMP: _timestamp,
}


class _Memo(dict[Any, Any]):
    """Canonical value by driver value; a school writes the same few dates, codes and numbers over and over."""

    def __init__(self, field: Field, *, keeps: bool = True) -> None:
        super().__init__({None: None})
        self.field, self.scalar, self.misfits, self.keeps = field, _SCALAR[field.kind], 0, keeps

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
    if not set(map(type, column)) <= {str, type(None)}:
        return False
    texts = [value for value in column if value is not None]
    if not texts or max(map(len, texts)) > (MAX_KEY_CHARS if reference else MAX_VALUE_CHARS):
        return not texts
    joined = "".join(texts)
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return not reference or is_plain_key(joined)


def validate_column(field: Field, column: Sequence[Any]) -> dict[int, str]:
    """Positions whose canonical value the centre's column cannot hold, with the cause."""
    if _column_fits(field, column):
        return {}
    causes = ((position, _unfit_cause(field, value)) for position, value in enumerate(column) if value is not None)
    return {position: cause for position, cause in causes if cause}


def _column_fits(field: Field, column: Sequence[Any]) -> bool:
    present = [value for value in column if value is not None]
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
            return _FIRST_DAY, _LAST_DAY
        case Kind.TIME:
            return 0, 86_399
        case Kind.TIMESTAMP:
            return _FIRST_DAY * _DAY_MS, (_LAST_DAY + 1) * _DAY_MS - 1
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


def date_of(days: int) -> date:
    """Calendar date of a canonical DATE."""
    return date.fromordinal(days + _EPOCH)


def timestamp_of(millis: int) -> datetime:
    """Naive local time of a canonical TIMESTAMP."""
    return datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(milliseconds=millis)
