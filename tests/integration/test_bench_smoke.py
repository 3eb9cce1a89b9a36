"""The benchmark programs run to their end and print the promised keys; their figures at this size mean nothing."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.house.tree import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.full, pytest.mark.timeout(300)]
KEYS = {
    "load": {"rows", "seconds", "floor_seconds", "ratio", "agent_peak_mb", "bytes_per_row", "stages"},
    "stream": {"p50_ms", "p95_ms", "p99_ms", "cpu_s_per_1000", "native_p50_ms", "native_cpu_s_per_1000"},
    "catchup": {"changes_per_s"},
    "sweep": {"rows_per_s"},
    "idle": {"agent_rss_mb", "agent_pss_mb", "cpu_percent", "start_s"},
}
STAGES = {"read", "fingerprint", "seal", "store", "send", "apply"}


def run(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench", name, "--json", "--rows", "8000", "--seconds", "2"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("GOROD_")}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("name", KEYS)
def test_a_benchmark_prints_one_object_with_the_promised_keys(name: str) -> None:
    told = run(name)
    assert KEYS[name] <= told.keys()
    assert told.get("equal", True) is True


def test_a_load_tells_the_share_of_time_of_every_stage() -> None:
    stages = run("load")["stages"]
    assert stages.keys() >= STAGES
    assert sum(stages.values()) == pytest.approx(1, abs=0.01)
