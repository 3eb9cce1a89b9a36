import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import csvs

RUNS = "=+-@\t\r"


def read(body: bytes, delimiter: str = ";") -> list[list[str]]:
    """As a spreadsheet reads it."""
    text = body.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_the_file_begins_with_a_mark_that_spreadsheets_know():
    assert csvs.document(["а"], [], semicolon=True).startswith(b"\xef\xbb\xbf")


def test_cells_with_separators_quotes_and_lines_come_back_whole():
    row = ['Школа "№ 1"; Южная', "две\nстроки", "запятая, точка"]
    assert read(csvs.document(["a", "b", "c"], [row], semicolon=True))[1] == row
    assert read(csvs.document(["a", "b", "c"], [row], semicolon=False), ",")[1] == row


@pytest.mark.parametrize("cell", ["=1+1", "+7", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\xa0=1", "\0=1", "＝1"])
def test_what_would_run_as_a_formula_is_led_by_an_apostrophe(cell: str):
    assert read(csvs.document(["x"], [[cell]], semicolon=True))[1][0].startswith("'")


@given(st.text())
def test_no_text_starts_a_formula(cell: str):
    shown = str(csvs.harmless(cell)).lstrip(" \xa0")
    assert not shown.startswith(tuple(RUNS))


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell():
    assert read(csvs.document(["n", "x"], [[-5, None]], semicolon=True))[1] == ["-5", ""]
