"""Reads the house as it is: the map in the docstring of ``payflow/__init__.py`` and the imports of every module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "payflow"
#: Not rooms: the package itself and its version.
OUTSIDE = {"__init__", "_version"}


def rooms() -> list[str]:
    """Every room in the order of the map, top to bottom and left to right."""
    docstring = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))) or ""
    lines = re.findall(r"^ {4}([a-z]+) {2,}(\S+(?: {1,2}\S+)*)(?: {3,}.*| {2,}.*)?$", docstring, re.MULTILINE)
    named: list[str] = []
    for _, rest in lines:
        for word in re.split(r" {2,}", rest):
            if not re.fullmatch(r"[a-z_]+", word):
                break  # what the line is about, in words
            named.append(word)
    return named


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def room_of(path: Path) -> str:
    """The room a file belongs to: its first folder below the package, or its own name."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@dataclass(frozen=True)
class Import:
    path: Path
    line: int
    module: str  # absolute: payflow.flow, sqlalchemy.orm
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports_of(path: Path) -> list[Import]:
    """Every import in a file: at its top, inside functions, and those for type checkers only."""
    return list(_walk(ast.parse(path.read_text(encoding="utf-8")), path, typing_only=False))


def _walk(node: ast.AST, path: Path, *, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for inner in child.body:
                yield from _walk(ast.Module([inner], []), path, typing_only=True)
            for inner in child.orelse:
                yield from _walk(ast.Module([inner], []), path, typing_only=typing_only)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(path, child.lineno, alias.name, typing_only)
        elif isinstance(child, ast.ImportFrom):
            for module in _from(child, path):
                yield Import(path, child.lineno, module, typing_only)
        else:
            yield from _walk(child, path, typing_only=typing_only)


def _from(node: ast.ImportFrom, path: Path) -> list[str]:
    if node.level == 0:
        return [node.module or ""]
    package = ["payflow", *path.relative_to(PACKAGE).parts[:-1]]
    base = package[: len(package) - node.level + 1]
    if node.module:
        base = [*base, *node.module.split(".")]
    if base == ["payflow"]:  # from .. import schema_files
        return [f"payflow.{alias.name}" for alias in node.names]
    return [".".join(base)]
