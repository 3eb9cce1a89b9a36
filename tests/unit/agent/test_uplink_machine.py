"""Events in, actions out: every state of the uplink's machine."""

from typing import Any

import pytest

from agent.core.uplink import ABANDON, HELLO_AGAIN, State, Uplink
from agent.core.uplink_events import (
    Action,
    Adopt,
    Beat,
    Came,
    Captured,
    Closed,
    CompareWanted,
    Configure,
    Forget,
    Greet,
    Load,
    Loaded,
    Mark,
    Measured,
    MeasureTotals,
    Opened,
    Positions,
    Reconcile,
    Reconciled,
    Remember,
    Retry,
    Send,
    SendEnvelopes,
    StoredEnvelope,
)
from agent.core.uplink_faults import LocalFault, PeerFault, UplinkFault
from proto.sync.v1 import sync_pb2

EPOCH, OTHER = b"e" * 16, b"o" * 16


def mark(seq: int) -> Mark:
    return Mark(seq, bytes([seq]) * 32)


def at(seq: int, epoch: bytes = EPOCH) -> sync_pb2.Position:
    return sync_pb2.Position(epoch=epoch, seq=seq, hash=mark(seq).hash)


def standing(last: int = 0, acked: int = 0, **fields: Any) -> Positions:
    return Positions(EPOCH, mark(last), mark(acked), b"t", **fields)


def stored(*seqs: int) -> list[StoredEnvelope]:
    return [StoredEnvelope(seq, mark(seq).hash, b"") for seq in seqs]


def frame(**fields: Any) -> Came:
    return Came(sync_pb2.ServerFrame(**fields))


def welcome(head: int = 0, epoch: bytes = EPOCH, window: int = 3) -> Came:
    return frame(welcome=sync_pb2.Welcome(head=at(head, epoch), lease=b"n", max_in_flight=window))


def receipt(seq: int, epoch: bytes = EPOCH) -> Came:
    return frame(receipt=sync_pb2.Receipt(position=at(seq, epoch)))


def refusal(code: str) -> Came:
    return frame(refusal=sync_pb2.Refusal(code=code))


def greeting(**fields: Any) -> Uplink:
    machine = Uplink()
    machine.handle(Opened(standing(**fields)))
    return machine


def streaming(last: int = 0, acked: int = 0, window: int = 3) -> Uplink:
    machine = greeting(last=last, acked=acked)
    machine.handle(welcome(acked, window=window))
    machine.handle(Reconciled(standing(last, acked)))
    return machine


def kinds(actions: list[Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


# ---- from the connection to the stream


def test_a_connection_begins_with_hello() -> None:
    machine, positions = Uplink(), standing(3, 1)
    assert machine.handle(Opened(positions)) == [Greet(positions, abandon=False)]
    assert machine.state is State.GREETING


def test_a_welcome_in_the_same_epoch_is_looked_up_in_the_outbox() -> None:
    machine, came = greeting(last=3, acked=1), welcome(2)
    assert machine.handle(came) == [Remember(came.frame.welcome), Reconcile(mark(2))]


def test_a_welcome_in_another_epoch_is_adopted_and_compared() -> None:
    machine, came = greeting(last=3, acked=1), welcome(0, OTHER)
    assert machine.handle(came) == [Remember(came.frame.welcome), Adopt(OTHER)]
    start = Mark(0, b"g" * 32)
    actions = machine.handle(Reconciled(Positions(OTHER, start, start, b"n", adopting=True)))
    assert kinds(actions) == ["MeasureTotals"]


def test_everything_after_the_newest_receipt_is_sent_again() -> None:
    machine = greeting(last=4, acked=1)
    machine.handle(welcome(2))
    assert machine.handle(Reconciled(standing(4, 2))) == [Load(2, 2)]


def test_what_was_captured_while_offline_is_not_sent_before_the_welcome() -> None:
    machine = Uplink()
    assert machine.handle(Captured(EPOCH, mark(3))) == []
    machine.handle(Opened(standing(3, 1)))
    assert machine.handle(Captured(EPOCH, mark(4))) == []


def test_an_adoption_that_was_cut_short_is_compared_at_the_next_connection() -> None:
    machine = Uplink()
    machine.handle(Opened(standing(adopting=True)))
    machine.handle(welcome())
    assert kinds(machine.handle(Reconciled(standing(adopting=True)))) == ["MeasureTotals"]


# ---- envelopes


def test_no_more_is_in_flight_than_the_window_allows() -> None:
    machine = streaming(window=2)
    assert machine.handle(Captured(EPOCH, mark(5))) == [Load(0, 2)]
    assert machine.handle(Loaded(stored(1, 2))) == [SendEnvelopes(stored(1, 2))]
    assert machine.handle(Captured(EPOCH, mark(6))) == []
    assert machine.handle(receipt(1)) == [Forget(mark(1)), Load(2, 1)]


def test_less_than_was_asked_for_is_followed_by_more() -> None:
    machine = streaming(window=3)
    machine.handle(Captured(EPOCH, mark(3)))
    assert machine.handle(Loaded(stored(1))) == [SendEnvelopes(stored(1)), Load(1, 2)]


def test_a_second_load_waits_for_the_first() -> None:
    machine = streaming()
    machine.handle(Captured(EPOCH, mark(1)))
    assert machine.handle(Captured(EPOCH, mark(2))) == []


def test_news_of_another_epoch_is_not_taken_for_this_one() -> None:
    assert streaming().handle(Captured(OTHER, mark(9))) == []


@pytest.mark.parametrize("came", [receipt(2), receipt(1, OTHER), frame(receipt=sync_pb2.Receipt())])
def test_a_receipt_for_what_was_not_sent_ends_the_connection(came: Came) -> None:
    machine = streaming()
    machine.handle(Captured(EPOCH, mark(1)))
    machine.handle(Loaded(stored(1)))
    (action,) = machine.handle(came)
    assert isinstance(action, Retry)
    assert action.code == "GOR-1207"
    assert not machine.abandon


@pytest.mark.parametrize("found", [stored(2), stored(1, 3), []], ids=["begins late", "a hole", "nothing"])
def test_an_outbox_with_a_hole_is_given_up(found: list[StoredEnvelope]) -> None:
    machine = streaming()
    machine.handle(Captured(EPOCH, mark(3)))
    assert kinds(machine.handle(Loaded(found))) == ["Retry"]
    positions = standing(3)
    assert machine.handle(Opened(positions)) == [Greet(positions, abandon=True)]


def test_a_heartbeat_goes_out_only_on_a_stream() -> None:
    beat = sync_pb2.Heartbeat(state="ok")
    assert streaming().handle(Beat(beat)) == [Send(sync_pb2.ClientFrame(heartbeat=beat))]
    assert greeting().handle(Beat(beat)) == []


def test_settings_of_the_department_are_kept() -> None:
    settings = sync_pb2.Settings(resync=3)
    assert streaming().handle(frame(settings=settings)) == [Configure(settings)]


# ---- ends


@pytest.mark.parametrize("code", sorted(HELLO_AGAIN))
def test_the_collector_expects_a_hello_at_once_after(code: str) -> None:
    assert streaming().handle(refusal(code)) == [Retry(code, {}, soon=True)]


@pytest.mark.parametrize("code", ["GOR-1604", "GOR-1605", "GOR-1606", "GOR-1111"])
def test_other_refusals_wait_by_their_class(code: str) -> None:
    machine = greeting()
    assert machine.handle(refusal(code)) == [Retry(code, {}, soon=False)]
    assert machine.state is State.OFFLINE


@pytest.mark.parametrize("code", sorted(ABANDON))
def test_an_envelope_that_can_never_be_taken_is_given_up_with_its_epoch(code: str) -> None:
    machine = streaming()
    machine.handle(refusal(code))
    assert machine.handle(Opened(standing())) == [Greet(standing(), abandon=True)]
    machine.handle(welcome(0, OTHER))
    assert not machine.abandon


def test_a_connection_that_ends_is_taken_up_again() -> None:
    machine = streaming(last=2)
    assert machine.handle(Closed("GOR-1207", {"cause": "end"})) == [Retry("GOR-1207", {"cause": "end"})]
    assert machine.state is State.OFFLINE
    assert machine.handle(Closed("GOR-1207")) == []


def test_late_answers_of_our_own_store_are_dropped() -> None:
    machine = Uplink()
    for event in (Loaded(stored(1)), Reconciled(standing()), Measured(1, None, mark(0)), Beat(sync_pb2.Heartbeat())):
        assert machine.handle(event) == []


@pytest.mark.parametrize("state", [State.GREETING, State.STREAMING])
@pytest.mark.parametrize("kind", ["welcome", "receipt", "compare", "leaves", "settings", "nothing"])
def test_a_frame_that_has_no_place_ends_the_connection(state: State, kind: str) -> None:
    if kind in Uplink.TABLE[state] and kind not in {"receipt", "compare", "leaves"}:
        return
    machine = greeting() if state is State.GREETING else streaming()
    came = Came(sync_pb2.ServerFrame() if kind == "nothing" else sync_pb2.ServerFrame(**{kind: {}}))
    (action,) = machine.handle(came)
    assert isinstance(action, Retry)
    assert action.code == "GOR-1207"


def test_progress_is_what_the_collector_took() -> None:
    machine = streaming()
    assert not machine.progressed
    machine.handle(Captured(EPOCH, mark(1)))
    machine.handle(Loaded(stored(1)))
    machine.handle(receipt(1))
    assert machine.progressed
    machine.handle(Closed("GOR-1207"))
    machine.handle(Opened(standing(1, 1)))
    assert not machine.progressed


def test_the_base_of_the_faults_is_never_raised_itself() -> None:
    with pytest.raises(TypeError):
        UplinkFault("x")
    assert issubclass(PeerFault, UplinkFault)
    assert issubclass(LocalFault, UplinkFault)


def test_a_wanted_comparison_begins_on_the_stream() -> None:
    machine = Uplink()
    assert machine.handle(CompareWanted()) == []
    machine.handle(Opened(standing()))
    machine.handle(welcome())
    (action,) = machine.handle(Reconciled(standing()))
    assert isinstance(action, MeasureTotals)
