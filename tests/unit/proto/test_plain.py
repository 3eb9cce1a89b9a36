"""Consoles without Cyrillic or marks: everything can be printed, and read."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Школа № 42: щёлочь", "Shkola No. 42: shchyoloch"),
        ("«Журнал» — готов… ✓", '"Zhurnal" - gotov... +'),
        ("Юля, Эхо, Ёж, объезд", "Yulya, Ekho, Yozh, obezd"),
        ("→ ✕ ≥ 5", "-> x >= 5"),
        ("漢", "?"),
    ],
)
def test_what_ascii_lacks_becomes_plain_letters(text: str, shown: str):
    assert text.encode("ascii", plain.ERRORS).decode() == shown


def test_what_a_console_has_stays_as_it_is():
    assert "Школа ✓".encode("cp866", plain.ERRORS).decode("cp866") == "Школа +"


@pytest.mark.parametrize("encoding", ["ascii", "cp866", "cp1251", "koi8-r", "latin-1"])
@given(text=st.text(max_size=200))
def test_no_text_fails_to_be_printed(encoding: str, text: str):
    assert isinstance(text.encode(encoding, plain.ERRORS), bytes)


def test_what_cannot_be_decoded_is_not_our_matter():
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", plain.ERRORS)


def test_both_streams_are_made_safe(monkeypatch: pytest.MonkeyPatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True))
    plain.make_output_safe()
    sys.stdout.write("Готово\n")
    sys.stderr.write("Ошибка\n")
    assert [stream.buffer.getvalue() for stream in (sys.stdout, sys.stderr)] == [b"Gotovo\n", b"Oshibka\n"]


def test_a_stream_that_is_no_console_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.StringIO())
    plain.make_output_safe()
    sys.stdout.write("Готово\n")
    assert sys.stdout.getvalue() == "Готово\n"
