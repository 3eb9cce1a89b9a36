"""Life at a school: one believable action of somebody at a time, each in one committed transaction of the vendor's program."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from install.demo import moves, planning, teaching, texts
from install.demo.desk import ChangeNote, Clock, Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from random import Random
    from types import TracebackType

_REFRESH: Final = 400  # actions after which the journal's latest lessons are looked up again

# How often each action comes, by its share.
WEIGHTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "mark": 42,
        "correct": 6,
        "remove": 2,
        "attendance": 20,
        "topic": 10,
        "homework": 7,
        "visit": 10,
        "announcement": 1,
        "change_class": 1,
        "transfer": 1,
    }
)


def visit(desk: Desk, rng: Random, clock: Clock) -> None:
    """Somebody signs in."""
    table, role = rng.choice((("Employees", "Учитель"), ("Parents", "Родитель"), ("Students", "Ученик")))
    people = desk.value(f"SELECT COUNT(*) FROM {table} WHERE OrgCode = ?")
    if not people:
        return
    sql = f"SELECT PersonId FROM {table} WHERE OrgCode = ? ORDER BY 1 LIMIT 1 OFFSET ?"
    guid = str(desk.value(sql, rng.randrange(people)))
    number = desk.next("LoginSessions", "SessionId")
    head = {"SessionId": number, "PersonId": guid, "RoleName": role}
    desk.add("LoginSessions", clock, **head, LoginAt=clock.time, LastAccessAt=clock.time)
    desk.note("source_visit", number)


def announce(desk: Desk, rng: Random, clock: Clock) -> None:
    """The office announces something."""
    title, body = texts.announcement(rng)
    number = desk.next("Announcements", "AnnouncementId")
    author = desk.value("SELECT MIN(EmployeeId) FROM Employees WHERE OrgCode = ?")
    values = {"AnnouncementId": number, "Title": title, "Body": body, "PostedAt": clock.time, "EmployeeId": author}
    desk.add("Announcements", clock, **values, Audience=rng.choice(texts.AUDIENCES))
    desk.note("announcement", number)


_ACTIONS: Final[Mapping[str, Callable[[Desk, Random, Clock], None]]] = MappingProxyType(
    {
        "mark": teaching.mark,
        "correct": teaching.correct,
        "remove": teaching.remove,
        "attendance": teaching.attendance,
        "topic": teaching.topic,
        "homework": teaching.homework,
        "visit": visit,
        "announcement": announce,
        "change_class": moves.change_class,
    }
)


class LiveSchool:
    """The people of one organisation, acting through its write URL. ``neighbour`` is where pupils may move to."""

    def __init__(self, url: str, organisation: str, neighbour: LiveSchool | None = None) -> None:
        self.desk = Desk(url, organisation)
        self.neighbour = neighbour
        self._age = _REFRESH

    def step(self, rng: Random, now: datetime, action: str | None = None) -> list[ChangeNote]:
        """Let one thing happen at ``now`` and tell what was changed; committed when this returns.

        Args:
            rng: decides what happens, and to whom.
            now: what the clock shows, as an aware datetime.
            action: one of :data:`WEIGHTS`; drawn by its weight if not given. Instead of what cannot happen here somebody signs in.
        """
        clock = Clock.at(now)
        chosen = action or rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if chosen == "transfer" and self.neighbour is None:
            chosen = "change_class"
        notes = self._transfer(rng, clock) if chosen == "transfer" else self._act(rng, clock, chosen)
        return notes or self._act(rng, clock, "visit")

    def refresh(self) -> None:
        """Look the journal up again before the next action: somebody else has changed it."""
        self._age = _REFRESH
        self.desk.marks.clear()

    def close(self) -> None:
        """End the connection."""
        self.desk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _act(self, rng: Random, clock: Clock, name: str) -> list[ChangeNote]:
        with self.desk.transaction():
            self._look_around(clock)
            _ACTIONS[name](self.desk, rng, clock)
        return self.desk.take()

    def _look_around(self, clock: Clock) -> None:
        self._age += 1
        if self._age >= _REFRESH:
            self._age = 0
            self.desk.look_around(clock)
            planning.plan_ahead(self.desk, clock)

    def _transfer(self, rng: Random, clock: Clock) -> list[ChangeNote]:
        """A pupil leaves for the neighbour school and is admitted there: two databases, so two transactions, one after the other."""
        neighbour = self.neighbour
        if neighbour is None:
            return []
        with self.desk.transaction():
            self._look_around(clock)
            leaver = moves.leave(self.desk, rng, clock, neighbour.desk.organisation)
        if leaver is None:
            return []
        with neighbour.desk.transaction():
            neighbour.desk.look_around(clock)
            moves.admit(neighbour.desk, rng, leaver, clock, self.desk.organisation)
        return self.desk.take() + neighbour.desk.take()
