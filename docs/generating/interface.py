"""The public Python interface, from the source itself: signatures, fields with the remarks beside them, docstrings.

Nothing is imported but read, so that Django needs no settings and no default is shown as an address in memory.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .sources import PACKAGE, modules

#: what is shown: the module a reader imports it from, and the names, in the order of a reader's day.
SHOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("payflow", (
        "open", "open_flow", "open_wallet", "open_worker", "load",
        "Flow", "Result", "NextAction", "Money", "Trace", "Callback", "Reply", "Intake", "Worker", "Handlers",
        "Wallet", "Balance", "Payment", "Refund", "Attempt", "Incident", "Message", "Transaction", "Config",
    )),
    ("payflow.flask", ()),
    ("payflow.django", ()),
    ("payflow.wsgi", ("callbacks_app",)),
    ("payflow.asgi", ("callbacks_app",)),
    ("payflow.reconciling", ("Reconciler",)),
    ("payflow.sandbox", ("Sandbox",)),
    ("payflow.testing.plugin", ()),
    ("payflow.gateway", ("Gateway",)),
)  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name is made."""

    path: str
    node: ast.ClassDef | Function


def markdown(lang: str) -> str:  # noqa: ARG001 -- docstrings are English in both
    """Every name under its module."""
    parts = []
    for module, names in SHOWN:
        parts.append(f"## `{module}`")
        if not names:
            about = ast.get_docstring(_tree(module)) or ""
            parts.append(_doc(about))
        parts += [_one(name, found(module, name)) for name in names or _offered(module)]
    return "\n\n".join(parts) + "\n"


def found(module: str, name: str) -> Found:
    """The definition behind a name of a module, wherever it was imported from. ``LookupError`` if there is none."""
    path, tree = _place(module), _tree(module)
    for made in tree.body:
        if isinstance(made, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and made.name == name:
            return Found(path, made)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                if name == (one.asname or one.name):
                    return found(_absolute(module, path, node), one.name)
    raise LookupError(f"{module} has no {name}")


def _place(module: str) -> str:
    below = "/".join(module.split(".")[1:])
    for path in (f"{below}.py", f"{below}/__init__.py".lstrip("/")):
        if path in modules():
            return path
    raise LookupError(f"there is no module {module}")


def _tree(module: str) -> ast.Module:
    return modules()[_place(module)]


def _absolute(module: str, path: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    above = parts if path.endswith("__init__.py") else parts[:-1]
    above = above[: len(above) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _offered(module: str) -> list[str]:
    """``__all__``, or for a pytest plugin its fixtures."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == "__all__" for one in node.targets
        ):
            return [str(name) for name in ast.literal_eval(node.value)]
    return [
        node.name for node in _tree(module).body
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(one) for one in node.decorator_list)
    ]  # fmt: skip


# -- writing -------------------------------------------------------------------------------------------------------


def _one(name: str, where: Found) -> str:
    head = f"### `{name}`"
    if isinstance(where.node, ast.ClassDef):
        return "\n\n".join([head, *_class(where, where.node)])
    return "\n\n".join([head, *_function(where.node)])


def _class(where: Found, node: ast.ClassDef) -> Iterator[str]:
    fields = _fields(where, node)
    made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    if fields:
        yield "```python\n" + "\n".join([f"class {node.name}:", *(f"    {line}" for line in fields)]) + "\n```"
    elif made is not None:
        yield f"```python\n{_folded(node.name, made, method=True)}\n```"
    yield _doc(ast.get_docstring(node) or "")
    if made is not None:
        yield _doc(ast.get_docstring(made) or "")
    for member in _members(where, node):
        yield f"#### `{node.name}.{member.name}`"
        yield from _function(member, method=True)


def _fields(where: Found, node: ast.ClassDef) -> list[str]:
    """The declared fields as they stand in the source, remarks beside them included."""
    lines = (PACKAGE / where.path).read_text(encoding="utf-8").splitlines()
    declared = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    public = [one for one in declared if not one.target.id.startswith("_")]  # type: ignore[union-attr]
    return [line.strip() for one in public for line in lines[one.lineno - 1 : one.end_lineno]]


def _members(where: Found, node: ast.ClassDef) -> list[Function]:
    """The public verbs of a class, and of the classes of payflow it is made of; a verb of its own comes first."""
    shown = {}
    for one in node.body:
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and not one.name.startswith("_"):
            shown[one.name] = one
    for base in node.bases:
        if isinstance(base, ast.Name):
            module = "payflow." + where.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            try:
                above = found(module, base.id)
            except LookupError:
                continue  # a class of Python's own
            if isinstance(above.node, ast.ClassDef):
                for one in _members(above, above.node):
                    shown.setdefault(one.name, one)
    return list(shown.values())


def _function(node: Function, *, method: bool = False) -> Iterator[str]:
    decorators = [ast.unparse(one) for one in node.decorator_list]
    fixture = any("fixture" in one for one in decorators)
    if "property" not in decorators and not fixture:
        yield f"```python\n{_folded(node.name, node, method=method and 'staticmethod' not in decorators)}\n```"
    elif node.returns is not None:
        yield f"```python\n{node.name}: {ast.unparse(node.returns)}\n```"
    yield _doc(ast.get_docstring(node) or "")


def _folded(name: str, node: Function, *, method: bool) -> str:
    """The call, one argument a line where all of them are too many for one."""
    arguments = list(_arguments(node.args))[1 if method else 0 :]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None and node.name != "__init__" else ""
    said = f"{name}({', '.join(arguments)}){returns}"
    if len(said) <= 100:
        return said
    return f"{name}(\n" + "".join(f"    {one},\n" for one in arguments) + f"){returns}"


def _arguments(given: ast.arguments) -> Iterator[str]:
    """Each parameter with its annotation and default."""
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    for one, default in zip(plain, defaults, strict=True):
        yield _argument(one, default)
    if given.vararg:
        yield "*" + _argument(given.vararg, None)
    elif given.kwonlyargs:
        yield "*"
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _argument(one, default)
    if given.kwarg:
        yield "**" + _argument(given.kwarg, None)


def _argument(one: ast.arg, default: ast.expr | None) -> str:
    said = ast.unparse(one)
    return said if default is None else f"{said} = {ast.unparse(default)}"


def _doc(text: str) -> str:
    """A docstring as Markdown: what is indented is code, roles are names."""
    said = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", inspect.cleandoc(text))
    parts = []
    for block in re.split(r"\n\s*\n", said):
        if block.startswith("    "):
            parts.append("```text\n" + inspect.cleandoc(block) + "\n```")
        else:
            parts.append(_plain(block))
    return "\n\n".join(part for part in parts if part)


def _plain(block: str) -> str:
    """Brackets and stars outside code are text."""
    pieces = re.split(r"(``.*?``|`.*?`)", block, flags=re.DOTALL)
    return "".join(one if one.startswith("`") else re.sub(r"([<>*_\[\]|])", r"\\\1", one) for one in pieces)
