"""requirements.lock: complete, hashed, of no particular machine, and nothing in it that nobody needs."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENTRY = re.compile(
    r"^(?P<requirement>[A-Za-z0-9].*?) \\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def pinned() -> dict[str, Requirement]:
    """Locked requirements by name, with their markers."""
    found = [Requirement(entry["requirement"]) for entry in ENTRY.finditer(LOCK)]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def wanted(extra: str) -> list[Requirement]:
    """Direct requirements of an extra, extras within it unfolded."""
    listed = map(Requirement, PROJECT["dependencies"] if not extra else PROJECT["optional-dependencies"][extra])
    return [
        requirement
        for one in listed
        for requirement in (
            [one] if one.name != "gorod" else [deep for inner in sorted(one.extras) for deep in wanted(inner)]
        )
    ]


# In one order, so that every worker of a run numbers the cases alike.
DIRECT = sorted({*wanted(""), *wanted("dev"), Requirement("setuptools>=77")}, key=str)


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether a package with these extras chosen needs this on this machine."""
    return not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in extras or {""})


def reachable() -> set[str]:
    """Names that the dev extra needs on this machine, by the installed packages' own metadata."""
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [one for one in (*wanted(""), *wanted("dev")) if applies(one, set())]
    while queue:
        one = queue.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key not in seen:
            seen.add(key)
            deeper = map(Requirement, metadata.requires(one.name) or [])
            queue += [need for need in deeper if applies(need, one.extras)]
    return {name for name, _ in seen}


def test_every_line_is_a_pinned_requirement_with_hashes_or_a_comment():
    rest = [line for line in ENTRY.sub("", LOCK).splitlines() if not line.lstrip().startswith("#")]
    assert rest == []
    assert all(str(one.specifier).startswith("==") for one in pinned().values())


def test_the_lock_names_no_index_no_host_and_no_folder():
    assert re.findall(r".*(?:://|index-url|find-links|trusted-host|@ ).*", LOCK) == []


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_what_pyproject_asks_for_is_locked_at_a_version_that_fits(requirement: Requirement):
    locked = pinned()[canonicalize_name(requirement.name)]
    version = str(locked.specifier).removeprefix("==")
    assert requirement.specifier.contains(version), "make the lock anew, see CONTRIBUTING.md"


def test_the_lock_holds_what_is_needed_here_and_nothing_else():
    here = {name for name, one in pinned().items() if applies(one, set())}
    assert here == reachable() | {"setuptools"}, "make the lock anew, see CONTRIBUTING.md"
