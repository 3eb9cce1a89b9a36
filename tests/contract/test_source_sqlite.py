"""The contract of sources on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract import source_care, source_contract, source_life
from tests.contract.source_rows import source  # noqa: F401  a fixture
from tests.contract.vendors import SqliteVendor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def vendor(tmp_path: Path) -> SqliteVendor:
    return SqliteVendor(tmp_path / "Сетевой город.db")


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
