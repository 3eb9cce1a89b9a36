"""What every test run shares; fixtures live by subject in `fix_*.py` beside this file, each a small plugin.

- The seed: one number per run, printed in the header, rules Hypothesis and the fixture `rng`.
  `GOROD_TEST_SEED=n` repeats a run.
- `GOROD_TEST_NO_SKIP=1` (CI) makes a skip a failure, so that nothing goes untested in silence.
- Tests begin in a clean environment: settings of the developer's shell and proxies would change what is tested.
"""

import os
import random
import secrets
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [f"tests.{path.stem}" for path in sorted(Path(__file__).parent.glob("fix_*.py"))]

SEED = "GOROD_TEST_SEED"
NO_SKIP = "GOROD_TEST_NO_SKIP"
PROXIES = {"http_proxy", "https_proxy", "all_proxy", "grpc_proxy"}

# Machines of CI are shared: how long one example takes says nothing about the code.
settings.register_profile("gorod", deadline=None, print_blob=True)
settings.load_profile("gorod")


def _clean_environment() -> None:
    for name in list(os.environ):
        ours = name.startswith("GOROD_") and not name.startswith("GOROD_TEST_")
        if ours or name.startswith("PG") or name.lower() in PROXIES:
            del os.environ[name]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Fix the seed before Hypothesis asks for its own; workers of xdist inherit it."""
    _clean_environment()
    os.environ.setdefault(SEED, str(secrets.randbits(32)))
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = os.environ[SEED]


def pytest_report_header() -> str:
    """Name the seed, so that a failure can be repeated."""
    return f"seed: {SEED}={os.environ[SEED]}"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A generator of its own for each test: the same test and seed give the same numbers, in any order of tests."""
    return random.Random(f"{os.environ[SEED]} {request.node.nodeid}")


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(NO_SKIP) == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, and {NO_SKIP}=1 makes a skip a failure: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test fails where skips are not allowed."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself whole fails too."""
    report = yield
    _refuse_skip(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not tested, and once more how to repeat the run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section(f"{len(skipped)} NOT TESTED", sep="!", red=True, bold=True)
        for reason in sorted({report.longrepr[2] for report in skipped}):
            terminalreporter.write_line(reason)
    terminalreporter.write_line(pytest_report_header())
