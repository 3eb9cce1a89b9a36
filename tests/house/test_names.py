"""Names of tests are the specification: sentences, each said once in its file; skips give their reason."""

import ast
from pathlib import Path

from tests.house.tree import files, functions, name, tree

TESTS = [path for path in files() if name(path).startswith("tests/") and path.name.startswith("test_")]
# With how few words a sentence can be said: "a page opens".
FEWEST_WORDS = 3


def sentences_of(path: Path) -> list[str]:
    """Names of the tests of a file, without the prefix."""
    return [node.name.removeprefix("test_") for node in functions(path) if node.name.startswith("test_")]


def test_test_names_are_sentences():
    short = [
        f"{name(path)}: {test}" for path in TESTS for test in sentences_of(path) if len(test.split("_")) < FEWEST_WORDS
    ]
    assert short == []


def test_no_test_hides_another_of_the_same_name():
    hidden = [
        f"{name(path)}: {node.name}"
        for path in TESTS
        for scope in ast.walk(tree(path))
        if isinstance(scope, ast.Module | ast.ClassDef)
        for index, node in enumerate(scope.body)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(getattr(later, "name", None) == node.name for later in scope.body[index + 1 :])
    ]
    assert hidden == []


def gives_reason(call: ast.Call) -> bool:
    """`skip("why")`, `skipif(condition, reason="why")`; a name or an f-string may hold the reason too."""
    named = any(keyword.arg in {"reason", "msg"} for keyword in call.keywords)
    return named or (bool(call.args) and ast.unparse(call.func).endswith(".skip"))


def test_every_skip_gives_its_reason():
    calls = [
        (f"{name(path)}:{node.lineno}", node)
        for path in files()
        if name(path).startswith("tests/") and path.suffix == ".py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SKIPS
    ]
    assert [where for where, call in calls if not gives_reason(call)] == []


SKIPS = {"pytest.skip", "pytest.xfail", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}


def test_no_skip_stands_without_brackets():
    bare = [
        f"{name(path)}:{decorator.lineno}"
        for path in TESTS
        for node in functions(path)
        for decorator in node.decorator_list
        if ast.unparse(decorator) in SKIPS
    ]
    assert bare == []
