"""``gorod demo`` unattended, as its contract says: real programs, one JSON object at the end, and a file for those who script on."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
RESULT = {"schools", "equal", "rows_source", "rows_centre", "entities", "seconds", "rows_per_second", "portal", "data"}
ROLES = {
    *("pupil", "parent", "teacher", "class_teacher", "deputy", "secretary", "head", "sysadmin"),
    *("operator", "analyst", "security", "admin"),
}


def demo(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A small unattended city; a console without UTF-8, as services and old terminals have."""
    command = [Path(sys.executable).with_name("gorod"), "demo", "--schools", "1", "--scale", "0.004", "--data", data]
    return subprocess.run(
        [*command, "--exit-when-synced", *words],
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "ascii", "GOROD_LANG": "ru", "HOME": str(data.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def test_an_unattended_city_ends_equal_and_says_so_in_one_object(tmp_path: Path):
    done = demo(tmp_path / "город", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == RESULT
    assert (told["schools"], told["equal"]) == (1, True)
    assert told["rows_source"] == told["rows_centre"] == sum(one["source"] for one in told["entities"].values())

    file = tmp_path / "город/demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    known = json.loads(file.read_text("utf-8"))
    assert set(known) == {"portal", "database_url", "collector", "accounts", "schools"}
    assert set(known["collector"]) == {"config", "data"}
    assert {account["role"] for account in known["accounts"]} == ROLES
    assert set(known["accounts"][0]) == {"role", "school", "login", "password", "totp"}
    assert set(known["schools"][0]) == {"id", "source_url", "source_write_url", "agent_data", "config"}

    other = demo(tmp_path / "город", "--scale", "0.2")
    assert (other.returncode, other.stderr[:8]) == (1, "GOR-1008")
    assert other.stderr.isascii()
