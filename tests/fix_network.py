"""Strangers on the way: an interceptor with certificates of its own, a relay, an HTTP proxy. Made without the product."""

import asyncio
import base64
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)


@dataclass
class Stranger:
    """A server that shows a certificate of its own and writes down what it is told."""

    port: int = 0
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                self.heard += data
        writer.close()
        self._left.set()

    async def visited(self) -> None:
        """Wait until somebody has been here and has left."""
        await asyncio.wait_for(self._left.wait(), 10)


@asynccontextmanager
async def stranger(folder: Path, extra: bytes = b"", newest: ssl.TLSVersion | None = None) -> AsyncIterator[Stranger]:
    """An interceptor whose certificates come from "ООО Прозрачность"; ``extra`` is appended to its chain."""
    context = server_context(folder, *made_by("ООО Прозрачность"), extra)
    if newest:
        context.maximum_version = newest
    found = Stranger()
    async with await asyncio.start_server(found.listen, "127.0.0.1", 0, ssl=context) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


def made_by(organisation: str) -> tuple[bytes, bytes]:
    """Key and chain (PEM) of a server for 127.0.0.1, from an authority of this name; made without the product."""
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)])
    authority = certificate(issuer, issuer, root.public_key(), root, x509.BasicConstraints(ca=True, path_length=None))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = certificate(x509.Name([]), issuer, leaf.public_key(), root, names)
    key = leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key, server.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)


def certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(extension, critical=True)
        .sign(signer, hashes.SHA256())
    )


def server_context(folder: Path, key: bytes, chain: bytes, extra: bytes = b"") -> ssl.SSLContext:
    folder.mkdir(exist_ok=True)
    (folder / "both.pem").write_bytes(key + chain + extra)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    context.set_alpn_protocols(["h2"])
    return context


@asynccontextmanager
async def relay(targets: list[str]) -> AsyncIterator[str]:
    """Passes the first connection to the first target and every later one to the last."""
    left = list(targets)

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = left.pop(0) if len(left) > 1 else left[0]
        await join(reader, writer, target)

    async with await asyncio.start_server(passed, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def proxy(login: str) -> AsyncIterator[tuple[str, list[str]]]:
    """An HTTP proxy that knows one login; its URL, and the first lines of requests that it let pass."""
    seen: list[str] = []
    wanted = base64.b64encode(unquote(login).encode())

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"Basic " + wanted not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        seen.append(head.split(b"\r\n")[0].decode().replace("HTTP/1.0", "HTTP/1.1"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await join(reader, writer, head.split()[1].decode())

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"http://{login}@127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> None:
    """Copies both ways until either side ends."""
    host, _, port = target.rpartition(":")
    there, back = await asyncio.open_connection(host, int(port))

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        sink.close()

    await asyncio.gather(copy(reader, back), copy(there, writer))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
