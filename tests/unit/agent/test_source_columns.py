"""Many rows of COPY's text format, read column by column; the reference splits and looks at one value at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.sources.pgcopy import CopyRows, parse_columns

LETTERS = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\"}
# Backslashes and the letters of escapes come often: that is where a quick way may go wrong.
texts = st.text(st.one_of(st.sampled_from("\\\\\\Nntbя\t\n\r\v"), st.characters(exclude_categories=["Cs"])), max_size=6)
cells = st.one_of(st.none(), st.just("\\N"), texts)
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[cells] * width), min_size=1, max_size=8))


def written(row: tuple[str | None, ...]) -> bytes:
    """A row as PostgreSQL's documentation of COPY says, sign by sign."""
    values = [
        "\\N" if value is None else "".join(f"\\{LETTERS[sign]}" if sign in LETTERS else sign for sign in value)
        for value in row
    ]
    return "\t".join(values).encode()


@given(tables)
def test_columns_are_what_was_written(rows: list[tuple[str | None, ...]]) -> None:
    found = parse_columns([written(row) for row in rows])
    assert [list(column) for column in found] == [list(column) for column in zip(*rows, strict=True)]


@given(tables, st.data())
def test_one_column_is_the_same_as_among_all(rows: list[tuple[str | None, ...]], data: st.DataObject) -> None:
    page = CopyRows([written(row) for row in rows])
    place = data.draw(st.integers(0, len(rows[0]) - 1))
    assert list(page.column(place)) == [row[place] for row in rows] == list(page.parse(page.raw)[place])


def test_of_no_rows_there_are_no_columns() -> None:
    assert parse_columns([]) == []
    assert CopyRows([]).column(1) == []


def test_one_row_with_bytes_that_are_no_text_spoils_no_other() -> None:
    """A database without an encoding hands over whatever was typed there."""
    rows = [b"1\t\\N\tplain", b"2\ta\xff\\tb\tx", "3\tё\t\\\\N".encode()]
    assert [list(column) for column in parse_columns(rows)] == [
        ["1", "2", "3"],
        [None, "a\udcff\tb", "ё"],
        ["plain", "x", "\\N"],
    ]
