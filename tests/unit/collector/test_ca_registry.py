"""The registry in memory keeps to the contract: what unit tests show with it holds for the real one."""

import pytest

from tests.contract.registry_suite import RegistrySuite
from tests.fix_ca import MemoryRegistry


class TestMemoryRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self) -> MemoryRegistry:
        return MemoryRegistry()
