"""``python -m tests.bench NAME --json [--rows N --seconds S --seed N]``: one benchmark, one JSON object, the floor or the peer in it."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.ground import Size, warm_bytecode

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("load", "stream", "catchup", "sweep", "idle")
_ROWS = 427_000
_SECONDS = 30.0


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when it ran and both sides were equal."""
    size, given = _parse(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    warm_bytecode()
    bench: Callable[[Size, Path], dict[str, Any]]
    bench = getattr(importlib.import_module(f"tests.bench.{given.name}"), given.name)
    with tempfile.TemporaryDirectory(prefix="gorod-bench-out-") as folder:
        told = {"bench": given.name, "seed": size.seed} | bench(size, Path(folder))
    for name, value in told.items():
        print(f"{name:24} {value}", file=sys.stderr)
    if given.json:
        print(json.dumps(told, ensure_ascii=False))
    return 0 if told.get("equal", True) else 1


def _parse(argv: list[str] | None) -> tuple[Size, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument("--rows", type=int, default=_ROWS, help="rows of the school, about")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="length of stream and idle")
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args(argv)
    return Size(given.rows, given.seconds, given.seed), given


if __name__ == "__main__":
    raise SystemExit(main())
