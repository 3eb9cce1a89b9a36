"""The repository as house tests see it: files by kind, without what is generated, built or hidden."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("proto", "agent", "collector", "portal", "install")
PURE = ("proto", "agent/core", "collector/core")

_LEFT_OUT = re.compile(r"(^|/)(\.(?!ci/|pre-commit|gitignore)[^/]+|__pycache__|build|dist|[^/]+\.egg-info)(/|$)")
_GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$|/migrations/")


@cache
def files() -> tuple[Path, ...]:
    """Every file that is committed, by its place and not by git: an unpacked archive is tested alike."""
    return tuple(_walk(ROOT))


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if _LEFT_OUT.search(name(path) + "/" * path.is_dir()):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def name(path: Path) -> str:
    """Path from the root, with slashes, for messages."""
    return path.relative_to(ROOT).as_posix()


def modules(*folders: str) -> list[Path]:
    """Python files written by people in these folders; all packages when none is named."""
    wanted = tuple(f"{folder}/" for folder in folders or PACKAGES)
    return [
        path for path in files() if path.suffix == ".py" and name(path).startswith(wanted) and not is_generated(path)
    ]


def is_generated(path: Path) -> bool:
    """Stubs are written by protoc; migrations are dated and never change."""
    return bool(_GENERATED.search(name(path)))


@cache
def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text("utf-8"), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, methods and nested ones too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
