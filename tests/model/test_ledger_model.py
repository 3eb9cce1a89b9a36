"""Random histories against the real ledger, lease, digest and uplink machine (see `uplink_world.py`), and each law knocked out in turn."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from agent.core import inquiry, uplink
from agent.core import uplink_events as events
from collector.core import lease, ledger
from collector.ingest import desk
from tests.model.uplink_world import STEPS, Agent, Violation, World

numbers = st.integers(0, 23)
WRITES = ["x_write", "x_capture"]
FINE = ["x_reread", "x_up", "x_down", "x_measure", "x_connect", "x_want", "x_beat"]
COARSE = ["x_pump", "x_sync"]
FAULTS = [name for name in STEPS if name not in WRITES + FINE + COARSE]


class UplinkModel(RuleBasedStateMachine):
    """Nothing acknowledged that was not applied, nothing applied twice, no false stamp; and it settles when the faults stop."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.x_sync(0)

    @rule(i=numbers, name=st.sampled_from(WRITES + FINE + COARSE))
    def calm(self, name: str, i: int):
        getattr(self.world, name)(i)

    @rule(i=numbers, name=st.sampled_from(STEPS))
    def anything(self, name: str, i: int):
        getattr(self.world, name)(i)

    def teardown(self):
        self.world.settle()


TestUplinkModel = UplinkModel.TestCase
TestUplinkModel.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


def draw(rng: random.Random, faults: list[str], length: int):
    """A history: swarm fashion, each knows another few kinds of fault and another grain of steps."""
    faults = rng.sample(faults, min(len(faults), rng.choice((1, 2, 3, 5))))
    groups = (
        (WRITES, rng.choice((2, 4))),
        (FINE, rng.choice((0, 4, 8))),
        (COARSE, rng.choice((1, 3))),
        (faults, rng.choice((0.5, 1, 2))),
    )
    names = [name for group, _ in groups for name in group]
    weights = [total / len(group) * rng.choice((0.5, 1, 2)) for group, total in groups for _ in group]
    one = rng.random() < 0.6  # mostly the first agent acts
    for name in rng.choices(names, weights, k=length):
        yield name, rng.randrange(12) * (2 if one and name not in WRITES else 1) + (0 if one else rng.randrange(12))


def explore(seed: float, runs: int, focus: str = ""):
    """The first violation among random histories, or None."""
    rng = random.Random(seed)
    for _ in range(runs):
        world = World()
        faults = ["x_" + name for name in focus.split()] if focus and rng.random() < 0.8 else FAULTS
        try:
            world.x_sync(0)
            for name, i in draw(rng, faults, rng.choice((25, 80))):
                getattr(world, name)(i)
            world.settle()
        except Violation as violation:
            return str(violation)
    return None


def test_random_histories_keep_every_promise(rng: random.Random):
    assert explore(rng.random(), runs=150) is None


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "focus",
    [
        "",
        "clone lease_ends cut",
        "agent_backup agent_rollback cut",
        "centre_backup centre_restore agent_backup agent_rollback",
        "replay reorder fold",
    ],
)
def test_many_more_random_histories_keep_every_promise(rng: random.Random, focus: str) -> None:
    assert explore(rng.random(), runs=3000, focus=focus) is None


# ---- the test of the test: without a law, the same histories must find what it protects from


def _duplicate_by_seq_only(patch: pytest.MonkeyPatch) -> None:
    real = ledger.judge_envelope

    def judge(known: Any, header: Any, envelope_hash: bytes, *, leased: bool) -> Any:
        verdict = real(known, header, envelope_hash, leased=leased)
        return (
            ledger.Duplicate() if verdict == ledger.NewEpoch("GOR-1603") and header.seq <= known.head.seq else verdict
        )

    patch.setattr(desk, "judge_envelope", judge)


def _no_head_law(patch: pytest.MonkeyPatch) -> None:
    """Any envelope of the epoch is applied, wherever it stands in the chain."""
    real = ledger.judge_envelope

    def judge(known: Any, header: Any, envelope_hash: bytes, *, leased: bool) -> Any:
        verdict = real(known, header, envelope_hash, leased=leased)
        return ledger.Accept() if leased and header.epoch == known.head.epoch else verdict

    patch.setattr(desk, "judge_envelope", judge)


def _hello_always_continues(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger, "_continues", lambda known, _hello: bool(known.head.epoch))


def _any_token_passes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lease.Lease, "passes", lambda _self, _token: True)


def _digest_anywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger.Head, "is_at", lambda self, position: position.epoch == self.epoch)


def _digest_overtakes(patch: pytest.MonkeyPatch) -> None:
    def ask(self: Any, sent: Any) -> Any:
        del sent
        if self.stage is not inquiry.Stage.READY:
            return []
        self.stage, self.barrier = inquiry.Stage.ASKED, None
        return [events.Send(self._frame)]

    patch.setattr(inquiry.Inquiry, "ask", ask)
    patch.setattr(ledger.Head, "is_at", lambda self, position: position.epoch == self.epoch)


def _any_receipt_counts(patch: pytest.MonkeyPatch) -> None:
    def receipt(self: Any, event: Any) -> Any:
        position = event.frame.receipt.position
        return [events.Forget(events.Mark(position.seq, position.hash)), *self._pump()]

    table = {
        **uplink.Uplink.TABLE,
        uplink.State.STREAMING: {**uplink.Uplink.TABLE[uplink.State.STREAMING], "receipt": receipt},
    }
    patch.setattr(uplink.Uplink, "TABLE", table)


def _outbox_goes_when_sent(patch: pytest.MonkeyPatch) -> None:
    real = Agent.do_sendenvelopes

    def send(self: Any, action: Any) -> Any:
        real(self, action)
        self.forget(events.Mark(action.envelopes[-1].seq, action.envelopes[-1].hash))

    patch.setattr(Agent, "do_sendenvelopes", send)


def _epoch_counts_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        desk.Desk,
        "_new_epoch",
        lambda _self, books, _code, _now: setattr(
            books.state, "head", ledger.Head.first((int.from_bytes(books.state.head.epoch) + 1).to_bytes(16))
        ),
    )


def _adopt_keeps_fingerprints(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Agent, "do_overwrite", lambda _self, _action: None)


KNOCKED_OUT = {
    _duplicate_by_seq_only: "agent_backup agent_rollback",
    _no_head_law: "",
    _hello_always_continues: "agent_backup agent_rollback centre_backup centre_restore",
    _any_token_passes: "clone agent_backup agent_rollback cut",
    _digest_anywhere: "",
    _digest_overtakes: "",
    _any_receipt_counts: "",
    _outbox_goes_when_sent: "",
    _adopt_keeps_fingerprints: "",
}


@pytest.mark.parametrize("law", KNOCKED_OUT, ids=lambda law: law.__name__.strip("_"))
def test_without_a_law_the_histories_find_what_it_protects_from(
    law: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, rng: random.Random
):
    law(monkeypatch)
    assert explore(rng.random(), runs=2000, focus=KNOCKED_OUT[law]) is not None


RARE = "sync centre_backup write:2 sync wipe lease_ends sync want pump centre_restore connect down lease_ends sync beat pump"


def play(history: str):
    world = World()
    for step in history.split():
        name, _, number = step.partition(":")
        getattr(world, "x_" + name)(int(number or 0))
    world.settle()


def test_an_epoch_that_counts_up_meets_its_own_twin_after_a_restore(monkeypatch: pytest.MonkeyPatch):
    play(RARE)
    _epoch_counts_up(monkeypatch)
    with pytest.raises(Violation, match="claims c=None"):
        play(RARE)
