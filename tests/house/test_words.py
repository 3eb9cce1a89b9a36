"""Words that do not belong into a repository: one machine's folders, registries' addresses."""

import re

import pytest

from tests.house.tree import ROOT, files, name

# Home folders and scratch places of a person or a machine; /etc, /var, /usr, /opt/gorod are promises to operators.
MACHINE = re.compile(r"(?<![\w.*}>~-])/(?:root|work|home/\w+|Users/\w+|mnt|tmp|opt/(?!gorod\b))(?:/\w[\w./-]*|\b)")
REGISTRY = re.compile(
    r"pypi\.(?:org|python)|pythonhosted|npmjs\.|deb\.debian|proxy\.golang|--(?:extra-)?index-url|--find-links",
    re.IGNORECASE,
)
# This file, and the test that keeps the same words out of the lock.
SPEAKS_OF_THEM = {"tests/house/test_words.py", "tests/house/test_lock.py"}


def occurrences(pattern: re.Pattern[str]) -> list[str]:
    """Every place of a pattern in files of text."""
    return [
        f"{name(path)}:{number}: {found.group()}"
        for path in files()
        if name(path) not in SPEAKS_OF_THEM
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_no_file_names_a_folder_of_one_machine():
    assert occurrences(MACHINE) == []


def test_no_file_names_a_package_registry():
    assert occurrences(REGISTRY) == []


@pytest.mark.parametrize("line", ["'/home/anna/x'", "/tmp/x", "=/root/.cache", "/opt/wheels/a.whl"])  # noqa: S108  read, never opened
def test_a_folder_of_one_machine_is_recognised(line: str):
    assert MACHINE.search(line)


@pytest.mark.parametrize(
    "line", ["/opt/gorod/bin", "/var/log/tmp/x", "/var/lib/gorod", "{base}/root/x", "/homework", "~/job/x"]
)
def test_a_promised_folder_is_not_mistaken_for_one(line: str):
    assert not MACHINE.search(line)


def test_only_agreed_names_stand_at_the_root():
    agreed = {
        *("agent", "collector", "portal", "proto", "install", "tests", ".ci"),
        *("pyproject.toml", "requirements.lock", "Makefile", ".gitignore", ".pre-commit-config.yaml", "LICENSE"),
        *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "DECISIONS.md", "SECURITY.md"),
    }
    assert {name(path).split("/")[0] for path in files()} <= agreed
    assert {entry for entry in agreed if not (ROOT / entry).exists()} == set()
