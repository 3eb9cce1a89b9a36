"""The contract of sources on PostgreSQL."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.contract import source_care, source_contract, source_life
from tests.contract.source_rows import source  # noqa: F401  a fixture
from tests.contract.vendors import PostgresVendor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.store.embedded import EmbeddedServer

pytestmark = pytest.mark.integration
_NUMBERS = itertools.count(1)


@pytest.fixture
def vendor(postgres: EmbeddedServer) -> Iterator[PostgresVendor]:
    found = PostgresVendor(postgres, f"contract_{next(_NUMBERS)}")
    yield found
    postgres.drop_database(found.name)


class TestPaging(source_contract.Paging): ...


class TestRereading(source_contract.Rereading): ...


class TestWindows(source_contract.Windows): ...


class TestHints(source_life.Hints): ...


class TestVersions(source_life.Versions): ...


class TestOrigins(source_life.Origins): ...


class TestDrifting(source_care.Drifting): ...


class TestWaiting(source_care.Waiting): ...


class TestLocks(source_care.Locks): ...


class TestSurveys(source_care.Surveys): ...


class TestChecking(source_care.Checking): ...
