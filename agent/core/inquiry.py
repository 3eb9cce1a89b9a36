"""The comparison within a stream: Digest, then buckets, then leaves of what differs. Pure; part of ``agent/core/uplink.py``.

    IDLE ──want──▶ MEASURING ──measured──▶ READY ──everything up to `at` was sent──▶ ASKED ──▶ equal: IDLE
                       ▲                                                              │
                       └── buckets of differing entities · leaves of differing buckets ┘ ... last Leaves: IDLE

A frame speaks of the agent's state right after envelope ``at``. It goes into the ordered stream right behind that envelope, and no
later envelope passes it: :attr:`Inquiry.barrier` holds them back from the moment the measuring starts.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from agent.core.uplink_events import MeasureBuckets, MeasureLeaves, MeasureTotals, NoteComparison, Overwrite, Send
from agent.core.uplink_faults import PeerFault

if TYPE_CHECKING:
    from agent.core.uplink_events import Action, Mark, Measured
    from proto.sync.v1 import sync_pb2

BUCKETS_PER_REQUEST: Final = 64
"""Leaf sums of this many buckets go into one request: about 180 KiB."""


class Stage(Enum):
    """What the comparison waits for."""

    IDLE = "idle"
    MEASURING = "measuring"
    READY = "ready"
    ASKED = "asked"


class Inquiry:
    """One comparison at a time. A connection that ends forgets it; a new one begins with the Digest again."""

    def __init__(self) -> None:
        self.stage = Stage.IDLE
        self.barrier: int | None = None
        self.wanted = False
        self._ticket = 0
        self._frame: sync_pb2.ClientFrame | None = None
        self._at: Mark | None = None
        self._buckets: list[tuple[int, int]] = []

    def reset(self) -> None:
        """The connection is gone: forget answers that can no longer come. A digest that was wanted stays wanted."""
        self.wanted = self.wanted or self.stage is not Stage.IDLE
        self.stage, self.barrier, self._frame, self._at, self._buckets = Stage.IDLE, None, None, None, []
        self._ticket += 1

    def begin(self, last: int) -> list[Action]:
        """Start with the Digest if one is wanted and nothing runs; ``last`` is the newest seq in the outbox."""
        if not self.wanted or self.stage is not Stage.IDLE:
            return []
        self.wanted = False
        return [MeasureTotals(self._measure(last))]

    def _measure(self, last: int) -> int:
        self.stage, self.barrier = Stage.MEASURING, last
        self._ticket += 1
        return self._ticket

    def measured(self, event: Measured) -> bool:
        """The store answered; False: to a question of an earlier connection, or that it cannot tell now."""
        if event.ticket != self._ticket or self.stage is not Stage.MEASURING:
            return False
        if event.frame is None:
            self._rest()
            return False
        self.stage, self.barrier, self._frame, self._at = Stage.READY, event.at.seq, event.frame, event.at
        return True

    def ask(self, sent: Mark) -> list[Action]:
        """The frame, once everything up to its place was sent."""
        if self.stage is not Stage.READY or self._frame is None or sent != self._at:
            return []
        frame, self._frame = self._frame, None
        self.stage, self.barrier = Stage.ASKED, None
        return [Send(frame)]

    def compared(self, answer: sync_pb2.Compare, last: int) -> list[Action]:
        """Answer to a Digest (equal, or entities that differ) or to bucket sums."""
        self._must_wait_at(answer.at)
        if answer.buckets:
            self._buckets = [(one.entity, bucket) for one in answer.buckets for bucket in one.buckets]
            return self._next_leaves(last)
        self._rest()
        if answer.equal or not answer.entities:
            return [NoteComparison(answer)]
        return [NoteComparison(answer), MeasureBuckets(self._measure(last), list(answer.entities))]

    def leaves(self, answer: sync_pb2.Leaves, last: int) -> list[Action]:
        """Content of differing leaves; the last answer of the last request ends the comparison."""
        self._must_wait_at(answer.at)
        done = answer.last and not self._buckets
        actions: list[Action] = [Overwrite(answer, last=done)]
        if answer.last:
            actions += self._next_leaves(last)
        return actions

    def _next_leaves(self, last: int) -> list[Action]:
        """Ask for the next leaves; none left: the comparison is over."""
        chunk, self._buckets = self._buckets[:BUCKETS_PER_REQUEST], self._buckets[BUCKETS_PER_REQUEST:]
        if not chunk:
            self._rest()
            return []
        return [MeasureLeaves(self._measure(last), chunk)]

    def _rest(self) -> None:
        self.stage, self.barrier = Stage.IDLE, None

    def _must_wait_at(self, position: sync_pb2.Position) -> None:
        if self.stage is not Stage.ASKED or self._at is None or (position.seq, position.hash) != self._at:
            raise PeerFault("an answer that nobody asked for")
