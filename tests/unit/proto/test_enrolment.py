"""The text of a one-time code survives people, and nothing that people do to it goes unnoticed."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.enrolment import (
    PIN_BYTES,
    SECRET_BYTES,
    OneTimeCode,
    format_code,
    pack_problem,
    parse_code,
    renewal_bytes,
    split_address,
    unpack_problem,
)
from proto.problems import Problem
from tests.fix_ca import code_of

ADDRESS = "enrol.edu.example.ru:7444"
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,8}){0,3}", fullmatch=True) | st.sampled_from(
    ["10.0.0.1", "[::1]"]
)
ADDRESSES = st.builds(lambda host, port: f"{host}:{port}", HOSTS, st.integers(1, 65_535))
CODES = st.builds(
    OneTimeCode,
    ADDRESSES,
    st.binary(min_size=PIN_BYTES, max_size=PIN_BYTES),
    st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES),
)
CODE = OneTimeCode(ADDRESS, bytes(range(PIN_BYTES)), bytes(range(100, 100 + SECRET_BYTES)))


@given(CODES)
def test_every_code_is_read_back(code: OneTimeCode):
    assert parse_code(format_code(code)) == code


def test_the_letters_are_crockfords():
    standard = base64.b32encode(CODE.pin + CODE.secret).decode()
    crockford = standard.translate(
        str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    )
    letters = format_code(CODE).rpartition("/")[2].replace("-", "")
    assert letters[:-4] == crockford


def test_a_code_stays_short_enough_to_be_pasted():
    assert len(format_code(CODE)) == len(ADDRESS) + 1 + 60 + 11


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        lambda text: text.replace("-", ""),
        lambda text: text.replace("-", " - "),
        lambda text: text.replace("-", "–"),
        lambda text: "\ufeff" + text + "\r\n",
        lambda text: text.replace("0", "O").replace("1", "l"),
        lambda text: text.replace("1", "I"),
        lambda text: ADDRESS + text[len(ADDRESS) :].translate(str.maketrans("ABEKMHPCTX3", "АВЕКМНРСТХЗ")),
        lambda text: text[:40] + "\n" + text[40:],
    ],
    ids=[
        "lower case",
        "no hyphens",
        "blanks",
        "dashes",
        "a file of Windows",
        "letters O l",
        "letter I",
        "Cyrillic",
        "broken",
    ],
)
def test_what_people_and_programs_do_to_a_code_does_not_matter(change: Callable[[str], str]):
    assert parse_code(change(format_code(CODE))) == CODE


def test_an_address_in_other_case_is_the_same_address():
    text = format_code(CODE)
    assert parse_code(text.replace(ADDRESS, ADDRESS.upper())).secret == CODE.secret


@given(code=CODES, place=st.integers(0, 200), letter=st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_wrong_letter_is_noticed(code: OneTimeCode, place: int, letter: str):
    text = format_code(code)
    letters = [index for index, char in enumerate(text) if index > text.rindex("/") and char != "-"]
    index = letters[place % len(letters)]
    if text[index] != letter:
        with pytest.raises(Problem) as problem:
            parse_code(text[:index] + letter + text[index + 1 :])
        assert code_of(problem) == "GOR-1101"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "address"),
        ("8H3KD-0ZQ4R", "address"),
        (ADDRESS, "address"),
        (format_code(CODE)[:-1], "length"),
        (format_code(CODE) + "0", "length"),
        (format_code(CODE)[:-1] + "!", "letters"),
        (format_code(CODE).replace(":7444", ":7445"), "check"),
        (format_code(CODE).replace("enrol", "enrоll"), "check"),
        (format_code(CODE).replace(":7444", ":99999"), "address"),
        (format_code(CODE).replace(":7444", ":0"), "address"),
        (format_code(CODE).replace(ADDRESS, "." * 70 + "я:1"), "address"),
    ],
)
def test_a_broken_code_is_told_apart(text: str, cause: str):
    with pytest.raises(Problem) as problem:
        parse_code(text)
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1101", cause)


@given(st.text(max_size=200))
def test_no_text_at_all_breaks_the_reader(text: str):
    with pytest.raises(Problem) as problem:
        parse_code(text)
    assert code_of(problem) == "GOR-1101"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost:1", ("localhost", 1)),
        (" 10.0.0.1:7444\n", ("10.0.0.1", 7444)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
        ("обр.рф:7444", ("xn--90azh.xn--p1ai", 7444)),
    ],
)
def test_addresses_are_split(address: str, expected: tuple[str, int]):
    assert split_address(address) == expected


@pytest.mark.parametrize("size", [(19, 15), (20, 14)])
def test_a_code_of_another_size_is_not_written(size: tuple[int, int]):
    with pytest.raises(ValueError, match="20 bytes"):
        format_code(OneTimeCode(ADDRESS, b"p" * size[0], b"s" * size[1]))


@given(
    st.tuples(st.binary(max_size=50), st.binary(max_size=50)), st.tuples(st.binary(max_size=50), st.binary(max_size=50))
)
def test_two_renewals_are_never_the_same_bytes(one: tuple[bytes, bytes], other: tuple[bytes, bytes]):
    assert (renewal_bytes(*one) == renewal_bytes(*other)) == (one == other)


def test_a_problem_survives_the_wire():
    told = unpack_problem(pack_problem(Problem("GOR-1114", difference="+48 h", school="23-042")))
    assert told is not None
    assert (told.code, told.details) == ("GOR-1114", {"difference": "+48 h", "school": "23-042"})


def test_a_problem_of_a_newer_department_survives_too():
    told = unpack_problem(b'{"code": "GOR-1999", "details": {}}')
    assert told is not None
    assert told.code == "GOR-1999"


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"null", b"[]", b'{"code": 1, "details": {}}', b'{"code": "x", "details": {}}']
)
def test_what_is_no_problem_is_none(data: bytes):
    assert unpack_problem(data) is None


@pytest.mark.parametrize("details", ['{"code": "GOR-1101"}', "[]", '{"self": "x"}'])
def test_details_that_are_no_details_do_no_harm(details: str):
    found = unpack_problem(b'{"code": "GOR-1101", "details": ' + details.encode() + b"}")
    assert found is None or found.code == "GOR-1101"
