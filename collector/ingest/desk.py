"""What each frame of a stream does to a school's books: the laws of ``collector/core`` carried out, one transaction a frame.

Lock the head row, judge, act, commit, and only then answer: a receipt never leaves before its commit. Nothing here knows of gRPC or of
SQL; the same desk works on PostgreSQL and on the books in memory of the model tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from collector.core import digest as compare
from collector.core import lease as leases
from collector.core.ledger import Accept, Duplicate, Head, Known, NewEpoch, Refuse, judge_envelope, judge_hello
from collector.ingest.books import Applied, Session
from proto.limits import MAX_ENVELOPE_BYTES
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.core.ledger import EnvelopeVerdict
    from collector.ingest.books import Books, Library, Prepared

LOST_LEASE: Final = Refuse("GOR-1605")
NOT_AT_HEAD: Final = Refuse("GOR-1612")
OTHER_IDENTITY: Final = "GOR-1604"
RETIRED: Final = "GOR-1609"
_TOKEN_BYTES: Final = 16
_EPOCH_BYTES: Final = 16
_KEYS_PER_FRAME: Final = 20_000


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """What an operator may change, and what the program says of itself."""

    lease_ms: int = 30_000
    max_in_flight: int = 8
    version: str = ""


@dataclass(frozen=True, slots=True)
class Welcomed:
    """A Hello was accepted: the session for later frames, and the answer."""

    session: Session
    frame: sync_pb2.Welcome


@dataclass(frozen=True, slots=True)
class Kept:
    """The lease goes on; the settings as they are now."""

    settings: sync_pb2.Settings


Answers: TypeAlias = "list[sync_pb2.ServerFrame] | Refuse"


class Desk:
    """Serves every stream. Thread-safe: all that changes is in the books.

    Args:
        library: opens the books.
        settings: limits and times.
        random: ``os.urandom`` in life; epochs and lease tokens come from it.
    """

    def __init__(self, library: Library, settings: DeskSettings, random: Callable[[int], bytes]) -> None:
        self.library = library
        self.settings = settings
        self._random = random

    def hello(self, school: str, hello: sync_pb2.Hello, now_ms: int) -> Welcomed | Refuse:
        """Welcome an agent, in the running epoch or a new one, or refuse it."""
        with self.library.open(school) as books:
            state = books.state
            known = _known(school, books)
            verdict = judge_hello(known, hello, leases.claim(state.lease, hello.lease, now_ms))
            if isinstance(verdict, Refuse):
                books.refused(verdict, now_ms)
                return verdict
            if isinstance(verdict, NewEpoch):
                self._new_epoch(books, verdict.code, now_ms)
            token = self._random(_TOKEN_BYTES)
            state.lease = leases.welcome(state.lease, hello.lease, token, now_ms + self.settings.lease_ms)
            state.identity = state.identity or hello.origin.identity
            state.profile_hash = hello.profile_hash
            books.greeted(hello, now_ms)
            frame = self._welcome(books, token, now_ms)
            books.save()
        return Welcomed(Session(school, token), frame)

    def _welcome(self, books: Books, token: bytes, now_ms: int) -> sync_pb2.Welcome:
        told = books.briefing(now_ms)
        return sync_pb2.Welcome(
            head=_position(books.state.head),
            lease=token,
            max_in_flight=self.settings.max_in_flight,
            max_envelope_bytes=MAX_ENVELOPE_BYTES,
            clock_ms=now_ms,
            settings=books.settings(now_ms),
            deleted_24h=dict(told.deleted_24h),
            updated_24h=dict(told.updated_24h),
            closed_years=told.closed_years,
            identity=books.state.identity,
            collector_version=self.settings.version,
        )

    def _new_epoch(self, books: Books, code: str, now_ms: int) -> None:
        state = books.state
        if state.head.epoch:
            books.event("epoch", {"code": code, "seq": str(state.head.seq)}, now_ms)
        state.head = Head.first(self._random(_EPOCH_BYTES))

    def envelope(self, session: Session, prepared: Prepared, now_ms: int) -> Answers:
        """Apply an envelope, or repeat the receipt of one that was applied before."""
        with self.library.open(session.school) as books:
            leased = self._use(books, session, now_ms)
            verdict = judge_envelope(_known(session.school, books), prepared.header, prepared.hash, leased=leased)
            if isinstance(verdict, Accept):
                verdict = _readable(prepared)
            done = self._act(books, prepared, verdict, now_ms)
            books.save()
        return done if isinstance(done, Refuse) else [_receipt(prepared, done)]

    def _act(self, books: Books, prepared: Prepared, verdict: EnvelopeVerdict, now_ms: int) -> Applied | Refuse:
        """Carry out a verdict on an envelope."""
        match verdict:
            case Accept():
                done = books.apply(prepared, now_ms)
                self._advance(books, prepared)
                return done
            case Duplicate():
                return Applied()
            case NewEpoch(code):
                refusal = Refuse(code, _identities(books, prepared) if code == OTHER_IDENTITY else {})
                self._new_epoch(books, code, now_ms)
            case Refuse():
                refusal = verdict
        if refusal.code != LOST_LEASE.code:  # a late frame of a stream that was followed by another is nobody's problem
            books.refused(refusal, now_ms)
        return refusal

    @staticmethod
    def _advance(books: Books, prepared: Prepared) -> None:
        header = prepared.header
        books.state.head = Head(header.epoch, header.seq, prepared.hash)
        books.state.identity = books.state.identity or header.origin.identity
        books.state.profile_hash = header.profile_hash or books.state.profile_hash

    def digest(self, session: Session, digest: sync_pb2.Digest, now_ms: int) -> Answers:
        """Compare what the agent says it holds after the head's envelope with what the centre stores. The signature is checked before."""
        with self.library.open(session.school) as books:
            if refusal := self._must_be_at_head(books, session, digest.at, now_ms):
                return refusal
            differing = compare.differing_entities(books.totals(), digest.entities)
            complete = None
            if not differing and digest.HasField("complete"):
                complete = compare.complete_since(digest.complete, books.state.identity, books.state.profile_hash)
            stamps = books.compared(digest, differing, complete, now_ms)
            books.save()
        answer = sync_pb2.Compare(
            at=digest.at,
            equal=not differing,
            entities=differing,
            complete_ms=stamps.complete_ms,
            stored_ms=stamps.stored_ms,
            quarantined=stamps.quarantined,
        )
        return [sync_pb2.ServerFrame(compare=answer)]

    def leaf(self, session: Session, request: sync_pb2.LeafRequest, now_ms: int) -> Answers:
        """Narrow a difference: buckets to the ones that differ, leaves to their content."""
        if not compare.is_well_formed(request):
            return Refuse("GOR-1611", {"cause": "leaf"})
        with self.library.open(session.school) as books:
            if refusal := self._must_be_at_head(books, session, request.at, now_ms):
                return refusal
            answers = [_narrow(books, request)] if request.buckets else list(_contents(books, request))
            books.save()
        return answers

    def heartbeat(self, session: Session, beat: sync_pb2.Heartbeat, now_ms: int) -> Answers:
        """Note what the agent says about itself. Answers nothing."""
        with self.library.open(session.school) as books:
            if not self._use(books, session, now_ms):
                return LOST_LEASE
            books.heard(beat, at_head=books.state.head.is_at(beat.at), now_ms=now_ms)
            books.save()
        return []

    def keep(self, session: Session, now_ms: int) -> Kept | Refuse:
        """Lengthen the lease of a stream whose connection answers."""
        with self.library.open(session.school) as books:
            lease = leases.keep(books.state.lease, session.token, now_ms, now_ms + self.settings.lease_ms)
            if lease is None:
                return LOST_LEASE
            books.state.lease = lease
            books.save()
            return Kept(books.settings(now_ms))

    def left(self, session: Session, now_ms: int) -> None:
        """Note that a stream ended, unless another has taken its place."""
        with self.library.open(session.school) as books:
            if books.state.lease.passes(session.token):
                books.left(now_ms)

    def _use(self, books: Books, session: Session, now_ms: int) -> bool:
        """Confirm and lengthen the lease of a frame's stream; False: it has lost it."""
        lease = leases.use(books.state.lease, session.token, now_ms, now_ms + self.settings.lease_ms)
        if lease is not None:
            books.state.lease = lease
        return lease is not None

    def _must_be_at_head(self, books: Books, session: Session, at: sync_pb2.Position, now_ms: int) -> Refuse | None:
        if not self._use(books, session, now_ms):
            return LOST_LEASE
        return None if books.state.head.is_at(at) else NOT_AT_HEAD


def _known(school: str, books: Books) -> Known:
    return Known(school, books.state.head, books.hash_at, books.state.identity)


def _readable(prepared: Prepared) -> EnvelopeVerdict:
    """The verdict on the next envelope of the chain, seen from what opening it gave."""
    if prepared.failure is None:
        return Accept()
    return NewEpoch(RETIRED) if prepared.failure.code == RETIRED else prepared.failure


def _identities(books: Books, prepared: Prepared) -> dict[str, str]:
    return {"recorded": books.state.identity, "found": prepared.header.origin.identity[:200]}


def _position(head: Head) -> sync_pb2.Position:
    return sync_pb2.Position(epoch=head.epoch, seq=head.seq, hash=head.hash)


def _receipt(prepared: Prepared, done: Applied) -> sync_pb2.ServerFrame:
    header = prepared.header
    position = sync_pb2.Position(epoch=header.epoch, seq=header.seq, hash=prepared.hash)
    receipt = sync_pb2.Receipt(
        position=position, applied=done.applied, unchanged=done.unchanged, quarantined=done.quarantined
    )
    return sync_pb2.ServerFrame(receipt=receipt)


def _narrow(books: Books, request: sync_pb2.LeafRequest) -> sync_pb2.ServerFrame:
    answer = sync_pb2.Compare(at=request.at)
    for asked in request.buckets:
        places = compare.differing_places(books.buckets(asked.entity), asked.rows, asked.sums)
        answer.buckets.append(sync_pb2.EntityBuckets(entity=asked.entity, buckets=places))
    return sync_pb2.ServerFrame(compare=answer)


def _contents(books: Books, request: sync_pb2.LeafRequest) -> Iterator[sync_pb2.ServerFrame]:
    """Everything in the differing leaves, in frames of bounded size; a leaf stands whole in one frame."""
    frame, keys = sync_pb2.Leaves(at=request.at), 0
    for entity, leaves in _differing_leaves(books, request).items():
        for leaf, content in books.contents(entity, leaves).items():
            if keys and keys + len(content) > _KEYS_PER_FRAME:
                yield sync_pb2.ServerFrame(leaves=frame)
                frame, keys = sync_pb2.Leaves(at=request.at), 0
            names, row_hashes = [key for key, _ in content], [row_hash for _, row_hash in content]
            frame.leaves.add(entity=entity, leaf=leaf, keys=names, hashes=row_hashes)
            keys += len(content)
    frame.last = True
    yield sync_pb2.ServerFrame(leaves=frame)


def _differing_leaves(books: Books, request: sync_pb2.LeafRequest) -> dict[int, list[int]]:
    """By entity, the leaves whose sums differ."""
    found = {}
    for entity in sorted({asked.entity for asked in request.leaves}):
        asked_of = [asked for asked in request.leaves if asked.entity == entity]
        held = books.leaves(entity, [asked.bucket for asked in asked_of])
        found[entity] = [
            asked.bucket * compare.FAN + place
            for asked in asked_of
            for place in compare.differing_places(held.get(asked.bucket, {}), asked.rows, asked.sums)
        ]
    return found
