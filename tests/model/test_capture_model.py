"""The agent's heart under random histories: real diff, sweeps, state file and Adopt against a database and a department in memory.

Promises, at all times: what is captured was there; one state per key in a batch; nothing acknowledged that was not applied, nothing applied
twice; "complete" and "fresh" are true when they are claimed; the guard is not passed; nothing of a closed year is deleted; without a fault
there is no difference. When the faults stop: equal, proven, and it stays.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.model.capture_histories import COARSE, FAULTS, FINE, LOADED, NUMBERS, WRITES, explore, parsed, play
from tests.model.capture_model import Model

if TYPE_CHECKING:
    import random

numbers = st.integers(0, NUMBERS - 1)


class CaptureModel(RuleBasedStateMachine):
    """Steps in any order; Hypothesis makes a failing history short."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())

    @initialize(seed=st.integers(0, 2**32 - 1), loaded=st.booleans())
    def begin(self, seed: int, loaded: bool):  # noqa: FBT001  Hypothesis gives it by name
        self.model = Model(self.folder, seed)
        for name, number in LOADED if loaded else []:
            getattr(self.model, name)(number)

    @rule(name=st.sampled_from(WRITES + FINE + COARSE), number=numbers)
    def calm(self, name: str, number: int):
        getattr(self.model, name)(number)

    @rule(name=st.sampled_from(FAULTS), number=numbers)
    def fault(self, name: str, number: int):
        getattr(self.model, name)(number)

    def teardown(self):
        try:
            self.model.settle()
        finally:
            self.model.close()
            shutil.rmtree(self.folder)


TestCaptureModel = CaptureModel.TestCase
TestCaptureModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_random_histories_keep_every_promise(tmp_path: Path, rng: random.Random):
    assert explore(tmp_path, rng, runs=150) is None


@pytest.mark.full
@pytest.mark.timeout(7200)  # half an hour of a core
def test_ten_thousand_histories_keep_every_promise(tmp_path: Path, rng: random.Random):
    assert explore(tmp_path, rng, runs=10_000) is None


FOUND = {
    "two deletions in one hint pass, each within the guard's limit": (
        100231,
        "prove:0 sweep:0 write:491 sweep:946 write:470 read:600 write:609 read:261 write:846 write:865",
    ),
    "a key that changed its case is inserted by its stamp and found again by its old name": (
        100290,
        "prove:0 sweep:0 write:196 read:561 write:839 read:325 write:183",
    ),
    "a deletion waits in the outbox longer than the guard's day": (
        700200,
        "prove:0 sweep:0 write:378 sweep:488 day:250 write:505",
    ),
    "a new identity is confirmed while the last sweep's freshness is still remembered": (
        701127,
        "prove:0 sweep:0 sync:637 point:915 identity:854",
    ),
    "a year is opened again, its rows were never read": (
        800494,
        "prove:0 year:740 sweep:644 year:534 sweep:333 deliver:171 beat:762",
    ),
    "numbers that the source sorts as texts": (100097, "write:175"),
    "a text with half a character in a year that is closed": (100249, "write:232 year:594"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_history_that_once_broke_a_promise_keeps_it(name: str, tmp_path: Path):
    seed, history = FOUND[name]
    play(tmp_path / "world", seed, parsed(history))
