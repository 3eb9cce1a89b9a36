"""What happens to the uplink (events) and what it wants done (actions). Plain data; the client carries the actions out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proto.sync.v1 import sync_pb2


class Mark(NamedTuple):
    """A place in the chain of an epoch: seq and the hash of that envelope (at seq 0 the epoch's genesis)."""

    seq: int
    hash: bytes


START: Final = Mark(0, b"")
"""Before the first Welcome."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the agent stands, as its state file says. Epoch b"" (and seq 0, hash b""): never welcomed."""

    epoch: bytes = b""
    last: Mark = START
    acked: Mark = START
    lease: bytes = b""
    adopting: bool = False


@dataclass(frozen=True, slots=True)
class StoredEnvelope:
    """An envelope of the outbox; ``data`` is the serialised ``Envelope``."""

    seq: int
    hash: bytes
    data: bytes
    rows: int = 0


# ---- events


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection stands; the state file says where we are."""

    positions: Positions


@dataclass(frozen=True, slots=True)
class Came:
    """A frame of the collector."""

    frame: sync_pb2.ServerFrame


@dataclass(frozen=True, slots=True)
class Captured:
    """The outbox of this epoch has grown up to here."""

    epoch: bytes
    last: Mark


@dataclass(frozen=True, slots=True)
class Loaded:
    """The outbox's rows that :class:`Load` asked for, in order of seq."""

    envelopes: Sequence[StoredEnvelope]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The outbox was asked for the Welcome's head: these are the positions now; acked is the head if it was found."""

    positions: Positions


@dataclass(frozen=True, slots=True)
class Measured:
    """A frame of the comparison, computed at ``at``; None: it cannot be computed now, ask later."""

    ticket: int
    frame: sync_pb2.ClientFrame | None
    at: Mark


@dataclass(frozen=True, slots=True)
class CompareWanted:
    """A digest is due: by time, after a full sweep, or because what was to be re-read has been read."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat to be sent."""

    heartbeat: sync_pb2.Heartbeat


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection ended without a Refusal."""

    code: str
    details: Mapping[str, str] = field(default_factory=dict)


Event: TypeAlias = Opened | Came | Captured | Loaded | Reconciled | Measured | CompareWanted | Beat | Closed


# ---- actions


@dataclass(frozen=True, slots=True)
class Greet:
    """Send Hello. ``abandon``: with empty positions, which asks for a new epoch."""

    positions: Positions
    abandon: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Send a frame."""

    frame: sync_pb2.ClientFrame


@dataclass(frozen=True, slots=True)
class SendEnvelopes:
    """Send envelopes of the outbox, in this order."""

    envelopes: Sequence[StoredEnvelope]


@dataclass(frozen=True, slots=True)
class Load:
    """Read the outbox after a seq; answered by :class:`Loaded`."""

    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep what a Welcome told: the next lease token, guard counts, years, identity, settings."""

    welcome: sync_pb2.Welcome


@dataclass(frozen=True, slots=True)
class Adopt:
    """Drop the outbox and begin this epoch, in one transaction; answered by :class:`Reconciled`."""

    epoch: bytes


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Take the Welcome's head as a receipt if the outbox holds it; answered by :class:`Reconciled`."""

    head: Mark


@dataclass(frozen=True, slots=True)
class Forget:
    """A receipt came: remove the outbox up to this envelope."""

    upto: Mark


@dataclass(frozen=True, slots=True)
class MeasureTotals:
    """Compute the Digest; answered by :class:`Measured`."""

    ticket: int


@dataclass(frozen=True, slots=True)
class MeasureBuckets:
    """Compute the bucket sums of these entities; answered by :class:`Measured`."""

    ticket: int
    entities: Sequence[int]


@dataclass(frozen=True, slots=True)
class MeasureLeaves:
    """Compute the leaf sums of these (entity, bucket); answered by :class:`Measured`."""

    ticket: int
    buckets: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Replace these leaves by what the centre holds, and re-read both sides' keys. ``last``: the comparison's last answer."""

    leaves: sync_pb2.Leaves
    last: bool


@dataclass(frozen=True, slots=True)
class NoteComparison:
    """Keep the result of a Digest: equal may end Adopt, a difference begins it."""

    compare: sync_pb2.Compare


@dataclass(frozen=True, slots=True)
class Configure:
    """The department's settings changed."""

    settings: sync_pb2.Settings


@dataclass(frozen=True, slots=True)
class Retry:
    """Close the connection and come back. ``soon``: the collector expects us at once."""

    code: str
    details: Mapping[str, str] = field(default_factory=dict)
    soon: bool = False


Action: TypeAlias = (
    Greet
    | Send
    | SendEnvelopes
    | Load
    | Remember
    | Adopt
    | Reconcile
    | Forget
    | MeasureTotals
    | MeasureBuckets
    | MeasureLeaves
    | Overwrite
    | NoteComparison
    | Configure
    | Retry
)
