"""Random histories of the capture model, in swarms: each knows another few faults and another grain of steps."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.model.capture_centre import Violation
from tests.model.capture_model import STEPS, Model

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

WRITES = ["x_write"]
FINE = ["x_read", "x_during", "x_deliver", "x_receive", "x_compare", "x_beat"]
COARSE = ["x_sync", "x_prove", "x_sweep", "x_sweep"]
FAULTS = [name for name in STEPS if name not in WRITES + FINE + COARSE]
LOADED = [("x_prove", 0), ("x_sweep", 0), ("x_prove", 0)]
NUMBERS = 960


def draw(rng: random.Random, faults: list[str], length: int) -> Iterator[tuple[str, int]]:
    """Steps with their numbers."""
    chosen = rng.sample(faults, min(len(faults), rng.choice((1, 2, 3, 5))))
    groups = (
        (WRITES, rng.choice((2, 4))),
        (FINE, rng.choice((0, 4, 8))),
        (COARSE, rng.choice((2, 5))),
        (chosen, rng.choice((0.5, 1, 2))),
    )
    names = [name for group, _total in groups for name in group]
    weights = [total / len(group) * rng.choice((0.5, 1, 2)) for group, total in groups for _name in group]
    for name in rng.choices(names, weights, k=length):
        yield name, rng.randrange(NUMBERS)


def play(folder: Path, seed: int, history: list[tuple[str, int]]) -> None:
    """Run a history, then let it settle; raises Violation."""
    folder.mkdir(parents=True)
    model = Model(folder, seed)
    try:
        for name, number in history:
            getattr(model, name)(number)
        model.settle()
    finally:
        model.close()
        shutil.rmtree(folder)


def explore(folder: Path, rng: random.Random, runs: int, focus: str = "") -> str | None:
    """The first violation among random histories, with the history that led to it; None if there is none."""
    for number in range(runs):
        seed = rng.getrandbits(32)
        faults = ["x_" + name for name in focus.split()] if focus and rng.random() < 0.8 else FAULTS
        history = (LOADED if rng.random() < 0.8 else []) + list(draw(rng, faults, rng.choice((15, 40))))
        try:
            play(folder / str(number), seed, history)
        except Violation as violation:
            return f"{violation}\nworld {seed}: " + " ".join(f"{name[2:]}:{i}" for name, i in history)
    return None


def parsed(text: str) -> list[tuple[str, int]]:
    """A history as :func:`explore` prints it."""
    steps = [step.partition(":") for step in text.split()]
    return [(f"x_{name}", int(number or 0)) for name, _colon, number in steps]
