"""Personal values sealed column by column, and found again by a blind index.

A stored value is ``year (2 bytes) | nonce (12) | AES-256-GCM ciphertext``; its associated data name school, entity, key and column, so
that a value moved to another row or column does not open. The blind index is a keyed hash of the folded text under a key derived from
the same year's data key: destroying the year ends the index too.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proto.entities import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proto.canonical import Value
    from proto.entities import Entity, Field

YEAR_BYTES: Final = 2
"""A sealed value begins with the year of its key, so that it can be told without opening it."""

_HEAD_BYTES: Final = 14
_NONCE_BYTES: Final = 12
_BLIND_BYTES: Final = 16
_TEXTS: Final = (Kind.TEXT, Kind.ENUM, Kind.REF, Kind.REFS)


class Unreadable(Exception):
    """A sealed value does not open although its key exists: it was altered, or moved from another place."""


class Destroyed(Exception):
    """The key of the value's year was destroyed: nobody can read it any more."""


@dataclass(frozen=True)
class SchoolKeys:
    """Keys of one school: the fingerprint key, data keys by school-year, the year to seal under, years that were destroyed."""

    school: str
    fingerprint: bytes = field(repr=False)
    years: dict[int, bytes] = field(repr=False)
    year: int
    destroyed: frozenset[int] = frozenset()
    _ciphers: dict[int, AESGCM] = field(default_factory=dict, repr=False)

    def seal(self, entity: str, key: str, column: str, value: bytes) -> bytes:
        """The value sealed under the current year's key."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(self.year).encrypt(nonce, value, self._place(entity, key, column))
        return self.year.to_bytes(YEAR_BYTES, "big") + nonce + sealed

    def open(self, entity: str, key: str, column: str, sealed: bytes) -> bytes:
        """The value again. Raises Destroyed when its year's key is gone, Unreadable when it was altered or moved."""
        year = int.from_bytes(sealed[:YEAR_BYTES], "big")
        if year in self.destroyed:
            raise Destroyed(year)
        if year not in self.years:
            raise Unreadable(f"no key of year {year}")
        nonce, text = sealed[YEAR_BYTES:_HEAD_BYTES], sealed[_HEAD_BYTES:]
        try:
            return self._cipher(year).decrypt(nonce, text, self._place(entity, key, column))
        except (InvalidTag, ValueError) as error:
            raise Unreadable(f"{entity}.{column}") from error

    def seal_column(
        self, entity: Entity, described: Field, keys: Sequence[str], values: Sequence[Value]
    ) -> list[bytes | None]:
        """Sealed form of each canonical value; None stays None."""
        seal, name, column = self.seal, entity.name, described.name
        return [
            None if value is None else seal(name, key, column, str(value).encode())
            for key, value in zip(keys, values, strict=True)
        ]

    def open_column(
        self, entity: Entity, described: Field, keys: Sequence[str], values: Sequence[bytes | None]
    ) -> list[Value]:
        """Canonical value of each sealed one; what was destroyed reads as None (its row carries the key's year)."""
        return [self._opened(entity, described, key, value) for key, value in zip(keys, values, strict=True)]

    def _opened(self, entity: Entity, described: Field, key: str, sealed: bytes | None) -> Value:
        if sealed is None:
            return None
        try:
            text = self.open(entity.name, key, described.name, bytes(sealed)).decode()
        except Destroyed:
            return None
        return text if described.kind in _TEXTS else int(text)

    def blind_column(self, entity: Entity, described: Field, values: Sequence[Value]) -> list[bytes | None]:
        """Blind index of each canonical text under the current year's key."""
        key = self._blind_key(self.year, entity, described)
        return [None if value is None else _blind(key, str(value)) for value in values]

    def blind_candidates(self, entity: Entity, described: Field, text: str) -> list[bytes]:
        """What a text looked for may stand as in the blind index: one value for each year whose key still exists."""
        return [_blind(self._blind_key(year, entity, described), text) for year in sorted(self.years)]

    def _blind_key(self, year: int, entity: Entity, described: Field) -> bytes:
        return hmac.digest(self.years[year], f"blind/{entity.name}/{described.name}".encode(), "sha256")

    def _place(self, entity: str, key: str, column: str) -> bytes:
        return f"{self.school}\0{entity}\0{column}\0{key}".encode()

    def _cipher(self, year: int) -> AESGCM:
        cipher = self._ciphers.get(year)
        if cipher is None:
            cipher = self._ciphers[year] = AESGCM(self.years[year])
        return cipher


def fold(text: str) -> str:
    """Texts that people hold for the same: case, ё and е, and outer or repeated blanks make no difference."""
    return " ".join(text.casefold().replace("ё", "е").split())


def _blind(key: bytes, text: str) -> bytes:
    return hmac.digest(key, fold(text).encode(), sha256)[:_BLIND_BYTES]
