"""The suites are no test modules, so pytest is told to explain their assertions too."""

import pytest

pytest.register_assert_rewrite(*(f"tests.contract.source_{part}" for part in ("rows", "contract", "life", "care")))
