"""What import contracts cannot see: clocks in pure code, and what a small school server would have to load."""

import ast
import subprocess
import sys

import pytest

from tests.house.tree import PACKAGES, PURE, ROOT, modules, name, tree

CLOCKS = {"now", "utcnow", "today", "monotonic", "perf_counter", "sleep"}
HEAVY = {"sqlalchemy.orm", "fastapi", "psycopg", "pg8000", "mssql_python", "alembic", "jinja2", "collector", "portal"}


def test_pure_code_is_told_the_time_and_never_asks_for_it():
    asked = [
        f"{name(path)}:{node.lineno} {node.func.attr}()"
        for path in modules(*PURE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert asked == []


def loaded_by(module: str) -> set[str]:
    """Names of all modules in a fresh interpreter that imported this one."""
    script = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_agent_starts_without_an_orm_a_driver_or_the_centre():
    assert loaded_by("agent.cli") & HEAVY == set()


def test_the_portal_starts_without_the_agent_or_the_authority():
    assert loaded_by("portal.cli") & {"agent", "collector.ca", "collector.ingest", "sqlalchemy.orm"} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_says_nothing_and_loads_no_wire(package: str):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import {package}, sys; assert 'grpc' not in sys.modules"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert done.stdout + done.stderr == b""
