"""The centre on PostgreSQL servers of the distribution, down to 15, made by hand as the guide says: its owner is no superuser.

`GOROD_TEST_POSTGRES_BIN=/usr/lib/postgresql/15/bin make test` runs everything else on such a server too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.engine import make_url

from collector.store.embedded import EmbeddedServer, EmbeddedSettings
from collector.store.engine import OLDEST_SERVER
from tests.fix_postgres import BINARIES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
INSTALLED = {path.parent.name: path for path in Path("/usr/lib/postgresql").glob("*/bin")}
SERVERS = sorted(name for name in INSTALLED if name.isdecimal() and int(name) >= OLDEST_SERVER // 10_000)
STORE = ("test_store_*.py", "test_apply_*.py", "test_jobs_rounds.py", "test_stream_postgres.py", "test_portal_store.py")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.full,
    pytest.mark.timeout(1900),
    pytest.mark.skipif(
        not SERVERS, reason="no PostgreSQL of the distribution is installed (apt-get install postgresql)"
    ),
    pytest.mark.parametrize("version", SERVERS),
]


@pytest.fixture
def server(version: str, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of the distribution, as an unprivileged user, with a cluster of-the-test's own."""
    settings = EmbeddedSettings(durable=False, binaries=INSTALLED[version])
    started = EmbeddedServer(tmp_path / "server", settings)
    started.start()
    yield started
    started.remove()


@pytest.fixture
def owner_url(server: EmbeddedServer) -> str:
    """The department's database as a database administrator makes it."""
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE gorod_owner LOGIN CREATEROLE PASSWORD 'of-the-test'")
        connection.execute("CREATE DATABASE department OWNER gorod_owner")
    url = make_url(server.url_of("department")).set(username="gorod_owner", password="of-the-test")
    return url.render_as_string(hide_password=False)


def test_a_city_ends_equal(owner_url: str, version: str, tmp_path: Path) -> None:
    words = ["--schools", "1", "--scale", "0.02", "--exit-when-synced", "--json", "--data", str(tmp_path / "demo")]
    done = subprocess.run(
        [Path(sys.executable).with_name("gorod"), "demo", *words],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "GOROD_COLLECTOR_DATABASE_URL": owner_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    with psycopg.connect(owner_url) as owner:
        assert owner.info.server_version // 10_000 == int(version)
        row = owner.execute("SELECT count(*) FROM gorod.mark").fetchone()
    assert row == (told["entities"]["mark"]["source"],)
    assert row[0] > 500


def test_the_store_keeps_its_laws(version: str) -> None:
    """The tests of the store themselves, run on that server."""
    files = [str(path) for pattern in STORE for path in (ROOT / "tests/integration").glob(pattern)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-m", "not full", *files],
        cwd=ROOT,
        env={**os.environ, BINARIES: str(INSTALLED[version])},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
