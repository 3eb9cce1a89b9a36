"""Does PostgreSQL have an index for what we ask? Read from EXPLAIN's JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FORCED: Final = (
    "enable_seqscan",
    "enable_sort",
    "enable_hashjoin",
    "enable_mergejoin",
    "enable_material",
    "enable_memoize",
)
"""Switched off while we ask: what then remains is a chain of index seeks, if there is one."""

_SCANS: Final = frozenset({"Index Scan", "Index Only Scan", "Bitmap Index Scan"})
_WHOLE: Final = frozenset({"Seq Scan", "CTE Scan", "Function Scan"})
_LAID_UP: Final = frozenset({"Sort", "Hash", "Materialize", "Aggregate", "Unique", "WindowAgg"})


def _nodes(plan: dict[str, Any], *, inside: bool = False) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every node, and whether it belongs to a subquery that runs for one row."""
    within = inside or plan.get("Parent Relationship") == "SubPlan"
    yield plan, within
    for child in plan.get("Plans", ()):
        yield from _nodes(child, inside=within)


def _words(node: dict[str, Any]) -> str:
    names = [str(node.get(key)) for key in ("Node Type", "Relation Name", "Index Name") if node.get(key)]
    return " ".join(names)


def plan_steps(plan: dict[str, Any]) -> Iterator[str]:
    """Every node in words: type, table, index."""
    return (_words(node) for node, _inside in _nodes(plan))


def plan_faults(plan: dict[str, Any]) -> Iterator[str]:
    """The nodes that read a whole table or index, or sort it."""
    for node, inside in _nodes(plan):
        kind = node.get("Node Type")
        whole = kind in _WHOLE or (kind in _SCANS and "Index Cond" not in node)
        if whole or (kind in _LAID_UP and not inside):
            yield _words(node)
