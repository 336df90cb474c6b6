"""Every error code: collected from where payflow raises it, with what is said there."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from payflow import errors

from .chinese import ERRORS
from .sources import as_text, modules
from .words import escaped, table, words

_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
#: The far side speaks the gateways' codes, not ours.
_NOT_OURS = ("sandbox", "testing")


@dataclass(frozen=True, slots=True)
class Code:
    """One code, the class it is raised as, and one message it comes with ('' where that is made elsewhere)."""

    code: str
    raised_as: str
    message: str


def markdown(lang: str) -> str:
    """The codes under the classes that carry them."""
    found = collected()
    said = words(lang)
    parts = []
    for name, kind in classes().items():
        rows = [
            [f"`{code}`", "<br>".join(escaped(one) for one in messages)]
            for code, messages in sorted(found.get(name, {}).items())
        ]
        head = f"## `{name}`\n\n{_doc(kind, lang)}\n\n{said['status']}: {kind.http_status}"
        parts.append(head + ("\n\n" + table([said["code"], said["said"]], rows) if rows else ""))
    return "\n\n".join(parts) + "\n"


def classes() -> dict[str, type[errors.PayflowError]]:
    """The tree, root first, as it is declared."""
    members = vars(errors).values()
    return {one.__name__: one for one in members if isinstance(one, type) and issubclass(one, errors.PayflowError)}


def collected() -> dict[str, dict[str, list[str]]]:
    """class → code → its messages."""
    found: dict[str, dict[str, list[str]]] = {}
    for one in _all():
        messages = found.setdefault(one.raised_as, {}).setdefault(one.code, [])
        if one.message and one.message not in messages:
            messages.append(one.message)
    elsewhere = {code for name, codes in found.items() if name != "PayflowError" for code in codes}
    for code in elsewhere & set(found["PayflowError"]):
        del found["PayflowError"][code]  # made again from what was stored: told where it comes from
    return found


def _all() -> Iterator[Code]:
    for name, kind in classes().items():
        yield Code(kind.default_code, name, "")
    for path, tree in modules().items():
        if path.startswith(_NOT_OURS):
            continue
        made = _makers(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _of_call(node, made)


def _makers(tree: ast.Module) -> dict[str, str]:
    """Functions of a module that return an error made of their arguments: ``_malformed(why)``."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name) and node.returns.id in classes():
            found[node.name] = node.returns.id
    return found


def _of_call(node: ast.Call, made: dict[str, str]) -> Iterator[Code]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    message = as_text(node.args[0]) if node.args else ""
    if name in _names() or name in made:
        kind = _names().get(name) or made[name]
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield from (Code(code, kind, _unless_empty(message)) for code in _codes(keyword.value))
        if name in made:
            for place, argument in enumerate(node.args):
                texts = (as_text(one) for one in node.args[:place])
                yield from (Code(code, kind, next(texts, "")) for code in _codes(argument))
    elif name == "add" and len(node.args) == 3:  # problems.add(path, said, code): what is wrong with a config
        said = as_text(node.args[1])
        yield from (Code(code, "ConfigError", _unless_empty(said)) for code in _codes(node.args[2]))


def _names() -> dict[str, str]:
    """Every class that may be called, payflow's own subclasses elsewhere included, and where it is told."""
    return {**{name: name for name in classes()}, "AnswerRefused": "GatewayError", "BillRefused": "GatewayError"}


def _unless_empty(message: str) -> str:
    return "" if message.strip("… ") == "" else message


def _codes(node: ast.expr) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and _CODE.fullmatch(one.value):
            yield one.value


def _doc(kind: type, lang: str) -> str:
    said = inspect.cleandoc(kind.__doc__ or "")
    return ERRORS[kind.__name__] if lang == "zh" else said.replace("``", "`")
