"""From what a database driver gives, typed or as text, to the canonical value of a field.

The agent normalises, so both ends hash the same bytes; a value without canonical form raises :class:`Misfit` with a cause, a
machine word of :data:`CAUSES`. Whole columns are :mod:`proto.columns`'s.
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
    from collections.abc import Callable

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
DAY_MS: Final = 86_400_000
FIRST_DAY: Final = date.min.toordinal() - _EPOCH
LAST_DAY: Final = date.max.toordinal() - _EPOCH
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
        return (value.toordinal() - _EPOCH) * DAY_MS + seconds * 1000 + value.microsecond // 1000
    if isinstance(value, date):
        return (value.toordinal() - _EPOCH) * DAY_MS
    if isinstance(value, str) and _PLAIN_TIMESTAMP.fullmatch(value):
        seconds = int(value[11:13]) * 3600 + int(value[14:16]) * 60 + int(value[17:19])
        return _days(value[:10], "timestamp_format") * DAY_MS + seconds * 1000 + int((value[20:23] + "000")[:3])
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
    return _days(day, "timestamp_format") * DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis


SCALAR: Final[dict[Kind, Callable[[Any, Field], Any]]] = {
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
"""Canonical value of one driver value that is not NULL, by the kind of its field; raises Misfit."""


def date_of(days: int) -> date:
    """Calendar date of a canonical DATE."""
    return date.fromordinal(days + _EPOCH)


def timestamp_of(millis: int) -> datetime:
    """Naive local time of a canonical TIMESTAMP."""
    return datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(milliseconds=millis)
