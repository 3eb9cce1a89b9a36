"""Keys as the database can hold and find them, whatever characters and length a school's key has."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_KEY_HASH_BYTES: Final = 16
_NUL_ESCAPE: Final = "~3"


def key_hash(key: str) -> bytes:
    """Finds a quarantined key; names a key in logs and reports."""
    return blake2b(key.encode(), digest_size=_KEY_HASH_BYTES).digest()


def storable_text(text: str) -> str:
    """A key as PostgreSQL can hold it: the NUL character escaped, as canonical keys escape their separators."""
    return text.replace("\0", _NUL_ESCAPE)


def stored_text(text: str) -> str:
    """The key again."""
    return text.replace(_NUL_ESCAPE, "\0")
