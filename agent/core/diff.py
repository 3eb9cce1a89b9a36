"""The heart: what a page of source rows changes, given the fingerprints of its keys. Pure.

The source's order plays no part here: keys are looked up, and key equality is equality of canonical text (page and order law). A row
has two fingerprints: *raw*, over the source's own bytes, answers "unchanged" without canonicalising; *hash*, over canonical bytes, is what
the centre holds. Deletions never come from a page: a key that a completed range did not show is only a candidate (absence law).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

Known: TypeAlias = "Mapping[Hashable, tuple[int, int | None]]"
"""Key -> (row hash, raw hash); the raw hash is None where the centre overwrote the fingerprint."""

_ENCODE = msgspec.msgpack.Encoder(decimal_format="string").encode


def raw_hashes(rows: Iterable[Any], salt: bytes) -> list[int]:
    """Signed 64-bit hash of each source row, given as its bytes or as a tuple of driver values.

    Args:
        rows: all bytes, or all tuples.
        salt: at most 64 bytes that name everything a canonical row depends on besides the source: profile and health mode.
    """
    number = int.from_bytes
    return [
        number(
            blake2b(row if type(row) is bytes else _encoded(row), key=salt, digest_size=8).digest(),
            "little",
            signed=True,
        )
        for row in rows
    ]


def _encoded(row: tuple[Any, ...]) -> bytes:
    """Driver values as bytes; texts with half a character, which UTF-8 does not know, as bytes of their own."""
    try:
        return _ENCODE(row)
    except UnicodeEncodeError:
        return _ENCODE([[value.encode("utf-8", "surrogatepass")] if isinstance(value, str) else value for value in row])


def suspects(keys: Sequence[Hashable], raws: Sequence[int], known: Known) -> list[int]:
    """Positions of the rows whose raw hash is not the one remembered: only these are canonicalised."""
    get = known.get
    return [
        position
        for position, (key, raw) in enumerate(zip(keys, raws, strict=True))
        if (found := get(key)) is None or found[1] != raw
    ]


@dataclass(slots=True)
class Diff:
    """Positions within the page: new keys, keys whose row differs, and keys whose row only *looks* different at the source."""

    inserted: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)


def compare(positions: Sequence[int], keys: Sequence[Hashable], hashes: Sequence[int], known: Known) -> Diff:
    """What the suspects are. ``hashes`` stand beside ``positions``; ``keys`` are those of the whole page."""
    diff = Diff()
    for position, row_hash in zip(positions, hashes, strict=True):
        found = known.get(keys[position])
        if found is None:
            diff.inserted.append(position)
        elif found[0] == row_hash:
            diff.touched.append(position)
        else:
            diff.updated.append(position)
    return diff


def absent(asked: Iterable[Hashable], returned: Iterable[Hashable], known: Known) -> list[Hashable]:
    """Of the keys re-read, those that the source no longer has and the centre does: the deletions.

    ``returned`` holds the canonical keys of the rows that came back: a source that takes ``a`` for ``A`` returned another row.
    """
    present = set(returned)
    return [key for key in asked if key not in present and key in known]


def duplicates(keys: Sequence[Hashable]) -> int:
    """How many rows of a page repeat a key of the page."""
    return len(keys) - len(set(keys))
