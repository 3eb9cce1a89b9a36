"""The nginx example behind one public port, with a real nginx: names lead to the right listener, and nobody in between opens anything."""

import asyncio
import contextlib
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.transport.enrol import enrol
from agent.transport.identity import IdentityFolder
from proto.enrolment import OneTimeCode, format_code, parse_code
from tests.fix_ca import AGENT, open_department
from tests.fix_network import free_port, made_by, server_context
from tests.house.tree import ROOT

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
EXAMPLE = ROOT / "install/config/nginx-sni.conf"
pytestmark = [
    pytest.mark.integration,
    pytest.mark.full,
    pytest.mark.skipif(not NGINX or not MODULE.exists(), reason="apt-get install nginx-light libnginx-mod-stream"),
]


@contextmanager
def nginx(folder: Path, **instead: str) -> Iterator[int]:
    """The example on a free port; ``instead`` gives its listeners' addresses and the name that leads to enrolment."""
    port = free_port()
    text = re.sub(r"listen 443;", f"listen 127.0.0.1:{port};", EXAMPLE.read_text("utf-8"))
    text = text.replace("    listen [::]:443;\n", "")
    for old, new in instead.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "sni.conf").write_text(text, "utf-8")
    main = f"load_module {MODULE};\ndaemon off;\npid {folder}/pid;\nerror_log {folder}/log;\nevents {{}}\nstream {{ include {folder}/sni.conf; }}\n"
    (folder / "nginx.conf").write_text(main, "utf-8")
    process = subprocess.Popen([str(NGINX), "-p", folder, "-e", folder / "log", "-c", folder / "nginx.conf"])
    try:
        while not (folder / "pid").exists() and process.poll() is None:
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextlib.asynccontextmanager
async def named(folder: Path, name: str) -> AsyncIterator[str]:
    """A TLS server whose certificate's issuer carries this name; its address."""

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    context = server_context(folder / name, *made_by(name))
    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def answering(port: int, name: str | None) -> bytes:
    """The certificate that a caller of this name sees."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name or "")
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return certificate


async def test_each_name_leads_to_its_listener(tmp_path: Path):
    async with (
        named(tmp_path, "stream") as stream,
        named(tmp_path, "enrolment") as enrolment,
        named(tmp_path, "portal") as portal,
    ):
        addresses = {"127.0.0.1:7443": stream, "127.0.0.1:7444": enrolment, "127.0.0.1:8443": portal}
        with nginx(tmp_path, **addresses) as port:
            assert b"stream" in await answering(port, "sync.example.org")
            assert b"enrolment" in await answering(port, "enrol.example.org")
            assert b"portal" in await answering(port, "journal.example.org")
            assert b"portal" in await answering(port, None)


async def test_a_school_enrols_through_it_with_its_own_code(tmp_path: Path):
    async with open_department(tmp_path / "ca") as department:
        with nginx(tmp_path, **{"127.0.0.1:7444": department.address, "enrol.example.org": "localhost"}) as port:
            given = parse_code(department.code())
            code = format_code(OneTimeCode(f"localhost:{port}", given.pin, given.secret))
            enrolled = await enrol(IdentityFolder(tmp_path / "identity"), code, AGENT, department.clock)
    assert enrolled.identity.facts.organisation == "ORG-42"
