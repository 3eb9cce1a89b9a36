"""Whoever listens hears which schools' health changed: each once a beat, and again after the database was away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import psycopg
import pytest

from collector.ingest.notify import CHANNEL, HealthNotifier
from proto.problems import Problem
from tests.fix_uplink import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from collector.store.engine import Database
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration


@pytest.fixture
async def listener(store: Store) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection that hears the channel, as a portal's does."""
    connection = await psycopg.AsyncConnection.connect(store.roles.portal, autocommit=True)
    async with connection:
        await connection.execute(f"LISTEN {CHANNEL}".encode())
        yield connection


@contextlib.asynccontextmanager
async def running(notifier: HealthNotifier) -> AsyncIterator[None]:
    task = asyncio.create_task(notifier.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def heard(listener: psycopg.AsyncConnection, count: int, quiet_s: float = 0.4) -> list[str]:
    """Payloads up to this number, and whatever still comes in a short while."""
    found = [note.payload async for note in listener.notifies(timeout=10, stop_after=count)]
    return found + [note.payload async for note in listener.notifies(timeout=quiet_s)]


async def test_a_school_that_changed_often_is_told_once_a_beat(
    listener: psycopg.AsyncConnection, ingest: Database
) -> None:
    notifier = HealthNotifier(ingest.plain, 0.05)
    for school in ("23-002", "23-001", "23-002", "23-002"):
        notifier.mark(school)
    async with running(notifier):
        assert await heard(listener, 2) == ["23-001", "23-002"]


async def test_marks_made_while_telling_are_told_in_the_next_beat(
    listener: psycopg.AsyncConnection, ingest: Database
) -> None:
    notifier = HealthNotifier(ingest.plain, 0.05)
    async with running(notifier):
        for round_ in range(5):
            notifier.mark(f"23-{round_:03}")
            await asyncio.sleep(0.02)
        told = await heard(listener, 5)
    assert sorted(told) == [f"23-{round_:03}" for round_ in range(5)]


async def test_a_database_that_is_away_costs_its_beat_and_nothing_else(
    listener: psycopg.AsyncConnection, ingest: Database, caplog: pytest.LogCaptureFixture
) -> None:
    away = [True, False]

    @contextlib.contextmanager
    def connect() -> Iterator[psycopg.Connection]:
        if away.pop(0):
            raise Problem("GOR-1801", cause="away")
        with ingest.plain() as connection:
            yield connection

    notifier = HealthNotifier(connect, 0.01)
    with caplog.at_level(logging.WARNING):
        async with running(notifier):
            notifier.mark("23-001")
            await until(lambda: len(away) == 1)
            notifier.mark("23-002")
            assert await heard(listener, 1) == ["23-002"]
    assert [record.getMessage() for record in caplog.records] == ["health of 1 schools was not told: GOR-1801"]


async def test_nothing_is_told_when_nothing_changed(listener: psycopg.AsyncConnection, ingest: Database) -> None:
    async with running(HealthNotifier(ingest.plain, 0.01)):
        assert [note.payload async for note in listener.notifies(timeout=0.3)] == []
