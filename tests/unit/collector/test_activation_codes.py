"""The text of a one-time code of a person: short, read however it is typed, and every slip of the hand is noticed."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from collector.core.activation import code_hash, code_key, make_code, read_code

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
codes = st.binary(min_size=10, max_size=10).map(lambda given: make_code(lambda size: given[:size]))


@given(codes)
def test_a_code_is_three_groups_of_four_letters_that_read_back(code: str):
    groups = code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4]
    assert set("".join(groups)) <= set(ALPHABET)
    assert read_code(code) == "".join(groups)


@given(codes, st.integers(0, 11), st.sampled_from(ALPHABET))
def test_every_single_wrong_letter_is_noticed(code: str, place: int, other: str):
    letters = code.replace("-", "")
    wrong = letters[:place] + other + letters[place + 1 :]
    assert (read_code(wrong) is None) == (wrong != letters)


@given(codes, st.integers(0, 11), st.integers(0, 11))
def test_every_two_exchanged_letters_are_noticed(code: str, first: int, second: int):
    letters = list(code.replace("-", ""))
    letters[first], letters[second] = letters[second], letters[first]
    wrong = "".join(letters)
    assert (read_code(wrong) is None) == (wrong != code.replace("-", ""))


@pytest.mark.parametrize(
    "typed",
    [
        "{code}",
        " {lower} ",
        "{bare}",
        "{spaced}",
        "{cyrillic}",
        "{dashes}",
    ],
)
def test_a_code_is_read_in_any_spelling(typed: str):
    made = iter([b"\x52\x9b\x1e\xc4\x07\xaa\x31\x08\x5f\x64"])
    code = make_code(lambda _size: next(made))
    bare = code.replace("-", "")
    forms = {
        "code": code,
        "lower": code.lower(),
        "bare": bare,
        "spaced": " ".join(bare),
        "cyrillic": code.translate(str.maketrans("ABCEHKMPTXY", "АВСЕНКМРТХУ")),
        "dashes": code.replace("-", " – "),
    }
    assert read_code(typed.format(**forms)) == bare


@pytest.mark.parametrize("typed", ["", "7K2M", "7K2M-9QXA-4TRC-0000", "ЖЖЖЖ-9QXA-4TRC", "7K2M-9QXA-4TR!", "\0" * 12])
def test_what_cannot_be_a_code_is_none(typed: str):
    assert read_code(typed) is None


def test_codes_are_as_random_as_what_they_are_made_of():
    assert len({make_code(secrets.token_bytes) for _ in range(500)}) == 500


def test_a_hash_is_of_no_use_without_the_master_key():
    expected = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gorod/accounts/codes/1").derive(b"m" * 32)
    assert (
        code_hash(code_key(b"m" * 32), "7K2M9QXA4TRC") == hmac.new(expected, b"7K2M9QXA4TRC", hashlib.sha256).digest()
    )
    assert code_hash(code_key(b"m" * 32), "7K2M9QXA4TRC") != code_hash(code_key(b"n" * 32), "7K2M9QXA4TRC")
