"""Migrations, tables, triggers and policies are one truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from collector.store import migrate
from collector.store.engine import Database, sqlalchemy_engine
from collector.store.roles import ROLES
from collector.store.tables import ENTITY_TABLES, HISTORY_TABLES, METADATA
from proto.entities import ENTITIES
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(store_copy: Store) -> Iterator[Connection]:
    engine = sqlalchemy_engine(store_copy.url)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def test_migrations_give_exactly_the_tables_of_the_code(connection: Connection):
    assert migrate.differences(connection) == []


def test_every_canonical_entity_has_a_table_named_as_it_is(connection: Connection):
    rows = connection.exec_driver_sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'gorod'")
    assert {entity.name for entity in ENTITIES} <= {row[0] for row in rows}


def test_migrating_twice_changes_nothing(store_copy: Store):
    assert migrate.migrate(store_copy.url) == migrate.newest()


def test_a_database_before_the_first_migration_is_told_to_be_old(connection: Connection):
    connection.exec_driver_sql("DELETE FROM gorod.alembic_version")
    with pytest.raises(Problem) as raised:
        migrate.check_schema(connection)
    assert raised.value.code == "GOR-1806"


def test_a_schema_of_a_newer_program_is_left_alone(store_copy: Store):
    with store_copy.owner() as owner:
        owner.execute("UPDATE gorod.alembic_version SET version_num = '9999'")
    with pytest.raises(Problem) as raised:
        migrate.migrate(store_copy.url)
    assert raised.value.code == "GOR-1810"


def test_a_migrated_database_passes_the_check(connection: Connection):
    migrate.check_schema(connection)


def test_every_key_of_school_data_begins_with_the_school():
    outside = {
        "event",
        "code",
        "certificate",
        "profile",
        "account",
        "account_scope",
        "session",
        "sign_in",
        "sign_in_backoff",
        "activation",
        "recovery_code",
        "account_subject",
        "audit",
        "feed",
        "announcement_read",
    }
    for table in METADATA.tables.values():
        if table.name not in outside:
            assert next(iter(table.primary_key.columns)).name == "school_id", table.name


def test_histories_exist_for_the_entities_that_ask_for_one():
    assert set(HISTORY_TABLES) == {entity.name for entity in ENTITIES if entity.history}
    for name, history in HISTORY_TABLES.items():
        assert {column.name for column in ENTITY_TABLES[name].columns} < {column.name for column in history.columns}


def test_every_history_table_is_fed_by_both_triggers(store_copy: Store):
    with store_copy.owner() as owner:
        rows = owner.execute(
            "SELECT relname, tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
            "WHERE NOT tgisinternal AND relname <> 'audit'"
        ).fetchall()
    assert set(rows) == {(name, f"keep_{how}") for name in HISTORY_TABLES for how in ("updated", "deleted")}


def test_no_login_role_owns_anything_or_escapes_the_policies(store_copy: Store):
    with store_copy.owner() as owner:
        flags = owner.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = ANY (%s)",
            (list(ROLES),),
        ).fetchall()
        owned = owner.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname LIKE 'gorod\\_%'"
        ).fetchone()
    assert flags == [(False, False, False, False)] * 3
    assert owned == (0,)


def test_a_login_role_may_not_migrate(store_copy: Store):
    with pytest.raises(Problem) as raised:
        migrate.migrate(store_copy.roles.ingest)
    assert raised.value.code == "GOR-1809"


def test_passwords_of_roles_reach_the_server_as_scram_hashes_only(store_copy: Store):
    with store_copy.owner() as owner:
        hashes = owner.execute("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'gorod\\_%'").fetchall()
    assert all(stored.startswith("SCRAM-SHA-256$") for (stored,) in hashes)


def test_a_wrong_password_is_a_problem_of_the_login(store_copy: Store):
    with psycopg.connect(store_copy.url) as probe:
        port = probe.info.port
    with pytest.raises(Problem) as raised:
        Database(f"postgresql://gorod_ingest:wrong@127.0.0.1:{port}/postgres").open()
    assert (raised.value.code, raised.value.details["user"]) == ("GOR-1802", "gorod_ingest")
