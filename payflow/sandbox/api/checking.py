"""Requests to the control API, checked against the schemas that describe them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ...errors import CallbackRefused
from ...strictjson import Inexact, parse_object
from ..messages import Incoming

MAX_BODY = 16_384
_INTEGER = re.compile(r"-?[0-9]{1,15}", re.ASCII)


class Refusal(Exception):
    """The sandbox's own no: an HTTP status, a ``SANDBOX_…`` code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def as_json(self) -> dict[str, str]:
        """The body of the answer."""
        return {"status": "failed", "error_code": self.code, "message": self.message}


def invalid(message: str) -> Refusal:
    """What was sent cannot be."""
    return Refusal(400, "SANDBOX_INVALID", message)


def body_of(request: Incoming, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object in a request. None at all is an empty one. Raises :class:`Refusal`."""
    if len(request.body) > MAX_BODY:
        raise Refusal(413, "SANDBOX_TOO_LARGE", f"The body is longer than {MAX_BODY} bytes")
    found: dict[str, Any] = {}
    if request.body:
        kind = request.header("Content-Type").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "SANDBOX_MEDIA_TYPE", "The body is JSON: Content-Type: application/json")
        try:
            found = parse_object(request.body)
        except CallbackRefused as error:
            raise invalid(error.message) from None
    checked: dict[str, Any] = check(found, schema, "the body")
    return checked


def query_of(request: Incoming, schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The query of a request; a name that is not in ``schemas``, or comes twice, is refused."""
    try:
        pairs = parse_qsl(
            request.query,
            keep_blank_values=True,
            strict_parsing=bool(request.query),
            errors="strict",
            max_num_fields=20,
        )
    except (ValueError, UnicodeDecodeError):
        raise invalid("The query is not one") from None
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name not in schemas:
            raise invalid(f"The query takes {', '.join(schemas) or 'nothing'}")
        if name in found:
            raise invalid(f"{name} comes twice")
        found[name] = check(from_text(text, schemas[name]), schemas[name], name)
    return found


def from_text(text: str, schema: Mapping[str, Any]) -> Any:
    """A word of a path or a query as what its schema wants."""
    if schema.get("type") == "integer":
        return int(text) if _INTEGER.fullmatch(text) else text
    return text


def check(value: Any, schema: Mapping[str, Any], where: str) -> Any:
    """``value`` if it is what ``schema`` says, numbers made plain; raises :class:`Refusal` if not.

    Knows as much of JSON Schema as the schemas of this folder say of what goes in.
    """
    kind = schema.get("type")
    if kind == "object":
        return _object(value, schema, where)
    if kind in ("integer", "number"):
        return _number(value, schema, where)
    if kind == "boolean":
        if not isinstance(value, bool):
            raise invalid(f"{where} is true or false")
        return value
    if not isinstance(value, str):
        raise invalid(f"{where} is text")
    if "enum" in schema and value not in schema["enum"]:
        raise invalid(f"{where} is one of {', '.join(schema['enum'])}")
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value, re.ASCII):
        raise invalid(f"{where} does not look like one: {schema['pattern']}")
    return value


def _object(value: Any, schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"{where} is an object")
    known = schema.get("properties", {})
    for name in value:
        if name not in known:
            raise invalid(f"{where} has a field that is not known; it takes {', '.join(known) or 'none'}")
    for name in schema.get("required", ()):
        if name not in value:
            raise invalid(f"{where} needs {name}")
    if len(value) < schema.get("minProperties", 0):
        raise invalid(f"{where} needs one of {', '.join(known)}")
    return {name: check(one, known[name], name) for name, one in value.items()}


def _number(value: Any, schema: Mapping[str, Any], where: str) -> int | float:
    number: int | float
    if isinstance(value, Inexact):
        number = float(value.text)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise invalid(f"{where} is a number")
    if isinstance(number, float) and not math.isfinite(number):
        raise invalid(f"{where} is too large")
    if schema["type"] == "integer":
        if number != int(number):
            raise invalid(f"{where} is a whole number")
        number = int(number)
    least, most = schema.get("minimum", number), schema.get("maximum", number)
    if not least <= number <= most or schema.get("not", {}).get("const", None) == number:
        raise invalid(f"{where} is from {least} to {most}")
    return number
