"""What both ends of enrolment must agree on: the text of a one-time code, and the bytes that a renewal signs.

A code is one line that a person can paste or type::

    enrol.edu.example.ru:7444/8H3KD-0ZQ4R-…-7WX1M
    └── where to dial ──────┘ └ pin 20 bytes, secret 15 bytes, check 20 bits: twelve groups of five

The letters are Crockford's base 32: no I, L, O or U, case does not matter, and Cyrillic letters that look Latin are read as Latin.
The check covers the address too, so a typing error is found before anything is dialled. The pin says which department's
authority must stand behind the address: the secret is only sent to a server that this authority vouches for.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from proto.problems import Problem

PIN_BYTES: Final = 20
"""Of the 32 in SHA-256: nobody finds another key for 160 bits, and the code stays 32 characters shorter."""

SECRET_BYTES: Final = 15
"""120 bits: guessing is hopeless at any rate of attempts, so the limit on attempts only keeps noise down."""

SECRET_CHARS: Final = SECRET_BYTES * 8 // 5
PROBLEM_METADATA: Final = "gorod-problem-bin"

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_LOOKALIKES: Final = str.maketrans("OILАВЕЗКМНОРСТХ", "011ABE3KMH0PCTX")
_DASHES: Final = re.compile("[-\u00ad\u2010-\u2015\u2212]")  # word processors replace a plain hyphen by any of these
_CHECK_CHARS: Final = 4
_GROUP: Final = 5
_BODY_CHARS: Final = (PIN_BYTES + SECRET_BYTES) * 8 // 5
_ADDRESS: Final = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>\d{1,5})")
_MAX_PORT: Final = 65_535
_PROBLEM_CODE: Final = re.compile(r"GOR-\d{4}")
_RESERVED: Final = frozenset({"self", "code"})  # names of a problem's own arguments, of no use as details
_RENEWAL_LABEL: Final = b"gorod renewal 1\n"


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """What the text of a code says. ``address`` is host:port of the enrolment listener."""

    address: str
    pin: bytes
    secret: bytes


def split_address(address: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[v6]:port``, a host in Cyrillic as the network spells it.

    Raises:
        Problem: GOR-1101 when it is not an address.
    """
    found = _ADDRESS.fullmatch(address.strip())
    if not found or not 0 < int(found["port"]) <= _MAX_PORT:
        raise Problem("GOR-1101", cause="address")
    host = found["six"] or found["host"]
    try:
        return (host if host.isascii() else host.encode("idna").decode("ascii")), int(found["port"])
    except UnicodeError as error:
        raise Problem("GOR-1101", cause="address") from error


def format_code(code: OneTimeCode) -> str:
    """The line that a person gets."""
    split_address(code.address)
    body = encode_base32(code.pin + code.secret)
    if len(body) != _BODY_CHARS:
        raise ValueError(f"a code holds {PIN_BYTES} bytes of the pin and {SECRET_BYTES} of the secret")
    text = body + _check(code.address, body)
    return code.address + "/" + "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def parse_code(text: str) -> OneTimeCode:
    """Read the line back, however it was pasted or typed.

    Raises:
        Problem: GOR-1101 with a reason: address, letters, length or check.
    """
    address, _, tail = "".join(text.removeprefix("\ufeff").split()).rpartition("/")
    split_address(address)
    letters = plain_letters(tail)
    if len(letters) != _BODY_CHARS + _CHECK_CHARS:
        raise Problem("GOR-1101", cause="length")
    body, check = letters[:_BODY_CHARS], letters[_BODY_CHARS:]
    if _check(address, body) != check:
        raise Problem("GOR-1101", cause="check")
    data = decode_base32(body)
    return OneTimeCode(address, data[:PIN_BYTES], data[PIN_BYTES:])


def plain_letters(text: str) -> str:
    """Upper case, without hyphens, look-alikes replaced; GOR-1101 where another character remains."""
    letters = _DASHES.sub("", text).upper().translate(_LOOKALIKES)
    if any(letter not in _VALUES for letter in letters):
        raise Problem("GOR-1101", cause="letters")
    return letters


def encode_base32(data: bytes) -> str:
    """Crockford's base 32 of a whole number of groups of five bytes."""
    number = int.from_bytes(data, "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(len(data) * 8 - 5, -1, -5))


def decode_base32(letters: str) -> bytes:
    """Inverse of :func:`encode_base32` for letters that :func:`plain_letters` let through."""
    number = 0
    for letter in letters:
        number = number << 5 | _VALUES[letter]
    return number.to_bytes(len(letters) * 5 // 8, "big")


def _check(address: str, body: str) -> str:
    digest = hashlib.sha256(f"{address.lower()}/{body}".encode()).digest()
    return encode_base32(digest[:5])[:_CHECK_CHARS]


def renewal_bytes(nonce: bytes, request: bytes) -> bytes:
    """What the old key signs (ECDSA, SHA-256) to renew; the label keeps it apart from everything else that key signs."""
    return _RENEWAL_LABEL + len(nonce).to_bytes(2, "big") + nonce + request


def pack_problem(problem: Problem) -> bytes:
    """A problem for the trailing metadata of a refused call."""
    return json.dumps({"code": problem.code, "details": problem.details}).encode()


def unpack_problem(data: bytes) -> Problem | None:
    """The other end's problem, be its code known here or not; None when the bytes are no problem at all."""
    try:
        told = json.loads(data)
        code, details = told["code"], told["details"]
        known = _PROBLEM_CODE.fullmatch(code) and isinstance(details, dict)
    except (ValueError, KeyError, TypeError):
        return None
    return Problem(code, **{name: details[name] for name in details if name not in _RESERVED}) if known else None
