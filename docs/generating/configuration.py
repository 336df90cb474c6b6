"""The reference of ``payflow.json``: every key with its meaning, what it takes, its default and its variable."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from payflow.config.shape import PREFIX, is_secret, resolved, schema

from .chinese import SCHEMA
from .words import escaped, words

#: Accounts are told by gateway, each under a heading of its own.
_ACCOUNTS = ("alipay", "wechat", "mock", "custom")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the config. ``fixed`` while its path holds no name of the host's own and no list."""

    path: str
    node: Mapping[str, Any]
    required: bool
    fixed: bool


def markdown(lang: str) -> str:
    """All of it."""
    root = schema()
    sections = {name: resolved(child) for name, child in root["properties"].items()}
    plain = {name: child for name, child in sections.items() if not _has_keys(child)}
    parts = [f"## {words(lang)['top']}", _listed(_level(plain, root, "", fixed=True), lang)]
    for name, child in sections.items():
        if name in plain:
            continue
        parts += [f"## `{name}`", _said(child, lang), _listed(_below(child, name, fixed=True), lang)]
        if name == "gateways":
            parts += [_account(kind, lang) for kind in _ACCOUNTS]
    return "\n\n".join(part for part in parts if part) + "\n"


def keys() -> list[Key]:
    """Every key there is; for tests."""
    found = list(_level(schema()["properties"], schema(), "", fixed=True))
    for kind in _ACCOUNTS:
        found += _below(resolved({"$ref": f"#/$defs/{kind}"}), "gateways.<name>", fixed=False)
    return found


def meaning(description: str, lang: str) -> str:
    """What the schema says, in the language asked for. ``KeyError`` for what has no Chinese yet."""
    return SCHEMA[description] if lang == "zh" else description


def _has_keys(node: Mapping[str, Any]) -> bool:
    return not is_secret(node) and any(True for _ in _below(node, "", fixed=True))


def _account(kind: str, lang: str) -> str:
    node = resolved({"$ref": f"#/$defs/{kind}"})
    own = _level(node["properties"], node, "gateways.<name>.", fixed=False)
    return "\n\n".join([f'### `"gateway": "{kind}"`', _said(node, lang), _listed(own, lang)])


# -- walking -------------------------------------------------------------------------------------------------------


def _level(properties: Mapping[str, Any], parent: Mapping[str, Any], before: str, *, fixed: bool) -> Iterator[Key]:
    for name, child in properties.items():
        node = resolved(child)
        yield Key(f"{before}{name}", node, name in parent.get("required", ()), fixed)
        yield from _below(node, f"{before}{name}", fixed=fixed)


def _below(node: Mapping[str, Any], path: str, *, fixed: bool) -> Iterator[Key]:
    """The keys inside one: of an object, of the objects in a list, of those in a map by name."""
    if is_secret(node) or "env" in node.get("properties", {}):
        return
    if "properties" in node:
        yield from _level(node["properties"], node, f"{path}.", fixed=fixed)
    for inner, mark in ((node.get("items"), "[]"), (node.get("additionalProperties"), ".<name>")):
        if isinstance(inner, Mapping) and "allOf" not in resolved(inner):
            yield from _below(resolved(inner), path + mark, fixed=False)


# -- writing -------------------------------------------------------------------------------------------------------


def _listed(found: Iterator[Key], lang: str) -> str:
    return "\n\n".join(_one(key, lang) for key in found)


def _one(key: Key, lang: str) -> str:
    said = words(lang)
    facts = [_takes(key.node, lang)]
    if key.required:
        facts.append(said["required"])
    if "default" in key.node and key.node["default"] != {}:
        facts.append(f"{said['default']} `{json.dumps(key.node['default'], ensure_ascii=False)}`")
    if key.fixed and _scalar(key.node) and key.path != "$schema":
        facts.append(f"{said['environment']} `{PREFIX}{key.path.upper().replace('.', '__')}`")
    anchor = f'<span id="{_anchor(key.path)}"></span>'
    return f"{anchor}`{key.path}`\n: {_said(key.node, lang)}<br>{' · '.join(fact for fact in facts if fact)}"


def _anchor(path: str) -> str:
    return "key-" + path.replace("[]", "").replace(".<name>", "").replace("$", "")


def _said(node: Mapping[str, Any], lang: str) -> str:
    return escaped(meaning(node["description"], lang)) if "description" in node else ""


def _scalar(node: Mapping[str, Any]) -> bool:
    kinds = node.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    return not is_secret(node) and (bool({"string", "integer", "number", "boolean"} & kinds) or "const" in node)


def _takes(node: Mapping[str, Any], lang: str) -> str:
    """What may stand there, in words."""
    said = words(lang)
    if is_secret(node):
        return said["secret"]
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return said["or"].join(f"`{json.dumps(one)}`" for one in node["enum"])
    kinds = node.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    names = {"string": "text", "integer": "whole", "number": "number", "boolean": "boolean", "array": "list",
             "object": "object"}  # fmt: skip
    takes = said["or"].join(said[names[kind]] for kind in kinds)
    if "minimum" in node and "maximum" in node:
        takes += " " + said["range"].format(low=node["minimum"], high=node["maximum"])
    return takes
