"""Who answers at an address, learnt by a TLS handshake in which nothing of ours is sent.

Used before a one-time code is sent (the pin must match first), and afterwards to put a name to a connection that fails: no answer,
a proxy in the way, an interceptor with its own authority, a server without TLS 1.3.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import socket
import ssl
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from cryptography.x509.oid import NameOID

from proto.certificates import AUTHORITY_ORGANISATION, ca_pin, issued_by, read_der
from proto.enrolment import PIN_BYTES, split_address
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

_TLS: Final = "TLSv1.3"
_DEFAULT_PROXY_PORT: Final = 3128
_ISSUER_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server showed: its certificates, its own first, and the version of TLS. A certificate that nobody can read is left out."""

    address: str
    chain: Sequence[x509.Certificate]
    version: str

    @property
    def issuer(self) -> str:
        """Who issued the server's certificate, for a person to read."""
        return _shown(self.chain[0].issuer) if self.chain else "?"


def choose_proxy(address: str, setting: str = "") -> str | None:
    """The proxy on the way to an address: the one that was set, "none" for none, else what the environment or Windows names."""
    if setting:
        return None if setting == "none" else setting
    host = split_address(address)[0]
    if is_this_machine(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get("https") or proxies.get("http")


def is_this_machine(host: str) -> bool:
    """Whether the name or address is of this machine's own loopback: no proxy leads there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def channel_options(proxy: str | None) -> list[tuple[str, Any]]:
    """Options of a gRPC channel that goes the same way as the probe."""
    return [("grpc.http_proxy", proxy)] if proxy else [("grpc.enable_http_proxy", 0)]


def ask(address: str, proxy: str | None = None, timeout_s: float = 10.0) -> Answer:
    """Shake hands and hang up: GOR-1201 no answer, 1202 the proxy refuses, 1204 no TLS there."""
    host, port = split_address(address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what is shown is judged by the caller, and nothing is sent
    context.set_alpn_protocols(["h2"])
    try:
        with (
            _connect(host, port, proxy, timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return Answer(address, _certificates(secure), secure.version() or "?")
    except ssl.SSLError as error:
        raise Problem("GOR-1204", address=address, cause=error.reason or "TLS") from error
    except OSError as error:
        raise Problem("GOR-1201", address=address, cause=_cause(error)) from error


def pinned_authority(answer: Answer, pin: bytes) -> x509.Certificate:
    """The authority that the pin names and that vouches for the server: GOR-1105 another department, 1203 an interceptor, 1205 old TLS."""
    for candidate in answer.chain[1:]:
        if ca_pin(candidate).startswith(pin[:PIN_BYTES].hex()) and issued_by(answer.chain[0], candidate):
            _check_version(answer)
            return candidate
    code = "GOR-1105" if _of_a_department(answer) else "GOR-1203"
    raise Problem(code, address=answer.address, issuer=answer.issuer)


def check_answer(answer: Answer, ca: x509.Certificate) -> None:
    """GOR-1203 unless our department's authority vouches for the server, 1205 unless it speaks TLS 1.3."""
    if not answer.chain or not issued_by(answer.chain[0], ca):
        raise Problem("GOR-1203", address=answer.address, issuer=answer.issuer)
    _check_version(answer)


def diagnose(address: str, ca: x509.Certificate, proxy: str | None = None, timeout_s: float = 10.0) -> Problem:
    """Why a connection failed: the problem that a fresh look finds, GOR-1207 (it broke) when everything looks well now."""
    try:
        check_answer(ask(address, proxy, timeout_s), ca)
    except Problem as problem:
        return problem
    return Problem("GOR-1207", cause=address)


def _connect(host: str, port: int, proxy: str | None, timeout_s: float) -> socket.socket:
    """A plain connection, straight or through a proxy's CONNECT."""
    if proxy is None:
        return socket.create_connection((host, port), timeout_s)
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    way = http.client.HTTPConnection(parts.hostname or "", parts.port or _DEFAULT_PROXY_PORT, timeout=timeout_s)
    way.set_tunnel(host, port, _proxy_login(parts.username, parts.password))
    try:
        way.connect()
    except (OSError, http.client.HTTPException) as error:
        way.close()
        raise _proxy_problem(f"{way.host}:{way.port}", f"{host}:{port}", error) from error
    return way.sock


def _proxy_login(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    login = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + base64.b64encode(login).decode()}


def _proxy_problem(proxy: str, address: str, error: Exception) -> Problem:
    return Problem("GOR-1202", proxy=proxy, address=address, cause=str(error) or type(error).__name__)


def _certificates(secure: ssl.SSLSocket) -> list[x509.Certificate]:
    """The chain as the server sent it. Python has this publicly from 3.13 on; before, pip's trust store reads it the same way."""
    if hasattr(secure, "get_unverified_chain"):
        shown = list(secure.get_unverified_chain())
    else:
        inner: Any = secure._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  see the docstring
        shown = [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner.get_unverified_chain()]
    return [certificate for der in shown if (certificate := read_der(der)) is not None]


def _check_version(answer: Answer) -> None:
    if answer.version != _TLS:
        raise Problem("GOR-1205", version=answer.version)


def _of_a_department(answer: Answer) -> bool:
    """Whether the issuer calls itself an authority of ours: good enough to choose between two sentences, for nothing else."""
    names = answer.chain[0].issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) if answer.chain else []
    return any(name.value == AUTHORITY_ORGANISATION for name in names)


def _shown(name: x509.Name) -> str:
    """The telling parts of a name. It comes from a stranger: control characters are dropped and it is cut."""
    oids = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    values = [str(attribute.value) for oid in oids for attribute in name.get_attributes_for_oid(oid)]
    return "".join(char for char in ", ".join(values) if char.isprintable())[:_ISSUER_CHARS] or "?"


def _cause(error: OSError) -> str:
    """The system's word for it, without addresses and numbers of its own."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, socket.gaierror):
        return "DNS"
    return error.strerror or type(error).__name__
