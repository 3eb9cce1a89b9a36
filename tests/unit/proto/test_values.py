"""From driver values to canonical ones: typed values and their texts agree, what has no canonical form is named, nothing crashes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.canonical import normalise_columns, validate_columns
from proto.columns import normalise_column, validate_column
from proto.entities import BY_NAME, Entity, Field, Kind
from proto.limits import MAX_VALUE_CHARS
from proto.values import CAUSES, date_of, timestamp_of
from tests.strategies import entity_rows

FIELDS = {
    Kind.INT: Field(3, "n", Kind.INT),
    Kind.DECIMAL: Field(3, "d", Kind.DECIMAL, precision=6, scale=2),
    Kind.BOOL: Field(3, "b", Kind.BOOL),
    Kind.DATE: Field(3, "day", Kind.DATE),
    Kind.TIME: Field(3, "t", Kind.TIME),
    Kind.TIMESTAMP: Field(3, "at", Kind.TIMESTAMP),
    Kind.TEXT: Field(3, "s", Kind.TEXT, limit=10),
    Kind.ENUM: Field(3, "e", Kind.ENUM, values=("a", "b")),
    Kind.REF: Field(3, "r", Kind.REF, target="subject"),
    Kind.REFS: Field(3, "rs", Kind.REFS, target="class"),
}


def one(kind: Kind, value: object) -> Any:
    """Canonical value, or the cause as text with a question mark."""
    values, causes = normalise_column(FIELDS[kind], [value])
    return causes[0] + "?" if causes else values[0]


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        (Kind.INT, "5", 5),
        (Kind.INT, " -5.0 ", -5),
        (Kind.INT, True, 1),
        (Kind.INT, 5.0, 5),
        (Kind.INT, 5.5, "number_format?"),
        (Kind.INT, float("nan"), "number_format?"),
        (Kind.INT, Decimal("sNaN"), "number_format?"),
        (Kind.INT, Decimal("1e400000"), "number_format?"),
        (Kind.INT, "5e3", "number_format?"),
        (Kind.INT, "٥", "number_format?"),
        (Kind.INT, 2**63, "number_range?"),
        (Kind.INT, b"5", "type?"),
        (Kind.DECIMAL, "3.50", 350),
        (Kind.DECIMAL, 3.5, 350),
        (Kind.DECIMAL, Decimal("-3.5"), -350),
        (Kind.DECIMAL, "0.1", 10),
        (Kind.DECIMAL, 0.1, 10),
        (Kind.DECIMAL, "3.505", "number_scale?"),
        (Kind.DECIMAL, "NaN", "number_format?"),
        (Kind.DECIMAL, Decimal("Infinity"), "number_format?"),
        (Kind.DECIMAL, "1e999999", "number_range?"),
        (Kind.DECIMAL, "x", "number_format?"),
        (Kind.DECIMAL, True, "type?"),
        (Kind.BOOL, "t", True),
        (Kind.BOOL, "False", False),
        (Kind.BOOL, 1, True),
        (Kind.BOOL, 2, "bool_format?"),
        (Kind.DATE, "1970-01-02", 1),
        (Kind.DATE, date(1969, 12, 31), -1),
        (Kind.DATE, datetime(2024, 2, 29), 19_782),  # noqa: DTZ001  the school's clock is naive
        (Kind.DATE, "2024-02-29 00:00:00.000", 19_782),
        (Kind.DATE, "2024-02-30", "date_format?"),
        (Kind.DATE, "2024-02-29 01:00", "date_format?"),
        (Kind.DATE, "0001-01-01", -719_162),
        (Kind.DATE, "0000-01-01", "date_format?"),
        (Kind.TIME, "8:30", 30_600),
        (Kind.TIME, "23:59:59.0000", 86_399),
        (Kind.TIME, "24:00", "time_format?"),
        (Kind.TIME, timedelta(hours=8), 28_800),
        (Kind.TIME, timedelta(days=1), "time_format?"),
        (Kind.TIME, time(8, 0, 0, 1), "time_format?"),
        (Kind.TIMESTAMP, "2024-10-03 09:00:00.0059", 1_727_946_000_005),
        (Kind.TIMESTAMP, "2024-10-03T09:00", 1_727_946_000_000),
        (Kind.TIMESTAMP, "2024-10-03", 1_727_913_600_000),
        (Kind.TIMESTAMP, "2024-10-03 09:00:00+03", "timestamp_zone?"),
        (Kind.TIMESTAMP, "2024-10-03 09:00:00Z", "timestamp_zone?"),
        (Kind.TIMESTAMP, "2024-10-03 09:00:00 BC", "timestamp_format?"),
        (Kind.TIMESTAMP, "infinity", "timestamp_format?"),
        (Kind.TIMESTAMP, datetime(2024, 10, 3, tzinfo=UTC), "timestamp_zone?"),
        (Kind.TEXT, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Kind.TEXT, 5, "5"),
        (Kind.TEXT, "\ud800", "text_surrogate?"),
        (Kind.TEXT, "x" * (MAX_VALUE_CHARS + 1), "oversize?"),
        (Kind.TEXT, b"x", "type?"),
        (Kind.TEXT, [1], "type?"),
        (Kind.REF, "a/b", "a~1b"),
        (Kind.REF, True, "key_type?"),
        (Kind.REFS, "10, 2,,a", "10,2,a"),
        (Kind.REFS, [10, 2], "10,2"),
    ],
)
def test_a_driver_value_has_one_canonical_form_or_a_cause(kind: Kind, value: object, canonical: object):
    assert one(kind, value) == canonical


@pytest.mark.parametrize("kind", FIELDS)
def test_null_stays_null(kind: Kind):
    assert one(kind, None) is None


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_and_their_texts_agree(number: int):
    assert one(Kind.INT, number) == one(Kind.INT, str(number)) == number


@given(st.integers(-999_999, 999_999))
def test_decimals_their_texts_and_floats_agree(hundredths: int):
    number = Decimal(hundredths).scaleb(-2)
    assert one(Kind.DECIMAL, number) == one(Kind.DECIMAL, str(number)) == one(Kind.DECIMAL, float(number)) == hundredths


@given(st.dates())
def test_dates_and_their_texts_agree_and_are_read_back(day: date):
    assert one(Kind.DATE, day) == one(Kind.DATE, day.isoformat())
    assert date_of(one(Kind.DATE, day)) == day


@given(st.datetimes())
def test_timestamps_and_their_texts_agree_to_the_millisecond(moment: datetime):
    canonical = one(Kind.TIMESTAMP, moment)
    assert canonical == one(Kind.TIMESTAMP, moment.isoformat(" "))
    assert timestamp_of(canonical) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(st.times().map(lambda moment: moment.replace(microsecond=0)))
def test_times_and_their_texts_agree(moment: time):
    assert one(Kind.TIME, moment) == one(Kind.TIME, moment.isoformat())


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(st.characters(), max_size=20), st.binary(max_size=5),
    st.dates(), st.times(), st.datetimes(), st.timedeltas(), st.uuids(), st.lists(st.integers(), max_size=2),
)  # fmt: skip


@given(st.sampled_from(list(FIELDS)), st.lists(anything, max_size=5))
def test_no_driver_value_crashes_and_every_refusal_has_a_known_cause(kind: Kind, column: list[Any]):
    values, causes = normalise_column(FIELDS[kind], column)
    assert len(values) == len(column)
    assert set(causes.values()) <= set(CAUSES)
    validate_column(FIELDS[kind], values)


@given(st.sampled_from(list(FIELDS)), anything)
def test_a_value_does_not_depend_on_its_neighbours(kind: Kind, value: Any):
    alone, beside = normalise_column(FIELDS[kind], [value]), normalise_column(FIELDS[kind], ["x", value, None])
    assert (alone[0][0], alone[1].get(0)) == (beside[0][1], beside[1].get(1))


@pytest.mark.parametrize("kind", FIELDS)
def test_a_value_does_not_depend_on_what_came_before(kind: Kind):
    equal = (1, True, 1.0, Decimal(1))
    alone = [one(kind, value) for value in equal]
    backwards = [one(kind, value) for value in equal[::-1]][::-1]
    values, causes = normalise_column(FIELDS[kind], list(equal))
    assert (
        [causes[place] + "?" if place in causes else value for place, value in enumerate(values)] == backwards == alone
    )


@given(entity_rows)
def test_what_is_canonical_and_fits_stays_as_it_is_where_drivers_give_it_so(found: tuple[Entity, tuple[Any, ...]]):
    entity, row = found
    kept = (Kind.KEY, Kind.TEXT, Kind.ENUM, Kind.INT, Kind.BOOL)
    shown = [value if field.kind in kept else None for field, value in zip(entity.fields, row, strict=True)]
    columns, causes = normalise_columns(entity, [[value] for value in shown])
    assert ([column[0] for column in columns], causes) == (shown, {})
    assert validate_columns(entity, [[value] for value in row]) == {}


def test_a_row_is_refused_for_its_first_misfit_and_its_neighbours_pass():
    entity = BY_NAME["subject"]
    columns = [["1", "2"], ["ok", "\ud800"], [b"x", None], [None, None], [None, None]]
    values, causes = normalise_columns(entity, columns)
    assert causes == {0: "type", 1: "text_surrogate"}
    assert [column[0] for column in values][:2] == ["1", "ok"]


@pytest.mark.parametrize(
    ("kind", "value", "cause"),
    [
        (Kind.TEXT, "n\0", "text_nul"),
        (Kind.TEXT, "x" * 11, "text_too_long"),
        (Kind.REF, "k\0", "text_nul"),
        (Kind.ENUM, "c", "enum_value"),
        (Kind.INT, 2**31, "number_range"),
        (Kind.DECIMAL, 10**6, "number_range"),
        (Kind.DATE, 2_932_897, "date_range"),
        (Kind.TIMESTAMP, 2_932_897 * 86_400_000, "date_range"),
        (Kind.TIME, 86_400, "number_range"),
    ],
)
def test_what_the_centre_cannot_hold_is_found_by_row(kind: Kind, value: object, cause: str):
    assert validate_column(FIELDS[kind], [None, value]) == {1: cause}


@given(st.lists(st.none() | st.datetimes(min_value=datetime(1000, 1, 1)), max_size=5), st.sampled_from(" T"))  # noqa: DTZ001  local times
def test_a_column_of_times_as_texts_is_the_same_as_one_of_times(times: list[datetime | None], mark: str):
    whole = [None if one is None else one.replace(microsecond=0) for one in times]
    texts = [None if one is None else one.isoformat(mark) for one in whole]
    assert normalise_column(FIELDS[Kind.TIMESTAMP], texts) == normalise_column(FIELDS[Kind.TIMESTAMP], whole)


@pytest.mark.parametrize(
    "text",
    ["2026-02-30 10:00:00", "2026-13-01 10:00:00", "20260901T10:00:00", "2026-W01-1 10:00:00", "2026-09-01_10:00:00"],
)
def test_one_time_that_is_none_does_not_spoil_its_column(text: str):
    values, causes = normalise_column(FIELDS[Kind.TIMESTAMP], ["2026-09-01 10:00:00", text, None])
    assert (len(values), values[1:], causes) == (3, [None, None], {1: "timestamp_format"})
    assert timestamp_of(values[0]) == datetime(2026, 9, 1, 10)  # noqa: DTZ001  local time
