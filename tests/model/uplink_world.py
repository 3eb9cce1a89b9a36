"""A school, up to two agents, connections and a centre around the REAL uplink machine, desk, ledger, lease and digest.

Only storage and wire are replaced by memory that can crash, go back and lose things. Every `x_*` method is one step; `Violation` is a
broken promise. Ghosts (history of the source, set of applied envelopes) are seen by the checks alone.
"""

import copy
import json
from hashlib import blake2b, sha256
from typing import Any

from agent.core import uplink_events as ev
from agent.core.uplink import State
from collector.core.ledger import Refuse
from collector.ingest.books import Prepared
from collector.ingest.desk import Desk, DeskSettings, Kept, Welcomed
from proto.sync.v1 import sync_pb2
from tests.model.uplink_memory import (
    KEYS,
    LEASE_MS,
    SCHOOL,
    Agent,
    AgentDb,
    CentreDb,
    Connection,
    MemoryLibrary,
    Violation,
)


class World:
    """Two agents at most, one centre, the wire between them."""

    def __init__(self) -> None:
        self.counter, self.now_ms = 0, 1_000_000
        self.source, self.history = {"a": 1, "b": 2}, []
        self.db, self.lost = CentreDb(), frozenset()
        self.desk = Desk(MemoryLibrary(self), DeskSettings(LEASE_MS, max_in_flight=2), self.random)
        self.connections, self.recorded = [], []
        self.agents = [Agent(self, 0, AgentDb())]
        self.backups = {"agent": copy.deepcopy(self.agents[0].db), "centre": copy.deepcopy(self.db)}
        self.tick()

    def nonce(self):
        self.counter += 1
        return self.counter

    def random(self, size: "int"):
        return blake2b(f"r{self.nonce()}".encode(), digest_size=size).digest()

    def tick(self):
        self.now_ms += 1
        self.history.append((self.now_ms, dict(self.source)))

    def check_as_of(self, db: "CentreDb", since_ms: "int"):
        """For every key there is a moment since then at which the source held what the centre holds."""
        before = [content for at, content in self.history if at <= since_ms][-1:]
        seen = before + [content for at, content in self.history if at > since_ms]
        for key in KEYS:
            if not any(content.get(key) == db.rows.get(key) for content in seen):
                raise Violation(f"a stamp claims {key}={db.rows.get(key)} since {since_ms}")

    def agent(self, i: "int"):
        return self.agents[i % len(self.agents)]

    # -- source and capture
    def x_write(self, i: "int"):
        key, value = KEYS[i % 6], (1, 2, 3, None)[i // 6 % 4]
        self.source.pop(key, None)
        if value is not None:
            self.source[key] = value
        self.tick()

    def x_capture(self, i: "int"):
        self.agent(i).capture(KEYS if i % 4 < 2 else KEYS[i % 6])

    def x_reread(self, i: "int"):
        self.agent(i).capture(sorted(self.agent(i).db.todo)[:2])

    # -- the wire
    def x_connect(self, i: "int"):
        agent = self.agent(i)
        if agent.connection is None:
            agent.connection = Connection(agent.number)
            self.connections = [*self.connections[-4:], agent.connection]
            agent.feed(ev.Opened(agent.positions()))

    def x_up(self, i: "int"):
        """The centre takes one frame. Some numbers: it commits and dies before the answer leaves."""
        waiting = [one for one in self.connections if one.up]
        if not waiting:
            return
        connection = waiting[i % len(waiting)]
        frame = connection.up.pop(0)
        if connection.dead:
            return
        self.recorded = [*self.recorded[-5:], frame]
        answers = self.serve(connection, frame)
        if i % 24 == 23:
            self.x_centre_crash(0)
            return
        connection.down += (
            answers
            if isinstance(answers, list)
            else [sync_pb2.ServerFrame(refusal=sync_pb2.Refusal(code=answers.code))]
        )
        connection.dead = connection.dead or isinstance(answers, Refuse)

    def serve(self, connection: "Connection", frame: "Any"):
        """What the servicer does, without gRPC."""
        desk, session, kind = self.desk, connection.session, frame.WhichOneof("frame")
        if (kind == "hello") == (session is not None):
            return Refuse("GOR-1611")
        if kind == "hello":
            welcomed = desk.hello(SCHOOL, frame.hello, self.now_ms)
            if not isinstance(welcomed, Welcomed):
                return welcomed
            for other in self.connections:
                if other is not connection and other.session is not None:
                    other.dead, other.down = True, []
            connection.session = welcomed.session
            return [sync_pb2.ServerFrame(welcome=welcomed.frame)]
        if kind == "envelope":
            header = sync_pb2.Header.FromString(frame.envelope.header)
            prepared = Prepared(
                header, sha256(frame.envelope.SerializeToString()).digest(), json.loads(frame.envelope.ciphertext)[1]
            )
            return desk.envelope(session, prepared, self.now_ms)
        return getattr(desk, kind)(session, getattr(frame, kind), self.now_ms)

    def x_down(self, i: "int"):
        agent = self.agent(i)
        connection = agent.connection
        if connection is None:
            return
        if connection.down:
            agent.feed(ev.Came(connection.down.pop(0)))
        elif connection.dead and not connection.up:
            agent.feed(ev.Closed("GOR-1207"))

    def x_cut(self, i: "int"):
        """What was sent may still arrive; what was coming is lost."""
        agent = self.agent(i)
        if agent.connection is not None:
            agent.connection.down = []
            agent.feed(ev.Closed("GOR-1207"))

    def x_measure(self, i: "int"):
        if self.agent(i).measuring:
            self.agent(i).measure()

    def x_want(self, i: "int"):
        self.agent(i).feed(ev.CompareWanted())

    def x_beat(self, i: "int"):
        """A heartbeat claims freshness: every change up to the last sweep has been captured."""
        agent = self.agent(i)
        if agent.machine.state is State.STREAMING:
            fresh = 0 if agent.db.adopting or agent.db.todo else agent.db.full_ms
            agent.feed(ev.Beat(sync_pb2.Heartbeat(at=agent.at(), fresh_ms=fresh)))

    def x_replay(self, i: "int"):
        """A frame that was seen before comes again, in any place."""
        living = [one for one in self.connections if not one.dead]
        if self.recorded and living:
            living[i % len(living)].up.insert(0, self.recorded[i % len(self.recorded)])

    def x_reorder(self, i: "int"):
        agent = self.agent(i)
        if agent.connection is not None and len(agent.connection.up) > 1:
            agent.connection.up[:2] = reversed(agent.connection.up[:2])

    # -- faults
    def x_agent_crash(self, i: "int"):
        self.agent(i).restart()

    def x_agent_backup(self, i: "int"):
        self.backups["agent"] = copy.deepcopy(self.agent(i).db)

    def x_agent_rollback(self, i: "int"):
        agent = self.agent(i)
        agent.db = copy.deepcopy(self.backups["agent"])
        agent.restart()

    def x_wipe(self, i: "int"):
        agent = self.agent(i)
        agent.db = AgentDb()
        agent.restart()

    def x_clone(self, i: "int"):
        del i
        if len(self.agents) == 1:
            self.agents.append(Agent(self, 1, copy.deepcopy(self.agents[0].db)))

    def x_destroy_clone(self, i: "int"):
        if len(self.agents) == 2:
            self.agents.pop(i % 2)

    def x_centre_crash(self, i: "int"):
        del i
        for one in self.connections:
            one.dead, one.up, one.down = True, [], []

    def x_centre_backup(self, i: "int"):
        del i
        self.backups["centre"] = copy.deepcopy(self.db)

    def x_centre_restore(self, i: "int"):
        self.lost |= self.db.applied
        self.db = copy.deepcopy(self.backups["centre"])
        self.x_centre_crash(i)

    def x_fold(self, i: "int"):
        del i
        head = self.db.state.head
        self.db.ledger = {place: hash_ for place, hash_ in self.db.ledger.items() if place == (head.epoch, head.seq)}

    def x_lease_ends(self, i: "int"):
        del i
        self.now_ms += LEASE_MS + 1

    def x_keep(self, i: "int"):
        living = [one for one in self.connections if one.session and not one.dead]
        if living:
            connection = living[i % len(living)]
            connection.dead = not isinstance(self.desk.keep(connection.session, self.now_ms), Kept)

    # -- larger steps, so that random traces get far
    def x_pump(self, i: "int"):
        del i
        for _ in range(40):
            before = self.counter, sum(len(one.up) + len(one.down) for one in self.connections)
            for number in range(len(self.agents)):
                self.x_up(0)
                self.x_down(number)
                self.x_measure(number)
            if before == (self.counter, sum(len(one.up) + len(one.down) for one in self.connections)) == (before[0], 0):
                break

    def x_sync(self, i: "int"):
        self.x_connect(i)
        self.x_pump(i)
        self.x_capture(i % 2)
        self.x_pump(i)

    # -- no more faults: fair steps must lead to equality, and it must stay
    def settle(self):
        since, calm, epoch = self.now_ms, 0, b""
        for _ in range(15):
            self.holder_answers()
            for number in range(len(self.agents)):
                for step in (
                    self.x_connect,
                    self.x_pump,
                    self.x_capture,
                    self.x_pump,
                    self.x_beat,
                    self.x_want,
                    self.x_pump,
                ):
                    step(number)
            equal = self.db.rows == self.source and self.db.complete_ms >= since
            calm = calm + 1 if equal and epoch == self.db.state.head.epoch else 0
            epoch = self.db.state.head.epoch
            if calm == 3:
                return
        raise Violation(
            f"not settled: centre {self.db.rows}, source {self.source}, {[agent.db for agent in self.agents]}"
        )

    def holder_answers(self):
        """A living holder's lease goes on; a dead one's ends."""
        living = [agent.connection for agent in self.agents if agent.connection in self.connections]
        holder = [
            one
            for one in living
            if one.session and not one.dead and isinstance(self.desk.keep(one.session, self.now_ms), Kept)
        ]
        if not holder:
            self.x_lease_ends(0)


STEPS = sorted(name for name in dir(World) if name.startswith("x_"))
