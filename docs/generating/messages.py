"""What payflow tells the host: the kinds of messages and what each carries, from their schema and the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payflow import schema_files
from payflow.tables import TABLES

from .chinese import MESSAGES
from .sources import constants
from .words import escaped, table, words

SCHEMA = "message.v1.schema.json"


def markdown(lang: str) -> str:
    """Each family of messages with its fields."""
    document = schema_files.load(SCHEMA)
    families = [name for name, node in document["$defs"].items() if "properties" in node]
    return "\n\n".join(_family(name, document, lang) for name in families) + "\n"


def _family(name: str, document: Mapping[str, Any], lang: str) -> str:
    said, node = words(lang), document["$defs"][name]
    kinds = _kinds(name)
    rows = []
    for field, given in node["properties"].items():
        one = _resolved(document["properties"][field] if given is True else given, document)
        always = field in node["required"] or field in document["required"]
        rows.append([f"`{field}`", _type(one, lang), _meaning(one, lang), said["always" if always else "if set"]])
    told = " · ".join(f"`{kind}`" for kind in kinds)
    head = [said["key"], said["type"], said["meaning"], ""]
    return f"## `{name}.…`\n\n{told}\n\n{table(head, rows)}"


def _kinds(family: str) -> list[str]:
    """The kinds that the tables tell; those of incidents and refills stand in the walk's own code."""
    told = TABLES.get(family)
    if told is None:
        return sorted(one for one in constants() if one.startswith(f"{family}.") and one.count(".") == 1)
    kinds = (told.first_tells, *(move.tells for move in told.moves.values()))
    return list(dict.fromkeys(kind for kind in kinds if kind))


def _resolved(node: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return dict(node)
    target = document["$defs"][node["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def _type(node: Mapping[str, Any], lang: str) -> str:
    if "enum" in node:
        return words(lang)["or"].join(f"`{one}`" for one in node["enum"])
    kinds = node.get("type", "")
    return words(lang)["or"].join(f"`{one}`" for one in ([kinds] if isinstance(kinds, str) else kinds))


def _meaning(node: Mapping[str, Any], lang: str) -> str:
    description = str(node.get("description", ""))
    said = escaped(MESSAGES[description] if lang == "zh" and description else description)
    inner = [f"`{name}` {escaped(_meaning(child, lang))}".strip() for name, child in node.get("properties", {}).items()]
    return f"{said} {words(lang)['; '].join(inner)}".strip()
