"""Size and manners of code: drawers that never close are noticed while they are small."""

import ast
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, files, functions, is_generated, modules, name, tree

MAX_FILE, MAX_FUNCTION, MAX_BROAD_EXCEPTS, DOCUMENTED = 400, 60, 5, 0.8
CODE = [path for path in files() if path.suffix == ".py" and not is_generated(path)]


def length(path: Path) -> int:
    """Physical lines, as the reader scrolls them."""
    return len(path.read_text("utf-8").splitlines())


def test_no_file_is_longer_than_four_hundred_lines():
    assert [(name(path), length(path)) for path in CODE if length(path) > MAX_FILE] == []


def test_no_function_is_longer_than_sixty_lines():
    sizes = {
        f"{name(path)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in CODE
        for node in functions(path)
    }
    assert {where: lines for where, lines in sizes.items() if lines > MAX_FUNCTION} == {}


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Catches everything, also our own mistakes."""
    return handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}


def gives_reason(path: Path, handler: ast.ExceptHandler) -> bool:
    """A comment in the line of the except or in the next one."""
    lines = path.read_text("utf-8").splitlines()
    return "#" in "".join(lines[handler.lineno - 1 : handler.lineno + 1])


def test_broad_excepts_are_few_and_each_gives_its_reason():
    broad = [
        (path, node)
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert [f"{name(path)}:{node.lineno}" for path, node in broad if not gives_reason(path, node)] == []
    assert len(broad) <= MAX_BROAD_EXCEPTS, [f"{name(path)}:{node.lineno}" for path, node in broad]


def public(path: Path) -> list[ast.AST]:
    """Classes and functions, methods too, that others may call."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [node for node in ast.walk(tree(path)) if isinstance(node, kinds) and not node.name.startswith("_")]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_have_docstrings(package: str):
    nodes = [node for path in modules(package) for node in public(path)]
    documented = [node for node in nodes if ast.get_docstring(node)]
    assert len(documented) >= DOCUMENTED * len(nodes), f"{len(documented)} of {len(nodes)}"


def test_every_module_of_ours_says_what_it_is_for():
    silent = [name(path) for path in modules() if tree(path).body and not ast.get_docstring(tree(path))]
    assert silent == []


def test_nothing_is_left_to_be_done_later():
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")
    left = [
        f"{name(path)}:{number}"
        for path in CODE
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert left == []
