"""The transport security of the two listeners, and the enrolment listener itself.

gRPC has no optional client certificate, hence two: ``sync`` wants one of ours, ``enrol`` wants none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from proto.sync.v1 import enrol_pb2_grpc

if TYPE_CHECKING:
    from collector.ca.authority import ServerCertificate
    from collector.ca.servicer import EnrolmentServicer

MAX_REQUEST_BYTES: Final = 64 << 10
"""A request to enrol takes 1 KiB; gRPC refuses more before it is read into memory."""

MAX_CALLS: Final = 64
"""Calls in work at once on the enrolment listener; more are told to come again: a city does not enrol in the same second."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A started server and the address that it got: port 0 is allowed in what was asked."""

    server: Any
    address: str
    port: int


def enrol_credentials(certificate: ServerCertificate) -> Any:
    """Server-authenticated TLS."""
    return grpc.ssl_server_credentials([(certificate.key_pem, certificate.chain_pem)])


def sync_credentials(certificate: ServerCertificate, authority_pem: bytes) -> Any:
    """Mutual TLS: a client certificate of ours is required."""
    pairs = [(certificate.key_pem, certificate.chain_pem)]
    return grpc.ssl_server_credentials(pairs, authority_pem, require_client_auth=True)


async def listen_enrolment(servicer: EnrolmentServicer, certificate: ServerCertificate, listen: str) -> Listener:
    """Start the enrolment listener on ``host:port``; OSError or RuntimeError when the port is taken."""
    server = grpc.aio.server(
        maximum_concurrent_rpcs=MAX_CALLS,
        options=[("grpc.max_receive_message_length", MAX_REQUEST_BYTES), ("grpc.so_reuseport", 0)],
    )
    enrol_pb2_grpc.add_EnrolmentServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]  # generated code
    port = server.add_secure_port(listen, enrol_credentials(certificate))
    await server.start()
    return Listener(server, listen.rpartition(":")[0] + f":{port}", port)
