"""What may leave: under ``collapse`` no trace of illness and no comment; under ``full`` everything that the profile names."""

from __future__ import annotations

import pytest

from agent.core.minimise import COLLAPSE, FULL, collapse, minimise
from proto.entities import BY_NAME

MARK, ATTENDANCE, CHANGE = BY_NAME["mark"], BY_NAME["attendance_event"], BY_NAME["journal_change"]


def page(entity: str, **columns: list[object]) -> list[list[object]]:
    return [columns.get(name, [None]) for name in BY_NAME[entity].field_names]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Б", "УП"),
        ("б", "УП"),
        ("B", "УП"),
        ("5 Б", "5 УП"),
        ("4/Б", "4/УП"),
        ("болезнь", "УП"),
        ("бол.", "УП"),
        ("5", "5"),
        ("НБ", "НБ"),
        ("ОБЖ", "ОБЖ"),
        ("больше 5", "больше 5"),
        ("", ""),
        (None, None),
        (5, 5),
    ],
)
def test_illness_becomes_an_excused_absence_and_other_words_stay(raw: object, shown: object):
    assert collapse(raw) == shown


def test_every_field_that_can_carry_illness_is_collapsed():
    mark = minimise(MARK, page("mark", raw=["Б"], comment=["болел"]), COLLAPSE)
    assert (mark[MARK.index("raw")], mark[MARK.index("comment")]) == (["УП"], [None])
    absence = minimise(ATTENDANCE, page("attendance_event", submitted_code=["Б"], corrected_code=["Б"]), COLLAPSE)
    assert absence[ATTENDANCE.index("submitted_code")] == absence[ATTENDANCE.index("corrected_code")] == ["УП"]
    change = minimise(CHANGE, page("journal_change", before=["5"], after=["Б"]), COLLAPSE)
    assert (change[CHANGE.index("before")], change[CHANGE.index("after")]) == (["5"], ["УП"])


def test_full_is_a_choice_that_leaves_everything_as_it_is():
    columns = page("mark", raw=["Б"], comment=["болел"])
    assert minimise(MARK, columns, FULL) is columns


def test_other_entities_are_left_alone():
    columns = page("subject", name=["Б"])
    assert minimise(BY_NAME["subject"], columns, COLLAPSE) == columns
