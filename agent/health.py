"""How the agent is: what ``status`` prints and heartbeats tell, put together from the state file, the reader and the uplink."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from agent.state.store import NOT_ADOPTING
from proto.entities import BY_NUMBER
from proto.limits import CLOCK_SKEW_S
from proto.problems import CATALOGUE, Problem, as_json
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.reader import Progress
    from agent.state.store import StateStore
    from agent.transport.client import UplinkStatus

STATUS_FILE: Final = "status.json"
_PERMILLE: Final = 1000


@dataclass(slots=True)
class Health:
    """One agent's parts, to be asked how they are."""

    school: str
    store: StateStore
    line: UplinkStatus
    fresh_ms: Callable[[], int]
    certificate_end: Callable[[], datetime]
    progress: Progress | None = None
    events_in_last_beat: int = 0
    line_of_last_beat: int = -1

    def problem(self) -> tuple[Problem, datetime] | None:
        """The problem that a person should see first: of the source, else of the line, else of an entity, else of rows."""
        for holder in (self.progress, self.line):
            problem = holder.problem if holder is not None else None  # asked once: other threads clear it
            if holder is not None and problem is not None:
                return problem, holder.problem_at or datetime.now(UTC)
        offset = self.line.clock_offset_s
        if offset is not None and abs(offset) > CLOCK_SKEW_S:
            return Problem("GOR-1114", difference=_in_units(offset)), datetime.now(UTC)
        for code, details in self.store.paused().values():
            return Problem(code, **details), datetime.now(UTC)
        for entity, deletes, updates in self.store.held():
            code, count = ("GOR-1502", deletes) if deletes else ("GOR-1503", updates)
            return Problem(code, entity=BY_NUMBER[entity].name, count=count), datetime.now(UTC)
        quarantined = int(self.store.get("quarantined", 0))
        if quarantined:
            return Problem("GOR-1501", count=quarantined), datetime.now(UTC)
        return None

    def state(self) -> str:
        """ok, syncing, adopting, paused, offline or error."""
        reading, line = self.progress.problem if self.progress else None, self.line.problem
        if reading is not None or (line is not None and line.kind not in ("transient", "lease")):
            return "error"
        if not self.line.connected:
            return "offline"
        if self.store.adopting != NOT_ADOPTING and self.store.get("based"):
            return "adopting"
        if self.store.paused() or self.store.held():
            return "paused"
        if not self.store.get("based") or self.store.outbox()[0] or not self.store.get("complete_ms"):
            return "syncing"
        return "ok"

    def as_json(self, lang: str) -> dict[str, Any]:
        """The contract of ``gorod-agent status``."""
        return self.told(self.problem(), lang)

    def told(self, found: tuple[Problem, datetime] | None, lang: str) -> dict[str, Any]:
        """The same with the problem that was found a moment ago."""
        store, (_envelopes, rows, size) = self.store, self.store.outbox()
        position = store.position()
        end = self.certificate_end()
        return {
            "school": self.school,
            "state": self.state(),
            "connected": self.line.connected,
            "epoch": position.epoch.hex(),
            "acked_seq": position.acked.seq,
            "outbox_rows": rows,
            "outbox_bytes": size,
            "last_change_seen": stamp(store.get("last_change_ms")),
            "fresh_at": stamp(self.fresh_ms()),
            "complete_at": stamp(store.get("complete_ms")),
            "stored_at": stamp(store.get("stored_ms")),
            "differences": int(store.get("differences", 0)),
            "held": sum(deletes + updates for _entity, deletes, updates in store.held()),
            "quarantined": int(store.get("quarantined", 0)),
            "paused_entities": [BY_NUMBER[entity].name for entity in store.paused()],
            "certificate_days": (end - datetime.now(UTC)).days,
            "clock_offset_s": self.line.clock_offset_s,
            "problem": found[0].as_json(lang, found[1]) if found else None,
        }

    def heartbeat(self) -> sync_pb2.Heartbeat:
        """The same for the department. Place and clock are filled by others."""
        store, (_envelopes, rows, size) = self.store, self.store.outbox()
        if self.line.connected and self.line.attempts == self.line_of_last_beat:
            store.events_told(self.events_in_last_beat)  # the connection that carried them still stands
        events = store.events()
        self.events_in_last_beat, self.line_of_last_beat = len(events), self.line.attempts
        beat = sync_pb2.Heartbeat(
            fresh_ms=self.fresh_ms(),
            outbox_rows=rows,
            outbox_bytes=size,
            last_change_ms=int(store.get("last_change_ms", 0)),
            state=self.state(),
            held=[
                sync_pb2.Held(entity=entity, deletes=deletes, updates=updates)
                for entity, deletes, updates in store.held()
            ],
            paused=[
                sync_pb2.Paused(
                    entity=entity,
                    code=code,
                    detail=details.get("missing") or details.get("column") or details.get("count", ""),
                )
                for entity, (code, details) in store.paused().items()
            ],
            events=[sync_pb2.Event(kind=kind, details=details, at_ms=at) for kind, details, at in events],
            source_rows=sum(table.count() for table in store.tables().values())
            if self.progress is None or self.progress.sweeping
            else 0,
        )
        if self.progress is not None and self.progress.sweeping and self.progress.entities:
            beat.sweep_permille = _PERMILLE * self.progress.done_entities // self.progress.entities
        if found := self.problem():
            problem, at = found
            beat.problem.CopyFrom(
                sync_pb2.Problem(code=problem.code, details=problem.details, at_ms=int(at.timestamp() * 1000))
            )
        return beat


def _in_units(seconds: float) -> str:
    """A difference of clocks as a person says it: days, hours or minutes, with the sign of who is ahead."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * length:
            return f"{seconds / length:+.0f} {unit}"
    return f"{seconds:+.0f} s"


def stamp(milliseconds: int | None) -> str | None:
    """Milliseconds since 1970-01-01T00:00Z in ISO form, None for none."""
    if not milliseconds:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_words(status: dict[str, Any], problem_lang: str) -> dict[str, Any]:
    """A saved status with its problem in another language: files hold codes and details, people read sentences."""
    problem = status.get("problem")
    if problem and problem["code"] in CATALOGUE and "details" in problem:
        at = datetime.fromisoformat(problem["at"]) if problem.get("at") else None
        status = {**status, "problem": as_json(problem["code"], problem_lang, problem["details"], at)}
    return status


def saved(health: Health) -> str:
    """The status as a file: what ``status`` reads while the service runs."""
    found = health.problem()
    told = health.told(found, "ru")
    if found:
        told["problem"]["details"] = found[0].details
    return json.dumps(told, ensure_ascii=False)
