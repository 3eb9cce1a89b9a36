"""Our programs as a person at a console runs them, inside the test's own process: exit code, what was said, where."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from agent.cli import PROGRAM_OF_AGENT
from collector.cli import PROGRAM_OF_COLLECTOR
from install.demo.cli import PROGRAM_OF_DEMO
from portal.cli import PROGRAM_TABLE as PROGRAM_OF_PORTAL
from proto import cli
from proto.argparse_words import speak
from proto.texts import translations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proto.cli import Program

PROGRAMS: dict[str, Program] = {
    "gorod": PROGRAM_OF_DEMO,
    "gorod-agent": PROGRAM_OF_AGENT,
    "gorod-collector": PROGRAM_OF_COLLECTOR,
    "gorod-portal": PROGRAM_OF_PORTAL,
}


@dataclass(frozen=True)
class Said:
    """What one command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of stdout, which is one JSON value."""
        return json.loads(self.out.splitlines()[-1])


class Console:
    """Runs commands; ``typed`` is what the person enters, ``encoding`` what the console can show."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.environ: dict[str, str] = {"GOROD_LANG": "en"}

    def __call__(self, program: str, *words: object, typed: str = "", encoding: str = "utf-8", **environ: str) -> Said:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2))
        self._patch.setattr("sys.stdin", io.StringIO(typed))
        self._patch.setattr("sys.stdout", out)
        self._patch.setattr("sys.stderr", err)
        try:
            code = cli.main(PROGRAMS[program], [str(word) for word in words], self.environ | environ)
        except SystemExit as end:
            code = int(end.code or 0)
        texts = [stream.buffer.getvalue().decode(encoding) for stream in (out, err)]  # type: ignore[attr-defined]  # BytesIO
        return Said(code, *texts)


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """A console; afterwards logging and argparse are as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with monkeypatch.context() as patch:
        yield Console(patch)
    root.handlers[:], root.level = handlers, level
    speak(translations("en"))
