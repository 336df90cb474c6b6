"""The document against its schema: what is wrong, what the environment overrides, what the defaults fill in.

The schema is the only place where defaults, ranges and spellings stand. Messages are our own, because the
validator's quote the value, and a value may be a secret somebody put in the wrong place.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .. import schema_files
from .problems import Path, Problem, Problems, did_you_mean, json_path
from .secret import Environment, Secret

SCHEMA = "config.v1.schema.json"
PREFIX = "PAYFLOW__"

_REFERENCE = "Secret reference"
_LITERAL = 'is given by reference, {"env": "NAME"} or {"file": "path"}; a literal is refused'
_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?", re.ASCII)


@functools.cache
def schema() -> dict[str, Any]:
    """The config's schema, read once."""
    return schema_files.load(SCHEMA)


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator, ValidationError, validators

    def whole(_checker: Any, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)  # 1.0 is no whole number here

    def pattern(_validator: Any, wanted: str, value: Any, _schema: Any) -> Iterator[Any]:
        # "$" alone would let a line break at the end through.
        if isinstance(value, str) and re.fullmatch(wanted, value, re.ASCII) is None:
            yield ValidationError("pattern")

    extend: Any = validators.extend  # it carries no types
    strict = extend(
        Draft202012Validator,
        validators={"pattern": pattern},
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", whole),
    )
    return strict(schema())


# -- walking the schema --------------------------------------------------------------------------------------------


def resolved(node: Mapping[str, Any]) -> dict[str, Any]:
    """A schema node with its reference followed; what stands beside the reference wins."""
    if "$ref" not in node:
        return dict(node)
    target: Any = schema()
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**resolved(target), **{key: value for key, value in node.items() if key != "$ref"}}


def children(node: Mapping[str, Any], instance: Any) -> dict[str, dict[str, Any]]:
    """The nodes of everything an object may hold, by name; for open objects, of everything it does hold."""
    found: dict[str, Any] = dict(node.get("properties", {}))
    for branch in node.get("allOf", ()):
        (name, wanted), *_ = branch["if"]["properties"].items()
        if isinstance(instance, Mapping) and instance.get(name) == wanted["const"]:
            found.update(resolved(branch["then"])["properties"])
    more = node.get("additionalProperties")
    if isinstance(more, Mapping) and isinstance(instance, Mapping):
        found.update({name: more for name in instance if name not in found})
    return {name: resolved(child) for name, child in found.items()}


def is_secret(node: Mapping[str, Any]) -> bool:
    """Whether this place of the schema takes a reference to a secret."""
    return node.get("title") == _REFERENCE


@functools.cache
def _homes() -> dict[str, str]:
    """For every property name of the fixed sections, where it belongs."""
    found: dict[str, str] = {}
    for name, child in children(schema(), {}).items():
        for inner in child.get("properties", {}):
            found.setdefault(inner, f"$.{name}.{inner}")
    return found


# -- the environment -----------------------------------------------------------------------------------------------


def override(document: dict[str, Any], environment: Environment, problems: Problems) -> dict[Path, str]:
    """Put the ``PAYFLOW__SECTION__NAME`` variables into the document; which variable set which path."""
    by: dict[Path, str] = {}
    for variable, value in environment.overrides(PREFIX).items():
        path = _place(document, variable, value, problems)
        if path is not None:
            by[path] = variable
    return by


def _place(document: dict[str, Any], variable: str, value: Secret, problems: Problems) -> Path | None:
    node: dict[str, Any] = resolved(schema())
    here: Any = document
    path: tuple[str, ...] = ()
    parts = variable.removeprefix(PREFIX).split("__")
    for depth, part in enumerate(parts):
        known = children(node, here)
        spelled = {name.upper().replace("-", "_"): name for name in known}
        name = spelled.get(part.upper())
        if name is None or name == "$schema":
            hint = did_you_mean(part, spelled)
            problems.add((*path, part.lower()), f"environment variable {variable} names no setting{hint}", _UNKNOWN)
            return None
        path, node = (*path, name), known[name]
        if depth < len(parts) - 1:
            if not isinstance(here.setdefault(name, {}), dict):
                here[name] = {}  # a scalar that becomes a reference, e.g. store.url → store.url.env
            here = here[name]
    kinds = node.get("type", ())
    if is_secret(node):
        problems.add(path, f"environment variable {variable}: a secret {_LITERAL}", "CONFIG_LITERAL_SECRET")
    elif not {"string", "integer", "number", "boolean"} & ({kinds} if isinstance(kinds, str) else set(kinds)):
        if "const" in node:
            here[path[-1]] = _scalar(value.reveal(), "integer" if isinstance(node["const"], int) else "string")
            return path
        problems.add(path, f"environment variable {variable}: only scalars can be overridden")
    elif "object" in kinds:
        here[path[-1]] = {"env": variable}  # it may hold a password, so it stays a reference until it is used
        return path
    else:
        here[path[-1]] = _scalar(value.reveal(), kinds if isinstance(kinds, str) else kinds[0])
        return path
    return None


def _scalar(raw: bytes, kind: str) -> Any:
    """The variable's value in the type of its place; left as text, for the schema to refuse, when it does not fit."""
    text = raw.decode("utf-8", "replace")
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind in ("integer", "number") and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    return text


# -- what is wrong -------------------------------------------------------------------------------------------------

_UNKNOWN = "CONFIG_UNKNOWN_FIELD"
_SWITCHES = frozenset(("verify", "sslverify", "verifyssl", "tlsverify", "verifytls", "insecure", "cafile", "cabundle"))


def examine(document: dict[str, Any], by: Mapping[Path, str], problems: Problems) -> None:
    """Every way in which the document is not what the schema says."""
    errors = sorted(_validator().iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    for error in errors:
        path: Path = tuple(error.absolute_path)
        for at, message, code in _said(error, path):
            variable = by.get(at)
            problems.add(at, f"{message} (set by environment variable {variable})" if variable else message, code)


@functools.cache
def _part_validator(name: str) -> Any:
    whole = _validator()
    return whole.evolve(schema={"$ref": f"#/$defs/{name}", "$defs": schema()["$defs"]})


def examine_part(name: str, value: Any) -> list[Problem]:
    """What is wrong with a value that is to be what ``$defs`` calls ``name``, wherever it comes from."""
    problems = Problems()
    for error in sorted(_part_validator(name).iter_errors(value), key=lambda one: [str(part) for part in one.path]):
        for at, message, code in _said(error, tuple(error.absolute_path)):
            problems.add(at, message, code)
    return problems.found


Saying = Iterator[tuple[Path, str, str]]  # where, what, code


def _said(error: Any, path: Path) -> Saying:
    """One validator error in our words. Never the value."""
    rule, wanted, value = error.validator, error.validator_value, error.instance
    node: Mapping[str, Any] = error.schema
    if rule == "not":
        yield (*path, wanted["required"][0]), "does not belong here: a fallback has no conditions", "CONFIG_INVALID"
    elif "propertyNames" in error.absolute_schema_path:
        yield (*path, value), "is not a name that can be used here", "CONFIG_INVALID"
    elif rule in _ABOUT_PROPERTIES:
        yield from _ABOUT_PROPERTIES[rule](node, value, path)
    elif rule == "type" and is_secret(node):
        yield path, f"a secret {_LITERAL}", "CONFIG_LITERAL_SECRET"
    elif path and str(path[-1]).endswith("_seconds"):
        yield path, f"has to be {_range(node)}", "CONFIG_UNIT"
    elif rule == "type":
        yield path, _kinds(wanted, value), "CONFIG_TYPE"
    elif rule in ("enum", "const"):
        yield path, _one_of(wanted if rule == "enum" else [wanted], value), "CONFIG_VALUE"
    elif rule in ("minimum", "maximum"):
        yield path, f"has to be {_range(node)}", "CONFIG_RANGE"
    else:
        yield path, _LIMITS.get(rule, "does not fit").format(wanted, node.get("description", "")), "CONFIG_VALUE"


def _kinds(wanted: str | list[str], value: Any) -> str:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    hint = "; write it in quotes" if number and "string" in kinds else ""
    return f"has to be {' or '.join(_KINDS[kind] for kind in kinds)}{hint}"


def _one_of(wanted: list[Any], value: Any) -> str:
    known = [str(one) for one in wanted]
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    return f"has to be {'one of ' if len(known) > 1 else ''}{', '.join(known)}{hint}"


_LIMITS = {
    "pattern": "does not fit its description: {1}",
    "minLength": "is too short",
    "maxLength": "is longer than {0} characters",
    "minItems": "needs at least {0}",
    "maxItems": "takes at most {0}",
    "uniqueItems": "says the same thing twice",
    "minProperties": "needs at least {0} of its properties",
    "maxProperties": "takes at most {0} of its properties",
}


def _range(node: Mapping[str, Any]) -> str:
    kind = "whole number" if node.get("type") == "integer" else "number"
    unit = " of seconds" if "seconds" in str(node.get("description", "")) else ""
    return f"a {kind}{unit} from {node.get('minimum')} to {node.get('maximum')}"


def _unknown(node: Mapping[str, Any], value: Mapping[str, Any], path: Path) -> Saying:
    known = [name for name in node.get("properties", {}) if name != "$schema"]
    for name in value:
        if name in node.get("properties", {}):
            continue
        if name.lower().replace("_", "") in _SWITCHES:
            yield (*path, name), "does not exist: TLS is always verified", "CONFIG_INSECURE_TLS"
            continue
        hint = did_you_mean(name, known)
        if not hint and name in _homes():
            hint = f"; did you mean {_homes()[name]}?"
        if not hint and len(known) <= 12:
            hint = f"; known are {', '.join(known)}"
        yield (*path, name), f"is not a known setting{hint}", _UNKNOWN


def _missing(node: Mapping[str, Any], value: Mapping[str, Any], path: Path) -> Saying:
    for name in node["required"]:
        if name not in value:
            child = resolved(node.get("properties", {}).get(name, {}))
            said = str(child.get("description", "")).rstrip(".")
            code = "CONFIG_MISSING_SECRET" if is_secret(child) else "CONFIG_MISSING_FIELD"
            yield (*path, name), f"is missing{': ' + said if said else ''}", code


def _half(node: Mapping[str, Any], value: Mapping[str, Any], path: Path) -> Saying:
    for name, needed in node["dependentRequired"].items():
        for other in needed:
            if name in value and other not in value:
                yield (*path, other), f"is missing: {name} needs it", "CONFIG_MISSING_FIELD"


_ABOUT_PROPERTIES = {"additionalProperties": _unknown, "required": _missing, "dependentRequired": _half}


# -- what it comes to ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value after defaults: where it stands, what it is, whether the file or a default said it."""

    path: Path
    value: Any
    given: bool
    secret: bool

    @property
    def name(self) -> str:
        return json_path(self.path).removeprefix("$.")


def complete(document: dict[str, Any]) -> tuple[dict[str, Any], list[Leaf]]:
    """The document with every default filled in, and every single value of it."""
    leaves: list[Leaf] = []
    full: dict[str, Any] = _filled(resolved(schema()), document, (), leaves)
    return full, leaves


def _filled(node: Mapping[str, Any], instance: dict[str, Any], path: Path, leaves: list[Leaf]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    known = children(node, instance)
    if path and not known:
        leaves.append(Leaf(path, instance, True, False))
        return instance
    for name, child in known.items():
        here = (*path, name)
        there = name in instance
        value = instance[name] if there else child.get("default")
        if is_secret(child) or (isinstance(value, dict) and {"object", "string"} <= set(child.get("type", ()))):
            leaves.append(Leaf(here, value, there, True))
            if there:
                made[name] = value
        elif isinstance(value, dict):
            made[name] = _filled(child, value, here, leaves)
        else:
            if name != "$schema":
                leaves.extend(_leaves(here, value, there))
            if value is not None:
                made[name] = value
    return made


def _leaves(path: Path, value: Any, given: bool) -> Iterator[Leaf]:
    if isinstance(value, list) and value and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield Leaf((*path, index), item, given, isinstance(item, dict) and set(item) <= {"env", "file"})
    else:
        yield Leaf(path, value, given, False)
