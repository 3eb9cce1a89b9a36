"""The whole model: reading, uplink, faults, and what must come true when the faults stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.core.uplink_events import Mark
from agent.transport.ports import LeafContent
from proto.entities import BY_NAME, BY_NUMBER
from proto.sync.v1 import sync_pb2
from tests.model.capture_agent import Agent, copy_state
from tests.model.capture_centre import Violation, expected
from tests.model.capture_source import YEARS
from tests.model.capture_world import World

if TYPE_CHECKING:
    from agent.transport.ports import Measurement

KINDS = ("full", "hint", "hot", "todo")
LIMIT = 2


class Model(World):
    """Steps of the agents and the department."""

    def close(self) -> None:
        """Let go of the files."""
        for agent in self.agents:
            agent.store.database.connection.close()

    def agent(self, i: int) -> Agent:
        """The agent that acts now."""
        self.acting = self.agents[i % len(self.agents)]
        return self.acting

    def x_read(self, i: int) -> bool:
        """One step of one sweep."""
        return self.agent(i // 4).read(KINDS[i % 4], LIMIT)

    def x_during(self, i: int) -> None:
        """One step of one sweep, and something happens in it: at one of its reads, or between a read and its return."""
        self.planned.appendleft((i % 10, i // 10 % 6, i * 7919 % 400))
        self.agent(0).read(KINDS[i // 60 % 4], LIMIT)
        self.planned.clear()
        self.source.busy = 0

    # ---- uplink

    def _disconnect(self) -> None:
        for agent in self.agents:
            self._cut(agent)

    @staticmethod
    def _cut(agent: Agent) -> None:
        agent.connected, agent.inbox, agent.inquiry = False, [], None

    def _settings(self) -> sync_pb2.Settings:
        settings = sync_pb2.Settings(guard=sync_pb2.GuardLimits(**self.limits))
        for number, entity, rows, _at in self.books.released:
            settings.releases.add(number=number, entity=entity, rows=rows)
        return settings

    def x_connect(self, i: int) -> None:
        """Hello and Welcome; the other agent's connection ends. Some numbers: the agent dies half way through."""
        agent, books = self.agent(i), self.books
        position = agent.store.position()
        told = agent.store.get("found_identity") or (agent.capture.life.identity if agent.capture.life else "")
        if agent.connected or (told and told != books.identity):
            return
        self._disconnect()
        if not books.continues(position.epoch, position.last, position.acked):
            books.new_epoch(self.nonce())
            self.tainted = True
        deleted, updated = books.counted(self.now)
        welcome = sync_pb2.Welcome(
            head=sync_pb2.Position(epoch=books.epoch, seq=books.seq, hash=books.hash),
            settings=self._settings(),
            deleted_24h=deleted,
            updated_24h=updated,
            closed_years=sorted(books.closed),
            identity=books.identity,
        )
        agent.welcomed(welcome, crash=i // 2 % 8 == 7)

    def x_deliver(self, i: int) -> bool:
        """The department takes a few envelopes; it may be that no receipt arrives."""
        agent = self.agent(i)
        if not agent.connected:
            return False
        found = agent.state.envelopes_after(agent.sent, 1 + i // 2 % 4, 1 << 30)
        for one in found:
            verdict = self.books.judge(one.data)
            if verdict == "apply":
                self.books.apply(one.data, self.now, self.check_archive)
                self.check_guard()
            if verdict in ("apply", "duplicate"):
                agent.sent = one.seq
                agent.inbox.append(("receipt", Mark(one.seq, one.hash)))
                continue
            if verdict == "fork":
                self.books.new_epoch(self.nonce())
                self.tainted = True
            self._cut(agent)
            return True
        return bool(found)

    def x_receive(self, i: int) -> bool:
        """The agent takes the next frame."""
        agent = self.agent(i)
        if not agent.inbox:
            return False
        kind, *content = agent.inbox.pop(0)
        match kind:
            case "receipt":
                agent.receipted(*content)
            case "compare":
                agent.state.compared(*content)
            case "settings":
                agent.state.configure(*content)
            case "leaves":
                head, leaves, last = content
                agent.state.overwrite(head, leaves, last=last)
        return True

    def x_cut(self, i: int) -> None:
        """What was on the way to the agent is lost."""
        self._cut(self.agent(i))

    def x_compare(self, i: int) -> bool:
        """The next step of a comparison, if everything before it was delivered."""
        agent, books = self.agent(i), self.books
        if not agent.connected or agent.inbox:
            return False
        if agent.inquiry is None:
            return self._digest(agent)
        level, places = agent.inquiry
        measure: Measurement = agent.state.bucket_sums(places) if level == "buckets" else agent.state.leaf_sums(places)
        if (measure.epoch, measure.at) != (books.epoch, (books.seq, books.hash)):
            return False
        differ = []
        for one in measure.places:
            rows, sums = books.places(one.entity, one.bucket)
            mine, theirs = zip(rows, sums, strict=True), zip(one.rows, one.sums, strict=True)
            differ += [
                (one.entity, one.bucket, place) for place, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b
            ]
        if level == "buckets":
            agent.inquiry = ("leaves", [(entity, place) for entity, _bucket, place in differ])
            return True
        leaves = []
        for entity, bucket, place in differ:
            found = books.leaf(entity, bucket << 8 | place)
            leaves.append(LeafContent(entity, bucket << 8 | place, list(found), list(found.values())))
        agent.inquiry = None
        half = len(leaves) // 2
        agent.inbox += [("leaves", books.seq, leaves[:half], False), ("leaves", books.seq, leaves[half:], True)]
        return True

    def _digest(self, agent: Agent) -> bool:
        books, totals = self.books, agent.state.digest()
        if totals is None or (totals.epoch, totals.at) != (books.epoch, (books.seq, books.hash)):
            return False
        ours, nothing = books.totals(), (0, 0)
        told = {number: (rows, totals.sums[number]) for number, rows in totals.rows.items()}
        differ = sorted(number for number in ours | told if ours.get(number, nothing) != told.get(number, nothing))
        answer = sync_pb2.Compare(
            equal=not differ, entities=differ, at=sync_pb2.Position(epoch=books.epoch, seq=books.seq)
        )
        if differ:
            store = agent.store
            if not (store.adopting or store.reread_count() or self.tainted):
                raise Violation(f"a difference without a cause: {differ}")
            agent.inquiry = ("buckets", differ)
        else:
            self.tainted = self.tainted and bool(
                agent.store.adopting or agent.store.reread_count() or len(self.agents) > 1
            )
            claim = totals.complete
            if claim and claim.identity == books.identity and claim.profile_hash == f"hash-{books.profile}":
                self.check_as_of(claim.started_ms, "complete")
                books.complete_ms = max(books.complete_ms, claim.started_ms)
        agent.inbox.append(("compare", answer))
        return True

    def x_beat(self, i: int) -> None:
        """A heartbeat claims freshness; it counts only at the head."""
        agent, books = self.agent(i), self.books
        beat = agent.state.heartbeat()
        at_head = (beat.at.epoch, beat.at.seq, beat.at.hash) == (books.epoch, books.seq, books.hash)
        if agent.connected and at_head and beat.fresh_ms and not self.tainted and agent.version == books.profile:
            self.check_as_of(beat.fresh_ms, "fresh")

    # ---- faults of the agents

    def x_crash(self, i: int) -> None:
        """The agent's process dies and starts again."""
        self.agent(i).start()

    def x_backup(self, i: int) -> None:
        """A copy of the state file and its WAL at a commit."""
        copy_state(self.agent(i).path, self.folder / "backup")

    def x_rollback(self, i: int) -> None:
        """The agent's machine goes back to the copy."""
        self.agent(i).start(self.folder / "backup")
        self.tainted = True

    def x_wipe(self, i: int) -> None:
        """The state file is lost."""
        self.agent(i).start(empty=True)
        self.tainted = True

    def x_clone(self, i: int) -> None:
        """A copy of the agent's machine runs beside it."""
        del i
        if len(self.agents) == 1:
            twin = Agent(self, self.folder / f"agent-{self.nonce().hex()}")
            twin.mode, twin.version = self.agents[0].mode, self.agents[0].version
            twin.start(self.agents[0].path)
            self.agents.append(twin)
            self.tainted = True

    def x_destroy(self, i: int) -> None:
        """One of two agents is gone for good."""
        if len(self.agents) == 2:
            self.agents.pop(i % 2).store.database.connection.close()
            self.tainted = True

    def x_mode(self, i: int) -> None:
        """The department declares another health mode."""
        del i
        for agent in self.agents:
            agent.mode = "full" if agent.mode == "collapse" else "collapse"
            agent.start()

    # ---- faults and decisions of the department

    def x_books_keep(self, i: int) -> None:
        """A backup of the department's database."""
        del i
        self.backups["books"] = self.books.copy()

    def x_books_restore(self, i: int) -> None:
        """The department's database goes back to its backup."""
        del i
        self.lost |= self.books.applied
        self.books = self.backups["books"].copy()
        self._disconnect()
        self.tainted = True

    def x_corrupt(self, i: int) -> None:
        """A stored value changes by itself."""
        rows = [(name, key) for name in self.names[1:] for key in sorted(self.books.rows.get(name, {}))]
        if rows:
            name, key = rows[i % len(rows)]
            row = self.books.rows[name][key]
            self.books.rows[name][key] = (*row[:-1], 5 if row[-1] is None or isinstance(row[-1], int) else "?")
            self.tainted = True

    def x_profile(self, i: int) -> None:
        """The department sends another version of the profile."""
        del i
        self.books.profile = 2
        self._disconnect()

    def x_confirm(self, i: int) -> None:
        """The department lets go what the guard holds."""
        agent = self.agent(i)
        for entity, deletes, updates in agent.store.held():
            number = 1 + max((one[0] for one in self.books.released), default=0)
            self.books.released.append((number, entity, deletes + updates, self.now))
        if agent.connected:
            agent.inbox.append(("settings", self._settings()))

    def x_identity(self, i: int) -> None:
        """The department confirms the database that is read now."""
        del i
        self.books.identity = self._view().identity
        self._disconnect()

    def x_day(self, i: int) -> None:
        """A day passes."""
        self.now += 25 * 3_600_000 + i

    # ---- larger steps, so that histories get far

    def x_sync(self, i: int) -> None:
        """Connect if need be; everything is delivered and answered."""
        for _ in range(12):
            if not self.agent(i).connected:
                self.x_connect(i % 2)
            more = False
            while self.x_deliver(i % 2) or self.x_receive(i % 2):
                more = True
            if not more:
                return

    def x_prove(self, i: int) -> None:
        """A comparison to its end, and a claim of freshness."""
        self.x_sync(i)
        for _ in range(4):
            if not self.x_compare(i):
                break
            self.x_sync(i)
        self.x_beat(i)

    def x_sweep(self, i: int) -> None:
        """One kind of sweep to its end, as far as the outbox lets it."""
        kind, agent = KINDS[i % 4], self.agent(i // 4)
        for _ in range(40):
            if not agent.read(kind, LIMIT) or kind == "hint":
                return
            if kind in ("full", "hot") and getattr(agent, kind) is None:
                return

    # ---- no more faults: fair steps must lead to equality, and it must stay

    def settle(self) -> None:
        """Equal three times in a row, with a complete stamp of now and without new epochs."""
        self.transaction, self.here, self.source.busy = [], self.books.identity != "city:school-2", 0
        self.planned.clear()
        self.source.drifted, self.source.unkeyed = set(), set()
        if len(self.agents) == 2:
            self.x_destroy(1)
        self.remember()
        since, calm, epoch = self.now, 0, b""
        for _ in range(14):
            self.now += 1
            for kind in (3, 0, 1, 2, 3):
                for _again in range(6):
                    self.x_sweep(kind)
                    self.x_sync(0)
                    self.x_confirm(0)
                    if self.acting.full is None:
                        break
                self.x_prove(0)
            calm = calm + 1 if self.is_equal() and self.books.complete_ms >= since and epoch == self.books.epoch else 0
            epoch = self.books.epoch
            if calm == 3:
                return
        raise Violation(f"not settled: {self.describe()}")

    def is_equal(self) -> bool:
        """Whether the department holds what the source holds, in years that both take for open."""
        books, content = self.books, self._view().snapshot()
        if books.closed != {key for key, values in content[YEARS].items() if values[1]}:
            return False
        for name in self.names:
            want = expected(content, name, str(books.profile), self.acting.mode, books.closed)
            held = books.held.get(name, {})
            rows = {key: row for key, row in books.rows.get(name, {}).items() if not books.is_closed(name, row)}
            if {key: row for key, row in want.items() if key not in held} != {
                key: row for key, row in rows.items() if key not in held
            }:
                return False
            if books.hashes(name).keys() != want.keys():
                return False
        return True

    def describe(self) -> str:
        """What is where, for a failure's report."""
        agent, books = self.acting, self.books
        differ = {
            name: (books.rows.get(name), books.held.get(name), self._view().snapshot()[name]) for name in self.names
        }
        numbers = [BY_NAME[name].number for name in self.names]
        return (
            f"{differ} closed {books.closed} adopting {agent.store.adopting} reread {agent.store.reread_count()} held {agent.store.held()}"
            f" paused {agent.store.paused()} complete {books.complete_ms} of {self.now} full {agent.store.get('full')}"
            f" tables {[BY_NUMBER[number].name for number in numbers]} equal {self.is_equal()}"
        )


STEPS = sorted(name for name in dir(Model) if name.startswith("x_"))
