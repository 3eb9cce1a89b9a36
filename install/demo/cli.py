"""``gorod demo``: a small city on one machine, real programs end to end."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from install.demo import equality, turn
from install.demo.counts import rows_by_entity
from install.demo.folder import City, Folder
from install.demo.live import LiveSchool
from install.demo.processes import Children
from install.demo.stage import Stage
from proto.cli import FAILED, OK, Argument, Command, Context, Program
from proto.cli import main as run_program
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.department import Department

_SEED: Final = 2026
_MOST_SCHOOLS: Final = 200
_POLL_S: Final = 0.2
_STEP_S: Final = (0.3, 2.0)
_SYNC_S: Final = 3600.0
SCENARIOS: Final = ("september",)


def demo(context: Context) -> int:
    """Set up, run, show; Ctrl-C ends it, a second run continues."""
    given = context.arguments
    if not 1 <= given.schools <= _MOST_SCHOOLS:
        raise Problem("GOR-1010", value=f"--schools {given.schools}", cause=f"1…{_MOST_SCHOOLS}")
    if not 0 < given.scale <= 10:
        raise Problem("GOR-1010", value=f"--scale {given.scale}", cause="0…10")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop is a Ctrl-C
    folder = Folder(context.data)
    asked = City(_SEED, given.scale, given.source, datetime.now(UTC).date().isoformat(), given.schools)
    with ExitStack() as stack:
        children = stack.enter_context(Children(folder.logs))
        stage = Stage(folder, folder.city(asked), children, context.say)
        stack.callback(stage.close)
        show = Show(context, stage)
        try:
            department = show.set_up(stack)
            show.wait_for_load(department)
            if given.scenario == "september":
                show.turn_the_year(department)
            if given.exit_when_synced:
                return show.finish(department)
            show.live_until_stopped()
        except KeyboardInterrupt:
            context.say(context.text("Stopping. A second run continues with the same city."))
        finally:
            children.stop()  # before the databases that they use
    return OK


@dataclass(slots=True)
class Show:
    """One run of the demo: what people see, and what ``--json`` tells at the end."""

    context: Context
    stage: Stage
    console: Console = field(init=False)
    began: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    teachers: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.console = Console(stderr=self.context.json)

    def set_up(self, stack: ExitStack) -> Department:
        """Everything running: databases, collector, portal, agents."""
        stage, text = self.stage, self.context.text
        with self._progress() as progress:
            task = progress.add_task(text("Schools' databases"), total=stage.city.schools)
            stage.build_sources(lambda _school: progress.advance(task))
        prepared = stage.prepare_collector()
        stack.callback(prepared.close)
        stage.add_schools(prepared)
        known = stage.add_accounts(prepared)
        department = stage.start_collector(prepared)
        if department is not prepared:
            stack.callback(department.close)
        stage.enrol(department)
        stage.start_portal()
        stage.folder.write_demo(stage.tell(department, known))
        self.began = time.monotonic()
        stage.start_agents()
        if self.context.arguments.live or not self.context.arguments.exit_when_synced:
            self._start_teachers()
        return department

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self.console, disable=self.context.json, transient=False)

    def wait_for_load(self, department: Department) -> None:
        """Progress bars until every school is proven complete."""
        ids = {stage.spec.id for stage in self.stage.schools}
        end = time.monotonic() + _SYNC_S
        expected = {
            one.spec.id: sum(rows_by_entity(one.read_url, one.spec.organisation).values()) for one in self.stage.schools
        }
        with self._progress() as progress:
            bars = {
                one.spec.id: progress.add_task(f"{one.spec.id} {one.spec.name}", total=expected[one.spec.id])
                for one in self.stage.schools
            }
            while time.monotonic() < end:
                self.stage.children.check()
                states = [one for one in equality.look(department).schools if one.school in ids]
                for one in states:
                    done = one.complete_at is not None and one.differences == 0
                    progress.update(
                        bars[one.school],
                        completed=max(one.rows, 0),
                        total=max(one.rows, 1) if done else max(expected[one.school], one.rows),
                    )
                if states and all(one.complete_at and not one.differences and one.rows for one in states):
                    return
                time.sleep(_POLL_S)
        raise Problem("GOR-1099", cause="the schools are not complete")

    def turn_the_year(self, department: Department) -> None:
        """The vendor closes the school-year in every school and opens the next; nothing of the old one is lost at the centre."""
        for stage in self.stage.schools:
            turn.turn_year(stage.write_url, stage.spec, datetime.now(UTC))
        if self._wait_equal(department).equal:
            self.context.say(self.context.text("The school-year was turned; every school is equal again."))

    # ---- unattended

    def finish(self, department: Department) -> int:
        """The proof: the same rows on both sides, counted apart; exit 1 unless equal."""
        self.stopping.set()
        for teacher in self.teachers:
            teacher.join()
        counts = self._wait_equal(department)
        seconds = time.monotonic() - self.began
        told = {
            "schools": self.stage.city.schools,
            **counts.as_json(),
            "seconds": round(seconds, 1),
            "rows_per_second": round(sum(counts.centre.values()) / seconds),
            "portal": self.stage.portal,
            "data": str(self.stage.folder.path),
        }
        self.context.say(json.dumps(told, ensure_ascii=False, indent=1))
        self.context.result(told)
        return OK if counts.equal else FAILED

    def _wait_equal(self, department: Department, patience_s: float = 60.0) -> equality.Counts:
        """The counts as soon as they are equal and no comparison found a difference, or as they are after a while."""
        end = time.monotonic() + patience_s
        while True:
            counts = equality.count(department, self.stage.schools)
            settled = all(one.differences == 0 and one.outbox_rows == 0 for one in equality.look(department).schools)
            if (counts.equal and settled) or time.monotonic() > end:
                return counts
            time.sleep(_POLL_S)

    # ---- live

    def live_until_stopped(self) -> None:
        """Show where to look, and let the city live until Ctrl-C."""
        text, admin = (
            self.context.text,
            next(one for one in self.stage.folder.demo()["accounts"] if one["role"] == "operator"),
        )
        self.context.say(text("The portal: {url}").format(url=self.stage.portal))
        self.context.say(
            text("Sign in: login {login}, password {password}").format(login=admin["login"], password=admin["password"])
        )
        self.context.say(
            text("Second factor: secret {secret} in any authenticator, now {code}").format(
                secret=admin["totp"], code=_code(admin["totp"])
            )
        )
        self.context.say(text("All accounts: {path}").format(path=self.stage.folder.path / "demo.json"))
        self.context.say(text("Teachers are entering marks. Ctrl-C ends the demo."))
        while True:
            self.stage.children.check()
            time.sleep(1)

    def _start_teachers(self) -> None:
        """A thread per school in which something happens every second or so."""
        for position, stage in enumerate(self.stage.schools):
            rng = random.Random(f"{_SEED}-{position}-{time.time_ns()}")
            thread = threading.Thread(
                target=self._teach, args=(stage.write_url, stage.spec.organisation, rng), daemon=True
            )
            thread.start()
            self.teachers.append(thread)

    def _teach(self, url: str, organisation: str, rng: random.Random) -> None:
        with LiveSchool(url, organisation) as school:
            while not self.stopping.wait(rng.uniform(*_STEP_S)):
                school.step(rng, datetime.now(UTC))


def _code(secret: str) -> str:
    """The present code of a second factor."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

    from collector.store.accounts import secret_from_text

    return TOTP(secret_from_text(secret), 6, SHA1(), 30).generate(int(time.time())).decode()  # noqa: S303  RFC 6238 as authenticators know it


COMMANDS: Final = (
    Command(
        ("demo",),
        "Run a demo city: collector, portal and schools with live teachers",
        demo,
        (
            Argument(("--schools",), "how many schools", {"type": int, "default": 3, "metavar": "N"}),
            Argument(
                ("--scale",),
                "size of a school; 1.0 is about 430 000 rows",
                {"type": float, "default": 0.1, "metavar": "X"},
            ),
            Argument(
                ("--source",),
                "kind of the schools' databases",
                {"choices": ("sqlite", "postgres"), "default": "sqlite"},
            ),
            Argument(("--live",), "teachers work also with --exit-when-synced", {"action": "store_true"}),
            Argument(("--exit-when-synced",), "end when every school is proven equal", {"action": "store_true"}),
            Argument(("--scenario",), "let something special happen", {"choices": SCENARIOS}),
        ),
    ),
)

PROGRAM_OF_DEMO: Final = Program(
    "demo",
    "Gorod: a whole city to try out",
    COMMANDS,
    (),
    Path("/etc/gorod/demo.toml"),
    Path("~/.local/share/gorod/demo"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_program(PROGRAM_OF_DEMO, argv)
