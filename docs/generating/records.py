"""What payflow logs: its loggers, and every line they write from warnings up."""

from __future__ import annotations

import ast

from .sources import as_text, modules
from .words import escaped, table

_LEVELS = ("exception", "error", "warning")
_HEAD = {"en": ["level", "what is said"], "zh": ["级别", "内容"]}


def markdown(lang: str) -> str:
    """Each logger with what it says."""
    found: dict[str, dict[tuple[str, str], None]] = {}
    for tree in modules().values():
        name = _logger(tree)
        if name:
            found.setdefault(name, {}).update(dict.fromkeys(_lines(tree)))
    parts = []
    for name, lines in sorted(found.items()):
        rows = [[f"`{level}`", escaped(said)] for level, said in sorted(lines)]
        if rows:
            parts.append(f"## `{name}`\n\n{table(_HEAD[lang], rows)}")
    return "\n\n".join(parts) + "\n"


def _logger(tree: ast.Module) -> str:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and "getLogger" in ast.dump(node.value):
            return as_text(node.value.args[0])
    return ""


def _lines(tree: ast.Module) -> list[tuple[str, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS:
            receiver = node.func.value
            if isinstance(receiver, ast.Name) and receiver.id in ("logger", "_log") and node.args:
                level = "error" if node.func.attr == "exception" else node.func.attr
                found.append((level, as_text(node.args[0])))
    return found
