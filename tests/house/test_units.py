"""The systemd units: they start what exists, as nobody special, and may do nothing that they do not need."""

import shlex
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest

from tests.house.tree import ROOT

FOLDER = ROOT / "install/linux"
UNITS = sorted(FOLDER.glob("*.service"))
units = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)

SANDBOX = {
    "User": "gorod",
    "UMask": "0077",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "SystemCallArchitectures": "native",
    **dict.fromkeys(
        (
            *(
                "NoNewPrivileges",
                "PrivateTmp",
                "PrivateDevices",
                "ProtectClock",
                "ProtectHostname",
                "ProtectControlGroups",
            ),
            *("ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "LockPersonality"),
            *("MemoryDenyWriteExecute", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
        ),
        "true",
    ),
}


def read(unit: Path) -> dict[str, list[str]]:
    """Values of every key in order; a key may stand several times, sections share no key that we use."""
    values: dict[str, list[str]] = defaultdict(list)
    for line in unit.read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            values[key].append(value)
    return values


def test_each_program_has_its_unit():
    assert [unit.name for unit in UNITS] == ["gorod-agent.service", "gorod-collector.service", "gorod-portal.service"]


@units
def test_a_unit_is_locked_into_its_sandbox(unit: Path):
    values = read(unit)
    assert {key: values[key] for key in SANDBOX} == {key: [value] for key, value in SANDBOX.items()}


@units
def test_a_unit_starts_again_for_ever(unit: Path):
    values = read(unit)
    assert (values["Restart"], values["StartLimitIntervalSec"]) == (["always"], ["0"])


@units
def test_stopping_a_unit_leaves_the_shared_memory_of_others(unit: Path):
    assert "RemoveIPC" not in read(unit)


@units
def test_no_unit_holds_a_secret_in_its_command(unit: Path):
    commands = [word for key in ("ExecStart", "ExecStartPre", "Environment") for word in read(unit)[key]]
    assert not any("password" in command.lower() or "://" in command for command in commands)


@units
def test_a_unit_starts_a_command_that_exists(unit: Path, capsys: pytest.CaptureFixture[str]):
    points = {point.name: point for point in metadata.entry_points(group="console_scripts")}
    for line in read(unit)["ExecStartPre"] + read(unit)["ExecStart"]:
        program, *arguments = shlex.split(line)
        assert Path(program).parent.as_posix() == "/opt/gorod/bin"
        with pytest.raises(SystemExit) as stopped:
            points[Path(program).name].load()([*arguments, "--help"])
        assert stopped.value.code == 0
        assert arguments[0] in capsys.readouterr().out


def test_the_portal_sees_only_its_settings_and_two_key_folders():
    values = read(FOLDER / "gorod-portal.service")
    assert values["TemporaryFileSystem"] == ["/var/lib/gorod:ro"]
    seen = {Path(path).name for line in values["BindReadOnlyPaths"] for path in line.split()}
    assert seen == {"portal.toml", "data", "master"}


def test_the_collector_stops_its_own_database():
    assert read(FOLDER / "gorod-collector.service")["KillMode"] == ["mixed"]
