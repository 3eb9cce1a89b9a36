from hypothesis import given
from hypothesis import strategies as st

from portal import paging

ROWS = [f"row {number}" for number in range(7)]


def walk(rows: list[str], size: int) -> list[paging.Slice[str]]:
    """Every page from the first to the last."""
    pages, cursor = [], ""
    while True:
        part = paging.cut(rows, str, cursor, size)
        pages.append(part)
        if not part.after:
            return pages
        cursor = part.after


def test_pages_follow_each_other_and_say_where_they_are():
    pages = walk(ROWS, 3)
    assert [(part.start, part.end, part.total, part.first) for part in pages] == [
        (1, 3, 7, True),
        (4, 6, 7, False),
        (7, 7, 7, False),
    ]


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 10))
def test_a_walk_shows_every_row_once(rows: list[str], size: int):
    assert [row for part in walk(rows, size) for row in part.items] == rows


def test_rows_that_come_meanwhile_repeat_nothing():
    after = paging.cut(ROWS, str, "", 3).after
    assert paging.cut(["new", *ROWS], str, after, 3).items == ("row 3", "row 4", "row 5")


@given(st.text())
def test_no_text_as_cursor_is_an_error(text: str):
    assert paging.cut(ROWS, str, text, 3).total == 7


def test_a_cursor_whose_row_is_gone_begins_anew():
    assert paging.cut(ROWS, str, paging.wrap("gone"), 3).first


def test_an_empty_list_is_one_empty_page():
    part = paging.cut([], str, "", 3)
    assert (part.items, part.start, part.end, part.after) == ((), 0, 0, "")
