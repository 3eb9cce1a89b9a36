"""``gorod-collector verify``: is the store what the schools' agents signed for, and is each stored value what its hash says?

*equal*: the newest digest found no difference and, if it speaks of the head, what the store holds now still sums up to what the agent
signed. *chain*: every envelope of the epoch names its predecessor's hash, up to the head. ``deep`` reads every stored value back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from collector.core.digest import differing_entities
from collector.ingest.unseal import digest_is_signed
from collector.store import digests
from collector.store.deep import Cursor, deep_check
from proto.entities import BY_NUMBER
from proto.envelope import genesis
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from psycopg import Connection

    from collector.store.engine import Database
    from collector.store.keys import KeyRing
    from collector.store.sealing import SchoolKeys

_HEAD: Final = "SELECT epoch, seq, hash FROM gorod.school_state WHERE school_id = %(school)s"
_DIGEST: Final = """
SELECT epoch, seq, equal, differing, frame FROM gorod.digest WHERE school_id = %(school)s ORDER BY id DESC LIMIT 1"""
_LEDGER: Final = (
    "SELECT seq, hash, header FROM gorod.ledger WHERE school_id = %(school)s AND epoch = %(epoch)s ORDER BY seq"
)


def verify_school(
    database: Database,
    ring: KeyRing,
    school: str,
    now: datetime,
    signers: Sequence[EllipticCurvePublicKey],
    *,
    deep: bool,
) -> dict[str, Any]:
    """One row of the contract: school, equal, chain, rows, differences."""
    keys = ring.reader(school, now)
    with database.school(school) as connection:
        totals = digests.totals(connection, school, keys.destroyed)
        head = connection.execute(_HEAD, {"school": school}).fetchone() or (None, 0, None)
        compared, differing, signed = _differing(connection, school, head, totals, signers)
        chain = _chain_holds(connection, school, head) and signed
    differences = [{"entity": BY_NUMBER[number].name, "key_hash": None, "kind": "digest"} for number in differing]
    if deep:
        differences += _damages(database, keys, school)
    return {
        "school": school,
        "equal": compared and not differences,
        "chain": chain,
        "rows": sum(total.rows for total in totals.values()),
        "differences": differences,
    }


def _differing(
    connection: Connection[Any],
    school: str,
    head: tuple[Any, ...],
    totals: Any,
    signers: Sequence[EllipticCurvePublicKey],
) -> tuple[bool, list[int], bool]:
    """Whether there was a comparison; entities that the newest one found unequal, or that no longer sum up to it; whether the school signed it."""
    row = connection.execute(_DIGEST, {"school": school}).fetchone()
    if row is None:
        return False, [], True
    epoch, seq, _equal, differing, frame = row
    told = sync_pb2.Digest.FromString(frame)
    if (epoch, seq) == (head[0], head[1]):
        differing = differing_entities(totals, told.entities)
    return True, list(differing), digest_is_signed(told, signers)


def _chain_holds(connection: Connection[Any], school: str, head: tuple[Any, ...]) -> bool:
    """Whether the ledger's lines of the epoch follow one another up to the head; what was folded away is taken on trust."""
    epoch, seq, head_hash = head
    if not epoch:
        return True
    previous: tuple[int, bytes] | None = None
    for number, envelope_hash, raw in connection.execute(_LEDGER, {"school": school, "epoch": epoch}):
        header = sync_pb2.Header.FromString(raw)
        before = previous or ((0, genesis(epoch)) if number == 1 else (number - 1, header.previous))
        if (header.seq, header.epoch, header.previous, number) != (number, epoch, before[1], before[0] + 1):
            return False
        previous = (number, envelope_hash)
    return (previous or (0, genesis(epoch))) == (seq, head_hash)


def _damages(database: Database, keys: SchoolKeys, school: str) -> list[dict[str, Any]]:
    """Every stored row that is not what its hash says."""
    found: list[dict[str, Any]] = []
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        with database.school(school) as connection:
            page = deep_check(connection, keys, cursor)
        found += [{"entity": one.entity, "key_hash": one.key_hash, "kind": one.kind} for one in page.damages]
        cursor = page.next
    return found
