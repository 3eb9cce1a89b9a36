"""The certificate that enrolment gives opens the other listener, and names the school there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509

from agent.transport.identity import Identity, IdentityFolder, SchoolFacts
from collector.ca.authority import Authority
from collector.ca.listeners import sync_credentials
from collector.ca.servicer import check_tls
from proto.identity import school_from_names, school_of
from tests.fix_ca import SCHOOL

pytestmark = pytest.mark.integration
FACTS = SchoolFacts(SCHOOL, "Europe/Moscow", "42", "", "", b"f" * 32)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "ca")


def identity(folder: Path, authority: Authority, begin: timedelta = timedelta(0)) -> Identity:
    """An identity as enrolment stores it, begun now or at another time."""
    held = IdentityFolder(folder)
    key = held.pending_key().public_key()
    issued = authority.issue_school(SCHOOL, key, datetime.now(UTC) + begin, timedelta(days=90))
    return held.store(issued, authority.certificate, FACTS)


@asynccontextmanager
async def sync_listener(authority: Authority) -> AsyncIterator[str]:
    """A listener with mutual TLS whose one method answers who called."""

    async def who(_request: bytes, context: Any) -> bytes:
        seen = context.auth_context()
        check_tls(seen)
        names = [name.decode() for name in seen["x509_subject_alternative_name"]]
        certified = school_of(x509.load_pem_x509_certificate(seen["x509_pem_cert"][0]))
        assert certified == school_from_names(names)
        return (certified or "").encode()

    server = grpc.aio.server()
    handler = grpc.method_handlers_generic_handler("test", {"Who": grpc.unary_unary_rpc_method_handler(who)})
    server.add_generic_rpc_handlers((handler,))
    shown = authority.server_certificate("sync", ["127.0.0.1"])
    port = server.add_secure_port("127.0.0.1:0", sync_credentials(shown, authority.pem))
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


async def call(address: str, caller: Identity, *, trust: Authority | None = None) -> str:
    credentials = grpc.ssl_channel_credentials(
        (trust.pem if trust else caller.ca_pem), caller.key_pem, caller.certificate_pem
    )
    async with grpc.aio.secure_channel(address, credentials) as channel:
        reply: bytes = await channel.unary_unary("/test/Who")(b"", timeout=10)
        return reply.decode()


async def test_an_enrolled_agent_is_known_by_its_certificate(authority: Authority, tmp_path: Path):
    async with sync_listener(authority) as address:
        assert await call(address, identity(tmp_path / "identity", authority)) == SCHOOL


async def test_a_renewed_identity_is_swapped_in_while_the_old_channel_still_works(authority: Authority, tmp_path: Path):
    old = identity(tmp_path / "identity", authority)
    async with sync_listener(authority) as address:
        fresh = identity(tmp_path / "identity", authority)
        assert await asyncio.gather(call(address, old), call(address, fresh)) == [SCHOOL, SCHOOL]
    assert fresh.serial != old.serial


@pytest.mark.parametrize("begin", [timedelta(days=-91), timedelta(days=2)], ids=["ended", "not yet begun"])
async def test_a_certificate_outside_its_dates_does_not_open_the_stream(
    authority: Authority, tmp_path: Path, begin: timedelta
):
    async with sync_listener(authority) as address:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(address, identity(tmp_path / "identity", authority, begin))
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_another_department_does_not_open_the_stream(authority: Authority, tmp_path: Path):
    other = Authority.create(tmp_path / "other")
    async with sync_listener(authority) as address:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(address, identity(tmp_path / "identity", other), trust=authority)
