"""payflow's own source, as the generators read it: parsed once, never executed."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import payflow

PACKAGE = Path(payflow.__file__).parent


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Every module of payflow by its path below the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        found[path.relative_to(PACKAGE).as_posix()] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@functools.cache
def constants() -> frozenset[str]:
    """Every text constant that stands anywhere in the source, docstrings included."""
    nodes = (node for tree in modules().values() for node in ast.walk(tree))
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def as_text(node: ast.expr) -> str:
    """What an expression says as a message: constants as they are, everything else as ``…``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(as_text(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return as_text(node.left) + as_text(node.right)
    return "…"
