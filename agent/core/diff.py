"""The heart: what a page of source rows changes, given the fingerprints of its keys. Pure.

The source's order plays no part here: keys are looked up, and key equality is equality of canonical text (page and order law). A row
has two fingerprints: *raw*, over the source's own bytes, answers "unchanged" without canonicalising; *hash*, over canonical bytes, is what
the centre holds. Deletions never come from a page: a key that a completed range did not show is only a candidate (absence law).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from proto.canonical import keyed_hashes

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

Known: TypeAlias = "Mapping[Hashable, tuple[int, int | None]]"
"""Key -> (row hash, raw hash); the raw hash is None where the centre overwrote the fingerprint."""

_ENCODE = msgspec.msgpack.Encoder(decimal_format="string").encode


def raw_hashes(rows: Sequence[Any], salt: bytes) -> list[int]:
    """Signed 64-bit hash of each source row, given as its bytes or as a tuple of driver values.

    Args:
        rows: all bytes, or all tuples.
        salt: at most 64 bytes that name everything a canonical row depends on besides the source: profile and health mode.
    """
    return keyed_hashes(rows if rows and type(rows[0]) is bytes else map(_encoded, rows), salt)


def _encoded(row: tuple[Any, ...]) -> bytes:
    """Driver values as bytes; texts with half a character, which UTF-8 does not know, as bytes of their own."""
    try:
        return _ENCODE(row)
    except UnicodeEncodeError:
        return _ENCODE([[value.encode("utf-8", "surrogatepass")] if isinstance(value, str) else value for value in row])


def suspects(keys: Sequence[Hashable], raws: Sequence[int], known: Known) -> Sequence[int]:
    """Positions of the rows whose raw hash is not the one remembered: only these are canonicalised. A range stands for all of them."""
    if not known:
        return range(len(keys))
    get = known.get
    return [
        position
        for position, (key, raw) in enumerate(zip(keys, raws, strict=True))
        if (found := get(key)) is None or found[1] != raw
    ]


@dataclass(slots=True)
class Diff:
    """Places among the suspects: new keys, keys whose row differs, and keys whose row only *looks* different at the source."""

    inserted: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)

    @property
    def changed(self) -> list[int]:
        """New keys first, then those whose row differs."""
        return [*self.inserted, *self.updated]


def compare(keys: Sequence[Hashable], hashes: Sequence[int], known: Known) -> Diff:
    """What the suspects are, whose keys and row hashes stand side by side."""
    if not known:
        return Diff(inserted=list(range(len(keys))))
    diff = Diff()
    for place, (key, row_hash) in enumerate(zip(keys, hashes, strict=True)):
        found = known.get(key)
        if found is None:
            diff.inserted.append(place)
        elif found[0] == row_hash:
            diff.touched.append(place)
        else:
            diff.updated.append(place)
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
