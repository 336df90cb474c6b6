"""Money is whole minor units: where money is judged, stored or translated there is no float at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from .house import PACKAGE, modules, room_of

#: Rooms through which amounts go. The others (clock, worker, config …) use fractions for seconds only.
MONEY = {
    "money", "records", "machine", "tables", "routing", "trust", "gateway", "store", "gateways", "deciding", "stores",
}  # fmt: skip


def _floats(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "isinstance":
            continue  # asking whether something is a float, in order to refuse it
        if isinstance(child, ast.arguments):
            continue  # a default of seconds; an amount has no default
        if (
            (isinstance(child, ast.Constant) and isinstance(child.value, float))
            or (isinstance(child, ast.Call) and ast.unparse(child.func) == "float")
            or (isinstance(child, ast.BinOp) and isinstance(child.op, ast.Div) and not _is_path(child))
        ):
            yield child
        yield from _floats(child)


def _is_path(node: ast.BinOp) -> bool:
    """``folder / "name"`` is a path, not a division."""
    return isinstance(node.right, ast.Constant | ast.JoinedStr) and not isinstance(
        getattr(node.right, "value", ""), int | float
    )


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if room_of(path) in MONEY],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_no_float_where_money_is(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [f"{path.name}:{node.lineno} {ast.unparse(node)}" for node in _floats(tree)] == []
