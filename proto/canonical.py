"""A row as the same bytes on every machine, and what is derived from them: row hash, leaf, key text.

Canonical form of a row is a tuple in the order of ``entity.fields``; see :class:`proto.entities.Kind` for what each kind holds.
Canonical *bytes* are a MessagePack map in ascending field numbers, numbers written as text: ``{"0": entity number, "1": key,
"<field number>": value, …}``, fields without a value left out. The map's head is always of the 16-bit form, whatever the number of fields:
a field added later therefore leaves the bytes of old rows as they are.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from struct import unpack
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from proto.columns import normalise_column, validate_column
from proto.values import Misfit, is_plain_key, key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from proto.entities import Entity

Value: TypeAlias = "bool | int | str | None"
Row: TypeAlias = "tuple[Value, ...]"

MAX_PLAIN_PART: Final = 100
_UNUSED: Final = 16
"""Fields that no row has: with so many the encoder writes the head in the 16-bit form for every entity."""

_ENCODER: Final = msgspec.msgpack.Encoder()


def canonical_key(parts: Sequence[object]) -> str:
    """Text of a source key: integers in decimal, GUIDs lower-case with hyphens, dates in ISO form, texts escaped, joined by ``/``.

    Equality of keys, at the agent and at the centre, is equality of this text: no collation takes part.

    Raises:
        Misfit: a part is NULL or of a type that keys cannot have.
    """
    return "/".join([_key_part(part) for part in parts])


def _key_part(part: object) -> str:
    if type(part) is str and len(part) <= MAX_PLAIN_PART and part.isascii() and is_plain_key(part):
        return part
    if type(part) is int:
        return str(part)
    if part is None:
        raise Misfit("key_null")
    return key_text(part)


def canonical_keys(columns: Sequence[Sequence[object]]) -> list[str]:
    """:func:`canonical_key` of each row, given the key's columns.

    Raises:
        Misfit: a key is NULL or of a type that keys cannot have; the whole page is then not to be used.
    """
    if len(columns) == 1 and set(map(type, columns[0])) == {int}:
        return list(map(str, columns[0]))
    if all(set(map(type, column)) <= {str} for column in columns):
        texts: list[Sequence[str]] = columns  # type: ignore[assignment]  # every value was just seen to be a text
        joined = "".join(map("".join, texts))
        if is_plain_key(joined) and joined.isascii() and all(map(_all_short, texts)):
            return list(texts[0]) if len(texts) == 1 else list(map("/".join, zip(*texts, strict=True)))
    return [canonical_key(parts) for parts in zip(*columns, strict=True)]


def _all_short(texts: Sequence[str]) -> bool:
    return max(map(len, texts), default=0) <= MAX_PLAIN_PART


def key_parts(key: str) -> tuple[str, ...]:
    """Texts of the parts of a canonical key, escapes undone."""
    return tuple(part.replace("~2", ",").replace("~1", "/").replace("~0", "~") for part in key.split("/"))


@cache
def _record(entity: Entity) -> Callable[..., object]:
    """A msgspec record of the entity: the encoder walks it in C and leaves out what is None."""
    fields: list[Any] = [(f"f{field.number}", Any, None) for field in entity.fields]
    fields += [(f"unused{number}", Any, None) for number in range(_UNUSED)]
    rename = {f"f{field.number}": str(field.number) for field in entity.fields}
    return msgspec.defstruct(
        entity.name, fields, omit_defaults=True, rename=rename, tag_field="0", tag=entity.number, gc=False
    )


def encode_row(entity: Entity, row: Row) -> bytes:
    """Canonical bytes of a canonical row."""
    return _ENCODER.encode(_record(entity)(*row))


def row_hash(entity: Entity, row: Row, key: bytes) -> int:
    """Signed 64-bit fingerprint of a canonical row: BLAKE2b-64 of its canonical bytes under the school's fingerprint key."""
    return int.from_bytes(blake2b(encode_row(entity, row), key=key, digest_size=8).digest(), "little", signed=True)


def row_hashes(entity: Entity, rows: Iterable[Row], key: bytes) -> list[int]:
    """:func:`row_hash` of each row, in order."""
    record, encode = _record(entity), _ENCODER.encode
    return keyed_hashes([encode(record(*row)) for row in rows], key)


def keyed_hashes(chunks: Iterable[bytes], key: bytes) -> list[int]:
    """Signed 64-bit BLAKE2b of each chunk under a key of at most 64 bytes, in order."""
    digests = _digests(chunks, blake2b(key=key, digest_size=8))
    return list(unpack(f"<{len(digests)}q", b"".join(digests)))


def leaves(entity_number: int, keys: Iterable[str], key: bytes) -> list[int]:
    """Leaf of each key: the first 16 bits of the keyed hash of entity number and key text."""
    digests = _digests(map(str.encode, keys), blake2b(b"%d:" % entity_number, key=key, digest_size=2))
    return list(unpack(f">{len(digests)}H", b"".join(digests)))


def _digests(chunks: Iterable[bytes], begun: blake2b) -> list[bytes]:
    """Digests that all begin alike: a copied state is a third quicker than taking in the key each time."""
    digests: list[bytes] = []
    copy = begun.copy
    append = digests.append
    for chunk in chunks:
        state = copy()
        state.update(chunk)
        append(state.digest())
    return digests


def leaf(entity_number: int, key_text: str, key: bytes) -> int:
    """:func:`leaves` of one key, 0…65535."""
    return leaves(entity_number, (key_text,), key)[0]


def misfit_hash(entity_number: int, key_text: str, cause: str, raw: bytes, key: bytes) -> int:
    """What stands for a row without canonical form in digests: hash of entity, key, cause and the source's own bytes."""
    head = _ENCODER.encode((entity_number, key_text, cause))
    return int.from_bytes(blake2b(head + raw, key=key, digest_size=8).digest(), "little", signed=True)


def normalise_columns(entity: Entity, columns: Sequence[Sequence[object]]) -> tuple[list[list[Value]], dict[int, str]]:
    """Driver values, or their texts, in canonical form.

    Args:
        entity: names the kinds.
        columns: one sequence per field, all of one length; the first holds canonical key texts.

    Returns:
        Canonical columns, and the cause for each row index that has no canonical form (its values are then not to be used).
    """
    values: list[list[Value]] = []
    causes: dict[int, str] = {}
    for field, column in zip(entity.fields, columns, strict=True):
        canonical, failed = normalise_column(field, column)
        values.append(canonical)
        causes = failed | causes
    return values, causes


def validate_columns(entity: Entity, columns: Sequence[Sequence[Value]]) -> dict[int, str]:
    """Rows that the centre cannot hold: index of the row -> cause. The columns are canonical."""
    causes: dict[int, str] = {}
    for field, column in zip(entity.fields, columns, strict=True):
        causes = validate_column(field, column) | causes
    return causes
