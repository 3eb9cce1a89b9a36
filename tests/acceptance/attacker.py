"""A school that has gone bad: it holds a real certificate and says what no honest agent says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from agent.state.store import StateStore
from agent.transport.identity import Identity, IdentityFolder
from proto.envelope import seal
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from tests.acceptance.world import School

_STREAM = "/gorod.sync.v1.Sync/Stream"
_SIZE = [("grpc.max_send_message_length", -1)]


@dataclass
class Attacker:
    """The stopped agent's identity and state in a stranger's hands."""

    identity: Identity
    hello: sync_pb2.Hello
    sealing_key: bytes
    outbox: list[bytes]

    @classmethod
    def of(cls, school: School) -> Attacker:
        """Take what lies on the school's disk; its agent must not run."""
        identity = IdentityFolder(school.data / "identity").load()
        store = StateStore(school.data / "state.sqlite")
        try:
            held = store.position()
            hello = sync_pb2.Hello(
                protocol=1,
                lease=held.lease,
                origin=sync_pb2.Origin(identity=store.get("identity", "")),
                profile_hash=store.get("profile_hash", ""),
                last=sync_pb2.Position(epoch=held.epoch, seq=held.last.seq, hash=held.last.hash),
                acked=sync_pb2.Position(epoch=held.epoch, seq=held.acked.seq, hash=held.acked.hash),
                school=school.id,
            )
            envelopes = [one.data for one in store.envelopes_after(held.acked.seq, 100, 1 << 24)]
            return cls(identity, hello, store.get("sealing_key"), envelopes)
        finally:
            store.close()

    def envelope(self, batch: bytes, **header: Any) -> sync_pb2.Envelope:
        """An envelope that continues the chain, but for what is given; sealed and signed as the school's own."""
        last = self.hello.last
        fields: dict[str, Any] = {
            "school": self.identity.facts.school,
            "epoch": last.epoch,
            "seq": last.seq + 1,
            "previous": last.hash,
            "schema": 1,
            "origin": self.hello.origin,
            "profile_hash": self.hello.profile_hash,
        }
        return seal(
            batch, sync_pb2.Header(**(fields | header)), self.sealing_key, self.identity.key, self.identity.serial
        )

    def says(self, *frames: sync_pb2.ClientFrame | bytes, **hello: Any) -> list[sync_pb2.ServerFrame]:
        """Hello, then these frames; what the department answered, up to the first answer to each or the end."""
        return asyncio.run(self._speak(frames, hello))

    async def _speak(self, frames: tuple[Any, ...], hello: dict[str, Any]) -> list[sync_pb2.ServerFrame]:
        greeting = sync_pb2.Hello()
        greeting.CopyFrom(self.hello)
        for name, value in hello.items():
            setattr(greeting, name, value)
        one = self.identity
        credentials = grpc.ssl_channel_credentials(one.ca_pem, one.key_pem, one.certificate_pem)
        answers: list[sync_pb2.ServerFrame] = []
        async with grpc.aio.secure_channel(one.facts.sync_address, credentials, options=_SIZE) as channel:
            method: Any = channel.stream_stream
            stream = method(_STREAM)()
            for frame in (sync_pb2.ClientFrame(hello=greeting), *frames):
                data = frame if isinstance(frame, bytes) else frame.SerializeToString()
                try:
                    await stream.write(data)
                    answer = await asyncio.wait_for(stream.read(), 10)
                except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    break
                if not isinstance(answer, bytes):
                    break
                answers.append(sync_pb2.ServerFrame.FromString(answer))
                if answers[-1].HasField("welcome"):
                    self.hello.lease = answers[-1].welcome.lease
        return answers


def refusals(answers: list[sync_pb2.ServerFrame]) -> list[str]:
    """Codes of the refusals among the answers."""
    return [one.refusal.code for one in answers if one.HasField("refusal")]
