"""The uplink as a machine: events in, actions out. No socket, no clock, no store in here; everything that moves its state is here.

    OFFLINE ──Opened──▶ GREETING ──Welcome──▶ RECONCILING ──Reconciled──▶ STREAMING
       ▲                    │                      │                          │
       └────── Closed · Refusal · a fault of either side: Retry ──────────────┘

    outbox  ┃ acked │ in flight: sent, no receipt yet │ waiting                 ┃ last
            ┃       │ ◀──── at most max_in_flight ──▶ │ held at the barrier ... ┃
                                                       of a comparison

Laws: an outbox row goes only after its receipt, in order · another epoch is adopted in one transaction of the store before anything else
is sent · a digest stands right behind the envelope that it speaks of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, Final, TypeAlias

from agent.core.inquiry import Inquiry
from agent.core.uplink_events import (
    START,
    Action,
    Adopt,
    Beat,
    Came,
    Captured,
    Closed,
    CompareWanted,
    Configure,
    Event,
    Forget,
    Greet,
    Load,
    Loaded,
    Mark,
    Measured,
    Opened,
    Positions,
    Reconcile,
    Reconciled,
    Remember,
    Retry,
    Send,
    SendEnvelopes,
)
from agent.core.uplink_faults import LocalFault, PeerFault
from proto.sync.v1 import sync_pb2

HELLO_AGAIN: Final = frozenset({"GOR-1601", "GOR-1602", "GOR-1603", "GOR-1609", "GOR-1612"})
"""The collector expects a Hello at once: it answers with the place to go on from, or with a new epoch."""

ABANDON: Final = frozenset({"GOR-1608", "GOR-1610", "GOR-1611"})
"""Our own envelope can never be taken: the next Hello asks for a new epoch, so that its rows are captured again."""

_BROKEN: Final = "GOR-1207"


Handler: TypeAlias = Callable[[Any, Any], "list[Action]"]


class State(Enum):
    """Where a connection stands."""

    OFFLINE = "offline"
    GREETING = "greeting"
    RECONCILING = "reconciling"
    STREAMING = "streaming"


def _unexpected(machine: Uplink, event: Event) -> list[Action]:
    """Late answers of our own are dropped; a frame that has no place here is the peer's fault."""
    if isinstance(event, Came):
        raise PeerFault(f"{_kind(event)} while {machine.state.value}")
    return []


class Uplink:
    """One agent's machine; it outlives connections. Attributes are read by ``status``, written only here."""

    def __init__(self) -> None:
        self.state = State.OFFLINE
        self.inquiry = Inquiry()
        self.epoch = b""
        self.last = START
        self.sent = START
        self.in_flight: deque[Mark] = deque()
        self.window = 1
        self.abandon = False
        self.progressed = False
        self._loading = False

    def handle(self, event: Event) -> list[Action]:
        """Take one event; the actions are to be carried out in order before the next event."""
        handler = self.TABLE[self.state].get(_kind(event), _unexpected)
        try:
            return handler(self, event)
        except PeerFault as fault:
            return self._offline(Retry(_BROKEN, {"cause": str(fault)}))
        except LocalFault as fault:
            self.abandon = True
            return self._offline(Retry(_BROKEN, {"cause": str(fault)}))

    # ---- connection

    def _opened(self, event: Opened) -> list[Action]:
        self.state, self.progressed = State.GREETING, False
        self._stand_at(event.positions)
        self.inquiry.wanted = self.inquiry.wanted or event.positions.adopting
        return [Greet(event.positions, self.abandon)]

    def _stand_at(self, positions: Positions) -> None:
        """Everything after the newest receipt is to be sent (again)."""
        self.epoch, self.last, self.sent = positions.epoch, positions.last, positions.acked
        self.in_flight.clear()
        self._loading = False

    def _welcome(self, event: Came) -> list[Action]:
        welcome = event.frame.welcome
        self.state, self.window = State.RECONCILING, max(1, welcome.max_in_flight)
        self.abandon = False
        if welcome.head.epoch != self.epoch:
            self.inquiry.wanted = True
            return [Remember(welcome), Adopt(welcome.head.epoch)]
        return [Remember(welcome), Reconcile(Mark(welcome.head.seq, welcome.head.hash))]

    def _reconciled(self, event: Reconciled) -> list[Action]:
        self.state = State.STREAMING
        self._stand_at(event.positions)
        return self._pump()

    def _refusal(self, event: Came) -> list[Action]:
        refusal = event.frame.refusal
        self.abandon = self.abandon or refusal.code in ABANDON
        return self._offline(Retry(refusal.code, dict(refusal.details), soon=refusal.code in HELLO_AGAIN))

    def _closed(self, event: Closed) -> list[Action]:
        return self._offline(Retry(event.code, event.details))

    def _offline(self, retry: Retry) -> list[Action]:
        self.state = State.OFFLINE
        self.in_flight.clear()
        self._loading = False
        self.inquiry.reset()
        return [retry]

    # ---- envelopes

    def _captured(self, event: Captured) -> list[Action]:
        if event.epoch == self.epoch:
            self.last = max(self.last, event.last)
        return self._pump() if self.state is State.STREAMING else []

    def _loaded(self, event: Loaded) -> list[Action]:
        self._loading = False
        marks = [Mark(one.seq, one.hash) for one in event.envelopes]
        if [mark.seq for mark in marks] != list(range(self.sent.seq + 1, self.sent.seq + 1 + len(marks))):
            raise LocalFault("the outbox has a hole")
        if not marks:
            raise LocalFault("the outbox lost its end")
        self.in_flight.extend(marks)
        self.sent = marks[-1]
        return [SendEnvelopes(event.envelopes), *self._pump()]

    def _receipt(self, event: Came) -> list[Action]:
        position = event.frame.receipt.position
        mark = Mark(position.seq, position.hash)
        if position.epoch != self.epoch or not self.in_flight or self.in_flight.popleft() != mark:
            raise PeerFault("a receipt for what was not sent")
        self.progressed = True
        return [Forget(mark), *self._pump()]

    def _pump(self) -> list[Action]:
        """Whatever may be sent now, and the comparison's next step."""
        asked = [*self.inquiry.ask(self.sent), *self.inquiry.begin(self.last.seq)]
        limit = self.last.seq if self.inquiry.barrier is None else min(self.last.seq, self.inquiry.barrier)
        room = min(self.window - len(self.in_flight), limit - self.sent.seq)
        if self._loading or room <= 0:
            return asked
        self._loading = True
        return [*asked, Load(self.sent.seq, room)]

    # ---- comparison

    def _want(self, event: CompareWanted) -> list[Action]:
        del event
        self.inquiry.wanted = True
        return self._pump() if self.state is State.STREAMING else []

    def _measured(self, event: Measured) -> list[Action]:
        if self.inquiry.measured(event):
            if event.at.seq < self.sent.seq:
                raise LocalFault("the store measured a state of the past")
            self.last = max(self.last, event.at)
        return self._pump()

    def _compare(self, event: Came) -> list[Action]:
        self.progressed = True
        return [*self.inquiry.compared(event.frame.compare, self.last.seq), *self._pump()]

    def _leaves(self, event: Came) -> list[Action]:
        return [*self.inquiry.leaves(event.frame.leaves, self.last.seq), *self._pump()]

    # ---- the rest

    def _settings(self, event: Came) -> list[Action]:
        return [Configure(event.frame.settings)]

    def _beat(self, event: Beat) -> list[Action]:
        return [Send(sync_pb2.ClientFrame(heartbeat=event.heartbeat))]

    _ALWAYS: ClassVar[Mapping[str, Handler]] = {"Captured": _captured, "CompareWanted": _want}
    _CONNECTED: ClassVar[Mapping[str, Handler]] = {**_ALWAYS, "Closed": _closed, "refusal": _refusal}

    TABLE: ClassVar[Mapping[State, Mapping[str, Handler]]] = {
        State.OFFLINE: {**_ALWAYS, "Opened": _opened},
        State.GREETING: {**_CONNECTED, "welcome": _welcome},
        State.RECONCILING: {**_CONNECTED, "Reconciled": _reconciled},
        State.STREAMING: {
            **_CONNECTED,
            "Loaded": _loaded,
            "receipt": _receipt,
            "compare": _compare,
            "leaves": _leaves,
            "settings": _settings,
            "Measured": _measured,
            "Beat": _beat,
        },
    }
    """State → event → handler. What is not there is ignored if it is our own event, and a fault of the peer if it is a frame."""


def _kind(event: Event) -> str:
    """Name of the event in the table: its class, or the frame that came."""
    if isinstance(event, Came):
        return event.frame.WhichOneof("frame") or "nothing"
    return type(event).__name__
