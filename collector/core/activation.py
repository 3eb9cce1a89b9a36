"""One-time codes of a person: how they are written, read back, and told by a hash (pure).

Twelve letters in three groups, ``7K2M-9QXA-4TRC``: eleven at random, 55 bits, and one that finds typing errors. The letters are Crockford's
base 32: no I, L, O or U, case does not matter, Cyrillic letters that look Latin are read as Latin. What is kept is an HMAC under a key
derived from the master key, which is outside the database: whoever has a copy of the database cannot try codes against it.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from proto.enrolment import encode_base32, plain_letters
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

LETTERS: Final = 12
"""Of a code, its check letter included."""

_SECRET_BYTES: Final = 10  # two groups of five bytes give sixteen letters; eleven of them are used
_GROUP: Final = 4
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TYPED_ALIKE: Final = str.maketrans("УуЁё", "YYEE")  # beside those that plain_letters knows
_FIELD: Final = 0b100101  # x⁵ + x² + 1: a sum with powers of x finds every wrong letter and every two exchanged ones


def code_key(master: bytes) -> bytes:
    """The key of the hashes of codes, derived from the master key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gorod/accounts/codes/1").derive(master)


def make_code(random: Callable[[int], bytes]) -> str:
    """A fresh code as it is printed; `random` gives so many random bytes."""
    body = encode_base32(random(_SECRET_BYTES))[: LETTERS - 1]
    return spaced(body + _ALPHABET[_check(body)])


def spaced(letters: str) -> str:
    """The letters in groups of four."""
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def read_code(text: str) -> str | None:
    """The twelve letters of a code however it was typed; None if it cannot be one: a letter is missing, wrong, or two are exchanged."""
    try:
        letters = plain_letters("".join(text.split()).translate(_TYPED_ALIKE))
    except Problem:
        return None
    return letters if len(letters) == LETTERS and _ALPHABET[_check(letters[:-1])] == letters[-1] else None


def code_hash(key: bytes, letters: str) -> bytes:
    """What is kept of a code."""
    return hmac.digest(key, letters.encode(), "sha256")


def _check(letters: str) -> int:
    total = 0
    for letter in letters:
        total ^= _ALPHABET.index(letter)
        total <<= 1
        if total > len(_ALPHABET) - 1:
            total ^= _FIELD
    return total
