"""The demo's data folder: what was built there, so that a second run continues.

city.json          seed, scale, source, day of the city; another scale or source is refused
demo.json          (0600) addresses, accounts and schools, for people and for programs that script the demo
collector/         data folder of the collector; collector.toml names its ports
schools/ID/        netschool.db (or a database in source/), and agent/: data folder of the school's agent
source/            embedded PostgreSQL of the schools, with --source postgres
logs/              what the programs said
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from install.demo.spec import CitySpec
from proto.files import private_folder, write_atomic
from proto.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

_CITY: Final = "city.json"
DEMO: Final = "demo.json"


@dataclass(frozen=True, slots=True)
class City:
    """What the folder was built with."""

    seed: int
    scale: float
    source: str
    today: str
    schools: int

    @property
    def spec(self) -> CitySpec:
        """The city's specification: its schools are as large today as a whole school-year makes them."""
        return CitySpec(date.fromisoformat(self.today), self.schools, self.scale, self.seed, steady=True)


class Folder:
    """Paths and notes of one demo."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            private_folder(path)
        except OSError as error:
            raise Problem("GOR-1005", path=path, cause=error.strerror) from error
        self.collector = path / "collector"
        self.logs = path / "logs"
        self.source_cluster = path / "source"

    def school(self, school: str) -> Path:
        """Folder of a school."""
        return self.path / "schools" / school

    def agent(self, school: str) -> Path:
        """Data folder of a school's agent."""
        return self.school(school) / "agent"

    def city(self, asked: City) -> City:
        """The city of the folder: the asked one if it is new, else the old one with as many schools as were ever asked for.

        Raises:
            Problem: GOR-1008, it was built with another scale or source.
        """
        file = self.path / _CITY
        if file.exists():
            known = City(**json.loads(file.read_text("utf-8")))
            for name in ("scale", "source"):
                if getattr(known, name) != getattr(asked, name):
                    raise Problem("GOR-1008", path=self.path, cause=f"--{name} {getattr(known, name)}")
            asked = City(known.seed, known.scale, known.source, known.today, max(known.schools, asked.schools))
        write_atomic(file, json.dumps(asdict(asked)).encode())
        return asked

    def demo(self) -> dict[str, Any]:
        """What ``demo.json`` says; empty before the first run."""
        file = self.path / DEMO
        return json.loads(file.read_text("utf-8")) if file.exists() else {}

    def write_demo(self, told: dict[str, Any]) -> None:
        """Write ``demo.json`` (0600)."""
        write_atomic(self.path / DEMO, json.dumps(told, ensure_ascii=False, indent=1).encode())
